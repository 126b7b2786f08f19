/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The CRC32C of a header (SPEC 2.2.3).
 */
#ifndef _PP_CHECKSUM_H
#define _PP_CHECKSUM_H

#include <linux/crc32c.h>
#include <linux/unaligned.h>
#include "proto/header_stack.h"
#include "proto/tlv.h"

/* @value is the offset of the TLV's own value, whose bytes count as zeros */
static inline u32 pp_proto_checksum_header(const u8 *header, unsigned int len, unsigned int value)
{
	static const u8 zeros[sizeof(u32)];
	u32 crc = crc32c(~0, header, value);

	crc = crc32c(crc, zeros, sizeof(zeros));
	value += sizeof(zeros);
	return ~crc32c(crc, header + value, len - value);
}

/* Whether every CRC32C in a complete header of @len bytes is right, or there is none */
static inline bool pp_proto_checksum_fits(const u8 *bytes, const struct pp_header *header,
					  unsigned int len)
{
	struct pp_tlv_walk walk = {
		.pos = bytes + header->tlv_off,
		.have = header->tlv_len,
		.left = header->tlv_len,
	};
	struct pp_tlv tlv;
	u32 crc;

	while (header->tlv_len && pp_proto_tlv_next(&walk, &tlv) == 1) {
		if (tlv.type != PP_TLV_CRC32C)
			continue;
		if (tlv.len != sizeof(crc))
			return false;
		crc = pp_proto_checksum_header(bytes, len, tlv.value - bytes);
		if (crc != get_unaligned_be32(tlv.value))
			return false;
	}
	return true;
}

/* The same of headers in a row, @len bytes in all; pp_proto_stack_read() has filled @stack */
static inline bool pp_proto_checksums_fit(const u8 *bytes, const struct pp_stack *stack,
					  unsigned int len)
{
	struct pp_header header;
	unsigned int at;
	int ret;

	if (stack->count == 1)
		return pp_proto_checksum_fits(bytes, &stack->named, len);
	for (at = 0; at < len; at += ret) {
		ret = pp_proto_header_read(bytes + at, len - at, &header);
		if (ret <= 0 || !pp_proto_checksum_fits(bytes + at, &header, ret))
			return false;
	}
	return true;
}

#endif /* _PP_CHECKSUM_H */
