// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: conntrack's entry of a handshake.
 *
 * Owns which conntrack entry belongs to a handshake. This is not obvious if source NAT gives two
 * clients one port, if conntrack has lost an entry, or if two copies of a SYN have one entry each.
 */
#include <net/netfilter/nf_conntrack.h>
#include "offload.h"
#include "send/internal.h"

/**
 * pp_send_find_ct - find the conntrack entry of a client's packet
 * @skb: packet
 *
 * Context: in a hook; takes no lock.
 * Return: the entry, if the packet goes in its original direction, or NULL
 */
struct nf_conn *pp_send_find_ct(const struct sk_buff *skb)
{
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	if (!ct || nf_ct_is_template(ct) || CTINFO2DIR(ctinfo) != IP_CT_DIR_ORIGINAL)
		return NULL;
	return ct;
}

/**
 * pp_send_loses_port - whether conntrack will drop a SYN behind our hook
 * @flow: the entry with its addresses and ports
 * @ct: conntrack entry of the SYN, or NULL
 *
 * If source NAT gives two clients the same port at the same moment, conntrack confirms only one of
 * their entries. A conntrack entry to which only this module still refers was dropped already. Two
 * copies of one SYN have equal tuples, and either copy may be the one that is confirmed.
 *
 * Context: pp_flow.lock held.
 * Return: whether the SYN loses the port
 */
bool pp_send_loses_port(const struct pp_flow *flow, const struct nf_conn *ct)
{
	const struct nf_conn *first = flow->ct;

	if (!ct || !first || ct == first || nf_ct_is_confirmed(ct) ||
	    nf_ct_tuple_equal(nf_ct_tuple(ct, IP_CT_DIR_ORIGINAL),
			      nf_ct_tuple(first, IP_CT_DIR_ORIGINAL)))
		return false;
	return nf_ct_is_confirmed(first) ? !nf_ct_is_dying(first) : pp_nf_ct_is_shared(first);
}

/**
 * pp_send_bind_ct - keep the connection of a handshake from flow offload
 * @flow: handshake in progress
 * @ct: conntrack entry of a packet of the client, or NULL
 *
 * A retransmitted SYN may have a new conntrack entry, if conntrack has lost the first one or has
 * not confirmed it yet. Then the next packet shows which entry is confirmed.
 *
 * Context: pp_flow.lock held, or @flow is not in the table yet.
 * Return: 0 or -ENOMEM
 */
int pp_send_bind_ct(struct pp_flow *flow, struct nf_conn *ct)
{
	int denied;

	if (!ct || ct == flow->ct)
		return 0;
	denied = pp_offload_deny(ct);
	if (denied < 0)
		return denied;
	pp_send_flow_bind(flow, denied ? ct : NULL);
	if (denied)
		pp_send_guard_begin(ct, flow);
	return 0;
}

/**
 * pp_send_gives_same_header - whether a SYN gets the header that an entry has
 * @flow: the entry with its addresses and ports
 * @rule: rule of the SYN
 * @ct: conntrack entry of the SYN, or NULL
 *
 * It does if client and rule are the same. If this host has removed a header from one of the two
 * connections, the answer is no: the next header on the same addresses and ports may be a LOCAL
 * one, which names nobody.
 *
 * Context: under RCU; pp_flow.lock held.
 * Return: whether it does
 */
bool pp_send_gives_same_header(const struct pp_flow *flow, const struct pp_rule *rule,
			       const struct nf_conn *ct)
{
	if (flow->rule != rule || flow->without_ct != !ct || flow->is_chained ||
	    pp_send_is_chained(flow->net, &flow->key, ct))
		return false;
	return ct == flow->ct ||
	       (ct && flow->ct && nf_ct_tuple_equal(nf_ct_tuple(ct, IP_CT_DIR_ORIGINAL),
						    nf_ct_tuple(flow->ct, IP_CT_DIR_ORIGINAL)));
}
