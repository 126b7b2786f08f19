// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: the backend's packets on their way to the client.
 *
 * Owns the clamp, which hides the borrowed sequence space from the client and
 * from conntrack. Of the acknowledgement numbers that the backend can send
 *
 *   ISN-H+1 ........................ ISN+1 ...................... ISN+1+2^30
 *      header not acknowledged yet     |  header acknowledged
 *      -> ISN+1, window smaller by     |  -> untouched, the entry is deleted
 *         as much: the right edge of   |
 *         the window stays where it is |
 *
 * and all others belong to another connection with the same addresses.
 *
 * The acknowledgement at ISN+1 itself, where it carries nothing else, goes no
 * further: the client, who knows of no header, has had that number already.
 */
#include <linux/bitops.h>
#include <linux/ipv6.h>
#include <linux/unaligned.h>
#include <net/tcp.h>
#include "send.h"

/* Acknowledgements this far behind the header still belong to the connection */
#define ACKED_SPAN	BIT(30)

/* A SYN cookie is good for few numbers at the longest header's place, and none else */
#define COOKIE_SPAN	(PP_HEADER_SEND_MAX + 16)

/* What a host takes that does not say: RFC 9293, 3.7.1 */
#define DEFAULT_MSS_IPV4	TCP_MSS_DEFAULT
#define DEFAULT_MSS_IPV6	(IPV6_MIN_MTU - sizeof(struct ipv6hdr) - sizeof(struct tcphdr))

static void read_synack_options(struct pp_flow *flow, const struct tcphdr *th)
{
	const u8 *bytes = (const u8 *)th;
	struct pp_option opt = {};

	flow->backend_wscale = PP_NO_WSCALE;
	flow->backend_mss = flow->key.family == PP_IPV6 ? DEFAULT_MSS_IPV6 : DEFAULT_MSS_IPV4;
	while (pp_packet_next_option(th, &opt)) {
		if (opt.kind == TCPOPT_WINDOW && opt.len == TCPOLEN_WINDOW)
			flow->backend_wscale = min_t(u8, bytes[opt.off + 2], TCP_MAX_WSCALE);
		if (opt.kind == TCPOPT_MSS && opt.len == TCPOLEN_MSS)
			flow->backend_mss = get_unaligned_be16(bytes + opt.off + 2);
	}
}

/* Selective acknowledgements beside a moved acknowledgement would contradict it */
static void blot_sack(struct pp_packet *pkt, struct tcphdr *th)
{
	struct pp_option opt = {};

	while (pp_packet_next_option(th, &opt))
		if (opt.kind == TCPOPT_SACK)
			pp_packet_nop_option(pkt, th, &opt);
}

/* Windows of SYNs are never scaled, later ones are if both sides offered it */
static unsigned int window_shift(const struct pp_flow *flow, const struct tcphdr *th)
{
	if (th->syn || flow->client_wscale == PP_NO_WSCALE ||
	    flow->backend_wscale == PP_NO_WSCALE)
		return 0;
	return flow->backend_wscale;
}

static unsigned int clamp_reply(struct pp_flow *flow, struct pp_packet *pkt, u32 missing)
{
	struct tcphdr *th = pp_packet_write(pkt);
	unsigned int cut;
	u16 window;

	if (!th)
		return NF_DROP;
	if (th->syn) {
		flow->synack = true;
		if (flow->ct)
			pp_guard_begin(flow->ct, flow->isn, true);
		read_synack_options(flow, th);
	} else {
		blot_sack(pkt, th);
	}
	cut = DIV_ROUND_UP(missing, 1U << window_shift(flow, th));
	window = ntohs(th->window);
	window = window > cut ? window - cut : 0;
	pp_packet_set_ack(pkt, th, flow->isn + 1, window);
	flow->told = (u32)window << window_shift(flow, th);
	pp_stats_inc(flow->net, CLAMPED);
	return NF_ACCEPT;
}

/*
 * The backend answers to the handshake that was replaced. The client resets that
 * one, by a number that conntrack and then the backend must find right.
 */
static bool is_of_old(const struct pp_flow *flow, const struct pp_packet *pkt)
{
	return pkt->th.ack && pkt->ack_seq - (flow->old_isn - flow->old_len + 1) < flow->old_len;
}

static unsigned int clamp_old(struct pp_flow *flow, struct pp_packet *pkt)
{
	struct tcphdr *th = pp_packet_write(pkt);

	if (!th)
		return NF_DROP;
	pp_packet_set_ack(pkt, th, flow->old_isn + 1, ntohs(th->window));
	pp_stats_inc(flow->net, CLAMPED);
	return NF_ACCEPT;
}

static bool has_news_options(const struct pp_packet *pkt)
{
	u8 bytes[PP_TCP_HEADER_MAX] __aligned(4);
	struct pp_option opt = {};
	const struct tcphdr *th;

	th = skb_header_pointer(pkt->skb, pkt->thoff, pkt->th.doff * 4, bytes);
	if (!th)
		return true;
	while (pp_packet_next_option(th, &opt))
		if (opt.kind != TCPOPT_TIMESTAMP)
			return true;
	return false;
}

/*
 * Whether there is more room than the client has been told of. Scaled windows are
 * rounded up; who has been told of less than a unit may be waiting for it.
 */
static bool opens_window(const struct pp_flow *flow, const struct pp_packet *pkt)
{
	unsigned int shift = window_shift(flow, &pkt->th);
	u32 unit = 1U << shift;

	return flow->told < unit || (u32)ntohs(pkt->th.window) << shift >= flow->told + unit;
}

/*
 * Whether the client learns nothing from the packet that acknowledges the header.
 * Any network may lose such a packet, and none is missed; but where the client has
 * reset the connection, it may be the backend's question whether it has
 * (RFC 5961, 3.2), which only the client can answer.
 */
static bool is_no_news(const struct pp_flow *flow, const struct pp_packet *pkt)
{
	return flow->sent && !flow->closed && pkt->ack_seq == flow->isn + 1 && !pkt->payload &&
	       tcp_flag_byte(&pkt->th) == TCPHDR_ACK && !opens_window(flow, pkt) &&
	       !has_news_options(pkt);
}

static unsigned int acknowledged(struct pp_flow *flow, const struct pp_packet *pkt)
{
	bool absorb = is_no_news(flow, pkt);

	if (flow->ct)
		pp_guard_narrow(flow->ct, flow->isn - flow->low_isn + COOKIE_SPAN);
	/*
	 * A SYN-ACK for the unmoved SYN: it had left before the rule came;
	 * or the header went to an accept rule of this host, which says so
	 */
	__pp_flow_kill(flow, pkt->th.syn && !flow->sent ? PP_STATS_ATTR_UNTAGGED :
							  PP_STATS_ATTR_ACKED);
	if (!absorb)
		return NF_ACCEPT;
	pp_stats_inc(flow->net, ABSORBED);
	return NF_STOLEN;
}

static unsigned int reply_locked(struct pp_flow *flow, struct pp_packet *pkt)
{
	u32 first = flow->isn - flow->header_len + 1;
	u32 acked = pkt->ack_seq - first;
	unsigned int verdict = NF_ACCEPT;

	if (is_of_old(flow, pkt))
		return clamp_old(flow, pkt);
	if (pkt->th.rst)
		flow->closed = true;
	if (pkt->th.ack && acked < flow->header_len)
		verdict = clamp_reply(flow, pkt, flow->header_len - acked);
	else if (pkt->th.ack && acked - flow->header_len < ACKED_SPAN)
		return acknowledged(flow, pkt);
	pp_flow_touch(flow);
	return verdict;
}

/**
 * pp_send_reply - the backend answers
 * @flow: handshake in progress, under RCU
 * @pkt: packet
 *
 * Return: verdict; of NF_STOLEN, the packet is gone
 */
unsigned int pp_send_reply(struct pp_flow *flow, struct pp_packet *pkt)
{
	unsigned int verdict = NF_ACCEPT;

	if (!pp_packet_checksum_ok(pkt))
		return NF_ACCEPT;
	spin_lock_bh(&flow->lock);
	if (!flow->dead)
		verdict = reply_locked(flow, pkt);
	spin_unlock_bh(&flow->lock);
	/* No error: nobody has done anything wrong */
	if (verdict == NF_STOLEN)
		consume_skb(pkt->skb);
	return verdict;
}
