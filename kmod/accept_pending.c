// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: packets of the load balancer until its connection is accepted.
 *
 * Owns which of them count, and what they bring about: nothing of a header, and nothing
 * behind it, reaches a socket. The load balancer's own repetitions make good every loss.
 */
#include <linux/unaligned.h>
#include <net/tcp.h>
#include "accept_pending.h"

/* Packets of the load balancer this far ahead still belong to the connection */
#define SPAN		BIT(30)
/* And a reset: it cannot have sent more than fits the listener's first window */
#define RESET_SPAN	BIT(16)
/* Low bits of a SYN cookie are an index, and small differences may cancel out */
#define COOKIE_SLACK	16
/* The client's SYN is not repeated more often */
#define REPLAY_INTERVAL	(HZ / 5)

static void learn_remote(struct pp_pending *pending, struct pp_packet *pkt)
{
	u8 bytes[PP_TCP_HEADER_MAX] __aligned(4);
	struct pp_option opt = {};
	const struct tcphdr *th;

	pending->window_remote = ntohs(pkt->th.window);
	th = skb_header_pointer(pkt->skb, pkt->thoff, pkt->th.doff * 4, bytes);
	if (!th)
		return;
	if (likely(pp_packet_has_timestamp_only(th))) {
		pending->ts_remote = ntohl(((const __be32 *)(th + 1))[1]);
		return;
	}
	while (pp_packet_next_option(th, &opt))
		if (opt.kind == TCPOPT_TIMESTAMP && opt.len == TCPOLEN_TIMESTAMP)
			pending->ts_remote = get_unaligned_be32((const u8 *)th + opt.off + 2);
}

/*
 * A packet of a connection that was there before the SYN came goes on to it. To the
 * listener it must not be one that begins before the header and reaches into it,
 * nor one that a SYN cookie is good enough for.
 */
static bool is_of_another(const struct pp_accept *entry, const struct pp_packet *pkt)
{
	const struct pp_pending *pending = entry->pending;
	u32 end = pkt->seq + pkt->payload + pkt->th.fin;
	int i;

	if (pkt->seq - entry->isn < SPAN || after(end, entry->isn + 1))
		return false;
	for (i = 0; i < pending->synacks; i++)
		if (pkt->ack_seq - pending->isn_local[i] + COOKIE_SLACK < 2 * COOKIE_SLACK)
			return false;
	return true;
}

/*
 * L's handshake is to be forgotten, while the connection is not locked: the listener may be
 * sending its answer once more.
 */
static void take_back(struct pp_accept *entry, struct pp_outcome *out)
{
	struct sock *sk = pp_accept_find_half_open(entry);

	/* While it is not renamed, that is all that the listener has */
	entry->by_cookie = !sk;
	if (sk && entry->pending->tracked) {
		sock_gen_put(sk);
		sk = NULL;
	}
	out->half_open = sk;
	out->jobs |= PP_JOB_TAKE_BACK;
}

/* Return: whether the packet goes on to be gathered from */
static bool first_ack(struct pp_accept *entry, struct pp_packet *pkt, struct pp_outcome *out)
{
	struct pp_pending *pending = entry->pending;
	u32 isn_local = pkt->ack_seq - 1;

	if (pkt->th.rst && pkt->seq - entry->isn <= 1) {
		pp_outcome_refuse(out, PP_STATS_ATTR_ABANDONED);
		return false;
	}
	if (pkt->th.rst || is_of_another(entry, pkt)) {
		out->verdict = NF_ACCEPT;
		return false;
	}
	if (pkt->seq - entry->isn >= SPAN)
		return false;
	/* The number of an answer that was not given opens nothing */
	if (!pkt->th.ack ||
	    (!(pending->synacks > 0 && isn_local == pending->isn_local[0]) &&
	     !(pending->synacks > 1 && isn_local == pending->isn_local[1])))
		return false;
	entry->isn_local = isn_local;
	entry->state = PP_ACCEPT_HEADER;
	pending->began = jiffies;
	pending->rtt_us = div_u64(ktime_get_ns() - pending->synack_at, NSEC_PER_USEC);
	take_back(entry, out);
	return true;
}

/* Not one of somebody who only guesses that there is a connection */
static bool is_reset(const struct pp_accept *entry, const struct pp_packet *pkt)
{
	return pkt->th.rst && pkt->seq - entry->isn <= RESET_SPAN + PP_HEADER_READ_MAX;
}

/* L has nothing to acknowledge but the SYN-ACK, whose number others do not know */
static bool is_speaking(const struct pp_accept *entry, const struct pp_packet *pkt)
{
	return !pkt->th.rst && pkt->th.ack && pkt->ack_seq == entry->isn_local + 1;
}

static void in_header(struct pp_accept *entry, struct pp_packet *pkt, struct pp_outcome *out)
{
	if (pkt->th.syn || pkt->seq - entry->isn >= SPAN)
		return;
	if (is_reset(entry, pkt)) {
		__pp_accept_kill(entry, PP_STATS_ATTR_ABANDONED);
		return;
	}
	if (!is_speaking(entry, pkt))
		return;
	learn_remote(entry->pending, pkt);
	if (pkt->payload || pkt->th.fin)
		pp_accept_gather(entry, pkt, out);
}

/*
 * The header is complete: what comes now waits, and asks for the client's SYN again. A
 * header that comes again was not acknowledged: it is, so that L's timeout does not grow.
 */
static void in_replay(struct pp_accept *entry, struct pp_packet *pkt, struct pp_outcome *out)
{
	u32 end = pkt->seq + pkt->payload + pkt->th.fin;

	if (pkt->th.syn || pkt->seq - entry->isn >= SPAN)
		return;
	if (is_reset(entry, pkt)) {
		pp_outcome_refuse(out, PP_STATS_ATTR_ABANDONED);
		return;
	}
	if (!is_speaking(entry, pkt))
		return;
	learn_remote(entry->pending, pkt);
	if (entry->state == PP_ACCEPT_REPLAY &&
	    time_after(jiffies, entry->pending->replayed + REPLAY_INTERVAL))
		out->jobs |= PP_JOB_REPLAY;
	if (entry->header_len && pkt->payload && before(pkt->seq, pp_accept_data_seq(entry)))
		out->jobs |= PP_JOB_ACKNOWLEDGE;
	if (before(entry->pending->queue_end, end) && pp_accept_keep(entry, pkt))
		out->verdict = NF_STOLEN;
}

static void pending_locked(struct pp_accept *entry, struct pp_packet *pkt, struct pp_outcome *out)
{
	switch (entry->state) {
	case PP_ACCEPT_SYN:
		/* A SYN-ACK could be taken for the last ACK of the handshake */
		if (pkt->th.syn && !pkt->th.ack)
			out->verdict = pp_accept_repeat_syn(entry, pkt);
		else if (!pkt->th.syn && first_ack(entry, pkt, out))
			in_header(entry, pkt, out);
		break;
	case PP_ACCEPT_HEADER:
		in_header(entry, pkt, out);
		break;
	case PP_ACCEPT_REPLAY:
	case PP_ACCEPT_CONFIRM:
		in_replay(entry, pkt, out);
		break;
	default:
		break;
	}
}

/**
 * pp_accept_pending_in - a packet of the load balancer comes, and its connection
 * is not accepted yet
 * @entry: connection, under RCU
 * @pkt: packet
 * @state: of the hook
 *
 * Return: verdict. A packet is dropped where the load balancer will repeat what
 * was of use in it.
 */
unsigned int pp_accept_pending_in(struct pp_accept *entry, struct pp_packet *pkt,
				  const struct nf_hook_state *state)
{
	struct pp_outcome out = { .verdict = NF_DROP };

	if (!pp_packet_checksum_ok(pkt))
		return NF_DROP;
	spin_lock_bh(&entry->lock);
	WRITE_ONCE(entry->touched, jiffies);
	pending_locked(entry, pkt, &out);
	spin_unlock_bh(&entry->lock);
	if (out.jobs & PP_JOB_TAKE_BACK)
		pp_accept_take_back(entry, out.half_open, state->in);
	if (out.jobs & PP_JOB_REFUSE)
		pp_accept_refuse(entry, out.reason, state->in);
	else if (out.jobs & PP_JOB_REPLAY)
		pp_accept_replay(entry, state->in);
	if (out.jobs & PP_JOB_ACKNOWLEDGE)
		pp_accept_acknowledge(entry);
	return out.verdict;
}

/**
 * pp_accept_expire - a pending connection has had its time
 * @entry: connection, under RCU
 * @dev: device that its packets come by, or NULL if that is gone
 *
 * Context: bottom halves disabled.
 */
void pp_accept_expire(struct pp_accept *entry, struct net_device *dev)
{
	struct pp_outcome out = {};

	spin_lock_bh(&entry->lock);
	if (entry->state == PP_ACCEPT_SYN)
		pp_outcome_refuse(&out, PP_STATS_ATTR_ABANDONED);
	else if (entry->state == PP_ACCEPT_HEADER && !pp_accept_is_distinct(entry->pending) &&
		 entry->pending->rule->header_need == PP_HEADER_OPTIONAL)
		pp_accept_pass(entry, NULL, &out);
	else if (entry->state == PP_ACCEPT_HEADER)
		pp_outcome_refuse(&out, PP_STATS_ATTR_TIMEOUT);
	else if (entry->state != PP_ACCEPT_ESTABLISHED && entry->state != PP_ACCEPT_DEAD)
		pp_outcome_refuse(&out, PP_STATS_ATTR_REJECTED);
	spin_unlock_bh(&entry->lock);
	if (out.jobs & PP_JOB_REFUSE)
		pp_accept_refuse(entry, out.reason, dev);
	if (out.jobs & PP_JOB_REPLAY && dev)
		pp_accept_replay(entry, dev);
}
