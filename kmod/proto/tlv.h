/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The TLVs behind the addresses of a v2 header: type, length, value.
 *
 * Owns only their structure; callers know what a value means. Pure functions of
 * buffers, like header.h.
 */
#ifndef _PP_TLV_H
#define _PP_TLV_H

#include "proto/header.h"

/* Type and length of a TLV (SPEC 2.2) */
#define PP_TLV_FIXED	3
/* Types (SPEC 2.2.1 to 2.2.7), and those left to applications */
#define PP_TLV_ALPN		0x01
#define PP_TLV_AUTHORITY	0x02
#define PP_TLV_NOOP		0x04
#define PP_TLV_UNIQUE_ID	0x05
#define PP_TLV_NETNS		0x30
#define PP_TLV_CUSTOM_FIRST	0xe0
#define PP_TLV_CUSTOM_LAST	0xef
/* Type of a CRC32C of the whole header, 4 bytes (SPEC 2.2.3) */
#define PP_TLV_CRC32C		0x03

/**
 * struct pp_tlv - one TLV
 * @type: PP2_TYPE_* of SPEC 2.2
 * @len: bytes of @value
 * @value: points into the header
 */
struct pp_tlv {
	u8 type;
	u16 len;
	const u8 *value;
};

/**
 * struct pp_tlv_walk - the TLVs still ahead
 * @pos: the next TLV
 * @have: bytes received from @pos on; may be more than @left
 * @left: bytes from @pos to the end of the header, received or not
 */
struct pp_tlv_walk {
	const u8 *pos;
	size_t have;
	size_t left;
};

u8 *pp_proto_tlv_put(u8 *p, u8 type, const void *value, u16 len);
int pp_proto_tlv_next(struct pp_tlv_walk *walk, struct pp_tlv *tlv);

#endif /* _PP_TLV_H */
