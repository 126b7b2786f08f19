/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sending: declarations that the files of send/ share.
 *
 * For send/ alone. The comments name the file that defines the functions below them, with their
 * description. hooks.c tells what each file does.
 */
#ifndef _PP_SEND_INTERNAL_H
#define _PP_SEND_INTERNAL_H

#include <net/netfilter/nf_conntrack.h>
#include "packet/packet.h"
#include "rule/rule.h"
#include "send/fastpath.h"
#include "send/flow.h"
#include "send/send.h"
#include "trace/state.h"

struct pp_accept;

/* A little longer than a SYN cookie is valid, if no conntrack entry keeps the guard (guard.c) */
#define PP_SEND_UNGUARDED_TIMEOUT	(130 * HZ)

/* Whether a packet begins before ISN+1, the number of the client's first byte */
static inline bool pp_send_guard_is_before(const struct pp_packet *pkt, u32 isn)
{
	return isn - pkt->seq < PP_SEQ_SPAN;
}

/* With pp_flow.lock held, or where nobody else can change the state */
static inline void pp_send_trace_state(const struct pp_flow *flow, u8 state,
				       enum pp_stats_attr reason)
{
	trace_pp_send_state(flow->net, &flow->key, &flow->client, flow->rule_id, state, reason);
}

/* guard.c */
bool pp_send_guard_is_opening(const struct nf_conn *ct);
void pp_send_guard_begin(struct nf_conn *ct, const struct pp_flow *flow);
void pp_send_guard_end(struct nf_conn *ct);
void pp_send_guard_narrow(struct nf_conn *ct, const struct pp_flow *flow);
unsigned int pp_send_guard_drop(struct pp_net *pn);
unsigned int pp_send_guard_client(struct pp_net *pn, struct pp_packet *pkt,
				  const struct pp_conn_key *key,
				  const struct nf_hook_state *state, bool may_remake);
unsigned int pp_send_guard_lower(struct pp_net *pn, struct pp_packet *pkt);
void pp_send_guard_forget(struct nf_conn *ct);

/* attempt.c */
void pp_send_attempt_add(struct pp_flow *flow, u32 isn, u8 wscale);
void pp_send_attempt_revive(struct pp_flow *flow, u32 isn);
bool pp_send_attempt_choose(struct pp_flow *flow, const struct pp_packet *pkt);
bool pp_send_attempt_is_before(const struct pp_flow *flow, const struct pp_packet *pkt);
void pp_send_attempt_report(struct pp_flow *flow);
bool pp_send_attempt_is_acked(const struct pp_attempt *syn, u32 ack);

/* syn.c */
struct pp_rule *pp_send_find_rule(struct pp_net *pn, const struct pp_packet *pkt,
				  const struct pp_conn_key *key, const struct nf_conn *ct);
void pp_send_count_limit(struct pp_net *pn, struct pp_rule *rule, const struct pp_conn_key *key);

/* remake.c */
struct pp_flow *pp_send_remake_flow(struct pp_net *pn, const struct pp_packet *pkt,
				    const struct nf_hook_state *state,
				    const struct pp_conn_key *key, struct nf_conn *ct, u32 isn,
				    u16 header_len);

/* reply.c */
u16 pp_send_default_mss(enum pp_family family);

/* evicted.c */
bool pp_send_evicted_takes(const struct pp_flow *flow);
bool pp_send_evicted_note(const struct pp_flow *flow, const struct pp_attempt *syn);
bool pp_send_evicted_note_all(const struct pp_flow *flow);
unsigned int pp_send_evicted_guard(struct pp_net *pn, struct pp_packet *pkt,
				   const struct pp_conn_key *key);
bool pp_send_evicted_hides(const struct pp_net *pn, const struct pp_packet *pkt,
			   const struct pp_conn_key *key);
bool pp_send_evicted_turn(struct pp_net *pn);
void pp_send_evicted_exit(struct pp_net *pn);

/* half_open.c */
void pp_send_half_open_add(struct pp_flow *flow);
void pp_send_half_open_remove(struct pp_flow *flow);
bool pp_send_half_open_evict(struct pp_net *pn, u32 class);
int pp_send_half_open_init(struct pp_net *pn);

/* places.c */
bool pp_send_places_take(struct pp_flows *flows, u32 of, u32 limit);
void pp_send_places_give(struct pp_flows *flows, u32 of);
int pp_send_places_init(struct pp_net *pn);

/* filter.c */
void pp_send_filter_add(struct pp_flow *flow);
void pp_send_filter_grow(struct pp_net *pn);
int pp_send_filter_init(struct pp_net *pn);
void pp_send_filter_exit(struct pp_net *pn);

/* gc.c */
int pp_send_prepare(struct pp_net *pn);
void pp_send_gc_begin(struct pp_flows *flows);
int pp_send_net_init(struct pp_net *pn);
void pp_send_net_exit(struct pp_net *pn);

/* syn.c */
bool pp_send_is_tagged(struct pp_net *pn, const struct pp_packet *pkt,
		       const struct pp_conn_key *key, const struct nf_conn *ct);

/* tlv.c */
unsigned int pp_send_put_tlvs(const struct pp_rule *rule, const struct pp_accept *accepted,
			      unsigned int room, u8 *buf);
u16 pp_send_finish_tlvs(const struct pp_rule *rule, u8 *header, u16 len);

/* hooks.c */
void pp_send_set_scope(struct pp_conn_key *key, const struct sk_buff *skb,
		       const struct net_device *dev);

/* header.c */
struct pp_flow *pp_send_make_flow(struct pp_net *pn, const struct pp_packet *pkt,
				  const struct nf_hook_state *state,
				  const struct pp_conn_key *key, const struct nf_conn *ct,
				  struct pp_rule *rule, u32 isn);
bool pp_send_is_chained(struct pp_net *pn, const struct pp_conn_key *key, const struct nf_conn *ct);
bool pp_send_is_led_here(const struct pp_conn_key *key, const struct nf_conn *ct,
			 const struct nf_hook_state *state);

/* track.c */
struct nf_conn *pp_send_find_ct(const struct sk_buff *skb);
bool pp_send_loses_port(const struct pp_flow *flow, const struct nf_conn *ct);
bool pp_send_gives_same_header(const struct pp_flow *flow, const struct pp_rule *rule,
			       const struct nf_conn *ct);

/* believe.c */
bool pp_send_ack_is_credible(const struct pp_flow *flow, const struct pp_packet *pkt);
void pp_send_note_client(struct pp_flow *flow, const struct pp_packet *pkt);
bool pp_send_backend_believes(const struct pp_flow *flow, const struct pp_packet *pkt);
bool pp_send_client_takes(const struct pp_flow *flow, const struct pp_packet *pkt);
bool pp_send_client_believes(const struct pp_flow *flow, const struct pp_packet *pkt);
void pp_send_note_backend(struct pp_flow *flow, const struct pp_packet *pkt);

/* put.c */
bool pp_send_put_fits(const struct pp_flow *flow, const struct pp_packet *pkt);
unsigned int pp_send_put_header(struct pp_flow *flow, struct pp_packet *pkt, bool fits,
				struct sk_buff **ahead);

/* habit.c */
void pp_send_habit_note_silent(struct pp_rule *rule);
void pp_send_habit_note_speaking(struct pp_rule *rule);
bool pp_send_habit_may_wait(const struct pp_rule *rule);
void pp_send_habit_note_wait(struct pp_rule *rule);

/* track.c */
int pp_send_bind_ct(struct pp_flow *flow, struct nf_conn *ct);

/* syn.c */
unsigned int pp_send_handle_syn(struct pp_net *pn, struct pp_packet *pkt,
				const struct pp_conn_key *key, const struct nf_hook_state *state);

/* client.c */
unsigned int pp_send_handle_client(struct pp_flow *flow, struct pp_packet *pkt,
				   const struct nf_hook_state *state);

/* put.c */
bool pp_send_put_on_ack(struct pp_flow *flow, struct sk_buff *skb);

/* hold.c */
bool pp_send_hold_begin(struct pp_flow *flow, const struct pp_packet *pkt,
			const struct nf_hook_state *state);
bool pp_send_hold_drop(struct pp_flow *flow);
void pp_send_hold_let_go(struct pp_flow *flow, bool in_vain);
void pp_send_hold_end(struct pp_flow *flow, const struct pp_packet *pkt);
int pp_send_hold_init(struct pp_net *pn);
void pp_send_hold_net_stop(struct pp_net *pn);

/* reply.c */
unsigned int pp_send_handle_reply(struct pp_flow *flow, struct pp_packet *pkt);

/* icmp.c */
void pp_send_handle_icmp(struct pp_net *pn, struct sk_buff *skb, enum pp_family family,
			 const struct net_device *dev);

#endif /* _PP_SEND_INTERNAL_H */
