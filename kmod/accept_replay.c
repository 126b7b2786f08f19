// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: the second handshake, in which the listener meets the client.
 *
 * Owns the segments that make it: the load balancer's SYN again, from the
 * client and with its number moved behind the header, so that numbers of data
 * need no change; and the last ACK, which is the first data that came behind the
 * header, or one without any. The listener's SYN-ACK goes no further: it tells
 * how its numbers differ from those that the load balancer was told in the first
 * handshake.
 *
 * Nothing is injected from a hook that the listener's own answer passes: it
 * would run within the TCP stack, under its timers and locks.
 */
#include <linux/netdevice.h>
#include <linux/unaligned.h>
#include <net/inet_sock.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/tcp.h>
#include "accept.h"
#include "craft.h"
#include "event.h"

/* A connection of before is not reset more often */
#define STALE_INTERVAL	(HZ / 2)

static struct sk_buff *craft(const struct pp_segment *segment, u32 mark)
{
	struct sk_buff *skb = pp_craft(segment);

	if (skb)
		skb->mark = mark;
	return skb;
}

/*
 * The listener knew the way to the load balancer when it answered the first SYN; the way to
 * the client may take more.
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

/* The SYN as the listener had it from the load balancer, but for its number, sender, MSS */
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

	return craft(&segment, pending->mark);
}

static struct sk_buff *craft_ack(const struct pp_accept *entry)
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

	pp_craft_timestamps(options, pending->ts_remote, pending->ts_local2);
	return craft(&segment, pending->mark);
}

/* Return: whether a packet that had to wait went to the listener */
static bool deliver(struct pp_accept *entry, struct sk_buff *skb, struct net_device *dev)
{
	struct pp_packet pkt;

	if (pp_packet_parse(&pkt, skb, entry->wire.family, NULL) &&
	    pp_accept_translate_in(entry, &pkt, dev, false) == NF_ACCEPT) {
		pp_craft_inject(entry, skb, dev);
		return true;
	}
	kfree_skb(skb);
	return false;
}

/* What came while there was no connection to give it to */
static void deliver_queue(struct pp_accept *entry, struct pp_pending *pending,
			  struct net_device *dev)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&pending->queue)))
		deliver(entry, skb, dev);
}

/*
 * What came right behind the header, if it can do for the last ACK of the client's
 * handshake. With the lock held.
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
 * Another host still has a connection of the same client, in TIME_WAIT say, and its
 * answer to the SYN says so. The client would reset it (RFC 9293, 3.10.7.3), and begin
 * again.
 */
static struct sk_buff *craft_stale_reset(const struct pp_accept *entry)
{
	struct pp_segment segment = {
		.key = entry->inner,
		.seq = entry->pending->stale_ack,
		.flags = TCPHDR_RST,
	};

	return craft(&segment, 0);
}

/* Not at once again, if a reset does not help */
static void note_stale(struct pp_accept *entry, const struct pp_packet *pkt)
{
	struct pp_pending *pending = entry->pending;

	if (!pkt->th.ack || pkt->th.syn || !pp_packet_checksum_ok(pkt) ||
	    (pending->stale_at && time_before(jiffies, pending->stale_at + STALE_INTERVAL)))
		return;
	pending->stale_at = jiffies;
	pending->stale_ack = pkt->ack_seq;
	pending->is_stale = true;
	pp_accept_confirm_later(entry);
}

/**
 * struct last_act - what is left to be done of a second handshake
 * @reset: of another connection of the same ends, or NULL
 * @data: that can do for the last ACK, or NULL
 * @ack: else the last ACK, or NULL
 */
struct last_act {
	struct sk_buff *reset;
	struct sk_buff *data;
	struct sk_buff *ack;
};

static struct last_act prepare_last_act(struct pp_accept *entry, bool use_data)
{
	struct last_act act = {};

	spin_lock_bh(&entry->lock);
	if (entry->state == PP_ACCEPT_REPLAY && entry->pending->is_stale) {
		entry->pending->is_stale = false;
		act.reset = craft_stale_reset(entry);
	} else if (entry->state == PP_ACCEPT_CONFIRM) {
		act.data = use_data ? take_first_data(entry) : NULL;
		act.ack = act.data ? NULL : craft_ack(entry);
	}
	spin_unlock_bh(&entry->lock);
	return act;
}

static void establish(struct pp_accept *entry, struct net_device *dev, bool queued)
{
	struct pp_pending *pending;

	spin_lock_bh(&entry->lock);
	pending = entry->state == PP_ACCEPT_CONFIRM ? pp_accept_established(entry) : NULL;
	spin_unlock_bh(&entry->lock);
	if (!pending)
		return;
	pp_event_accepted(entry);
	queued |= !skb_queue_empty(&pending->queue);
	deliver_queue(entry, pending, dev);
	/* Else the application's first answer does */
	if (!queued && entry->header_len)
		pp_accept_acknowledge_all(entry, pending);
	pp_accept_free_pending(entry->net, pending);
}

/**
 * pp_accept_finish - the listener has answered the client's SYN
 * @entry: connection in PP_ACCEPT_CONFIRM, or a stale one is to be reset; not locked
 * @dev: device that its packets come by
 *
 * Context: bottom halves disabled, under RCU. The connection is not said to be
 * established before the listener has had the last ACK: data that another CPU
 * brings would be reset.
 */
void pp_accept_finish(struct pp_accept *entry, struct net_device *dev)
{
	struct last_act act = prepare_last_act(entry, true);
	bool queued = act.data;

	if (act.reset) {
		pp_craft_inject(entry, act.reset, dev);
		pp_accept_replay(entry, dev);
		return;
	}
	if (act.data && !deliver(entry, act.data, dev))
		act = prepare_last_act(entry, false);
	if (act.ack)
		pp_craft_inject(entry, act.ack, dev);
	establish(entry, dev, queued);
}

/**
 * pp_accept_replay - let the client's SYN come in
 * @entry: connection in PP_ACCEPT_REPLAY, not locked
 * @dev: device that its packets come by
 *
 * Context: bottom halves disabled, under RCU. The answer of a local listener
 * has come on return, that of another host comes later.
 */
void pp_accept_replay(struct pp_accept *entry, struct net_device *dev)
{
	unsigned int mtu = pp_accept_mtu(entry);
	struct sk_buff *syn = NULL;
	bool answered;

	spin_lock_bh(&entry->lock);
	if (entry->state == PP_ACCEPT_REPLAY) {
		WRITE_ONCE(entry->pending->replayed, jiffies);
		clamp_mss(entry->pending, entry->wire.family, mtu);
		syn = craft_syn(entry);
	}
	spin_unlock_bh(&entry->lock);
	if (!syn)
		return;
	pp_craft_inject(entry, syn, dev);
	spin_lock_bh(&entry->lock);
	answered = entry->state == PP_ACCEPT_CONFIRM;
	spin_unlock_bh(&entry->lock);
	if (answered)
		pp_accept_finish(entry, dev);
}

/*
 * The handshake that the listener measures took no time at all; the one with
 * the load balancer did.
 */
static void repair_rtt(const struct sk_buff *skb, u32 rtt_us)
{
	struct sock *sk = skb->sk;

	if (sk && sk->sk_state == TCP_NEW_SYN_RECV)
		tcp_rsk(inet_reqsk(sk))->snt_synack -= rtt_us;
}

static bool options_agree(const struct pp_syn_options *a, const struct pp_syn_options *b)
{
	return a->timestamps == b->timestamps && a->sack == b->sack && a->wscale == b->wscale;
}

static bool is_of_this_host(const struct sk_buff *skb)
{
	return skb->sk || !skb->skb_iif;
}

/* Whether there is a socket to be found by the ends that the client knows */
static bool is_local(const struct sk_buff *skb)
{
	enum ip_conntrack_info info;
	const struct nf_conn *ct = nf_ct_get(skb, &info);

	return is_of_this_host(skb) && !(ct && ct->status & IPS_NAT_MASK);
}

static unsigned int learn_answer(struct pp_accept *entry, struct pp_packet *pkt)
{
	struct pp_pending *pending = entry->pending;
	struct tcphdr *th = pp_packet_write(pkt);
	struct pp_syn_options opts;

	if (!th)
		return NF_DROP;
	pp_accept_read_options(th, &opts);
	/* It can only be given up, in time */
	if (!options_agree(&opts, &pending->synack))
		return NF_DROP;
	entry->delta = pkt->seq - entry->isn_local;
	entry->ts_delta = opts.ts_val - pending->ts_local;
	entry->timestamps = opts.timestamps;
	entry->is_here = is_of_this_host(pkt->skb);
	entry->is_local = is_local(pkt->skb);
	pending->ts_local2 = opts.ts_val;
	repair_rtt(pkt->skb, pending->rtt_us);
	/* Pairs with the acquire of find_entry(): the header is settled */
	smp_store_release(&entry->state, PP_ACCEPT_CONFIRM);
	if (!pp_craft_is_running(entry))
		pp_accept_confirm_later(entry);
	return NF_DROP;
}

/**
 * pp_accept_replay_answer - a packet of the host to the client
 * @entry: connection whose client's SYN was let in, under RCU
 * @pkt: packet
 *
 * Return: verdict
 */
unsigned int pp_accept_replay_answer(struct pp_accept *entry, struct pp_packet *pkt)
{
	unsigned int verdict = NF_DROP;
	bool refused = false;

	spin_lock_bh(&entry->lock);
	if (entry->state == PP_ACCEPT_REPLAY) {
		if (pkt->th.rst)
			refused = true;
		else if (pkt->th.syn && pkt->th.ack &&
			 pkt->ack_seq == pp_accept_data_seq(entry))
			verdict = learn_answer(entry, pkt);
		else
			note_stale(entry, pkt);
	}
	spin_unlock_bh(&entry->lock);
	if (refused)
		pp_accept_refuse(entry, PP_STATS_ATTR_REJECTED, NULL);
	if (verdict == NF_DROP) {
		/* No error for the sender, who has done nothing wrong */
		consume_skb(pkt->skb);
		return NF_STOLEN;
	}
	return verdict;
}
