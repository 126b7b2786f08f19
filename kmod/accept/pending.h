/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Accepting: what a connection needs until it is accepted.
 *
 * For accept/ alone. It declares struct pp_pending, which is freed once the connection is accepted,
 * and struct pp_outcome: what to do about a packet after the entry is unlocked.
 */
#ifndef _PP_ACCEPT_PENDING_H
#define _PP_ACCEPT_PENDING_H

#include "accept/conn.h"
#include "packet/option.h"
#include "packet/packet.h"

/**
 * struct pp_synack - a SYN-ACK of V to L, with all its retransmissions
 * @options: options of the first transmission
 * @isn: its sequence number; differs from that of the other SYN-ACK of the connection
 * @ts_first: TSval of the first transmission
 * @ts_last: TSval of the last transmission
 * @window: window of the first transmission
 * @is_repeated: it was retransmitted
 * @sent: time when the first and the last transmission left, in ns
 */
struct pp_synack {
	struct pp_syn_options options;
	u32 isn;
	u32 ts_first;
	u32 ts_last;
	u16 window;
	bool is_repeated;
	u64 sent[2];
};

/**
 * struct pp_pending - what a connection needs until it is accepted
 * @entry: the connection
 * @rule: rule that chose the connection; holds a reference
 * @node: in the list of @rank in the queue @source_queue; pp_pending_queue.lock
 * @source_queue: index in pp_accepts.queues
 * @rank: enum pp_pending_rank; written with both locks held, pp_accept.lock and
 *	pp_pending_queue.lock
 * @confirm_node: in pp_accepts.confirm, or empty; pp_accepts.lock
 * @challenged: time of the last challenge to L, in jiffies; 0: none yet
 * @mark: mark of L's SYN
 * @began: when the current state began, in jiffies
 * @synack: V's first SYN-ACK, if @synacks is not 0; from PP_ACCEPT_HEADER on the one that L has
 *	acknowledged, with ISN1 and TSval1
 * @other_synack: the last SYN-ACK with another number than the first, if @synacks is 2
 * @synacks: how many of these two are known
 * @rtt_us: time from the SYN-ACK to L's first ACK; 0 if it is not known which transmission L has
 *	answered
 * @ts_local2: TSval2, timestamp of the SYN-ACK to C's SYN
 * @ts_remote: L's last TSval
 * @ts_echo: L's last TSecr
 * @window_remote: L's last window, as on the wire
 * @outcome: counter to increment when the connection is accepted
 * @injecting: how many CPUs are injecting C's SYN right now; each looks for the answer afterwards
 * @disagrees: the SYN-ACK to C's SYN lacks an option that L was offered
 * @lost: how many of C's SYNs were dropped in PRE_ROUTING
 * @is_even: the request socket has taken over ISN1 and TSval1
 * @tracked: conntrack has an entry of L's handshake
 * @tos: TOS or traffic class of L's SYN
 * @syn_len: bytes of @syn
 * @syn: TCP header of L's SYN with its options, as it went to the listener
 * @have: bytes of the header in @buf
 * @buf_size: size of @buf
 * @buf: beginning of the header, or NULL
 * @queue: packets of L with data or a FIN behind the header
 * @queued: memory of these packets, in bytes
 * @queue_end: sequence number behind the last of these packets
 * @replayed: when C's SYN was last injected, in jiffies
 * @stale_at: when a packet of an old connection was last seen, in jiffies; 0: never
 * @stale_ack: the acknowledgement number in that packet, if @is_stale
 * @is_stale: V's host still has an old connection of the same ends, which is to be reset
 * @refusals: how often V has answered C's SYN by a reset
 * @misled: how often conntrack's entry was deleted, as V had answered another SYN
 * @is_asked_again: C's SYN is to be injected again
 *
 * Fields for which no lock is named are protected by pp_accept.lock.
 */
struct pp_pending {
	struct pp_accept *entry;
	struct pp_rule *rule;
	struct list_head node;
	u8 source_queue;
	u8 rank;
	struct list_head confirm_node;
	unsigned long challenged;
	u32 mark;
	unsigned long began;
	struct pp_synack synack;
	struct pp_synack other_synack;
	u8 synacks;
	u32 rtt_us;
	u32 ts_local2;
	u32 ts_remote;
	u32 ts_echo;
	u16 window_remote;
	u8 outcome;
	u8 injecting;
	bool disagrees;
	u8 lost;
	bool is_even;
	bool tracked;
	u8 tos;
	u8 syn_len;
	u8 syn[PP_TCP_HEADER_MAX] __aligned(4);
	unsigned int have;
	unsigned int buf_size;
	u8 *buf;
	struct sk_buff_head queue;
	unsigned int queued;
	u32 queue_end;
	unsigned long replayed;
	unsigned long stale_at;
	u32 stale_ack;
	bool is_stale;
	u8 refusals;
	u8 misled;
	bool is_asked_again;
};

/* What to do once the entry is unlocked */
enum pp_job {
	PP_JOB_TAKE_BACK = BIT(0),
	PP_JOB_ACKNOWLEDGE = BIT(1),
	PP_JOB_REPLAY = BIT(2),
	PP_JOB_REFUSE = BIT(3),
	PP_JOB_CHALLENGE = BIT(4),
	PP_JOB_VOUCH = BIT(5),
};

/**
 * struct pp_outcome - what to do about a packet, or a timeout, once the entry is unlocked
 * @jobs: bits of enum pp_job
 * @verdict: verdict of the hook
 * @reason: counter for PP_JOB_REFUSE
 * @half_open: for PP_JOB_TAKE_BACK: a request socket that conntrack does not know of, with a
 *	reference, or NULL
 */
struct pp_outcome {
	unsigned int jobs;
	unsigned int verdict;
	enum pp_stats_attr reason;
	struct sock *half_open;
};

static inline void pp_accept_outcome_refuse(struct pp_outcome *out, enum pp_stats_attr reason)
{
	out->jobs |= PP_JOB_REFUSE;
	out->reason = reason;
}

void pp_accept_gather_header(struct pp_accept *entry, struct pp_packet *pkt,
			     struct pp_outcome *out);
void pp_accept_do_without_header(struct pp_accept *entry, struct pp_packet *pkt,
				 struct pp_outcome *out);
bool pp_accept_is_distinct(const struct pp_pending *pending);
bool pp_accept_queue_packet(struct pp_accept *entry, struct pp_packet *pkt);

#endif /* _PP_ACCEPT_PENDING_H */
