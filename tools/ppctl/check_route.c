// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl check: routes, asked of the kernel by rtnetlink. The host of an accept
 * rule needs one to its clients, since the answer to them is what is turned to
 * the load balancer.
 */
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "check.h"
#include "ppctl.h"
#include "replies.h"

/**
 * struct route - what is known of a route
 * @found: there is one
 * @type: RTN_*
 * @interface: index of the interface it leads to, or 0
 */
struct route {
	bool found;
	unsigned char type;
	unsigned int interface;
};

/* Two halves of all addresses, as VPNs have them, are as good as the whole */
#define WIDE	1

static int take_route(struct nl_msg *msg, void *data)
{
	const struct rtmsg *rt = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *tb[RTA_MAX + 1];
	struct route *route = data;

	if (nlmsg_hdr(msg)->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse(nlmsg_hdr(msg), sizeof(*rt), tb, RTA_MAX, NULL))
		return NL_SKIP;
	route->found = true;
	route->type = rt->rtm_type;
	route->interface = (unsigned int)reply_number(tb[RTA_OIF], 0);
	return NL_OK;
}

static int take_default(struct nl_msg *msg, void *data)
{
	const struct rtmsg *rt = nlmsg_data(nlmsg_hdr(msg));

	if (nlmsg_hdr(msg)->nlmsg_len < (unsigned int)nlmsg_size(sizeof(*rt)) ||
	    rt->rtm_type != RTN_UNICAST || rt->rtm_dst_len > WIDE)
		return NL_SKIP;
	return take_route(msg, data);
}

/* Releases @msg; false: the kernel was not asked */
static bool ask(struct nl_msg *msg, int (*take)(struct nl_msg *msg, void *data),
		struct route *route)
{
	struct nl_sock *socket = nl_socket_alloc();
	bool sent = false;

	if (!socket)
		out_of_memory();
	nl_socket_disable_auto_ack(socket);
	nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, take, route);
	if (!nl_connect(socket, NETLINK_ROUTE) &&
	    nl_send_auto(socket, msg) >= 0) {
		/* An error is an answer: no such route */
		nl_recvmsgs_default(socket);
		sent = true;
	}
	nl_socket_free(socket);
	nlmsg_free(msg);
	return sent;
}

static struct nl_msg *request(int flags, int family, unsigned int len)
{
	struct rtmsg rt = {
		.rtm_family = (unsigned char)family,
		.rtm_dst_len = (unsigned char)len,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, flags);

	if (!msg || nlmsg_append(msg, &rt, sizeof(rt), NLMSG_ALIGNTO))
		out_of_memory();
	return msg;
}

static struct route find_route(const struct prefix *to)
{
	int size = (int)address_bytes(to->family);
	struct route route = { 0 };
	struct nl_msg *msg;

	if (!size)
		return route;
	msg = request(NLM_F_REQUEST, to->family, 8 * (unsigned int)size);
	if (nla_put(msg, RTA_DST, size, to->bytes))
		out_of_memory();
	ask(msg, take_route, &route);
	return route;
}

/**
 * check_is_local - whether packets to an address stay on this host
 */
bool check_is_local(const struct prefix *address)
{
	struct route route = find_route(address);

	return route.found && route.type == RTN_LOCAL;
}

/* Any route will do, so that the way to the load balancer is as good as any */
static const char *mend_route(const struct check_family *family)
{
	struct route route = find_route(&family->source);
	char name[IF_NAMESIZE];

	if (!route.found || route.type != RTN_UNICAST ||
	    !if_indextoname(route.interface, name))
		return NULL;
	return check_mend("ip %sroute add default dev %s",
			  family->source.family == AF_INET6 ? "-6 " : "", name);
}

static void check_default(const struct check_family *family, int number)
{
	struct route route = { 0 };

	if (!family->accepts ||
	    !ask(request(NLM_F_REQUEST | NLM_F_DUMP, number, 0), take_default, &route))
		return;
	if (route.found)
		check_say("route", CHECK_OK, NULL, "%s has a default route",
			  family_name(number));
	else
		check_say("route", CHECK_WARNING, mend_route(family),
			  "%s has no default route: clients that no route leads to cannot be accepted, though answers go to the load balancer",
			  family_name(number));
}

/**
 * check_routes - whether there are routes to the clients of accept rules
 */
void check_routes(const struct check_rules *rules)
{
	check_default(&rules->ipv4, AF_INET);
	check_default(&rules->ipv6, AF_INET6);
}
