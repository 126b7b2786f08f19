/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP segments of our own making: to the listener as from outside, and to the
 * load balancer.
 */
#ifndef _PP_CRAFT_H
#define _PP_CRAFT_H

#include "accept.h"

/**
 * struct pp_segment - a segment to be made
 * @key: its addresses and ports, from src to dst
 * @seq: sequence number, host byte order
 * @ack: acknowledgement number, host byte order; 0 without the ACK flag
 * @reserved: the four bits between the length of the header and the flags, of which the
 *	lowest is AccECN's (RFC 9768)
 * @flags: TCPHDR_*
 * @window: as on the wire, host byte order
 * @tos: DSCP and ECN
 * @options: TCP options, padded to a multiple of 4 bytes
 * @options_len: bytes of these
 */
struct pp_segment {
	struct pp_flow_key key;
	u32 seq;
	u32 ack;
	u8 reserved;
	u8 flags;
	u16 window;
	u8 tos;
	const u8 *options;
	unsigned int options_len;
};

/* NOP, NOP, timestamps (RFC 7323, appendix A) */
#define PP_TIMESTAMP_LEN	12

void pp_craft_timestamps(u8 *options, u32 ts_val, u32 ts_ecr);
struct sk_buff *pp_craft(const struct pp_segment *segment);
bool pp_craft_is_ours(const struct sk_buff *skb);
bool pp_craft_is_running(const struct pp_accept *entry);
void pp_craft_inject(struct pp_accept *entry, struct sk_buff *skb, struct net_device *dev);
void pp_craft_transmit(struct pp_accept *entry, struct sk_buff *skb);

#endif /* _PP_CRAFT_H */
