// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl check: connections to the backends of send rules that a flowtable has had since before
 * their rule. A new connection of the same addresses and ports passes the flowtable, and gets no
 * header.
 */
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "ppctl.h"
#include "rule.h"

/* Of more send rules, no connections are looked for */
#define RULES_MAX	1000
#define OFFLOADED	(IPS_OFFLOAD | IPS_HW_OFFLOAD)

/**
 * struct tagged - what is looked for of a send rule
 * @id: its id
 * @to: backends
 * @ports: their ports
 * @n_ports: number of @ports; 0: all
 * @tagged: connections that got a header; a flowtable may have them by now
 * @offloaded: connections that a flowtable has
 */
struct tagged {
	uint32_t id;
	struct prefix to;
	struct port_range ports[PP_PORT_RANGES_MAX];
	unsigned int n_ports;
	uint64_t tagged;
	uint64_t offloaded;
};

static struct tagged *rules;
static size_t count;

/**
 * check_flows_of - look for the connections of a send rule, too
 * @rule: rule
 */
void check_flows_of(const struct rule *rule)
{
	struct tagged *larger;

	if (count == RULES_MAX)
		return;
	larger = realloc(rules, (count + 1) * sizeof(*rules));
	if (!larger)
		out_of_memory();
	rules = larger;
	memset(&rules[count], 0, sizeof(*rules));
	rules[count].id = rule->id;
	rules[count].to = rule->to;
	memcpy(rules[count].ports, rule->ports, sizeof(rule->ports));
	rules[count].n_ports = rule->n_ports;
	rules[count].tagged = rule->tagged;
	count++;
}

static bool has_backend(const struct tagged *rule, const struct prefix *backend, uint16_t port)
{
	bool has_port = !rule->n_ports;
	unsigned int i;

	for (i = 0; i < rule->n_ports; i++)
		has_port |= port >= rule->ports[i].first && port <= rule->ports[i].last;
	return has_port && prefix_contains(&rule->to, backend->bytes,
					    address_bytes(backend->family));
}

/* The source of the replies is the backend */
static bool read_backend(struct nlattr *reply, struct prefix *backend, uint16_t *port)
{
	struct nlattr *tuple[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1], *proto[CTA_PROTO_MAX + 1];
	struct nlattr *source;

	if (!reply || nla_parse_nested(tuple, CTA_TUPLE_MAX, reply, NULL) ||
	    !tuple[CTA_TUPLE_IP] || !tuple[CTA_TUPLE_PROTO] ||
	    nla_parse_nested(ip, CTA_IP_MAX, tuple[CTA_TUPLE_IP], NULL) ||
	    nla_parse_nested(proto, CTA_PROTO_MAX, tuple[CTA_TUPLE_PROTO], NULL))
		return false;
	source = ip[CTA_IP_V4_SRC] ? ip[CTA_IP_V4_SRC] : ip[CTA_IP_V6_SRC];
	if (!source || !proto[CTA_PROTO_NUM] || !proto[CTA_PROTO_SRC_PORT] ||
	    nla_get_u8(proto[CTA_PROTO_NUM]) != IPPROTO_TCP)
		return false;
	*port = ntohs(nla_get_u16(proto[CTA_PROTO_SRC_PORT]));
	return prefix_from_bytes(backend, nla_data(source), (size_t)nla_len(source));
}

static int take_flow(struct nl_msg *msg, void *unused)
{
	struct nlattr *tb[CTA_MAX + 1];
	struct prefix backend;
	uint16_t port;
	size_t i;

	(void)unused;
	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(struct nfgenmsg), tb, CTA_MAX, NULL) ||
	    !tb[CTA_STATUS] || !(ntohl(nla_get_u32(tb[CTA_STATUS])) & OFFLOADED) ||
	    !read_backend(tb[CTA_TUPLE_REPLY], &backend, &port))
		return NL_OK;
	for (i = 0; i < count; i++)
		rules[i].offloaded += has_backend(&rules[i], &backend, port);
	return NL_OK;
}

static bool read_flows(void)
{
	const struct nfgenmsg head = { .nfgen_family = AF_UNSPEC };
	struct nl_msg *msg = nlmsg_alloc_simple(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
						NLM_F_REQUEST | NLM_F_DUMP);

	if (!msg || nlmsg_append(msg, (void *)&head, sizeof(head), NLMSG_ALIGNTO))
		out_of_memory();
	return check_ask(NETLINK_NETFILTER, msg, take_flow, NULL);
}

/**
 * check_flows - look for the connections of all these rules
 */
void check_flows(void)
{
	bool any = false;
	size_t i;

	if (!count || !read_flows())
		return;
	for (i = 0; i < count; i++) {
		if (rules[i].offloaded <= rules[i].tagged)
			continue;
		any = true;
		check_say("flowtable", CHECK_WARNING, NULL,
			  "a flowtable has %u connections to backends of rule %u from before the rule: a new connection of the same addresses and ports gets no header until they have ended",
			  (unsigned int)(rules[i].offloaded - rules[i].tagged), rules[i].id);
	}
	if (!any)
		check_say("flowtable", CHECK_OK, NULL,
			  "no flowtable has connections from before their rule");
	free(rules);
	rules = NULL;
	count = 0;
}
