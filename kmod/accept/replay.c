// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: the second handshake, between the client C and the listener.
 *
 * Owns the segments that make it. The first is L's SYN once more, as from C. Its sequence number is
 * moved behind the header, so that those of the data need no change. The other is the last ACK: the
 * first data behind the header, or a segment without data. The listener's SYN-ACK is not sent on.
 * It tells how the listener's numbers differ from those that L knows from the first handshake.
 *
 * Nothing is injected from a hook that the listener's own answer passes: it would run within the
 * TCP stack, under its timers and locks.
 */
#include <linux/netdevice.h>
#include <linux/unaligned.h>
#include <net/inet_sock.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/tcp.h>
#include "accept/inject.h"
#include "accept/internal.h"
#include "accept/pending.h"
#include "netlink/event.h"
#include "packet/segment.h"

/* C's SYN should be answered within this time, just before TCP would retransmit it first */
#define ANSWER_TIME	(HZ - HZ / 10)
/* If this many of C's SYNs are dropped in PRE_ROUTING, the connection is refused */
#define LOST_MAX	2

static struct sk_buff *craft_with_mark(const struct pp_segment *segment, u32 mark)
{
	struct sk_buff *skb = pp_packet_make_segment(segment);

	if (skb)
		skb->mark = mark;
	return skb;
}

/*
 * The listener chose its MSS for the way to L when it answered the first SYN. The way to C may
 * allow more, so the MSS in C's SYN is limited to the way to L.
 */
static void clamp_mss(struct pp_pending *pending, enum pp_family family, unsigned int mtu)
{
	unsigned int headers = sizeof(struct tcphdr);
	struct pp_option opt = {};

	headers += family == PP_IPV6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	if (mtu <= headers)
		return;
	while (pp_packet_next_option((const struct tcphdr *)pending->syn, &opt)) {
		u8 *mss = pending->syn + opt.off + 2;

		if (opt.kind == TCPOPT_MSS && opt.len == TCPOLEN_MSS &&
		    get_unaligned_be16(mss) > mtu - headers)
			put_unaligned_be16(mtu - headers, mss);
	}
}

/*
 * L knows the options that the first SYN-ACK agreed to. Another socket, or a SYN cookie, may agree
 * to more. So C's SYN offers no others.
 */
static void offer_agreed(struct pp_pending *pending)
{
	const struct pp_syn_options *agreed = &pending->synack.options;
	struct pp_option opt = {};

	while (pp_packet_next_option((const struct tcphdr *)pending->syn, &opt))
		if ((opt.kind == TCPOPT_WINDOW && agreed->wscale == PP_NO_WSCALE) ||
		    (opt.kind == TCPOPT_SACK_PERM && !agreed->sack) ||
		    (opt.kind == TCPOPT_TIMESTAMP && !agreed->timestamps))
			memset(pending->syn + opt.off, TCPOPT_NOP, opt.len);
}

/* L's SYN as the listener got it, but from C, with another number, MSS and the agreed options */
static struct sk_buff *craft_syn(const struct pp_accept *entry)
{
	const struct pp_pending *pending = entry->pending;
	const struct tcphdr *th = (const struct tcphdr *)pending->syn;
	struct pp_segment segment = {
		.key = entry->inner,
		.seq = entry->isn + entry->header_len,
		.reserved = pending->syn[12] & 0xf,
		.flags = tcp_flag_byte(th),
		.window = ntohs(th->window),
		.tos = pending->tos,
		.options = pending->syn + sizeof(*th),
		.options_len = pending->syn_len - sizeof(*th),
	};

	return craft_with_mark(&segment, pending->mark);
}

static struct sk_buff *craft_last_ack(const struct pp_accept *entry)
{
	const struct pp_pending *pending = entry->pending;
	u8 options[PP_TIMESTAMP_LEN];
	struct pp_segment segment = {
		.key = entry->inner,
		.seq = pp_accept_data_seq(entry),
		.ack = entry->isn_local + entry->delta + 1,
		.flags = TCPHDR_ACK,
		.window = pending->window_remote,
		.options = options,
		.options_len = entry->timestamps ? sizeof(options) : 0,
	};

	pp_packet_put_timestamps(options, pending->ts_remote, pending->ts_local2);
	return craft_with_mark(&segment, pending->mark);
}

/* Return: whether the packet was injected */
static bool accept_deliver_queued(struct pp_accept *entry, struct sk_buff *skb,
				  struct net_device *dev)
{
	struct pp_packet pkt;

	if (pp_packet_parse(&pkt, skb, entry->wire.family, NULL) &&
	    pp_accept_translate_in(entry, &pkt, dev, false) == NF_ACCEPT) {
		pp_accept_inject_packet(entry, skb, dev);
		return true;
	}
	kfree_skb(skb);
	return false;
}

/* Inject the data that came before the connection was accepted */
static void accept_deliver_queue(struct pp_accept *entry, struct pp_pending *pending,
				 struct net_device *dev)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&pending->queue)))
		accept_deliver_queued(entry, skb, dev);
}

/*
 * Take the first data behind the header, if it can serve as the last ACK of the second handshake.
 * With the entry's lock held.
 */
static struct sk_buff *take_first_data(struct pp_accept *entry)
{
	struct sk_buff *skb = skb_peek(&entry->pending->queue);
	u32 data_seq = pp_accept_data_seq(entry);
	struct pp_packet pkt;

	if (!skb || !pp_packet_parse(&pkt, skb, entry->wire.family, NULL) || pkt.th.fin ||
	    after(pkt.seq, data_seq) || !after(pkt.seq + pkt.payload, data_seq))
		return NULL;
	__skb_unlink(skb, &entry->pending->queue);
	return skb;
}

/*
 * V's host still has an old connection of C:cp, in TIME_WAIT for example, and has answered C's SYN
 * with an ACK. C would reset it (RFC 9293, 3.10.7.3) and retransmit its SYN.
 */
static struct sk_buff *craft_stale_reset(const struct pp_accept *entry)
{
	struct pp_segment segment = {
		.key = entry->inner,
		.seq = entry->pending->stale_ack,
		.flags = TCPHDR_RST,
	};

	return craft_with_mark(&segment, 0);
}

/*
 * Whether the second handshake cannot succeed: the SYN-ACK lacks an option that L was offered, or
 * the host drops C's SYN, for example because of its source address. One lost SYN is allowed, since
 * a rate limit may have dropped it. With the entry's lock held.
 */
static bool replay_is_vain(const struct pp_accept *entry)
{
	return entry->state == PP_ACCEPT_REPLAY &&
	       (entry->pending->disagrees || entry->pending->lost >= LOST_MAX);
}

/**
 * pp_accept_note_lost - C's SYN was dropped in PRE_ROUTING
 * @entry: connection, not locked, under RCU
 */
void pp_accept_note_lost(struct pp_accept *entry)
{
	spin_lock_bh(&entry->lock);
	if (entry->state == PP_ACCEPT_REPLAY && entry->pending->lost < LOST_MAX)
		entry->pending->lost++;
	spin_unlock_bh(&entry->lock);
}

/**
 * struct last_act - what to do next in a second handshake
 * @reset: reset for an old connection of the same ends, or NULL
 * @data: data that can serve as the last ACK, or NULL
 * @ack: the last ACK if there is no @data, or NULL
 * @again: inject C's SYN again
 * @refuse: refuse the connection; the other fields are not set then
 */
struct last_act {
	struct sk_buff *reset;
	struct sk_buff *data;
	struct sk_buff *ack;
	bool again;
	bool refuse;
};

static struct last_act prepare_last_act(struct pp_accept *entry, bool use_data)
{
	struct last_act act = {};

	spin_lock_bh(&entry->lock);
	if (replay_is_vain(entry)) {
		act.refuse = true;
	} else if (entry->state == PP_ACCEPT_REPLAY && entry->pending->is_stale) {
		entry->pending->is_stale = false;
		act.reset = craft_stale_reset(entry);
	} else if (entry->state == PP_ACCEPT_REPLAY && entry->pending->is_asked_again) {
		entry->pending->is_asked_again = false;
		act.again = true;
	} else if (entry->state == PP_ACCEPT_CONFIRM) {
		act.data = use_data ? take_first_data(entry) : NULL;
		act.ack = act.data ? NULL : craft_last_ack(entry);
	}
	spin_unlock_bh(&entry->lock);
	return act;
}

static void accept_establish(struct pp_accept *entry, struct net_device *dev, bool queued)
{
	struct pp_pending *pending;

	spin_lock_bh(&entry->lock);
	pending = entry->state == PP_ACCEPT_CONFIRM ? pp_accept_set_established(entry) : NULL;
	spin_unlock_bh(&entry->lock);
	if (!pending)
		return;
	pp_netlink_event_accepted(entry);
	queued |= !skb_queue_empty(&pending->queue);
	accept_deliver_queue(entry, pending, dev);
	/*
	 * Without queued data, the application would acknowledge the header only with its first
	 * answer
	 */
	if (!queued && entry->header_len)
		pp_accept_acknowledge_all(entry, pending);
	pp_accept_free_pending(entry->net, pending);
}

/**
 * pp_accept_finish - go on with the second handshake after V has answered C's SYN
 * @entry: connection in PP_ACCEPT_CONFIRM, or in PP_ACCEPT_REPLAY if it is to be refused or C's SYN
 *	to be injected again; not locked
 * @dev: device that its packets come by
 *
 * The entry becomes PP_ACCEPT_ESTABLISHED only after the listener has got the last ACK. Otherwise
 * data from another CPU could overtake the last ACK and be reset.
 *
 * Context: bottom halves disabled, under RCU.
 */
void pp_accept_finish(struct pp_accept *entry, struct net_device *dev)
{
	struct last_act act = prepare_last_act(entry, true);
	bool queued = act.data;

	if (act.refuse) {
		pp_accept_refuse(entry, PP_STATS_ATTR_REJECTED, dev);
		return;
	}
	if (act.reset)
		pp_accept_inject_packet(entry, act.reset, dev);
	if (act.reset || act.again) {
		pp_accept_replay(entry, dev);
		return;
	}
	if (act.data && !accept_deliver_queued(entry, act.data, dev))
		act = prepare_last_act(entry, false);
	if (act.ack)
		pp_accept_inject_packet(entry, act.ack, dev);
	accept_establish(entry, dev, queued);
}

static bool is_half_open_tracked(const struct nf_conn *ct)
{
	u8 state = READ_ONCE(ct->proto.tcp.state);

	return state == TCP_CONNTRACK_SYN_SENT || state == TCP_CONNTRACK_SYN_RECV ||
	       state == TCP_CONNTRACK_SYN_SENT2;
}

/**
 * pp_accept_forget_half_open - delete conntrack's entry of the ends that C knows if it is half-open
 * @entry: connection in PP_ACCEPT_REPLAY
 *
 * The entry comes from packets of somebody else, to C or in C's name. By their numbers, options
 * and windows conntrack would take this connection for invalid, and not translate it.
 *
 * Context: pp_accept.lock held, under RCU.
 * Return: whether there was one
 */
bool pp_accept_forget_half_open(struct pp_accept *entry)
{
	enum ip_conntrack_dir dir;
	struct nf_conn *ct = pp_accept_find_conntrack(entry->net, &entry->inner, &dir);
	bool is_half_open = ct && is_half_open_tracked(ct);

	if (is_half_open) {
		nf_ct_kill(ct);
		pp_accept_leave_far(entry);
	}
	if (ct)
		nf_ct_put(ct);
	return is_half_open;
}

/*
 * Before C's first SYN, and when V's answer is overdue. At the first attempt there is no pp_far
 * yet. With the entry's lock held.
 */
static bool has_to_begin_anew(const struct pp_accept *entry)
{
	return !entry->is_here &&
	       (!entry->far || time_after(jiffies, entry->pending->began + ANSWER_TIME));
}

/**
 * pp_accept_replay - inject C's SYN
 * @entry: connection in PP_ACCEPT_REPLAY, not locked
 * @dev: device that its packets come by
 *
 * A listener on this host has answered on return. The answer from elsewhere comes later.
 *
 * Context: bottom halves disabled, under RCU.
 */
void pp_accept_replay(struct pp_accept *entry, struct net_device *dev)
{
	unsigned int mtu = pp_accept_find_mtu(entry);
	struct sk_buff *syn = NULL;
	bool answered;

	spin_lock_bh(&entry->lock);
	if (entry->state == PP_ACCEPT_REPLAY) {
		if (has_to_begin_anew(entry))
			pp_accept_forget_half_open(entry);
		WRITE_ONCE(entry->pending->replayed, jiffies);
		clamp_mss(entry->pending, entry->wire.family, mtu);
		offer_agreed(entry->pending);
		syn = craft_syn(entry);
	}
	if (syn)
		entry->pending->injecting++;
	spin_unlock_bh(&entry->lock);
	if (!syn)
		return;
	pp_accept_inject_packet(entry, syn, dev);
	spin_lock_bh(&entry->lock);
	if (entry->pending)
		entry->pending->injecting--;
	/* V may send an answer that conntrack does not know */
	if (entry->state == PP_ACCEPT_REPLAY && !entry->is_here)
		pp_accept_guess_far(entry);
	answered = entry->state == PP_ACCEPT_CONFIRM || replay_is_vain(entry);
	spin_unlock_bh(&entry->lock);
	if (answered)
		pp_accept_finish(entry, dev);
}
