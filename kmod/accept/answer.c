// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: the destination's answers to C's SYN.
 *
 * Owns what is learnt from V's SYN-ACK, which is not sent on. Owns also what is done about all
 * other packets that V sends to C in PP_ACCEPT_REPLAY: a reset, a SYN-ACK to another SYN, or an ACK
 * of an old connection of the same ends.
 */
#include <net/inet_sock.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/tcp.h>
#include "accept/internal.h"
#include "accept/pending.h"

/* An old connection of the same ends is not reset more often */
#define STALE_INTERVAL	(HZ / 2)
/* If conntrack was misled, inject C's SYN again at once, but no more often than this */
#define MISLED_MAX	4

/*
 * The second handshake takes no time, which would spoil TCP's minimum round-trip time. So the time
 * of the first handshake is put in its place.
 */
static void repair_rtt(const struct sk_buff *skb, u32 rtt_us)
{
	struct sock *sk = skb->sk;

	if (!sk || sk->sk_state != TCP_NEW_SYN_RECV)
		return;
	/* With 0, TCP does not measure */
	if (rtt_us)
		tcp_rsk(inet_reqsk(sk))->snt_synack -= rtt_us;
	else
		tcp_rsk(inet_reqsk(sk))->snt_synack = 0;
}

/*
 * L uses the options of the first SYN-ACK, and C's SYN offers no others. If the second SYN-ACK
 * lacks SACK, the listener ignores L's SACK blocks. A different window scale is corrected in
 * translate.c.
 */
static bool options_agree(const struct pp_syn_options *first, const struct pp_syn_options *second)
{
	return first->timestamps == second->timestamps &&
	       (first->wscale == PP_NO_WSCALE) == (second->wscale == PP_NO_WSCALE);
}

/*
 * Whether the SYN-ACK comes from a socket of this host. SYNPROXY on this host closes the window in
 * its SYN-ACK. Then the application may be anywhere, and does not know of the connection yet.
 */
static bool is_of_local_tcp(const struct sk_buff *skb, const struct tcphdr *th)
{
	return pp_accept_is_from_here(skb) && th->window;
}

/* Whether this host has a socket under the ends that C knows */
static bool has_local_socket(const struct sk_buff *skb, const struct tcphdr *th)
{
	enum ip_conntrack_info info;
	const struct nf_conn *ct = nf_ct_get(skb, &info);

	return is_of_local_tcp(skb, th) && !(ct && ct->status & IPS_NAT_MASK);
}

/* How each packet's checksum changes if it names C instead of L */
static void sum_difference(struct pp_accept *entry)
{
	union pp_address from = entry->wire.src, to = entry->inner.src;
	unsigned int i;

	entry->address_diff = 0;
	for (i = 0; i < ARRAY_SIZE(from.in6.s6_addr32); i++)
		pp_packet_change_be32(&entry->address_diff, &from.in6.s6_addr32[i],
				      to.in6.s6_addr32[i]);
	entry->port_diff = csum_sub((__force __wsum)entry->inner.sport,
				    (__force __wsum)entry->wire.sport);
}

/*
 * Delete the conntrack entry that an answer to another SYN has misled. A packet that conntrack
 * takes for invalid belongs to no entry, but conntrack has noted its number and window all the
 * same. With the entry's lock held.
 */
static bool forget_misled(struct pp_accept *entry, const struct sk_buff *skb)
{
	enum ip_conntrack_info info;
	struct nf_conn *ct = nf_ct_get(skb, &info);

	if (!ct)
		return pp_accept_forget_half_open(entry);
	if (nf_ct_is_template(ct) || !nf_ct_is_confirmed(ct))
		return false;
	nf_ct_kill(ct);
	pp_accept_leave_far(entry);
	return true;
}

/*
 * Somebody else has sent a packet in C's name, and V has answered it. So conntrack takes the true
 * answer for invalid, or C's data later. Its entry is deleted, and C's SYN is injected again. With
 * the entry's lock held.
 *
 * Return: whether it is done
 */
static bool note_misled(struct pp_accept *entry, const struct pp_packet *pkt)
{
	struct pp_pending *pending = entry->pending;

	if (entry->is_here || pending->misled >= MISLED_MAX || !pp_packet_checksum_ok(pkt) ||
	    !forget_misled(entry, pkt->skb))
		return false;
	pending->misled++;
	pending->is_asked_again = true;
	pp_accept_confirm_later(entry);
	return true;
}

/* Whether conntrack has ignored V's answer, by the numbers of an earlier one */
static bool is_ignored_answer(const struct sk_buff *skb)
{
	enum ip_conntrack_info info;
	const struct nf_conn *ct = nf_ct_get(skb, &info);

	return ct && CTINFO2DIR(info) == IP_CT_DIR_REPLY &&
	       READ_ONCE(ct->proto.tcp.state) == TCP_CONNTRACK_SYN_SENT;
}

static unsigned int learn_answer(struct pp_accept *entry, struct pp_packet *pkt)
{
	struct pp_pending *pending = entry->pending;
	struct tcphdr *th = pp_packet_make_writable(pkt);
	struct pp_syn_options opts;
	bool is_even;

	if (!th)
		return NF_DROP;
	pp_packet_read_options(th, &opts);
	if (!options_agree(&pending->synack.options, &opts)) {
		pending->disagrees = true;
		if (!pending->injecting)
			pp_accept_confirm_later(entry);
		return NF_DROP;
	}
	entry->is_here = is_of_local_tcp(pkt->skb, th);
	entry->has_local_socket = has_local_socket(pkt->skb, th);
	/* V retransmits its SYN-ACK */
	if (!entry->has_local_socket && !pp_accept_note_far(entry, pkt)) {
		pp_stats_inc(entry->net, ACCEPT_NOMEM);
		return NF_DROP;
	}
	if (opts.wscale != PP_NO_WSCALE)
		entry->window_shift = opts.wscale - pending->synack.options.wscale;
	/* A retransmitted SYN-ACK has a later TSval of the same clock: ts_delta stays 0 */
	is_even = pending->is_even && pkt->seq == entry->isn_local;
	entry->delta = pkt->seq - entry->isn_local;
	entry->ts_delta = is_even ? 0 : opts.ts_val - pending->synack.ts_last;
	sum_difference(entry);
	entry->timestamps = opts.timestamps;
	pending->ts_local2 = opts.ts_val;
	repair_rtt(pkt->skb, pending->rtt_us);
	/* Pairs with the acquire of sockopt_find_entry(): the header and all numbers are set */
	smp_store_release(&entry->state, PP_ACCEPT_CONFIRM);
	/* A CPU that is injecting C's SYN continues by itself, in pp_accept_replay() */
	if (!pending->injecting)
		pp_accept_confirm_later(entry);
	return NF_DROP;
}

static unsigned int take_answer(struct pp_accept *entry, struct pp_packet *pkt)
{
	if (is_ignored_answer(pkt->skb) && note_misled(entry, pkt))
		return NF_DROP;
	return learn_answer(entry, pkt);
}

/* If a reset does not help, wait before the next one. With the entry's lock held. */
static void note_stale(struct pp_accept *entry, const struct pp_packet *pkt)
{
	struct pp_pending *pending = entry->pending;

	if (!pkt->th.ack || pkt->th.rst || !pp_packet_checksum_ok(pkt) ||
	    (pending->stale_at && time_before(jiffies, pending->stale_at + STALE_INTERVAL)))
		return;
	pending->stale_at = jiffies;
	pending->stale_ack = pkt->ack_seq;
	pending->is_stale = true;
	pp_accept_confirm_later(entry);
}

/*
 * A listener that was half-open for C resets the connection when it gets a SYN with another number.
 * So after the first reset, C's SYN is injected again. With the entry's lock held.
 *
 * Return: whether V has refused C for good
 */
static bool note_refusal(struct pp_accept *entry)
{
	struct pp_pending *pending = entry->pending;

	if (pending->refusals++)
		return true;
	pending->is_asked_again = true;
	pp_accept_confirm_later(entry);
	return false;
}

/* Other packets belong to another connection of the same ends, which V's host still has */
static bool is_answer_to_syn(const struct pp_accept *entry, const struct pp_packet *pkt)
{
	return pkt->th.ack && pkt->ack_seq == pp_accept_data_seq(entry);
}

/**
 * pp_accept_handle_replay_answer - handle a packet of V to C before the connection is accepted
 * @entry: connection whose C's SYN was injected, under RCU
 * @pkt: packet in POST_ROUTING
 *
 * Return: verdict
 */
unsigned int pp_accept_handle_replay_answer(struct pp_accept *entry, struct pp_packet *pkt)
{
	unsigned int verdict = NF_DROP;
	bool refused = false;

	spin_lock_bh(&entry->lock);
	if (entry->state == PP_ACCEPT_REPLAY) {
		if (is_answer_to_syn(entry, pkt) && pkt->th.rst)
			refused = note_refusal(entry);
		else if (is_answer_to_syn(entry, pkt) && pkt->th.syn)
			verdict = take_answer(entry, pkt);
		/* V answers another SYN, or begins a connection itself */
		else if (pkt->th.syn)
			note_misled(entry, pkt);
		else
			note_stale(entry, pkt);
	}
	spin_unlock_bh(&entry->lock);
	if (refused)
		pp_accept_refuse(entry, PP_STATS_ATTR_REJECTED, NULL);
	if (verdict == NF_DROP) {
		/* NF_DROP would return an error to the sender, which has done nothing wrong */
		consume_skb(pkt->skb);
		return NF_STOLEN;
	}
	return verdict;
}
