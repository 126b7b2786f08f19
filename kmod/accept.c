// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: the netfilter hooks.
 *
 * Owns where in the host the packets of accepted connections are met: those of
 * the load balancer L in PRE_ROUTING before conntrack, those of the
 * destination V at the very end of POST_ROUTING; and on older kernels, to no other
 * end than to keep them from flow offload, L's SYNs in FORWARD. All between them,
 * conntrack, NAT, filters, sockets, sees one consistent connection from the client C.
 *
 *   accept_syn.c        first handshake: L's SYN and the listener's answer
 *   accept_pending.c    what comes of L until its connection is accepted
 *   accept_header.c     the header is gathered and judged
 *   accept_client.c     C and its port, and whether they are in use
 *   accept_replay.c     second handshake: the SYN again, as from C
 *   accept_segment.c    what is said to one end in the name of the other
 *   accept_translate.c  established: addresses, numbers
 *   accept_route.c      routes, accept_ipsec.c: policies and sizes of IPsec
 *   accept_icmp.c       errors that quote a packet of the connection
 *   accept_table.c      the connections; accept_gc.c: their end
 */
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_flow_table.h>
#include "accept.h"
#include "craft.h"
#include "offload.h"

/* Behind defragmentation, before raw tables and conntrack */
#define PRIORITY_IN	(NF_IP_PRI_CONNTRACK_DEFRAG + 50)
#define PRIORITY_OUT	NF_IP_PRI_LAST

static enum pp_family family_of(const struct nf_hook_state *state)
{
	return state->pf == NFPROTO_IPV6 ? PP_IPV6 : PP_IPV4;
}

static unsigned int from_entry(struct pp_accept *entry, struct pp_packet *pkt,
			       const struct nf_hook_state *state)
{
	bool new_syn = pkt->th.syn && !pkt->th.ack && pkt->seq != entry->isn;

	if (new_syn && !pp_packet_checksum_ok(pkt))
		return NF_DROP;
	if (new_syn && !pp_accept_is_alive(entry)) {
		pp_accept_replace(entry, state->in);
		return pp_accept_syn(entry->net, pkt, state);
	}
	/* Pairs with the release of pp_accept_established() */
	if (smp_load_acquire(&entry->state) == PP_ACCEPT_ESTABLISHED)
		return pp_accept_translate_in(entry, pkt, state->in, true);
	return pp_accept_pending_in(entry, pkt, state);
}

/* Packets of a VRF's ports come a second time, with the VRF as their device */
static bool is_second_pass(const struct sk_buff *skb, const struct nf_hook_state *state)
{
	return netif_is_l3_master(state->in) &&
	       (state->pf == NFPROTO_IPV6 ? ipv6_l3mdev_skb(IP6CB(skb)->flags) :
					    ipv4_l3mdev_skb(IPCB(skb)->flags));
}

/*
 * Whether a packet only pretends to be of an accepted client. Once that one is over, its
 * address and port are free for a new connection, as after TIME_WAIT: of a load balancer,
 * say, whose own address has been a client's.
 */
static bool is_spoofed(struct pp_accept *entry, const struct pp_packet *pkt)
{
	bool is_free;

	if (!entry)
		return false;
	if (!pkt->th.syn || pkt->th.ack || !pp_packet_checksum_ok(pkt))
		return true;
	local_bh_disable();
	is_free = pp_accept_makes_room(entry, NULL);
	local_bh_enable();
	return !is_free;
}

/* Out of line, so that packets of others are not charged with its stack */
static noinline unsigned int handle_in(struct pp_net *pn, struct sk_buff *skb,
				       const struct nf_hook_state *state)
{
	struct pp_accept *entry;
	struct pp_flow_key key __uninitialized;
	struct pp_packet pkt __uninitialized;

	if (pp_craft_is_ours(skb) || is_second_pass(skb, state))
		return NF_ACCEPT;
	if (!pp_packet_parse(&pkt, skb, family_of(state), NULL)) {
		if (atomic_read(&pn->accepts.count))
			pp_accept_icmp_in(pn, skb, family_of(state));
		return NF_ACCEPT;
	}
	if (atomic_read(&pn->accepts.count)) {
		pp_packet_key(&pkt, &key, false);
		entry = pp_accept_find_wire(pn, &key);
		if (entry)
			return from_entry(entry, &pkt, state);
		if (is_spoofed(pp_accept_find_inner(pn, &key), &pkt)) {
			pp_stats_inc(pn, SPOOFED);
			return NF_DROP;
		}
	}
	if (pkt.th.syn && !pkt.th.ack)
		return pp_accept_syn(pn, &pkt, state);
	return NF_ACCEPT;
}

static unsigned int hook_in(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	const struct pp_net *pn = priv;

	if (!atomic_read(&pn->accepts.count) && !pp_packet_may_be_syn(skb, family_of(state)))
		return NF_ACCEPT;
	return handle_in(priv, skb, state);
}

static unsigned int to_inner(struct pp_accept *entry, struct pp_packet *pkt)
{
	/* Pairs with the release of pp_accept_established() */
	switch (smp_load_acquire(&entry->state)) {
	case PP_ACCEPT_ESTABLISHED:
		return pp_accept_translate_out(entry, pkt);
	case PP_ACCEPT_CONFIRM:
		/* The application has the connection, and is quick */
		return pkt->th.syn ? pp_accept_replay_answer(entry, pkt) :
				     pp_accept_translate_out(entry, pkt);
	case PP_ACCEPT_DEAD:
		return NF_DROP;
	default:
		return pp_accept_replay_answer(entry, pkt);
	}
}

static noinline unsigned int handle_out(struct pp_net *pn, struct sk_buff *skb,
					const struct nf_hook_state *state)
{
	struct pp_accept *entry;
	struct pp_flow_key key __uninitialized;
	struct pp_packet pkt __uninitialized;

	if (!pp_packet_parse(&pkt, skb, family_of(state), state->out))
		return pp_accept_icmp_out(pn, skb, family_of(state));
	pp_packet_key(&pkt, &key, true);
	entry = pp_accept_find_inner(pn, &key);
	if (entry)
		return to_inner(entry, &pkt);
	entry = pp_accept_find_wire(pn, &key);
	return entry ? pp_accept_answer(entry, &pkt) : NF_ACCEPT;
}

static unsigned int hook_out(void *priv, struct sk_buff *skb,
			     const struct nf_hook_state *state)
{
	const struct pp_net *pn = priv;

	if (!atomic_read(&pn->accepts.count) || netif_is_l3_master(state->out))
		return NF_ACCEPT;
	return handle_out(priv, skb, state);
}

#if PP_FLOWTABLE_TAKES_SYNACK
/* Whether an entry of conntrack is of a load balancer's SYN that goes to the listener */
static bool is_first_handshake(struct pp_net *pn, const struct nf_conn *ct,
			       enum pp_family family)
{
	const struct nf_conntrack_tuple *tuple = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	struct pp_flow_key key = {
		.sport = tuple->src.u.tcp.port,
		.dport = tuple->dst.u.tcp.port,
		.family = family,
	};

	if (tuple->dst.protonum != IPPROTO_TCP || !atomic_read(&pn->accepts.count))
		return false;
	memcpy(&key.src, &tuple->src.u3, sizeof(key.src));
	memcpy(&key.dst, &tuple->dst.u3, sizeof(key.dst));
	return pp_accept_find_wire(pn, &key);
}

/* L's packets have to come by hook_in, after the SYN-ACK as before */
static unsigned int hook_forward(void *priv, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	if (likely(!ct || nf_ct_is_confirmed(ct)) || nf_ct_is_template(ct) ||
	    !is_first_handshake(priv, ct, family_of(state)) || pp_offload_deny_for_good(ct))
		return NF_ACCEPT;
	pp_stats_inc((struct pp_net *)priv, ACCEPT_NOMEM);
	return NF_DROP;
}

#define HOOK_FORWARD(family)					\
	{							\
		.hook = hook_forward,				\
		.pf = family,					\
		.hooknum = NF_INET_FORWARD,			\
		.priority = NF_IP_PRI_FIRST,			\
	},
#else
#define HOOK_FORWARD(family)
#endif

#define HOOKS(family) {						\
	{							\
		.hook = hook_in,				\
		.pf = family,					\
		.hooknum = NF_INET_PRE_ROUTING,			\
		.priority = PRIORITY_IN,			\
	},							\
	HOOK_FORWARD(family)					\
	{							\
		.hook = hook_out,				\
		.pf = family,					\
		.hooknum = NF_INET_POST_ROUTING,		\
		.priority = PRIORITY_OUT,			\
	},							\
}

const struct nf_hook_ops pp_accept_hooks[PP_FAMILIES][PP_ACCEPT_HOOKS] = {
	[PP_IPV4] = HOOKS(NFPROTO_IPV4),
	[PP_IPV6] = HOOKS(NFPROTO_IPV6),
};
