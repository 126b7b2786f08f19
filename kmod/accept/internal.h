/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Accepting: the functions that its files offer to each other.
 *
 * For accept/ alone. They are listed by file. pending.h has the types and functions that only
 * concern pending connections, and inject.h those that inject packets.
 */
#ifndef _PP_ACCEPT_INTERNAL_H
#define _PP_ACCEPT_INTERNAL_H

#include <net/netfilter/nf_conntrack.h>
#include "accept/accept.h"
#include "accept/conn.h"
#include "packet/packet.h"
#include "rule/rule.h"
#include "trace/state.h"

struct pp_pending;
struct pp_quote;
struct pp_segment;

/* Whether a packet of V was sent by this host, as opposed to forwarded */
static inline bool pp_accept_is_from_here(const struct sk_buff *skb)
{
	return skb->sk || !skb->skb_iif;
}

/* With the entry's lock held */
static inline void pp_accept_trace_state(const struct pp_accept *entry, u8 state,
					 enum pp_stats_attr reason)
{
	struct pp_endpoint client = {};

	if (!trace_pp_accept_state_enabled())
		return;
	if (entry->has_inner)
		pp_accept_read_client(entry, &client);
	trace_pp_accept_state(entry->net, &entry->wire, &client, entry->rule_id, state, reason);
}

/* table.c */
struct pp_accept *pp_accept_alloc(struct pp_net *pn, struct pp_rule *rule);
struct pp_accept *pp_accept_insert(struct pp_accept *entry);
bool pp_accept_insert_inner(struct pp_accept *entry);
struct pp_accept *pp_accept_find_wire(struct pp_net *pn, const struct pp_conn_key *key);
bool pp_accept_reserve_bytes(struct pp_accept *entry, unsigned int len);
void pp_accept_unreserve_bytes(struct pp_net *pn, struct pp_rule *rule, unsigned int len);
struct pp_pending *pp_accept_set_established(struct pp_accept *entry);
void pp_accept_free_pending(struct pp_net *pn, struct pp_pending *pending);
void pp_accept_confirm_later(struct pp_accept *entry);
void __pp_accept_kill(struct pp_accept *entry, enum pp_stats_attr reason);
void pp_accept_kill(struct pp_accept *entry, enum pp_stats_attr reason);
int pp_accept_net_init(struct pp_net *pn);
void pp_accept_net_exit(struct pp_net *pn);

/* far.c */
bool pp_accept_note_far(struct pp_accept *entry, const struct pp_packet *pkt);
void pp_accept_guess_far(struct pp_accept *entry);
void pp_accept_leave_far(struct pp_accept *entry);
void pp_accept_note_new_syn(struct pp_accept *entry, const struct pp_packet *pkt);
bool pp_accept_answers_new_syn(struct pp_accept *entry, const struct pp_packet *pkt);
bool pp_accept_is_half_open_ack(struct pp_accept *entry, const struct pp_packet *pkt);
unsigned int pp_accept_drop_late(struct pp_net *pn, const struct pp_packet *pkt);
void pp_accept_yield_far(struct pp_net *pn, const struct pp_conn_key *key);
void pp_accept_tend_far(struct pp_net *pn);
int pp_accept_far_init(struct pp_accepts *accepts);
void pp_accept_far_exit(struct pp_accepts *accepts);

/* queue.c */
int pp_accept_queues_init(struct pp_net *pn);
void pp_accept_queues_exit(struct pp_net *pn);
void pp_accept_enqueue(struct pp_accept *entry);
void pp_accept_rank(struct pp_accept *entry, enum pp_pending_rank rank);
void pp_accept_dequeue(struct pp_accept *entry);
bool pp_accept_make_room(struct pp_net *pn);

/* vouch.c */
struct nf_conn *pp_accept_find_conntrack(struct pp_net *pn, const struct pp_conn_key *key,
					 enum ip_conntrack_dir *dir);
bool pp_accept_is_vouched(struct pp_net *pn, const struct pp_conn_key *key,
			  const struct net_device *in, bool half_open);
unsigned int pp_accept_guard_listener(struct pp_net *pn, struct pp_packet *pkt,
				      const struct pp_conn_key *key, const struct net_device *in);

/* challenge.c */
bool pp_accept_is_exact_reset(const struct pp_accept *entry, const struct pp_packet *pkt);
bool pp_accept_is_probe(const struct pp_accept *entry, const struct pp_packet *pkt);
void pp_accept_challenge(struct pp_accept *entry);

/* silence.c */
bool pp_accept_is_silent(struct pp_accept *entry);

/* ask.c */
void pp_accept_ask(struct pp_accept *entry);
bool pp_accept_is_for_us(struct pp_accept *entry, const struct pp_packet *pkt);
void pp_accept_doubt_denied(struct pp_net *pn);
void pp_accept_settle_denied(struct pp_net *pn);
void pp_accept_note_reset(struct pp_net *pn, const struct pp_packet *pkt);

/* gc.c */
void pp_accept_gc_work(struct work_struct *work);
void pp_accept_finish_work(struct work_struct *work);

/* client.c */
int pp_accept_name_client(struct pp_accept *entry, const struct pp_header *header);
bool pp_accept_may_map(struct pp_accept *entry, const struct pp_header *header);
bool pp_accept_has_socket(const struct pp_accept *entry);
bool pp_accept_has_in_flight(const struct pp_accept *entry, u32 seq);
struct sock *pp_accept_find_half_open(const struct pp_accept *entry);
bool pp_accept_is_alive(const struct pp_accept *entry);
bool pp_accept_take_over(struct pp_accept *old, const struct pp_accept *entry);

/* map.c */
bool pp_accept_map_client(const struct pp_accept *entry, struct pp_endpoint *client);

/* syn.c */
unsigned int pp_accept_tidy_syn(struct pp_packet *pkt);
unsigned int pp_accept_handle_syn(struct pp_net *pn, struct pp_packet *pkt,
				  const struct nf_hook_state *state);
unsigned int pp_accept_repeat_syn(struct pp_accept *entry, struct pp_packet *pkt);
unsigned int pp_accept_handle_synack(struct pp_accept *entry, struct pp_packet *pkt);

/* pending.c */
unsigned int pp_accept_handle_pending(struct pp_accept *entry, struct pp_packet *pkt,
				      const struct nf_hook_state *state);
void pp_accept_expire(struct pp_accept *entry, struct net_device *dev);
bool pp_accept_evict(struct pp_accept *entry, enum pp_pending_rank rank);

/* kept.c */
void pp_accept_keep_header(struct pp_accept *entry, const u8 *bytes);
bool pp_accept_keep_bytes(struct pp_accept *entry, const u8 *bytes);
void pp_accept_forget_header(struct pp_accept *entry);
void pp_accept_uncount_header(struct pp_accept *entry);
int pp_accept_write_header(const struct pp_accept *entry, u8 *buf, size_t size);

/* replay.c */
bool pp_accept_forget_half_open(struct pp_accept *entry);
void pp_accept_replay(struct pp_accept *entry, struct net_device *dev);
void pp_accept_finish(struct pp_accept *entry, struct net_device *dev);
void pp_accept_note_lost(struct pp_accept *entry);

/* answer.c */
unsigned int pp_accept_handle_replay_answer(struct pp_accept *entry, struct pp_packet *pkt);

/* even.c */
unsigned int pp_accept_even_synack(struct pp_net *pn, struct sk_buff *skb, enum pp_family family);

/* segment.c */
void pp_accept_inject_segment(struct pp_accept *entry, const struct pp_segment *segment,
			      struct net_device *dev, u32 mark);
void pp_accept_take_back(struct pp_accept *entry, struct sock *half_open,
			 struct net_device *dev);
void pp_accept_acknowledge(struct pp_accept *entry);
void pp_accept_acknowledge_all(struct pp_accept *entry, const struct pp_pending *pending);
void pp_accept_refuse(struct pp_accept *entry, enum pp_stats_attr reason,
		      struct net_device *dev);
void pp_accept_replace(struct pp_accept *entry, struct net_device *dev);

/* translate.c */
unsigned int pp_accept_translate_in(struct pp_accept *entry, struct pp_packet *pkt,
				    const struct net_device *in, bool again);
unsigned int pp_accept_translate_out(struct pp_accept *entry, struct pp_packet *pkt);

/* route.c */
struct dst_entry *pp_accept_find_route(const struct pp_accept *entry,
				       const struct pp_conn_key *key, u32 mark);
void pp_accept_note_mark(struct pp_accept *entry, u32 mark);
struct dst_entry *pp_accept_peek_route(struct pp_accept *entry);
struct dst_entry *pp_accept_get_route(struct pp_accept *entry);
bool pp_accept_route_in(struct sk_buff *skb, __be32 balancer, const struct net_device *in);
unsigned int pp_accept_find_mtu(struct pp_accept *entry);
bool pp_accept_fits_route(struct sk_buff *skb, enum pp_family family, const struct dst_entry *dst);

/* mtu.c */
void pp_accept_hear_router(const struct pp_accept *entry, struct sk_buff *skb,
			   const struct pp_quote *quote);

/* icmp.c */
void pp_accept_handle_icmp_in(struct pp_net *pn, struct sk_buff *skb, enum pp_family family);
unsigned int pp_accept_handle_icmp_out(struct pp_net *pn, struct sk_buff *skb,
				       enum pp_family family);

/* ipsec.c */
bool pp_accept_ipsec_in(const struct pp_accept *entry, const struct pp_packet *pkt,
			const struct net_device *in);

#endif /* _PP_ACCEPT_INTERNAL_H */
