/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP segments that the module makes itself.
 *
 * For accept/, which injects them. Owns struct pp_segment, the fields of such a segment.
 */
#ifndef _PP_SEGMENT_H
#define _PP_SEGMENT_H

#include <linux/skbuff.h>
#include "key.h"

/**
 * struct pp_segment - the fields of a segment to be made
 * @key: addresses and ports, from src to dst
 * @seq: sequence number, host byte order
 * @ack: acknowledgement number, host byte order; 0 without the ACK flag
 * @reserved: the four bits between data offset and flags; the lowest is AccECN's (RFC 9768)
 * @flags: TCPHDR_*
 * @window: window as on the wire, host byte order
 * @tos: DSCP and ECN
 * @options: TCP options, padded to a multiple of 4 bytes
 * @options_len: length of @options in bytes
 */
struct pp_segment {
	struct pp_conn_key key;
	u32 seq;
	u32 ack;
	u8 reserved;
	u8 flags;
	u16 window;
	u8 tos;
	const u8 *options;
	unsigned int options_len;
};

/* Length of two NOPs and a timestamp option (RFC 7323, appendix A) */
#define PP_TIMESTAMP_LEN	12

void pp_packet_put_timestamps(u8 *options, u32 ts_val, u32 ts_ecr);
struct sk_buff *pp_packet_make_segment(const struct pp_segment *segment);

#endif /* _PP_SEGMENT_H */
