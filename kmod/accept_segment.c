// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: what is said to one end in the name of the other.
 *
 * Owns the segments that take a handshake back, acknowledge a header, and refuse a
 * connection; those of the second handshake are in accept_replay.c.
 */
#include <net/tcp.h>
#include "accept.h"
#include "craft.h"
#include "event.h"

/**
 * pp_accept_inject - make a segment and let it come in
 * @entry: its connection, not locked
 * @segment: what it holds
 * @dev: device that it comes by
 * @mark: of the packet
 */
void pp_accept_inject(struct pp_accept *entry, const struct pp_segment *segment,
		      struct net_device *dev, u32 mark)
{
	struct sk_buff *skb = pp_craft(segment);

	if (!skb)
		return;
	skb->mark = mark;
	pp_craft_inject(entry, skb, dev);
}

/**
 * pp_accept_take_back - take the load balancer's SYN back
 * @entry: connection, not locked
 * @half_open: the listener's request socket, of which the reference is given up; NULL: a
 *	reset finds whoever has answered, and conntrack
 * @dev: device that its packets come by
 *
 * The listener forgets it; a connection that never sends a header costs it
 * nothing.
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
	pp_accept_inject(entry, &segment, dev, 0);
}

static void transmit(struct pp_accept *entry, struct sk_buff *skb)
{
	if (skb)
		pp_craft_transmit(entry, skb);
}

/* The window of a SYN-ACK is never scaled, later ones are */
static u16 scaled_window(const struct pp_pending *pending)
{
	u8 shift = pending->synack.wscale == PP_NO_WSCALE ? 0 : pending->synack.wscale;

	return max(pending->window_local >> shift, 1);
}

static struct sk_buff *craft_ack(const struct pp_accept *entry, const struct pp_pending *pending,
				 u32 ack)
{
	u8 options[PP_TIMESTAMP_LEN];
	struct pp_segment segment = {
		.key = pp_flow_key_reversed(&entry->wire),
		.seq = entry->isn_local + 1,
		.ack = ack,
		.flags = TCPHDR_ACK,
		.window = scaled_window(pending),
		.options = options,
		.options_len = pending->synack.timestamps ? sizeof(options) : 0,
	};

	/* the clock stands still until the application has the connection */
	pp_craft_timestamps(options, pending->ts_local, pending->ts_remote);
	return pp_craft(&segment);
}

/**
 * pp_accept_acknowledge - acknowledge as much of the header as has come
 * @entry: connection, not locked
 *
 * Nothing is said once it is accepted: the application's host does from then on.
 */
void pp_accept_acknowledge(struct pp_accept *entry)
{
	const struct pp_pending *pending;
	struct sk_buff *skb = NULL;

	spin_lock_bh(&entry->lock);
	pending = entry->pending;
	if (pending && entry->header_len)
		skb = craft_ack(entry, pending, pp_accept_data_seq(entry));
	else if (pending)
		skb = craft_ack(entry, pending, entry->isn + 1 + pending->have);
	spin_unlock_bh(&entry->lock);
	transmit(entry, skb);
}

/**
 * pp_accept_acknowledge_all - acknowledge the whole header
 * @entry: connection that has just been accepted, not locked
 * @pending: from pp_accept_established()
 */
void pp_accept_acknowledge_all(struct pp_accept *entry, const struct pp_pending *pending)
{
	transmit(entry, craft_ack(entry, pending, pp_accept_data_seq(entry)));
}

static void reset_balancer(struct pp_accept *entry, u32 ack)
{
	struct pp_segment segment = {
		.key = pp_flow_key_reversed(&entry->wire),
		.seq = entry->isn_local + 1,
		.ack = ack,
		.flags = TCPHDR_RST | TCPHDR_ACK,
	};

	transmit(entry, pp_craft(&segment));
}

static bool is_refusal(enum pp_stats_attr reason)
{
	return reason != PP_STATS_ATTR_REJECTED && reason != PP_STATS_ATTR_REPLACED;
}

/**
 * pp_accept_refuse - reset a connection that is not accepted
 * @entry: connection, not locked
 * @reason: counter
 * @dev: device that its packets come by, where packets may be injected, or NULL
 *
 * Both ends that may know of it are told: an answer that the listener repeats
 * would reach the real client, and one that still waits for the load balancer's
 * last ACK would take the header for data.
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
		/* in PP_ACCEPT_SYN both are still those of the load balancer */
		answered = entry->state != PP_ACCEPT_HEADER;
		to_listener.key = entry->inner;
		to_listener.seq = pp_accept_data_seq(entry);
		if (entry->state != PP_ACCEPT_SYN && is_refusal(reason))
			atomic64_inc(&entry->pending->rule->refused);
		__pp_accept_kill(entry, reason);
	}
	spin_unlock_bh(&entry->lock);
	if (!dead && reason != PP_STATS_ATTR_REPLACED)
		pp_event_refused(entry, reason);
	if (!dead && answered && dev)
		pp_accept_inject(entry, &to_listener, dev, 0);
	if (!dead && reason != PP_STATS_ATTR_ABANDONED && reason != PP_STATS_ATTR_REPLACED)
		reset_balancer(entry, ack);
}

/**
 * pp_accept_replace - make room for a new connection of the same ends
 * @entry: connection that is not alive, not locked
 * @dev: device that its packets come by
 */
void pp_accept_replace(struct pp_accept *entry, struct net_device *dev)
{
	pp_accept_refuse(entry, PP_STATS_ATTR_REPLACED, dev);
	/* one that was established */
	pp_accept_kill(entry, PP_STATS_ATTR_REPLACED);
}
