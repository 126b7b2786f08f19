// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: asking the load balancer about a segment in its name.
 *
 * Owns the challenge (RFC 5961). It is an acknowledgement that L gets before its connection is
 * accepted, if a SYN or a reset has another number than expected. If L knows nothing of the
 * connection, it answers with a reset that has exactly the expected number.
 */
#include "accept/inject.h"
#include "accept/internal.h"
#include "accept/pending.h"
#include "packet/segment.h"

/* Challenges of a connection are at least this far apart, as TCP limits its own (RFC 5961, 7) */
#define CHALLENGE_INTERVAL	(HZ / 2)

/* L's next sequence number, as far as it is or may be acknowledged. With the entry's lock held. */
static u32 number_expected(const struct pp_accept *entry)
{
	const struct pp_pending *pending = entry->pending;
	bool may_acknowledge = pending->rule->accept.header_need != PP_HEADER_OPTIONAL ||
			       pp_accept_is_distinct(pending);

	if (entry->state == PP_ACCEPT_SYN)
		return entry->isn + 1;
	if (entry->state == PP_ACCEPT_HEADER)
		return entry->isn + 1 + (may_acknowledge ? pending->have : 0);
	return pp_accept_data_seq(entry);
}

/*
 * A reset must also have the right acknowledgement number, if it has one: conntrack and some hosts
 * check it
 */
static bool acknowledges_synack(const struct pp_accept *entry, const struct pp_packet *pkt)
{
	const struct pp_pending *pending = entry->pending;

	if (entry->state != PP_ACCEPT_SYN)
		return pkt->ack_seq == entry->isn_local + 1;
	return (pending->synacks > 0 && pkt->ack_seq == pending->synack.isn + 1) ||
	       (pending->synacks > 1 && pkt->ack_seq == pending->other_synack.isn + 1);
}

/**
 * pp_accept_is_exact_reset - whether L's TCP would have sent this reset
 * @entry: pending connection, with its lock held
 * @pkt: packet
 *
 * Its number must be the one that L was last told, or the one behind all that L has sent.
 *
 * Return: whether it is such a reset
 */
bool pp_accept_is_exact_reset(const struct pp_accept *entry, const struct pp_packet *pkt)
{
	const struct pp_pending *pending = entry->pending;

	if (!pkt->th.rst || (pkt->th.ack && !acknowledges_synack(entry, pkt)))
		return false;
	return pkt->seq == number_expected(entry) ||
	       (entry->state == PP_ACCEPT_HEADER && pkt->seq == entry->isn + 1 + pending->have) ||
	       (entry->state >= PP_ACCEPT_REPLAY && pkt->seq == pending->queue_end);
}

/**
 * pp_accept_is_probe - whether a segment of L only asks for an acknowledgement
 * @entry: pending connection whose SYN-ACK L has acknowledged, with its lock held
 * @pkt: packet of L
 *
 * It is a probe of a closed window, or a keepalive.
 *
 * Return: whether it is one
 */
bool pp_accept_is_probe(const struct pp_accept *entry, const struct pp_packet *pkt)
{
	return !pkt->th.rst && !pkt->th.fin && !pkt->payload &&
	       before(pkt->seq, number_expected(entry));
}

static struct sk_buff *craft_challenge(struct pp_accept *entry)
{
	struct pp_pending *pending = entry->pending;
	const struct pp_synack *synack = &pending->synack;
	u8 shift = synack->options.wscale == PP_NO_WSCALE ? 0 : synack->options.wscale;
	u8 options[PP_TIMESTAMP_LEN];
	struct pp_segment segment = {
		.key = pp_key_reverse(&entry->wire),
		.seq = synack->isn + 1,
		.ack = number_expected(entry),
		.flags = TCPHDR_ACK,
		.window = max(synack->window >> shift, 1),
		.options = options,
		.options_len = synack->options.timestamps ? sizeof(options) : 0,
	};

	pp_packet_put_timestamps(options, synack->ts_last, pending->ts_remote);
	return pp_packet_make_segment(&segment);
}

/**
 * pp_accept_challenge - ask L whether it has sent a segment that anybody could have sent
 * @entry: connection, not locked
 *
 * Context: PRE_ROUTING, under RCU.
 */
void pp_accept_challenge(struct pp_accept *entry)
{
	struct pp_pending *pending;
	struct sk_buff *skb = NULL;

	spin_lock_bh(&entry->lock);
	pending = entry->pending;
	if (pending && (!pending->challenged ||
			time_after(jiffies, pending->challenged + CHALLENGE_INTERVAL))) {
		pending->challenged = jiffies;
		skb = craft_challenge(entry);
	}
	spin_unlock_bh(&entry->lock);
	if (skb)
		pp_accept_transmit_packet(entry, skb);
}
