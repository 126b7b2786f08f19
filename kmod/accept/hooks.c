// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: the netfilter hooks.
 *
 * Owns where the packets of accepted connections are seen: those of the load balancer L in
 * PRE_ROUTING before conntrack, those of the destination V at the very end of POST_ROUTING.
 * Everything in between (conntrack, NAT, filters, sockets) sees one consistent connection from the
 * client C. SYN-ACKs of request sockets are seen in LOCAL_OUT. Older kernels need FORWARD as well,
 * only to keep L's connections from flow offload.
 *
 *   syn.c        first handshake: L's SYN and the listener's answer
 *   pending.c    L's packets until the connection is accepted
 *   header.c     the header is gathered and checked; kept.c: kept for the connection's life
 *   queue.c      which pending connection is evicted
 *   challenge.c  L is asked about a segment; ask.c: V's host is asked about a connection
 *   vouch.c      L's packets without an entry must not open a connection
 *   client.c     C's address and port, and whether they are in use
 *   replay.c     second handshake: the SYN again, as from C; answer.c: V's answer
 *   even.c       the request socket takes over the numbers of the first handshake
 *   segment.c    segments that are made in the name of one end for the other
 *   inject.c     how these enter and leave the host
 *   translate.c  established: addresses and sequence numbers are translated
 *   route.c      routes; ipsec.c: IPsec policies
 *   icmp.c       ICMP errors that quote a packet of the connection; mtu.c: the MTU they report
 *   table.c      the entries; gc.c: timeouts; silence.c: how long a connection may be silent
 *   far.c        the ends that a destination elsewhere may still know
 *   sockopt.c    socket options for the application
 */
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_flow_table.h>
#include "accept/inject.h"
#include "accept/internal.h"
#include "offload.h"

/* After defragmentation, before the raw tables and conntrack */
#define PRIORITY_IN	(NF_IP_PRI_CONNTRACK_DEFRAG + 50)
#define PRIORITY_OUT	NF_IP_PRI_LAST
/* Before conntrack, so that it sees the numbers that L knows */
#define PRIORITY_EVEN	(NF_IP_PRI_CONNTRACK - 1)

/*
 * Elsewhere the SYN may begin a new connection. It is injected as C's, so that this connection is
 * kept from flow offload like the first one.
 */
static unsigned int pass_new_syn(struct pp_accept *entry, struct pp_packet *pkt,
				 struct net_device *in)
{
	unsigned int verdict = pp_accept_translate_in(entry, pkt, in, true);

	if (verdict != NF_ACCEPT || entry->has_local_socket)
		return verdict;
	pp_accept_inject_packet(entry, pkt->skb, in);
	return NF_STOLEN;
}

/*
 * L sends a new SYN on the ends of an accepted connection. If that connection may still be alive,
 * the SYN goes to V as C's, and V's answer tells (ask.c).
 */
static noinline unsigned int accept_new_syn(struct pp_accept *entry, struct pp_packet *pkt,
					    const struct nf_hook_state *state)
{
	if (!pp_packet_checksum_ok(pkt))
		return NF_DROP;
	if (!pp_accept_is_alive(entry)) {
		pp_accept_replace(entry, state->in);
		return pp_accept_handle_syn(entry->net, pkt, state);
	}
	if (pp_accept_tidy_syn(pkt) != NF_ACCEPT)
		return NF_DROP;
	pp_accept_note_new_syn(entry, pkt);
	return pass_new_syn(entry, pkt, state->in);
}

static unsigned int accept_from_balancer(struct pp_accept *entry, struct pp_packet *pkt,
					 const struct nf_hook_state *state)
{
	/* Pairs with the release of pp_accept_set_established() */
	u8 entry_state = smp_load_acquire(&entry->state);

	/* A delayed copy of the SYN that began the connection is of no use any more */
	if (unlikely(pkt->th.syn && !pkt->th.ack) &&
	    (entry_state == PP_ACCEPT_ESTABLISHED || entry_state == PP_ACCEPT_DEAD))
		return pkt->seq != entry->isn ? accept_new_syn(entry, pkt, state) : NF_DROP;
	if (entry_state == PP_ACCEPT_ESTABLISHED)
		return pp_accept_translate_in(entry, pkt, state->in, true);
	return pp_accept_handle_pending(entry, pkt, state);
}

/* Packets that came in by a port of a VRF pass PRE_ROUTING again, with the VRF as their device */
static bool is_second_pass(const struct sk_buff *skb, const struct nf_hook_state *state)
{
	return netif_is_l3_master(state->in) &&
	       (state->pf == NFPROTO_IPV6 ? ipv6_l3mdev_skb(IP6CB(skb)->flags) :
					    ipv4_l3mdev_skb(IPCB(skb)->flags));
}

/* SYNPROXY sends packets to the listener in C's name, by the loopback device */
static bool is_of_this_host(const struct nf_hook_state *state)
{
	return state->in->flags & IFF_LOOPBACK;
}

/*
 * Whether a packet from outside has the address and port of an accepted client. A SYN is allowed if
 * that client's connection is over, as after TIME_WAIT: they are free for a new connection, even of
 * a load balancer whose address has been a client's. If V is elsewhere, only V's host knows whether
 * it is over, so the SYN passes.
 */
static bool is_spoofed(struct pp_accept *entry, const struct pp_packet *pkt)
{
	bool is_free;

	if (!entry)
		return false;
	if (!pkt->th.syn || pkt->th.ack || !pp_packet_checksum_ok(pkt))
		return true;
	local_bh_disable();
	is_free = pp_accept_take_over(entry, NULL);
	local_bh_enable();
	return !is_free && (READ_ONCE(entry->state) != PP_ACCEPT_ESTABLISHED ||
			    entry->has_local_socket);
}

/* Out of line: other packets do not need its stack */
static noinline unsigned int accept_handle_in(struct pp_net *pn, struct sk_buff *skb,
					      const struct nf_hook_state *state)
{
	struct pp_accept *entry;
	struct pp_conn_key key __uninitialized;
	struct pp_packet pkt __uninitialized;

	if (pp_accept_is_injected(skb) || is_second_pass(skb, state))
		return NF_ACCEPT;
	if (!pp_packet_parse(&pkt, skb, pp_packet_family(state), NULL)) {
		if (atomic_read(&pn->accepts.count))
			pp_accept_handle_icmp_in(pn, skb, pp_packet_family(state));
		return NF_ACCEPT;
	}
	pp_packet_get_key(&pkt, &key, false);
	if (atomic_read(&pn->accepts.count)) {
		entry = pp_accept_find_wire(pn, &key);
		if (entry)
			return accept_from_balancer(entry, &pkt, state);
		if (!is_of_this_host(state) &&
		    is_spoofed(pp_accept_find_inner(pn, &key), &pkt)) {
			pp_stats_inc(pn, SPOOFED);
			return NF_DROP;
		}
	}
	if (pkt.th.syn && !pkt.th.ack) {
		if (READ_ONCE(pn->accepts.over_count) && pp_packet_checksum_ok(&pkt))
			pp_accept_yield_far(pn, &key);
		return pp_accept_handle_syn(pn, &pkt, state);
	}
	return pp_accept_guard_listener(pn, &pkt, &key, state->in);
}

static unsigned int accept_hook_in(void *priv, struct sk_buff *skb,
				   const struct nf_hook_state *state)
{
	return accept_handle_in(priv, skb, state);
}

static unsigned int accept_to_client(struct pp_accept *entry, struct pp_packet *pkt)
{
	/* Pairs with the release of pp_accept_set_established() */
	switch (smp_load_acquire(&entry->state)) {
	case PP_ACCEPT_ESTABLISHED:
		if (unlikely(pkt->th.syn || pkt->th.rst) && pp_accept_is_for_us(entry, pkt)) {
			consume_skb(pkt->skb);
			return NF_STOLEN;
		}
		return pp_accept_translate_out(entry, pkt);
	case PP_ACCEPT_CONFIRM:
		/* The application may answer before the last ACK is through */
		return pkt->th.syn ? pp_accept_handle_replay_answer(entry, pkt) :
				     pp_accept_translate_out(entry, pkt);
	case PP_ACCEPT_DEAD:
		return NF_DROP;
	default:
		return pp_accept_handle_replay_answer(entry, pkt);
	}
}

static noinline unsigned int accept_handle_out(struct pp_net *pn, struct sk_buff *skb,
					       const struct nf_hook_state *state)
{
	struct pp_accept *entry;
	struct pp_conn_key key __uninitialized;
	struct pp_packet pkt __uninitialized;

	if (!pp_packet_parse(&pkt, skb, pp_packet_family(state), state->out))
		return pp_accept_handle_icmp_out(pn, skb, pp_packet_family(state));
	if (unlikely(pkt.th.rst))
		pp_accept_note_reset(pn, &pkt);
	pp_packet_get_key(&pkt, &key, true);
	entry = pp_accept_find_inner(pn, &key);
	if (entry)
		return accept_to_client(entry, &pkt);
	entry = pp_accept_find_wire(pn, &key);
	return entry ? pp_accept_handle_synack(entry, &pkt) : pp_accept_drop_late(pn, &pkt);
}

/* V may still send packets of a connection that is over */
static bool has_connections(struct pp_net *pn)
{
	return atomic_read(&pn->accepts.count) || READ_ONCE(pn->accepts.over_count);
}

static unsigned int accept_hook_out(void *priv, struct sk_buff *skb,
				    const struct nf_hook_state *state)
{
	struct pp_net *pn = priv;

	if (!has_connections(pn) || netif_is_l3_master(state->out))
		return NF_ACCEPT;
	return accept_handle_out(pn, skb, state);
}

/* Only SYN-ACKs of request sockets matter here */
static unsigned int accept_hook_local_out(void *priv, struct sk_buff *skb,
					  const struct nf_hook_state *state)
{
	struct pp_net *pn = priv;

	if (likely(!skb->sk || skb->sk->sk_state != TCP_NEW_SYN_RECV) ||
	    !atomic_read(&pn->accepts.count))
		return NF_ACCEPT;
	return pp_accept_even_synack(pn, skb, pp_packet_family(state));
}

/* Whether conntrack's entry is that of L's SYN to the listener */
static bool is_first_handshake(struct pp_net *pn, const struct nf_conn *ct,
			       enum pp_family family)
{
	const struct nf_conntrack_tuple *tuple = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	struct pp_conn_key key = {
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

/* A flowtable that takes the connection with the SYN-ACK would make L's packets miss PRE_ROUTING */
static unsigned int accept_hook_forward(void *priv, struct sk_buff *skb,
					const struct nf_hook_state *state)
{
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	if (likely(!ct || nf_ct_is_confirmed(ct)) || nf_ct_is_template(ct) ||
	    !is_first_handshake(priv, ct, pp_packet_family(state)) || pp_offload_deny_for_good(ct))
		return NF_ACCEPT;
	pp_stats_inc((struct pp_net *)priv, ACCEPT_NOMEM);
	return NF_DROP;
}

/*
 * Only kernels whose flowtables take a connection before its handshake is over need the last one.
 * pp_accept_ops.hook_count leaves it out on others.
 */
#define HOOKS(family) {						\
	{							\
		.hook = accept_hook_in,				\
		.pf = family,					\
		.hooknum = NF_INET_PRE_ROUTING,			\
		.priority = PRIORITY_IN,			\
	},							\
	{							\
		.hook = accept_hook_out,			\
		.pf = family,					\
		.hooknum = NF_INET_POST_ROUTING,		\
		.priority = PRIORITY_OUT,			\
	},							\
	{							\
		.hook = accept_hook_local_out,			\
		.pf = family,					\
		.hooknum = NF_INET_LOCAL_OUT,			\
		.priority = PRIORITY_EVEN,			\
	},							\
	{							\
		.hook = accept_hook_forward,			\
		.pf = family,					\
		.hooknum = NF_INET_FORWARD,			\
		.priority = NF_IP_PRI_FIRST,			\
	},							\
}

static const struct nf_hook_ops accept_hooks[PP_FAMILIES][4] = {
	[PP_IPV4] = HOOKS(NFPROTO_IPV4),
	[PP_IPV6] = HOOKS(NFPROTO_IPV6),
};

/* What V says late on a connection that is over must be dropped */
static int count_accepts(const struct pp_net *pn)
{
	return atomic_read(&pn->accepts.count) + READ_ONCE(pn->accepts.over_count);
}

const struct pp_direction_ops pp_accept_ops = {
	.hooks = { accept_hooks[PP_IPV4], accept_hooks[PP_IPV6] },
	.hook_count = ARRAY_SIZE(accept_hooks[PP_IPV4]) - !PP_FLOWTABLE_TAKES_SYNACK,
	.count_connections = count_accepts,
	.prepare = pp_accept_queues_init,
	.net_init = pp_accept_net_init,
	.net_exit = pp_accept_net_exit,
};
