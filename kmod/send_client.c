// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: the client's packets after its SYN.
 *
 * Owns how the header goes out. Until the backend acknowledges it, it goes
 * with every packet of the client, in one of three forms:
 *
 *   bare ACK            -> the same packet, with the header as its payload;
 *                          the first one waits for data a moment (send_hold.c)
 *   data or FIN at      -> the header is put before the data, in one packet,
 *   ISN+1, with room       so that neither arrives without the other
 *   anything else       -> a segment with the header goes ahead of it
 *
 * Before ISN+1 there is nothing of the client (send_guard.c).
 *
 * No timer here sends anything again: a lost header is made good by the backend's SYN-ACK,
 * sent again, or by the client's data, sent again.
 */
#include <linux/bitops.h>
#include <net/dst.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_seqadj.h>
#include <net/tcp.h>
#include "offload.h"
#include "send.h"

/* The header keeps this much room below 64 KiB, the longest IP packet */
#define PACKET_MAX	(65535 - PP_HEADER_SEND_MAX)
/* A longer packet may meet a smaller MTU with a header in front, unnoticed: then
 * the header goes by itself from the third time on
 */
#define PREFIX_LONG_MAX	2
#define PREFIX_SHORT	576

static bool is_bare_ack(const struct pp_packet *pkt)
{
	return !pkt->payload && !pkt->th.fin;
}

static unsigned int path_mtu(const struct pp_packet *pkt)
{
	const struct dst_entry *dst = skb_dst(pkt->skb);

	return dst ? dst_mtu(dst) : READ_ONCE(pkt->dev->mtu);
}

static bool prefix_fits(const struct pp_flow *flow, const struct pp_packet *pkt)
{
	const struct sk_buff *skb = pkt->skb;
	unsigned int options = pkt->headers - pkt->thoff - sizeof(struct tcphdr);

	if (skb->len > PACKET_MAX || skb_has_frag_list(skb) || pkt->th.urg)
		return false;
	if (skb_is_gso(skb))
		return true;
	if (skb->len + flow->header_len > PREFIX_SHORT && flow->sent > PREFIX_LONG_MAX)
		return false;
	return pkt->payload + flow->header_len + options <= flow->backend_mss &&
	       skb->len + flow->header_len <= path_mtu(pkt);
}

static void count_sent(struct pp_flow *flow)
{
	if (flow->sent++) {
		atomic64_inc(&flow->rule->resent);
		pp_stats_inc(flow->net, RESENT);
	}
}

static u32 header_seq(const struct pp_flow *flow)
{
	return flow->isn - flow->header_len + 1;
}

static unsigned int prefix(struct pp_flow *flow, struct pp_packet *pkt)
{
	bool bare = is_bare_ack(pkt);

	if (pp_packet_prefix(pkt, header_seq(flow), flow->header, flow->header_len)) {
		pp_stats_inc(flow->net, DROPPED);
		return NF_DROP;
	}
	if (bare)
		pp_stats_inc(flow->net, IN_ACK);
	else
		pp_stats_inc(flow->net, PREFIXED);
	count_sent(flow);
	return NF_ACCEPT;
}

static unsigned int separate(struct pp_flow *flow, struct pp_packet *pkt,
			     struct sk_buff **ahead)
{
	*ahead = pp_packet_sibling(pkt, header_seq(flow), flow->header, flow->header_len);
	if (!*ahead) {
		pp_stats_inc(flow->net, DROPPED);
		return NF_DROP;
	}
	pp_stats_inc(flow->net, SEPARATE);
	count_sent(flow);
	return NF_ACCEPT;
}

/*
 * The backend takes a reset only at the very number that it expects next: the
 * first of the header, unless that has arrived. Before the header has left it
 * is known which; after that both are told.
 */
static unsigned int reset(struct pp_flow *flow, struct pp_packet *pkt,
			  struct sk_buff **ahead)
{
	struct tcphdr *th;

	flow->closed = true;
	if (flow->sent) {
		*ahead = pp_packet_sibling(pkt, header_seq(flow), NULL, 0);
		return *ahead ? NF_ACCEPT : NF_DROP;
	}
	if (pkt->seq != flow->isn + 1)
		return NF_ACCEPT;
	pp_hold_drop(flow);
	th = pp_packet_write(pkt);
	if (!th)
		return NF_DROP;
	pp_packet_set_seq(pkt, th, header_seq(flow));
	return NF_ACCEPT;
}

/* The backend expects the first number of the header that it never got */
static unsigned int reset_old(struct pp_flow *flow, struct pp_packet *pkt)
{
	struct tcphdr *th = pp_packet_write(pkt);

	if (!th)
		return NF_DROP;
	pp_packet_set_seq(pkt, th, flow->old_isn - flow->old_len + 1);
	return NF_ACCEPT;
}

/*
 * Where the header has its place. One before ISN+1 are keepalives and window probes,
 * and acknowledgements without anything else do no harm anywhere: they become such
 * of ISN+1, with the header.
 */
static bool is_tidied(const struct pp_flow *flow, struct pp_packet *pkt)
{
	if (pkt->th.syn || pkt->th.fin || !pkt->th.ack)
		return false;
	if (!pkt->payload)
		return true;
	return pkt->seq == flow->isn && pkt->payload == 1 && pp_packet_write(pkt) &&
	       !pp_packet_trim_payload(pkt);
}

static unsigned int client_locked(struct pp_flow *flow, struct pp_packet *pkt,
				  const struct nf_hook_state *state,
				  struct sk_buff **ahead, bool *is_other)
{
	bool fits;

	if (pkt->th.rst && flow->old_len && pkt->seq == flow->old_isn + 1)
		return reset_old(flow, pkt);
	/* Otherwise the entry came from a stray SYN of a running connection */
	if (pp_guard_is_before(pkt, flow->isn) && !pkt->th.rst && pp_flow_is_unfinished(flow)) {
		if (!flow->synack || !is_tidied(flow, pkt))
			return pp_guard_drop(flow->net);
	} else if (pkt->th.syn || pkt->seq - flow->isn >= PP_GUARD_SPAN) {
		*is_other = true;
		return NF_ACCEPT;
	}
	pp_flow_touch(flow);
	if (pkt->th.rst)
		return reset(flow, pkt, ahead);
	if (!pkt->th.ack || !flow->synack)
		return NF_ACCEPT;
	/* Without memory it keeps the entry that it has */
	pp_send_bind(flow, pp_send_ct(pkt->skb));
	fits = (is_bare_ack(pkt) || pkt->seq == flow->isn + 1) && prefix_fits(flow, pkt);
	if (fits && pp_hold_begin(flow, pkt, state))
		return NF_STOLEN;
	pp_hold_end(flow, pkt);
	return fits ? prefix(flow, pkt) : separate(flow, pkt, ahead);
}

/**
 * pp_send_on_ack - put the header on an ACK that waited in vain
 * @flow: handshake in progress, locked
 * @skb: packet, from its IP header on
 *
 * Return: whether it may go on
 */
bool pp_send_on_ack(struct pp_flow *flow, struct sk_buff *skb)
{
	struct pp_packet pkt;

	return pp_packet_parse(&pkt, skb, flow->key.family, skb->dev) &&
	       prefix(flow, &pkt) == NF_ACCEPT;
}

/*
 * A segment ahead does not meet the hooks behind ours. The last of them adjusts the
 * numbers of a client that SYNPROXY has shaken hands with. It takes no packet with
 * malformed options, not even where there is nothing to adjust.
 */
static void send_ahead(struct sk_buff *skb, const struct nf_hook_state *state)
{
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	if (ct && pp_offload_is_adjusted(ct) &&
	    !nf_ct_seq_adjust(skb, ct, ctinfo, skb_transport_offset(skb)))
		kfree_skb(skb);
	else
		state->okfn(state->net, state->sk, skb);
}

/**
 * pp_send_client - a packet of the client leaves, other than its SYN
 * @flow: handshake in progress, under RCU
 * @pkt: packet
 * @state: of the hook
 *
 * Return: verdict
 */
unsigned int pp_send_client(struct pp_flow *flow, struct pp_packet *pkt,
			    const struct nf_hook_state *state)
{
	struct sk_buff *ahead = NULL;
	unsigned int verdict = NF_ACCEPT;
	bool is_other = false;

	/* A segment made from a corrupt packet would not be corrupt any more */
	if (!pp_packet_checksum_ok(pkt))
		return NF_ACCEPT;
	spin_lock_bh(&flow->lock);
	if (flow->dead)
		is_other = true;
	else
		verdict = client_locked(flow, pkt, state, &ahead, &is_other);
	spin_unlock_bh(&flow->lock);
	if (is_other)
		return pp_guard_client(flow->net, pkt, &flow->key);
	if (ahead)
		send_ahead(ahead, state);
	return verdict;
}
