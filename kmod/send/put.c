// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: puts the header into the stream.
 *
 * Owns the form in which the header leaves with a packet of the client: on a bare ACK, before data
 * or FIN in the same packet, or in a segment of its own ahead of the packet.
 */
#include <net/dst.h>
#include "send/internal.h"

/* A packet up to this length stays below 64 KiB, the longest IP packet, with the header */
#define PACKET_MAX	(65535 - PP_HEADER_SEND_MAX)
/*
 * With the header in front, a packet longer than PREFIX_SHORT may exceed the MTU of some link on a
 * path that reports no errors. So from the third retransmission on, the header goes by itself.
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
	return pkt->payload + flow->header_len + options <= flow->syn.backend_mss &&
	       skb->len + flow->header_len <= path_mtu(pkt);
}

static void count_sent(struct pp_flow *flow)
{
	enum pp_stats_attr reason = flow->sent ? PP_STATS_ATTR_RESENT : PP_STATS_ATTR_UNSPEC;

	pp_send_trace_state(flow, PP_CONN_STATE_HEADER_SENT, reason);
	if (flow->sent++) {
		pp_rule_count(flow->rule, PP_RULE_RESENT);
		pp_stats_inc(flow->net, RESENT);
	}
}

static unsigned int prefix_header(struct pp_flow *flow, struct pp_packet *pkt)
{
	bool bare = is_bare_ack(pkt);

	if (pp_packet_put_before(pkt, pp_send_header_seq(flow, &flow->syn), flow->header,
				 flow->header_len)) {
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

static unsigned int put_ahead(struct pp_flow *flow, const struct pp_packet *pkt,
			      struct sk_buff **ahead)
{
	*ahead = pp_packet_make_sibling(pkt, pp_send_header_seq(flow, &flow->syn), flow->header,
					flow->header_len);
	if (!*ahead) {
		pp_stats_inc(flow->net, DROPPED);
		return NF_DROP;
	}
	pp_stats_inc(flow->net, SEPARATE);
	count_sent(flow);
	return NF_ACCEPT;
}

/*
 * A backend that has the header ignores the acknowledgement in a packet at the header's place. So
 * an ACK beyond ISN+1 must leave unchanged, behind a segment with the header.
 */
static bool is_further_on(const struct pp_flow *flow, const struct pp_packet *pkt)
{
	return pkt->seq - (flow->syn.isn + 2) < PP_SEQ_SPAN;
}

/**
 * pp_send_put_fits - whether the header can go into a packet
 * @flow: handshake in progress
 * @pkt: packet of the client
 *
 * Context: pp_flow.lock held.
 * Return: whether it can; if not, it goes ahead in a segment of its own
 */
bool pp_send_put_fits(const struct pp_flow *flow, const struct pp_packet *pkt)
{
	return (is_bare_ack(pkt) || pkt->seq == flow->syn.isn + 1) &&
	       !is_further_on(flow, pkt) && prefix_fits(flow, pkt);
}

/**
 * pp_send_put_header - send the header with a packet
 * @flow: handshake in progress
 * @pkt: packet of the client
 * @fits: result of pp_send_put_fits()
 * @ahead: if the header does not fit, set to a segment with it, to be sent ahead of the packet
 *
 * Context: pp_flow.lock held.
 * Return: verdict
 */
unsigned int pp_send_put_header(struct pp_flow *flow, struct pp_packet *pkt, bool fits,
				struct sk_buff **ahead)
{
	return fits ? prefix_header(flow, pkt) : put_ahead(flow, pkt, ahead);
}

/**
 * pp_send_put_on_ack - put the header on an ACK that has waited
 * @flow: handshake in progress
 * @skb: the ACK; its data begins with the IP header
 *
 * Context: pp_flow.lock held.
 * Return: whether the ACK may leave
 */
bool pp_send_put_on_ack(struct pp_flow *flow, struct sk_buff *skb)
{
	struct pp_packet pkt;

	return pp_packet_parse(&pkt, skb, flow->key.family, skb->dev) &&
	       prefix_header(flow, &pkt) == NF_ACCEPT;
}
