// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl check: routes, which rtnetlink looks up. The host of an accept rule needs a
 * route to its clients: without one the kernel makes no answer to a client, which the
 * module would send to the load balancer.
 */
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "check.h"
#include "ppctl.h"
#include "rule.h"

/* Two routes to half of all addresses, as VPNs add them, count as a default route */
#define WIDE	1

static int take_route(struct nl_msg *msg, void *data)
{
	const struct rtmsg *rt = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *tb[RTA_MAX + 1], *gateway;
	struct check_path *path = data;

	if (nlmsg_hdr(msg)->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse(nlmsg_hdr(msg), sizeof(*rt), tb, RTA_MAX, NULL))
		return NL_SKIP;
	gateway = tb[RTA_GATEWAY];
	path->found = true;
	path->type = rt->rtm_type;
	path->device = tb[RTA_OIF] ? nla_get_u32(tb[RTA_OIF]) : 0;
	path->has_gateway = gateway && prefix_from_bytes(&path->gateway, nla_data(gateway),
							 (size_t)nla_len(gateway));
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

/**
 * check_ask - send a request to a netlink family of the kernel
 * @protocol: NETLINK_*
 * @msg: request; is released
 * @take: called with each message of the answer
 * @data: for @take
 *
 * Returns false if the kernel could not be asked.
 */
bool check_ask(int protocol, struct nl_msg *msg, int (*take)(struct nl_msg *msg, void *data),
	       void *data)
{
	struct nl_sock *socket = nl_socket_alloc();
	bool sent = false;

	if (!socket)
		out_of_memory();
	nl_socket_disable_auto_ack(socket);
	nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, take, data);
	if (!nl_connect(socket, protocol) && nl_send_auto(socket, msg) >= 0) {
		/* An error is an answer, too: there is no route */
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

/**
 * check_find_path - look up the route to an address
 * @to: whole address; without a family, nothing is found
 */
struct check_path check_find_path(const struct prefix *to)
{
	int size = (int)address_bytes(to->family);
	struct check_path path = { 0 };
	struct nl_msg *msg;

	if (!size)
		return path;
	msg = request(NLM_F_REQUEST, to->family, 8 * (unsigned int)size);
	if (nla_put(msg, RTA_DST, size, to->bytes))
		out_of_memory();
	check_ask(NETLINK_ROUTE, msg, take_route, &path);
	return path;
}

/**
 * check_default_path - look for a default route
 * @family: AF_INET or AF_INET6
 */
struct check_path check_default_path(int family)
{
	/* All routes have to be read for it, so that it is kept */
	static struct check_path paths[2];
	static bool is_known[2];
	int i = family == AF_INET6;

	if (!is_known[i])
		check_ask(NETLINK_ROUTE, request(NLM_F_REQUEST | NLM_F_DUMP, family, 0),
			  take_default, &paths[i]);
	is_known[i] = true;
	return paths[i];
}

/**
 * check_is_local - whether packets to an address stay on this host
 */
bool check_is_local(const struct prefix *address)
{
	struct check_path path = check_find_path(address);

	return path.found && path.type == RTN_LOCAL;
}

static void check_default(const struct check_family *family, int number)
{
	if (!family->accepts)
		return;
	if (check_default_path(number).found)
		check_say("route", CHECK_OK, NULL, "%s has a default route",
			  family_name(number));
	else
		check_say("route", CHECK_WARNING, NULL,
			  "%s has no default route: clients that no route leads to cannot be accepted, though answers go to the load balancer; give the host a route to them, by the gateway that it should use",
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

/*
 * A route to the addresses of a pool: the way to the load balancer will do, since answers to mapped
 * clients go there. Nobody else has these addresses.
 */
static const char *pool_fix(const char *pool, const struct rule *rule, int family)
{
	char device[IF_NAMESIZE], gateway[PREFIX_TEXT_MAX];
	struct check_path path = { 0 };
	unsigned int i;

	for (i = 0; i < rule->n_from && !path.found; i++) {
		if (rule->from[i].family == family)
			path = check_find_path(&rule->from[i]);
	}
	if (path.type != RTN_UNICAST || !if_indextoname(path.device, device))
		return NULL;
	if (!path.has_gateway)
		return check_fix("ip route add %s dev %s", pool, device);
	prefix_format(&path.gateway, gateway);
	return check_fix("ip route add %s via %s dev %s", pool, gateway, device);
}

static void check_pool(const struct rule *rule, const struct prefix *pool)
{
	char text[PREFIX_TEXT_MAX];
	struct prefix first = *pool;
	struct check_path path;

	if (!pool->family)
		return;
	/* The first address that a client can have */
	first.bytes[address_bytes(pool->family) - 1] |= 1;
	first.len = 8 * (unsigned int)address_bytes(pool->family);
	path = check_find_path(&first);
	prefix_format(pool, text);
	if (path.found && path.type == RTN_UNICAST)
		check_say("pool", CHECK_OK, NULL, "there is a route to the clients of rule %u in %s",
			  rule->id, text);
	else if (path.found && path.type == RTN_LOCAL)
		check_say("pool", CHECK_WARNING, NULL,
			  "%s of rule %u is this host's own: its mapped clients show the load balancer, and answers to them would stay here",
			  text, rule->id);
	else
		check_say("pool", CHECK_WARNING, pool_fix(text, rule, pool->family),
			  "no route leads to %s of rule %u: its mapped clients cannot be accepted, though answers go to the load balancer",
			  text, rule->id);
}

/**
 * check_pools - whether routes lead to what stands for clients of the other address family
 * @rule: accept rule
 */
void check_pools(const struct rule *rule)
{
	check_pool(rule, &rule->map4);
	check_pool(rule, &rule->map6);
}
