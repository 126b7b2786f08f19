// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: packets of the load balancer until its connection is accepted.
 *
 * Owns which of these packets count, and what they cause. No byte of a header reaches a socket, and
 * no data before the connection is accepted. A lost packet needs no care: L retransmits it.
 */
#include <linux/netdevice.h>
#include <linux/unaligned.h>
#include <net/tcp.h>
#include "accept/internal.h"
#include "accept/pending.h"

/* C's SYN is not injected again sooner than this */
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
		pending->ts_echo = ntohl(((const __be32 *)(th + 1))[2]);
		return;
	}
	while (pp_packet_next_option(th, &opt))
		if (opt.kind == TCPOPT_TIMESTAMP && opt.len == TCPOLEN_TIMESTAMP) {
			pending->ts_remote = get_unaligned_be32((const u8 *)th + opt.off + 2);
			pending->ts_echo = get_unaligned_be32((const u8 *)th + opt.off + 6);
		}
}

/*
 * If the SYN-ACK was retransmitted, only the echoed timestamp tells which transmission L's first
 * ACK answers (RFC 6298, 3). Without timestamps 0 is returned, since the time could include a
 * retransmission timeout.
 */
static u32 measure_rtt(const struct pp_pending *pending)
{
	const struct pp_synack *synack = &pending->synack;
	u64 us = div_u64(ktime_get_ns() - synack->sent[1], NSEC_PER_USEC);
	u32 ticks = synack->ts_last - synack->ts_first;
	u32 before_last = synack->ts_last - pending->ts_echo;
	u64 span;

	if (synack->is_repeated && !synack->options.timestamps)
		return 0;
	/* The unit of the timestamps is not known. They advanced by @ticks during @span. */
	if (synack->is_repeated && ticks && before_last <= ticks) {
		span = div_u64(synack->sent[1] - synack->sent[0], NSEC_PER_USEC);
		us += div_u64(span * before_last, ticks);
	}
	return clamp_t(u64, us, 1, U32_MAX);
}

/*
 * Have the listener's half-open connection taken back after the entry is unlocked: the listener may
 * be retransmitting its SYN-ACK right now, and wait for the entry's lock. If conntrack knows L's
 * handshake, the reset must pass conntrack. Then no socket is returned.
 */
static void take_back_later(struct pp_accept *entry, struct pp_outcome *out)
{
	struct sock *sk = pp_accept_find_half_open(entry);

	if (sk && entry->pending->tracked) {
		sock_gen_put(sk);
		sk = NULL;
	}
	out->half_open = sk;
	out->jobs |= PP_JOB_TAKE_BACK;
}

/* An ACK that acknowledges no SYN-ACK of V must not open a connection */
static const struct pp_synack *find_synack(const struct pp_pending *pending,
					   const struct pp_packet *pkt)
{
	if (!pkt->th.ack || pkt->th.rst)
		return NULL;
	if (pending->synacks > 0 && pkt->ack_seq == pending->synack.isn + 1)
		return &pending->synack;
	if (pending->synacks > 1 && pkt->ack_seq == pending->other_synack.isn + 1)
		return &pending->other_synack;
	return NULL;
}

/*
 * Only the exact last ACK counts. Another packet may belong to an older connection, which was there
 * before the SYN and still is.
 *
 * Return: whether to gather the header from the packet
 */
static bool accept_first_ack(struct pp_accept *entry, struct pp_packet *pkt, struct pp_outcome *out)
{
	struct pp_pending *pending = entry->pending;
	const struct pp_synack *synack = find_synack(pending, pkt);

	if (pp_accept_is_exact_reset(entry, pkt)) {
		pp_accept_outcome_refuse(out, PP_STATS_ATTR_ABANDONED);
		return false;
	}
	if (pkt->seq - entry->isn >= PP_SEQ_SPAN || !synack) {
		out->jobs |= PP_JOB_VOUCH;
		return false;
	}
	if (synack != &pending->synack)
		pending->synack = *synack;
	entry->isn_local = synack->isn;
	entry->state = PP_ACCEPT_HEADER;
	pp_accept_trace_state(entry, PP_CONN_STATE_HEADER_AWAITED, PP_STATS_ATTR_UNSPEC);
	pp_accept_rank(entry, PP_PENDING_ACKED);
	pending->began = jiffies;
	learn_remote(pending, pkt);
	pending->rtt_us = measure_rtt(pending);
	take_back_later(entry, out);
	return true;
}

/* L can acknowledge nothing but the SYN-ACK, whose number a sender elsewhere does not know */
static bool is_speaking(const struct pp_accept *entry, const struct pp_packet *pkt)
{
	return !pkt->th.rst && pkt->th.ack && pkt->ack_seq == entry->isn_local + 1;
}

static void accept_in_header(struct pp_accept *entry, struct pp_packet *pkt, struct pp_outcome *out)
{
	if (pkt->th.syn || pkt->seq - entry->isn >= PP_SEQ_SPAN)
		return;
	if (pp_accept_is_exact_reset(entry, pkt)) {
		__pp_accept_kill(entry, PP_STATS_ATTR_ABANDONED);
		return;
	}
	if (pkt->th.rst || pp_accept_is_probe(entry, pkt))
		out->jobs |= PP_JOB_CHALLENGE;
	if (!is_speaking(entry, pkt))
		return;
	learn_remote(entry->pending, pkt);
	if (pkt->payload || pkt->th.fin)
		pp_accept_gather_header(entry, pkt, out);
}

/*
 * The header is complete. Data behind it is queued, and makes C's SYN be injected again if that is
 * due. A retransmitted header is acknowledged, so that L's timeout does not grow.
 */
static void accept_in_replay(struct pp_accept *entry, struct pp_packet *pkt, struct pp_outcome *out)
{
	u32 end = pkt->seq + pkt->payload + pkt->th.fin;

	if (pkt->th.syn || pkt->seq - entry->isn >= PP_SEQ_SPAN)
		return;
	if (pp_accept_is_exact_reset(entry, pkt)) {
		pp_accept_outcome_refuse(out, PP_STATS_ATTR_ABANDONED);
		return;
	}
	if (pkt->th.rst || pp_accept_is_probe(entry, pkt))
		out->jobs |= PP_JOB_CHALLENGE;
	if (!is_speaking(entry, pkt))
		return;
	learn_remote(entry->pending, pkt);
	if (entry->state == PP_ACCEPT_REPLAY &&
	    time_after(jiffies, entry->pending->replayed + REPLAY_INTERVAL))
		out->jobs |= PP_JOB_REPLAY;
	if (entry->header_len && pkt->payload && before(pkt->seq, pp_accept_data_seq(entry)))
		out->jobs |= PP_JOB_ACKNOWLEDGE;
	if (before(entry->pending->queue_end, end) && pp_accept_queue_packet(entry, pkt))
		out->verdict = NF_STOLEN;
}

static void accept_pending_locked(struct pp_accept *entry, struct pp_packet *pkt,
				  struct pp_outcome *out)
{
	/* Anybody could have sent this SYN, so L is asked by a challenge (RFC 5961, 4) */
	if (pkt->th.syn && !pkt->th.ack && pkt->seq != entry->isn) {
		out->jobs |= PP_JOB_CHALLENGE;
		return;
	}
	switch (entry->state) {
	case PP_ACCEPT_SYN:
		/*
		 * A SYN-ACK is dropped: the listener could take it for the last ACK of the
		 * handshake
		 */
		if (pkt->th.syn && !pkt->th.ack)
			out->verdict = pp_accept_repeat_syn(entry, pkt);
		else if (!pkt->th.syn && accept_first_ack(entry, pkt, out))
			accept_in_header(entry, pkt, out);
		break;
	case PP_ACCEPT_HEADER:
		accept_in_header(entry, pkt, out);
		break;
	case PP_ACCEPT_REPLAY:
	case PP_ACCEPT_CONFIRM:
		accept_in_replay(entry, pkt, out);
		break;
	default:
		break;
	}
}

/**
 * pp_accept_handle_pending - handle a packet of the load balancer before its connection is accepted
 * @entry: connection, under RCU
 * @pkt: packet
 * @state: of the hook
 *
 * Context: PRE_ROUTING.
 * Return: verdict. A packet may be dropped after its data was copied, or if L will retransmit it.
 */
unsigned int pp_accept_handle_pending(struct pp_accept *entry, struct pp_packet *pkt,
				      const struct nf_hook_state *state)
{
	struct pp_outcome out = { .verdict = NF_DROP };

	if (!pp_packet_checksum_ok(pkt))
		return NF_DROP;
	spin_lock_bh(&entry->lock);
	WRITE_ONCE(entry->touched, jiffies);
	accept_pending_locked(entry, pkt, &out);
	spin_unlock_bh(&entry->lock);
	if (out.jobs & PP_JOB_VOUCH &&
	    (pkt->th.rst || pp_accept_is_vouched(entry->net, &entry->wire, state->in, false)))
		out.verdict = NF_ACCEPT;
	if (out.jobs & PP_JOB_CHALLENGE)
		pp_accept_challenge(entry);
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
 * pp_accept_expire - end a pending connection after its timeout, or with its rule
 * @entry: connection, under RCU
 * @dev: device that its packets come by, or NULL if that is gone
 *
 * If the header is optional and none has begun, the connection goes on without one.
 *
 * Context: a work, bottom halves disabled.
 */
void pp_accept_expire(struct pp_accept *entry, struct net_device *dev)
{
	struct pp_outcome out = {};

	spin_lock_bh(&entry->lock);
	if (entry->state == PP_ACCEPT_SYN)
		pp_accept_outcome_refuse(&out, PP_STATS_ATTR_ABANDONED);
	else if (entry->state == PP_ACCEPT_HEADER && !pp_accept_is_distinct(entry->pending) &&
		 entry->pending->rule->accept.header_need == PP_HEADER_OPTIONAL)
		pp_accept_do_without_header(entry, NULL, &out);
	else if (entry->state == PP_ACCEPT_HEADER)
		pp_accept_outcome_refuse(&out, PP_STATS_ATTR_TIMEOUT);
	else if (entry->state != PP_ACCEPT_ESTABLISHED && entry->state != PP_ACCEPT_DEAD)
		pp_accept_outcome_refuse(&out, PP_STATS_ATTR_REJECTED);
	spin_unlock_bh(&entry->lock);
	if (out.jobs & PP_JOB_REFUSE)
		pp_accept_refuse(entry, out.reason, dev);
	if (out.jobs & PP_JOB_REPLAY && dev)
		pp_accept_replay(entry, dev);
}

/* With the entry's lock held, in PP_ACCEPT_SYN */
static void evict_half_open(struct pp_accept *entry, struct pp_outcome *out)
{
	const struct pp_pending *pending = entry->pending;

	take_back_later(entry, out);
	/*
	 * A SYN cookie has no state to take back. Without the entry, the closed world (vouch.c)
	 * keeps L's ACK from fitting it.
	 */
	if (!out->half_open && entry->is_here && !pending->tracked)
		out->jobs &= ~PP_JOB_TAKE_BACK;
}

/**
 * pp_accept_evict - end a pending connection to make room for another one
 * @entry: connection, under RCU
 * @rank: its rank when it was chosen
 *
 * Context: PRE_ROUTING.
 * Return: whether it was ended; false if its rank has changed since
 */
bool pp_accept_evict(struct pp_accept *entry, enum pp_pending_rank rank)
{
	struct net_device *dev = dev_get_by_index_rcu(entry->net->net, entry->ifindex);
	struct pp_outcome out = {};
	bool evicted = false;

	spin_lock_bh(&entry->lock);
	if (entry->pending && entry->pending->rank == rank) {
		evicted = true;
		if (entry->state == PP_ACCEPT_SYN) {
			evict_half_open(entry, &out);
			__pp_accept_kill(entry, PP_STATS_ATTR_ACCEPT_EVICTED);
		}
	}
	spin_unlock_bh(&entry->lock);
	if (out.jobs & PP_JOB_TAKE_BACK && (dev || out.half_open))
		pp_accept_take_back(entry, out.half_open, dev);
	else if (evicted && rank != PP_PENDING_SYN)
		pp_accept_refuse(entry, PP_STATS_ATTR_ACCEPT_EVICTED, dev);
	return evicted;
}
