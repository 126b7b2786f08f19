// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: the backend's packets on their way to the client.
 *
 * Owns the clamp, which hides the borrowed sequence space from the client and from conntrack. The
 * backend's acknowledgement number decides:
 *
 *   ISN-H+1 ........................ ISN+1 ...................... client_end
 *      header not acknowledged yet     |  header acknowledged
 *      -> ISN+1, and the window is     |  -> unchanged, the entry is deleted
 *         smaller by the difference:   |
 *         its right edge stays         |
 *
 * A packet with any other number belongs to another connection with the same addresses and ports.
 *
 * A packet that only acknowledges the header, at exactly ISN+1, is not forwarded: the client knows
 * nothing of a header, and has had this number in the SYN-ACK.
 */
#include <linux/ipv6.h>
#include <net/tcp.h>
#include "packet/option.h"
#include "send/internal.h"

/* The MSS of a host that sends no MSS option: RFC 9293, 3.7.1 */
#define DEFAULT_MSS_IPV4	TCP_MSS_DEFAULT
#define DEFAULT_MSS_IPV6	(IPV6_MIN_MTU - sizeof(struct ipv6hdr) - sizeof(struct tcphdr))

/**
 * pp_send_default_mss - the MSS of a host that sends no MSS option
 * @family: of its address
 *
 * Context: any.
 * Return: MSS in bytes
 */
u16 pp_send_default_mss(enum pp_family family)
{
	return family == PP_IPV6 ? DEFAULT_MSS_IPV6 : DEFAULT_MSS_IPV4;
}

static void read_synack_options(struct pp_flow *flow, struct pp_attempt *syn,
				const struct tcphdr *th)
{
	struct pp_syn_options opts;

	pp_packet_read_options(th, &opts);
	syn->backend_wscale = opts.wscale;
	if (opts.has_mss)
		syn->backend_mss = opts.mss;
	else
		syn->backend_mss = pp_send_default_mss(flow->key.family);
}

/* A SACK block may begin at the raised acknowledgement number, and would contradict it */
static void blot_sack(struct pp_packet *pkt, struct tcphdr *th)
{
	struct pp_option opt = {};

	while (pp_packet_next_option(th, &opt))
		if (opt.kind == TCPOPT_SACK)
			pp_packet_nop_option(pkt, th, &opt);
}

/* The window of a SYN is never scaled; later windows are if both sides have offered a scale */
static unsigned int window_shift(const struct pp_attempt *syn, const struct tcphdr *th)
{
	if (th->syn || syn->client_wscale == PP_NO_WSCALE || syn->backend_wscale == PP_NO_WSCALE)
		return 0;
	return syn->backend_wscale;
}

/*
 * Record a SYN-ACK. A retransmitted SYN-ACK is no progress, since anybody can cause it with a SYN.
 * But without conntrack nothing else guards the header's place: then the entry must outlast the
 * SYN cookie in the last SYN-ACK.
 */
static void note_synack(struct pp_flow *flow, struct pp_attempt *syn, const struct pp_packet *pkt,
			const struct tcphdr *th)
{
	bool is_now = syn == &flow->syn;

	if (!syn->answered || !flow->ct)
		pp_send_flow_touch(flow);
	if (!syn->answered) {
		read_synack_options(flow, syn, th);
		syn->backend_isn = pkt->seq;
		syn->late_isn = pkt->seq;
		if (is_now) {
			flow->backend_end = pkt->seq + 1;
			pp_send_trace_state(flow, PP_CONN_STATE_SYN_RECV, PP_STATS_ATTR_UNSPEC);
		}
	} else if (pkt->seq != syn->backend_isn && pkt->seq != syn->late_isn) {
		if (syn->late_isn != syn->backend_isn) {
			flow->answered_before = true;
			if (!pp_send_evicted_note(flow, syn))
				flow->is_unrecorded = true;
		}
		syn->late_isn = pkt->seq;
	}
	WRITE_ONCE(syn->answered, true);
	if (flow->ct && is_now)
		pp_send_guard_begin(flow->ct, flow);
}

/* Clamp a reply whose acknowledgement number lies in the place of the header for @syn */
static unsigned int clamp_reply(struct pp_flow *flow, struct pp_attempt *syn,
				struct pp_packet *pkt)
{
	u32 missing = syn->isn + 1 - pkt->ack_seq;
	struct tcphdr *th = pp_packet_make_writable(pkt);
	bool is_first = !syn->answered;
	unsigned int shift, cut;
	u16 window;

	if (!th)
		return NF_DROP;
	if (th->syn)
		note_synack(flow, syn, pkt, th);
	else
		blot_sack(pkt, th);
	shift = window_shift(syn, th);
	cut = DIV_ROUND_UP(missing, 1U << shift);
	window = ntohs(th->window);
	/* A window that was open stays open if there is any room left, or the client would stall */
	if (window)
		window = window > cut ? window - cut : (u32)window << shift > missing;
	pp_packet_set_ack(pkt, th, syn->isn + 1, window);
	/* The client takes the window of its first SYN-ACK, and of later acceptable packets */
	if (th->syn ? is_first : pp_send_client_takes(flow, pkt))
		syn->told = (u32)window << shift;
	flow->dev_reply = pkt->dev->ifindex;
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
 * Whether the window is larger than the one that the client was last advertised. Scaled windows are
 * rounded, so a difference of less than a unit does not count. A client with less than one unit may
 * be waiting for a larger window.
 */
static bool opens_window(const struct pp_flow *flow, const struct pp_packet *pkt)
{
	unsigned int shift = window_shift(&flow->syn, &pkt->th);
	u32 unit = 1U << shift, told = flow->syn.told;

	return told < unit || (u32)ntohs(pkt->th.window) << shift >= told + unit;
}

/*
 * Whether a packet that acknowledges the header tells the client nothing new. Networks lose such
 * packets, and no TCP waits for one. But if the client has reset the connection, or has sent
 * another SYN, the packet may be a challenge ACK (RFC 5961, 3.2 and 4.2), which the client must
 * answer.
 */
static bool is_no_news(const struct pp_flow *flow, const struct pp_packet *pkt)
{
	return flow->sent && !flow->reset_seen && !flow->closed && !flow->others[0].is_set &&
	       pkt->ack_seq == flow->syn.isn + 1 && !pkt->payload &&
	       tcp_flag_byte(&pkt->th) == TCPHDR_ACK && !opens_window(flow, pkt) &&
	       !has_news_options(pkt);
}

static unsigned int header_acknowledged(struct pp_flow *flow, const struct pp_packet *pkt)
{
	bool absorb = is_no_news(flow, pkt);

	if (flow->ct)
		pp_send_guard_narrow(flow->ct, flow);
	__pp_send_flow_kill(flow, PP_STATS_ATTR_ACKED);
	if (!absorb)
		return NF_ACCEPT;
	pp_stats_inc(flow->net, ABSORBED);
	return NF_STOLEN;
}

/*
 * Whether a reply was clamped in an earlier pass of this hook, for example on another bridge. It
 * looks like the acknowledgement of the header, but comes by another device. If the backend has
 * only changed its route, its next data or acknowledgement ends the handshake.
 */
static bool is_clamped_already(const struct pp_flow *flow, const struct pp_packet *pkt)
{
	return flow->dev_reply && flow->dev_reply != pkt->dev->ifindex && pkt->th.ack &&
	       pkt->ack_seq == flow->syn.isn + 1 && !pkt->payload && !pkt->th.fin;
}

/* Whether a backend that has not received the whole header for @syn expects this number */
static bool is_in_header(const struct pp_flow *flow, const struct pp_attempt *syn, u32 ack)
{
	return ack - pp_send_header_seq(flow, syn) < flow->header_len;
}

/*
 * Whether the backend has the header: the header was sent, and the packet acknowledges it, but no
 * more than the client has sent
 */
static bool acknowledges_header(const struct pp_flow *flow, const struct pp_packet *pkt)
{
	u32 first = flow->syn.isn + 1;

	return flow->sent && pkt->ack_seq - first <= flow->client_end - first;
}

/* The SYN that a number acknowledges exactly, without any byte of the header, or NULL */
static struct pp_attempt *find_acked_syn(struct pp_flow *flow, u32 ack)
{
	struct pp_attempt *other;

	if (ack == pp_send_header_seq(flow, &flow->syn))
		return &flow->syn;
	pp_send_for_each_other(other, flow)
		if (ack == pp_send_header_seq(flow, other))
			return other;
	return NULL;
}

/*
 * Before the header is sent, all numbers that the backend acknowledges are lower by the header's
 * length than the client's. If such a number does not acknowledge the SYN, raise it by that length.
 * Unchanged, it could acknowledge the SYN by chance for the client and for conntrack.
 */
static unsigned int raise_ack(struct pp_flow *flow, struct pp_packet *pkt)
{
	struct tcphdr *th;

	if (!flow->is_opening && !flow->without_ct)
		return NF_ACCEPT;
	th = pp_packet_make_writable(pkt);
	if (!th)
		return NF_DROP;
	pp_packet_set_ack(pkt, th, pkt->ack_seq + flow->header_len, ntohs(th->window));
	return NF_ACCEPT;
}

/*
 * A SYN-ACK usually acknowledges one of the SYNs. If it acknowledges the unmoved number, the SYN
 * left before the rule existed: the connection gets no header. Otherwise, if a SYN was forgotten,
 * the answer may be for that one.
 */
static unsigned int reply_with_synack(struct pp_flow *flow, struct pp_packet *pkt)
{
	struct pp_attempt *syn = find_acked_syn(flow, pkt->ack_seq);

	if (syn)
		return clamp_reply(flow, syn, pkt);
	if (!flow->syn.answered && pkt->ack_seq == flow->syn.isn + 1) {
		__pp_send_flow_kill(flow, PP_STATS_ATTR_UNTAGGED);
		return NF_ACCEPT;
	}
	if (flow->has_forgotten)
		WRITE_ONCE(flow->answered_before, true);
	return raise_ack(flow, pkt);
}

/*
 * A client that waits for a SYN-ACK accepts a reset by its acknowledgement number. So a number that
 * does not acknowledge the SYN must stay wrong (raise_ack()).
 */
static unsigned int reply_with_reset(struct pp_flow *flow, struct pp_packet *pkt)
{
	bool is_believed = pp_send_client_believes(flow, pkt);
	struct pp_attempt *syn = find_acked_syn(flow, pkt->ack_seq);

	if (is_believed) {
		flow->closed = true;
		pp_send_trace_state(flow, PP_CONN_STATE_CLOSED, PP_STATS_ATTR_UNSPEC);
		pp_send_flow_touch(flow);
	}
	if (!pkt->th.ack)
		return NF_ACCEPT;
	if (!syn && flow->sent && is_in_header(flow, &flow->syn, pkt->ack_seq))
		syn = &flow->syn;
	if (syn)
		return clamp_reply(flow, syn, pkt);
	if (is_believed && acknowledges_header(flow, pkt))
		return header_acknowledged(flow, pkt);
	return flow->proven ? NF_ACCEPT : raise_ack(flow, pkt);
}

/*
 * If the SYN has no answer, the packet belongs to another connection, and the SYN was a stray one
 * inside it. Before the header is sent, the backend cannot acknowledge a part of it: such a packet
 * is dropped. So is data that acknowledges a part, which hardly any backend sends. The header's
 * length must not widen what a forger's acknowledgement number may be; a backend sends such data
 * again when it has the whole header.
 */
static unsigned int reply_with_ack(struct pp_flow *flow, struct pp_packet *pkt)
{
	struct pp_attempt *other;

	if (!flow->syn.answered)
		return NF_ACCEPT;
	if (is_in_header(flow, &flow->syn, pkt->ack_seq)) {
		if (pkt->ack_seq != pp_send_header_seq(flow, &flow->syn) &&
		    (!flow->sent || pkt->payload || pkt->th.fin))
			return NF_DROP;
		if (pp_send_client_takes(flow, pkt))
			pp_send_note_backend(flow, pkt);
		return clamp_reply(flow, &flow->syn, pkt);
	}
	if (pp_send_client_takes(flow, pkt) && acknowledges_header(flow, pkt))
		return header_acknowledged(flow, pkt);
	pp_send_for_each_other(other, flow)
		if (is_in_header(flow, other, pkt->ack_seq))
			return clamp_reply(flow, other, pkt);
	return NF_ACCEPT;
}

static unsigned int send_reply_locked(struct pp_flow *flow, struct pp_packet *pkt)
{
	if (is_clamped_already(flow, pkt))
		return NF_ACCEPT;
	if (pkt->th.rst)
		return reply_with_reset(flow, pkt);
	if (!pkt->th.ack)
		return NF_ACCEPT;
	if (pkt->th.syn)
		return reply_with_synack(flow, pkt);
	return reply_with_ack(flow, pkt);
}

/**
 * pp_send_handle_reply - handle a packet of the backend
 * @flow: handshake in progress
 * @pkt: packet
 *
 * Context: under RCU; pp_flow.lock not held.
 * Return: verdict; with NF_STOLEN, the packet is freed
 */
unsigned int pp_send_handle_reply(struct pp_flow *flow, struct pp_packet *pkt)
{
	unsigned int verdict = NF_ACCEPT;

	if (!pp_packet_checksum_ok(pkt))
		return NF_ACCEPT;
	spin_lock_bh(&flow->lock);
	if (!flow->dead)
		verdict = send_reply_locked(flow, pkt);
	spin_unlock_bh(&flow->lock);
	/* Not kfree_skb(): the packet is no loss that drop monitors should show */
	if (verdict == NF_STOLEN)
		consume_skb(pkt->skb);
	return verdict;
}
