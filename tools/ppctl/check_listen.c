// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl check: whether programs listen where accept rules lead, for connections of the rules'
 * family. An IPv6 listener may take no IPv4 connections (IPV6_V6ONLY).
 */
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "ppctl.h"
#include "rule.h"

/* Of a rule with more ports, no listeners are looked for */
#define PORTS_MAX	64

/**
 * struct listener - a listening socket
 * @address: whole; all zero: any
 * @port: host byte order
 * @is_v6_only: it takes no IPv4 connections
 */
struct listener {
	struct prefix address;
	uint16_t port;
	bool is_v6_only;
};

/**
 * struct listeners - those of the network namespace
 * @list: in no order
 * @count: number of @list
 * @is_known: they could be read
 */
static struct {
	struct listener *list;
	size_t count;
	bool is_known;
} listeners;

enum serving {
	SERVES_NOT,
	SERVES_OTHER,		/* connections of the other family alone */
	SERVES,
};

static bool is_any(const struct prefix *address)
{
	static const unsigned char zeros[ADDRESS_BYTES_MAX];

	return !memcmp(address->bytes, zeros, address_bytes(address->family));
}

static void add_listener(const struct inet_diag_msg *diag, struct nlattr **tb)
{
	struct listener *listener, *larger;

	larger = realloc(listeners.list, (listeners.count + 1) * sizeof(*larger));
	if (!larger)
		out_of_memory();
	listeners.list = larger;
	listener = &larger[listeners.count];
	memset(listener, 0, sizeof(*listener));
	if (!prefix_from_bytes(&listener->address, diag->id.idiag_src,
			       address_bytes(diag->idiag_family)))
		return;
	listener->port = ntohs(diag->id.idiag_sport);
	listener->is_v6_only = tb[INET_DIAG_SKV6ONLY] && nla_get_u8(tb[INET_DIAG_SKV6ONLY]);
	listeners.count++;
}

static int take_socket(struct nl_msg *msg, void *unused)
{
	const struct inet_diag_msg *diag = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *tb[INET_DIAG_MAX + 1];

	(void)unused;
	if (nlmsg_hdr(msg)->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
	    !nlmsg_parse(nlmsg_hdr(msg), sizeof(*diag), tb, INET_DIAG_MAX, NULL))
		add_listener(diag, tb);
	return NL_OK;
}

static bool read_family(int family)
{
	struct inet_diag_req_v2 req = {
		.sdiag_family = (unsigned char)family,
		.sdiag_protocol = IPPROTO_TCP,
		.idiag_states = 1U << TCP_LISTEN,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(SOCK_DIAG_BY_FAMILY,
						NLM_F_REQUEST | NLM_F_DUMP);

	if (!msg || nlmsg_append(msg, &req, sizeof(req), NLMSG_ALIGNTO))
		out_of_memory();
	return check_ask(NETLINK_SOCK_DIAG, msg, take_socket, NULL);
}

/**
 * check_listeners_begin - read the listening sockets
 */
void check_listeners_begin(void)
{
	listeners.is_known = read_family(AF_INET) && read_family(AF_INET6);
}

/**
 * check_listeners_end - forget them
 */
void check_listeners_end(void)
{
	free(listeners.list);
	memset(&listeners, 0, sizeof(listeners));
}

/* What a listener is to connections of a family to this address, or to any if it has no family */
static enum serving serving_of(const struct listener *listener, int family,
			       const struct prefix *to)
{
	bool any = is_any(&listener->address) || to->family == AF_UNSPEC;

	if (listener->address.family == family)
		return any || !memcmp(listener->address.bytes, to->bytes, address_bytes(family)) ?
			SERVES : SERVES_NOT;
	if (family == AF_INET && is_any(&listener->address) && !listener->is_v6_only)
		return SERVES;
	return any ? SERVES_OTHER : SERVES_NOT;
}

static enum serving find_serving(uint16_t port, int family, const struct prefix *to)
{
	enum serving best = SERVES_NOT, serving;
	size_t i;

	for (i = 0; i < listeners.count; i++) {
		if (listeners.list[i].port != port)
			continue;
		serving = serving_of(&listeners.list[i], family, to);
		if (serving > best)
			best = serving;
	}
	return best;
}

static bool check_port(const struct rule *rule, uint16_t port, int family)
{
	switch (find_serving(port, family, &rule->to)) {
	case SERVES:
		return true;
	case SERVES_OTHER:
		check_say("listener", CHECK_WARNING, NULL,
			  "the program that listens on port %u takes no %s connections%s, which are those of rule %u: let it listen on an %s address as well",
			  port, family_name(family),
			  family == AF_INET ? " (IPV6_V6ONLY, or one IPv6 address)" : "", rule->id,
			  family_name(family));
		return false;
	default:
		/* Where no address is named, the rule may be for another host's */
		if (rule->to.family == AF_UNSPEC)
			return true;
		check_say("listener", CHECK_NOTE, NULL,
			  "nothing listens on port %u for the %s connections of rule %u: they are refused, unless NAT leads them to another port or host",
			  port, family_name(family), rule->id);
		return false;
	}
}

static bool has_family(const struct rule *rule, int family)
{
	unsigned int i;

	if (rule->to.family != AF_UNSPEC)
		return rule->to.family == family;
	for (i = 0; i < rule->n_from; i++) {
		if (rule->from[i].family == family)
			return true;
	}
	return false;
}

static unsigned int count_ports(const struct rule *rule)
{
	unsigned int i, count = 0;

	for (i = 0; i < rule->n_ports; i++)
		count += rule->ports[i].last - rule->ports[i].first + 1U;
	return count;
}

static bool check_ports(const struct rule *rule, int family)
{
	bool serves = true;
	unsigned int i, port;

	if (!has_family(rule, family))
		return true;
	for (i = 0; i < rule->n_ports; i++) {
		for (port = rule->ports[i].first; port <= rule->ports[i].last; port++)
			serves &= check_port(rule, (uint16_t)port, family);
	}
	return serves;
}

/**
 * check_listeners - whether programs take the connections of an accept rule
 * @rule: rule; only if it is for an address of this host, or for any, and names its ports
 */
void check_listeners(const struct rule *rule)
{
	bool serves;

	if (!listeners.is_known || !rule->n_ports || count_ports(rule) > PORTS_MAX ||
	    (rule->to.family != AF_UNSPEC &&
	     (!prefix_is_whole(&rule->to) || !check_is_local(&rule->to))))
		return;
	serves = check_ports(rule, AF_INET);
	serves &= check_ports(rule, AF_INET6);
	if (serves && rule->to.family != AF_UNSPEC)
		check_say("listener", CHECK_OK, NULL,
			  "programs listen where rule %u leads connections", rule->id);
}
