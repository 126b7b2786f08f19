// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: segments that are made in the name of one end for the other.
 *
 * Owns those that take a half-open connection back, acknowledge a header, or refuse a connection.
 * Those of the second handshake are in replay.c, challenges in challenge.c, and keepalives in
 * ask.c.
 */
#include <net/tcp.h>
#include "accept/inject.h"
#include "accept/internal.h"
#include "accept/pending.h"
#include "packet/segment.h"

/**
 * pp_accept_inject_segment - make a segment and inject it
 * @entry: its connection, not locked
 * @segment: content of the segment
 * @dev: device that it comes by
 * @mark: mark of the packet
 *
 * Context: as pp_accept_inject_packet(). Without memory nothing is injected.
 */
void pp_accept_inject_segment(struct pp_accept *entry, const struct pp_segment *segment,
			      struct net_device *dev, u32 mark)
{
	struct sk_buff *skb = pp_packet_make_segment(segment);

	if (!skb)
		return;
	skb->mark = mark;
	pp_accept_inject_packet(entry, skb, dev);
}

/**
 * pp_accept_take_back - make the listener forget the load balancer's SYN
 * @entry: connection, not locked
 * @half_open: the listener's request socket, whose reference is released; NULL: a reset in L's name
 *	is injected, for conntrack and a destination elsewhere
 * @dev: device that its packets come by; may be NULL with @half_open
 *
 * So a connection that never sends a header costs the listener nothing.
 *
 * Context: as pp_accept_inject_packet().
 */
void pp_accept_take_back(struct pp_accept *entry, struct sock *half_open,
			 struct net_device *dev)
{
	struct pp_segment segment = {
		.key = entry->wire,
		.seq = entry->isn + 1,
		.flags = TCPHDR_RST,
	};

	if (half_open) {
		tcp_abort(half_open, ECONNABORTED);
		sock_gen_put(half_open);
		return;
	}
	pp_accept_inject_segment(entry, &segment, dev, 0);
}

static void accept_transmit_segment(struct pp_accept *entry, struct sk_buff *skb)
{
	if (skb)
		pp_accept_transmit_packet(entry, skb);
}

/* The window in a SYN-ACK is not scaled, later ones are */
static u16 scaled_window(const struct pp_pending *pending)
{
	const struct pp_synack *synack = &pending->synack;
	u8 shift = synack->options.wscale == PP_NO_WSCALE ? 0 : synack->options.wscale;

	return max(synack->window >> shift, 1);
}

static struct sk_buff *craft_header_ack(const struct pp_accept *entry,
					const struct pp_pending *pending, u32 ack)
{
	u8 options[PP_TIMESTAMP_LEN];
	struct pp_segment segment = {
		.key = pp_key_reverse(&entry->wire),
		.seq = entry->isn_local + 1,
		.ack = ack,
		.flags = TCPHDR_ACK,
		.window = scaled_window(pending),
		.options = options,
		.options_len = pending->synack.options.timestamps ? sizeof(options) : 0,
	};

	/* V's clock stands still until the application has the connection */
	pp_packet_put_timestamps(options, pending->synack.ts_last, pending->ts_remote);
	return pp_packet_make_segment(&segment);
}

/**
 * pp_accept_acknowledge - acknowledge the bytes of the header that have come
 * @entry: connection, not locked
 *
 * Once the connection is accepted, nothing is sent: V acknowledges by itself.
 *
 * Context: as pp_accept_transmit_packet().
 */
void pp_accept_acknowledge(struct pp_accept *entry)
{
	const struct pp_pending *pending;
	struct sk_buff *skb = NULL;

	spin_lock_bh(&entry->lock);
	pending = entry->pending;
	if (pending && entry->header_len)
		skb = craft_header_ack(entry, pending, pp_accept_data_seq(entry));
	else if (pending)
		skb = craft_header_ack(entry, pending, entry->isn + 1 + pending->have);
	spin_unlock_bh(&entry->lock);
	accept_transmit_segment(entry, skb);
}

/**
 * pp_accept_acknowledge_all - acknowledge the whole header
 * @entry: connection that has just been accepted, not locked
 * @pending: from pp_accept_set_established()
 *
 * Context: as pp_accept_transmit_packet().
 */
void pp_accept_acknowledge_all(struct pp_accept *entry, const struct pp_pending *pending)
{
	accept_transmit_segment(entry, craft_header_ack(entry, pending, pp_accept_data_seq(entry)));
}

static void reset_balancer(struct pp_accept *entry, u32 ack)
{
	struct pp_segment segment = {
		.key = pp_key_reverse(&entry->wire),
		.seq = entry->isn_local + 1,
		.ack = ack,
		.flags = TCPHDR_RST | TCPHDR_ACK,
	};

	accept_transmit_segment(entry, pp_packet_make_segment(&segment));
}

static bool is_refusal(enum pp_stats_attr reason)
{
	return reason != PP_STATS_ATTR_REJECTED && reason != PP_STATS_ATTR_REPLACED;
}

/**
 * pp_accept_refuse - end a pending connection, and reset both ends
 * @entry: connection, not locked; nothing is done if it is accepted or dead
 * @reason: counter of what ended it
 * @dev: device that its packets come by, if packets may be injected here, or NULL
 *
 * V is reset if it may know of the connection. Otherwise a SYN-ACK that V retransmits would reach
 * the real client, or a listener that waits for L's last ACK would take the header for data. L is
 * reset unless it has ended the connection or begun a new one.
 *
 * Context: as pp_accept_transmit_packet(); with @dev as pp_accept_inject_packet().
 */
void pp_accept_refuse(struct pp_accept *entry, enum pp_stats_attr reason,
		      struct net_device *dev)
{
	struct pp_segment to_listener = { .flags = TCPHDR_RST };
	u32 ack = entry->isn + 1;
	bool dead, answered = false;

	spin_lock_bh(&entry->lock);
	dead = entry->state == PP_ACCEPT_DEAD || !entry->pending;
	if (!dead) {
		ack += entry->header_len ? entry->header_len : entry->pending->have;
		/* in PP_ACCEPT_SYN, inner and the number are still those of L's SYN */
		answered = entry->state != PP_ACCEPT_HEADER;
		to_listener.key = entry->inner;
		to_listener.seq = pp_accept_data_seq(entry);
		if (entry->state >= PP_ACCEPT_REPLAY && !entry->is_here)
			pp_accept_guess_far(entry);
		if (entry->state != PP_ACCEPT_SYN && is_refusal(reason))
			pp_rule_count(entry->pending->rule, PP_RULE_REFUSED);
		__pp_accept_kill(entry, reason);
	}
	spin_unlock_bh(&entry->lock);
	if (!dead && answered && dev)
		pp_accept_inject_segment(entry, &to_listener, dev, 0);
	if (!dead && reason != PP_STATS_ATTR_ABANDONED && reason != PP_STATS_ATTR_REPLACED)
		reset_balancer(entry, ack);
}

/**
 * pp_accept_replace - end a connection, as a new one of the same ends begins
 * @entry: connection that is not alive, not locked
 * @dev: device that its packets come by
 *
 * Context: as pp_accept_inject_packet().
 */
void pp_accept_replace(struct pp_accept *entry, struct net_device *dev)
{
	pp_accept_refuse(entry, PP_STATS_ATTR_REPLACED, dev);
	/* An accepted one, which pp_accept_refuse() leaves alone */
	pp_accept_kill(entry, PP_STATS_ATTR_REPLACED);
}
