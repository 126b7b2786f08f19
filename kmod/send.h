/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sending: the header is put before connections to tagged backends.
 */
#ifndef _PP_SEND_H
#define _PP_SEND_H

#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_extend.h>
#include <net/netfilter/nf_conntrack_seqadj.h>
#include "packet.h"

struct pp_accept;

/* Numbers this far before or after the ISN are of the same connection */
#define PP_GUARD_SPAN	BIT(30)

/* Whether a packet begins before the client's first byte, at ISN+1 */
static inline bool pp_guard_is_before(const struct pp_packet *pkt, u32 isn)
{
	return isn - pkt->seq < PP_GUARD_SPAN;
}

/*
 * Whether a packet may have to be dropped or changed that is not a SYN, while there
 * is no handshake in progress
 */
static inline bool pp_guard_is_needed(const struct sk_buff *skb)
{
	enum ip_conntrack_info ctinfo;
	const struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	return ct && CTINFO2DIR(ctinfo) == IP_CT_DIR_ORIGINAL &&
	       (ctinfo == IP_CT_NEW || nf_ct_ext_exist(ct, NF_CT_EXT_SEQADJ));
}

/*
 * Whether a packet is of a connection whose header is acknowledged: conntrack's entry
 * was kept from flow offload (offload.c) and is not any more, and the guard has been
 * narrowed. All handshakes in progress have one that is kept and guarded in full.
 */
static inline bool pp_guard_is_past(const struct pp_net *pn, const struct sk_buff *skb)
{
	enum ip_conntrack_info ctinfo;
	const struct nf_conn *ct = nf_ct_get(skb, &ctinfo);
	const struct nf_conn_seqadj *seqadj;

	if (!ct || test_bit(IPS_SEQ_ADJUST_BIT, &ct->status) || atomic_read(&pn->flows.unbound))
		return false;
	seqadj = nfct_seqadj(ct);
	return seqadj && READ_ONCE(seqadj->seq[IP_CT_DIR_REPLY].correction_pos) < PP_GUARD_SPAN;
}

#define PP_SEND_HOOKS	4
extern const struct nf_hook_ops pp_send_hooks[PP_FAMILIES][PP_SEND_HOOKS];

void pp_guard_begin(struct nf_conn *ct, u32 isn, bool answered);
void pp_guard_end(struct nf_conn *ct);
void pp_guard_narrow(struct nf_conn *ct, u32 span);
unsigned int pp_guard_drop(struct pp_net *pn);
unsigned int pp_guard_client(struct pp_net *pn, struct pp_packet *pkt,
			     const struct pp_flow_key *key);
bool pp_send_is_tagged(struct pp_net *pn, const struct pp_packet *pkt,
		       const struct pp_flow_key *key, const struct nf_conn *ct);
unsigned int pp_send_tlvs(const struct pp_rule *rule, const struct pp_accept *accepted,
			  unsigned int room, u8 *buf);
u16 pp_send_finish_tlvs(const struct pp_rule *rule, u8 *header, u16 len);
void pp_send_set_scope(struct pp_flow_key *key, const struct sk_buff *skb,
		       const struct net_device *dev);
struct pp_flow *pp_send_make_flow(struct pp_net *pn, const struct pp_packet *pkt,
				  const struct nf_hook_state *state,
				  const struct pp_flow_key *key, const struct nf_conn *ct,
				  struct pp_rule *rule);
bool pp_send_is_led_here(const struct pp_flow_key *key, const struct nf_conn *ct,
			 const struct nf_hook_state *state);
struct nf_conn *pp_send_ct(const struct sk_buff *skb);
int pp_send_bind(struct pp_flow *flow, struct nf_conn *ct);
unsigned int pp_send_syn(struct pp_net *pn, struct pp_packet *pkt,
			 const struct pp_flow_key *key, const struct nf_hook_state *state);
unsigned int pp_send_client(struct pp_flow *flow, struct pp_packet *pkt,
			    const struct nf_hook_state *state);
bool pp_send_on_ack(struct pp_flow *flow, struct sk_buff *skb);
bool pp_hold_begin(struct pp_flow *flow, const struct pp_packet *pkt,
		   const struct nf_hook_state *state);
bool pp_hold_drop(struct pp_flow *flow);
void pp_hold_end(struct pp_flow *flow, const struct pp_packet *pkt);
int pp_hold_net_init(struct pp_net *pn);
void pp_hold_net_stop(struct pp_net *pn);
void pp_hold_net_exit(struct pp_net *pn);
unsigned int pp_send_reply(struct pp_flow *flow, struct pp_packet *pkt);
unsigned int pp_send_local_reply(struct pp_net *pn, struct sk_buff *skb,
				 enum pp_family family);
void pp_send_icmp_error(struct pp_net *pn, struct sk_buff *skb, enum pp_family family,
			const struct net_device *dev);

#endif /* _PP_SEND_H */
