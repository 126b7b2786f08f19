/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sending: the header is put before connections to tagged backends.
 */
#ifndef _PP_SEND_H
#define _PP_SEND_H

#include "packet.h"

struct pp_accept;

int pp_send_register(struct net *net, u8 nfproto);
void pp_send_unregister(struct net *net, u8 nfproto);

unsigned int pp_send_tlvs(const struct pp_rule *rule, const struct pp_accept *accepted,
			  unsigned int room, u8 *buf);
u16 pp_send_finish_tlvs(const struct pp_rule *rule, u8 *header, u16 len);
void pp_send_set_scope(struct pp_flow_key *key, const struct sk_buff *skb,
		       const struct net_device *dev);
unsigned int pp_send_syn(struct pp_net *pn, struct pp_packet *pkt,
			 const struct pp_flow_key *key, const struct nf_hook_state *state);
unsigned int pp_send_client(struct pp_flow *flow, struct pp_packet *pkt,
			    const struct nf_hook_state *state);
unsigned int pp_send_reply(struct pp_flow *flow, struct pp_packet *pkt);
unsigned int pp_send_local_reply(struct pp_net *pn, struct sk_buff *skb,
				 enum pp_family family);
void pp_send_icmp_error(struct pp_net *pn, struct sk_buff *skb, enum pp_family family,
			const struct net_device *dev);

#endif /* _PP_SEND_H */
