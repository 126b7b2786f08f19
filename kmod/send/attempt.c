// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: which SYN of a client the connection uses.
 *
 * Anybody can send a SYN with a client's address, and a client may open a new connection from the
 * same port. Both ends ignore a SYN inside a running connection. So a SYN with another number
 * changes nothing by itself: the entry remembers it in pp_flow.others. Every SYN leaves with its
 * number lowered by the header's length. If the backend answers another SYN, and the client
 * acknowledges that answer, the connection changes over to that SYN.
 *
 *   pp_flow.syn   pp_flow.others
 *   A             B                 a SYN with another number, B, has come
 *   A             B, answered       the backend has sent a SYN-ACK for B
 *   B             A                 the client has acknowledged that SYN-ACK
 *
 * If no SYN-ACK has come for pp_flow.syn, or one end has reset the connection, a newer SYN takes
 * its place at once. The older SYN is kept in pp_flow.others.
 */
#include "netlink/event.h"
#include "packet/option.h"
#include "send/internal.h"

/* A client's first flight is shorter than this: the window of a SYN-ACK is never scaled */
#define FIRST_WINDOW	BIT(16)

/**
 * pp_send_attempt_is_acked - whether a client's first ACK acknowledges the backend's answer
 * @syn: SYN that the client has sent
 * @ack: acknowledgement number of the client
 *
 * Context: pp_flow.lock held.
 * Return: whether @ack acknowledges the first or the last SYN-ACK for @syn exactly
 */
bool pp_send_attempt_is_acked(const struct pp_attempt *syn, u32 ack)
{
	return syn->answered && (ack == syn->backend_isn + 1 || ack == syn->late_isn + 1);
}

/* Change over to another SYN. The caller calls pp_send_attempt_report() after it has unlocked. */
static void attempt_go_over(struct pp_flow *flow, struct pp_attempt *other)
{
	lockdep_assert_held(&flow->lock);

	pp_send_hold_drop(flow);
	swap(flow->syn, *other);
	flow->proven = false;
	flow->closed = false;
	flow->reset_seen = false;
	flow->sent = 0;
	pp_send_trace_state(flow, __pp_send_flow_state(flow), PP_STATS_ATTR_REPLACED);
	flow->client_end = flow->syn.isn + 1;
	flow->backend_end = flow->syn.backend_isn + 1;
	if (flow->unique_id)
		pp_send_finish_tlvs(flow->rule, flow->header, flow->header_len);
	pp_rule_count(flow->rule, PP_RULE_TAGGED);
	pp_stats_inc(flow->net, TAGGED);
	pp_stats_inc(flow->net, REPLACED);
}

/**
 * pp_send_attempt_report - send the event that the connection uses another SYN
 * @flow: entry
 *
 * Context: under RCU; pp_flow.lock not held.
 */
void pp_send_attempt_report(struct pp_flow *flow)
{
	pp_netlink_event_tagged(flow);
}

/*
 * A free slot for one more SYN. If there is none, the oldest SYN without an answer is forgotten, or
 * the oldest of all: strays from before a client's SYN must not take its place.
 */
static struct pp_attempt *attempt_room(struct pp_flow *flow)
{
	struct pp_attempt *last = &flow->others[PP_OTHER_SYNS - 1], *other;

	for (other = flow->others; other < last && other->is_set; other++)
		;
	if (!other->is_set)
		return other;
	for (other = flow->others; other < last && other->answered; other++)
		;
	if (other->answered)
		other = flow->others;
	if (other->answered)
		WRITE_ONCE(flow->answered_before, true);
	if (!pp_send_evicted_note(flow, other))
		flow->is_unrecorded = true;
	flow->has_forgotten = true;
	memmove(other, other + 1, (last - other) * sizeof(*other));
	return last;
}

/**
 * pp_send_attempt_add - remember a SYN with another number
 * @flow: entry whose header the SYN's connection would get, too
 * @isn: number of the SYN
 * @wscale: window scale that the SYN offers
 *
 * If the connection changes over to the SYN at once, flow->syn.isn changes. Then the caller calls
 * pp_send_attempt_report() after it has unlocked.
 *
 * Context: pp_flow.lock held.
 */
void pp_send_attempt_add(struct pp_flow *flow, u32 isn, u8 wscale)
{
	struct pp_attempt *other = attempt_room(flow);

	lockdep_assert_held(&flow->lock);

	*other = (struct pp_attempt){
		.isn = isn,
		.client_wscale = wscale,
		.backend_wscale = PP_NO_WSCALE,
		.is_set = true,
	};
	if (!flow->syn.answered || flow->closed)
		attempt_go_over(flow, other);
}

/**
 * pp_send_attempt_revive - a SYN opens a connection again that one end has reset
 * @flow: entry that is closed
 * @isn: number of the SYN
 *
 * Context: pp_flow.lock held.
 */
void pp_send_attempt_revive(struct pp_flow *flow, u32 isn)
{
	struct pp_attempt *other;

	if (isn == flow->syn.isn)
		flow->closed = false;
	pp_send_for_each_other(other, flow)
		if (flow->closed && isn == other->isn)
			attempt_go_over(flow, other);
}

/* Whether a packet belongs to the client's first flight after an answer to @syn */
static bool attempt_fits(const struct pp_attempt *syn, const struct pp_packet *pkt)
{
	return pp_send_attempt_is_acked(syn, pkt->ack_seq) &&
	       pkt->seq - (syn->isn + 1) < FIRST_WINDOW;
}

/*
 * Whether a packet fits another SYN better than flow->syn. The SYN cookies for different SYNs can
 * be equal: the data encoded in them, such as the MSS, can make up for different sequence numbers.
 * Then the packet's own number decides: a client's first packet begins at ISN+1 most of the time.
 */
static bool attempt_fits_better(const struct pp_flow *flow, const struct pp_attempt *other,
				const struct pp_packet *pkt)
{
	return attempt_fits(other, pkt) &&
	       (pkt->seq == other->isn + 1 || !attempt_fits(&flow->syn, pkt));
}

/**
 * pp_send_attempt_choose - change over to another SYN if the client does
 * @flow: entry
 * @pkt: packet of the client with an ACK; it may not fit the connection as it is known
 *
 * If it returns true, the caller calls pp_send_attempt_report() after it has unlocked.
 *
 * Context: pp_flow.lock held.
 * Return: whether the connection has changed over
 */
bool pp_send_attempt_choose(struct pp_flow *flow, const struct pp_packet *pkt)
{
	struct pp_attempt *other;

	lockdep_assert_held(&flow->lock);

	if (pkt->seq == flow->syn.isn + 1 && attempt_fits(&flow->syn, pkt))
		return false;
	pp_send_for_each_other(other, flow) {
		if (!attempt_fits_better(flow, other, pkt))
			continue;
		attempt_go_over(flow, other);
		if (flow->ct)
			pp_send_guard_begin(flow->ct, flow);
		return true;
	}
	return false;
}

/* Whether a packet acknowledges the answer to @syn, and begins before its ISN+1 */
static bool attempt_has_before(const struct pp_attempt *syn, const struct pp_packet *pkt)
{
	return pp_send_attempt_is_acked(syn, pkt->ack_seq) && pp_send_guard_is_before(pkt, syn->isn);
}

/**
 * pp_send_attempt_is_before - whether a packet lies in the place of another SYN's header, or before
 * @flow: entry
 * @pkt: packet of the client with an ACK
 *
 * The backend may have forgotten flow->syn, and know this SYN only. Where the header of flow->syn
 * belongs then says nothing about the packet: it can be anywhere.
 *
 * Context: pp_flow.lock held.
 * Return: whether @pkt acknowledges the answer to a SYN in flow->others, begins before that SYN's
 * ISN+1, and does not fit flow->syn
 */
bool pp_send_attempt_is_before(const struct pp_flow *flow, const struct pp_packet *pkt)
{
	const struct pp_attempt *other;

	lockdep_assert_held(&flow->lock);

	if (attempt_fits(&flow->syn, pkt) || attempt_has_before(&flow->syn, pkt))
		return false;
	pp_send_for_each_other(other, flow)
		if (attempt_has_before(other, pkt))
			return true;
	return false;
}
