// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: the client's packets after its SYN.
 *
 * Owns the verdict on each of them. Until the backend acknowledges the header, the header is sent
 * with every packet of the client, in one of three forms (put.c):
 *
 *   bare ACK            -> the same packet, with the header as its payload;
 *                          the first bare ACK waits a moment for data (hold.c)
 *   data or FIN at      -> the header goes before the data in the same packet,
 *   ISN+1, with room       so that neither arrives without the other
 *   anything else       -> a segment with the header is sent ahead of it
 *
 * A client must not send anything before ISN+1 (guard.c).
 *
 * No timer here retransmits. If a header is lost, the backend retransmits its SYN-ACK or the client
 * its data, and the header is sent with the client's next packet.
 */
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_ecache.h>
#include <net/netfilter/nf_conntrack_seqadj.h>
#include "offload.h"
#include "send/internal.h"

/*
 * A reset of the client. The backend accepts a reset only at the exact number that it expects
 * next. Before the header is sent, that is the header's first byte. After that, it depends on
 * whether the header has arrived: two resets are sent, one for each case.
 */
static unsigned int reset_backend(struct pp_flow *flow, struct pp_packet *pkt,
				  struct sk_buff **ahead)
{
	struct tcphdr *th;

	flow->reset_seen = true;
	if (!pp_send_backend_believes(flow, pkt))
		return NF_ACCEPT;
	flow->closed = true;
	pp_send_trace_state(flow, PP_CONN_STATE_CLOSED, PP_STATS_ATTR_UNSPEC);
	pp_send_flow_touch(flow);
	if (flow->sent) {
		*ahead = pp_packet_make_sibling(pkt, pp_send_header_seq(flow, &flow->syn), NULL, 0);
		return *ahead ? NF_ACCEPT : NF_DROP;
	}
	if (pkt->seq != flow->syn.isn + 1)
		return NF_ACCEPT;
	pp_send_hold_drop(flow);
	th = pp_packet_make_writable(pkt);
	if (!th)
		return NF_DROP;
	pp_packet_set_seq(pkt, th, pp_send_header_seq(flow, &flow->syn));
	return NF_ACCEPT;
}

/*
 * The client resets the connection that the backend has answered for another SYN. The backend
 * expects the first byte of that connection's header, which never comes.
 */
static unsigned int reset_other(struct pp_flow *flow, const struct pp_attempt *other,
				struct pp_packet *pkt)
{
	struct tcphdr *th = pp_packet_make_writable(pkt);

	if (!th)
		return NF_DROP;
	pp_packet_set_seq(pkt, th, pp_send_header_seq(flow, other));
	return NF_ACCEPT;
}

/*
 * Whether a packet in the header's place carries nothing that matters. Keepalives and window
 * probes are at ISN, some of them with a byte of data. These, and plain acknowledgements, become an
 * ACK at ISN+1 with the header.
 */
static bool is_harmless(const struct pp_packet *pkt, u32 isn)
{
	if (pkt->th.syn || pkt->th.fin || !pkt->th.ack)
		return false;
	return !pkt->payload || (pkt->seq == isn && pkt->payload == 1);
}

static bool strip_probe(struct pp_packet *pkt)
{
	return !pkt->payload ||
	       (pp_packet_make_writable(pkt) && !pp_packet_trim_payload(pkt));
}

/*
 * Whether a packet's bytes in the header's place are the header's own. Then this host has put them
 * in, and the packet passes the hook a second time, for example through two bridges. If a client
 * sends exactly the header's bytes, that does no harm.
 */
static bool has_header_bytes(const struct pp_flow *flow, const struct pp_packet *pkt)
{
	u32 off = pkt->seq - pp_send_header_seq(flow, &flow->syn);
	u32 start = pkt->headers - off, end, len;
	const u8 *bytes;
	u8 chunk[64];

	if (pkt->th.syn || !pkt->payload || off >= flow->header_len)
		return false;
	end = min_t(u32, flow->header_len, off + pkt->payload);
	for (; off < end; off += len) {
		len = min_t(u32, end - off, sizeof(chunk));
		bytes = skb_header_pointer(pkt->skb, start + off, len, chunk);
		if (!bytes || memcmp(bytes, flow->header + off, len))
			return false;
	}
	return true;
}

/**
 * struct send_client - work for the time after pp_flow.lock is released
 * @ahead: segment to send ahead of the packet, or NULL
 * @is_other: the packet belongs to another connection than the handshake
 * @has_gone_over: the connection has changed over to another SYN
 */
struct send_client {
	struct sk_buff *ahead;
	bool is_other;
	bool has_gone_over;
};

/**
 * enum client_place - where a packet of the client lies, relative to the header's place
 * @CLIENT_UNANSWERED: not known: the backend has not answered the SYN
 * @CLIENT_BEFORE: in the header's place, or before it
 * @CLIENT_BEHIND: at ISN+1 or later, where the client's bytes belong; or a reset at ISN
 * @CLIENT_ELSEWHERE: too far away, or with a SYN flag: of another connection
 */
enum client_place {
	CLIENT_UNANSWERED,
	CLIENT_BEFORE,
	CLIENT_BEHIND,
	CLIENT_ELSEWHERE,
};

static enum client_place client_place_of(const struct pp_flow *flow, const struct pp_packet *pkt)
{
	if (!flow->syn.answered)
		return CLIENT_UNANSWERED;
	if (pp_send_guard_is_before(pkt, flow->syn.isn) && !pkt->th.rst)
		return CLIENT_BEFORE;
	if (pkt->th.syn || pkt->seq - flow->syn.isn >= PP_SEQ_SPAN)
		return CLIENT_ELSEWHERE;
	return CLIENT_BEHIND;
}

static unsigned int send_header_with(struct pp_flow *flow, struct pp_packet *pkt,
				     const struct nf_hook_state *state, struct send_client *send)
{
	bool fits;

	pp_send_note_client(flow, pkt);
	/* If memory is short, the old conntrack entry stays bound */
	pp_send_bind_ct(flow, pp_send_find_ct(pkt->skb));
	/* If conntrackd cannot update an entry, it creates it from the last event alone */
	if (flow->ct)
		nf_conntrack_event_cache(IPCT_SEQADJ, flow->ct);
	fits = pp_send_put_fits(flow, pkt);
	if (fits && flow->proven && pp_send_hold_begin(flow, pkt, state))
		return NF_STOLEN;
	pp_send_hold_end(flow, pkt);
	return pp_send_put_header(flow, pkt, fits, &send->ahead);
}

/*
 * The SYN has no answer, so it may be a stray SYN inside a running connection, whose packets must
 * pass unchanged. But if the backend has answered a SYN that is forgotten, no number is safe.
 */
static unsigned int send_unanswered(struct pp_flow *flow, struct pp_packet *pkt,
				    struct send_client *send)
{
	if (flow->answered_before && pkt->th.ack && !pkt->th.rst && !pkt->th.syn)
		return pp_send_guard_lower(flow->net, pkt);
	send->is_other = true;
	return NF_ACCEPT;
}

/* Whether an ACK may be the client's first in a connection with another SYN */
static bool may_choose(const struct pp_flow *flow, const struct pp_packet *pkt)
{
	return pkt->th.ack && !pkt->th.rst && !pkt->th.syn &&
	       !(flow->proven && pp_send_ack_is_credible(flow, pkt));
}

/* A packet at ISN+1 or later, or a harmless one before, which becomes an ACK at ISN+1 */
static unsigned int send_behind(struct pp_flow *flow, struct pp_packet *pkt,
				const struct nf_hook_state *state, struct send_client *send)
{
	if (flow->passes_again && pkt->dev->ifindex != flow->dev_client)
		return NF_ACCEPT;
	if (pkt->th.rst)
		return reset_backend(flow, pkt, &send->ahead);
	if (!pkt->th.ack)
		return NF_ACCEPT;
	if (!pp_send_ack_is_credible(flow, pkt) && !flow->is_remade)
		return pp_send_guard_lower(flow->net, pkt);
	return send_header_with(flow, pkt, state, send);
}

static unsigned int send_client_locked(struct pp_flow *flow, struct pp_packet *pkt,
				       const struct nf_hook_state *state,
				       struct send_client *send)
{
	const struct pp_attempt *other;

	lockdep_assert_held(&flow->lock);

	pp_send_for_each_other(other, flow)
		if (pkt->th.rst && other->answered && pkt->seq == other->isn + 1)
			return reset_other(flow, other, pkt);
	if (may_choose(flow, pkt)) {
		send->has_gone_over = pp_send_attempt_choose(flow, pkt);
		/* Changes nothing here: only its sender says that the backend knows that SYN */
		if (pp_send_attempt_is_before(flow, pkt))
			return pp_send_guard_lower(flow->net, pkt);
	}
	switch (client_place_of(flow, pkt)) {
	case CLIENT_UNANSWERED:
		return send_unanswered(flow, pkt, send);
	case CLIENT_BEFORE:
		if (has_header_bytes(flow, pkt))
			return NF_ACCEPT;
		if (!is_harmless(pkt, flow->syn.isn) || !strip_probe(pkt))
			return pp_send_guard_drop(flow->net);
		return send_behind(flow, pkt, state, send);
	case CLIENT_BEHIND:
		return send_behind(flow, pkt, state, send);
	default:
		send->is_other = true;
		return NF_ACCEPT;
	}
}

/*
 * Send a segment ahead of the client's packet. It skips the hooks after ours, so the last of their
 * changes is made here: for a client behind SYNPROXY, conntrack adjusts the numbers.
 * nf_ct_seq_adjust() fails for malformed options, even if it has nothing to adjust.
 *
 * Return: whether the segment has left. If not, the packet must not leave either: a backend with
 * SYN cookies would answer it with a reset.
 */
static bool send_ahead(struct sk_buff *skb, const struct nf_hook_state *state)
{
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	if (ct && pp_offload_is_adjusted(ct) &&
	    !nf_ct_seq_adjust(skb, ct, ctinfo, skb_transport_offset(skb))) {
		kfree_skb(skb);
		return false;
	}
	state->okfn(state->net, state->sk, skb);
	return true;
}

/**
 * pp_send_handle_client - handle a packet of the client that is not its SYN
 * @flow: handshake in progress
 * @pkt: packet
 * @state: of the hook
 *
 * Context: under RCU; pp_flow.lock not held.
 * Return: verdict
 */
unsigned int pp_send_handle_client(struct pp_flow *flow, struct pp_packet *pkt,
				   const struct nf_hook_state *state)
{
	struct send_client send = {};
	unsigned int verdict = NF_ACCEPT;
	bool is_dead;

	/* A segment made from a corrupt packet would get a correct checksum */
	if (!pp_packet_checksum_ok(pkt))
		return NF_ACCEPT;
	spin_lock_bh(&flow->lock);
	is_dead = flow->dead;
	if (!is_dead)
		verdict = send_client_locked(flow, pkt, state, &send);
	spin_unlock_bh(&flow->lock);
	/* A packet that leaves unchanged must not overtake the ACK that waits */
	if (verdict == NF_ACCEPT && READ_ONCE(flow->held))
		pp_send_hold_let_go(flow, false);
	if (is_dead || send.is_other)
		return pp_send_guard_client(flow->net, pkt, &flow->key, state, is_dead);
	if (send.has_gone_over)
		pp_send_attempt_report(flow);
	if (send.ahead && !send_ahead(send.ahead, state))
		return NF_DROP;
	return verdict;
}
