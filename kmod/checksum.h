/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The CRC32C of a header (SPEC 2.2.3).
 */
#ifndef _PP_CHECKSUM_H
#define _PP_CHECKSUM_H

#include <linux/crc32c.h>

/* The value of the TLV itself, at offset @value, counts as zeros */
static inline u32 pp_checksum_header(const u8 *header, unsigned int len, unsigned int value)
{
	static const u8 zeros[sizeof(u32)];
	u32 crc = crc32c(~0, header, value);

	crc = crc32c(crc, zeros, sizeof(zeros));
	value += sizeof(zeros);
	return ~crc32c(crc, header + value, len - value);
}

#endif /* _PP_CHECKSUM_H */
