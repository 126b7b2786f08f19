/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The CRC32C of a header (SPEC 2.2.3).
 */
#ifndef _PP_CHECKSUM_H
#define _PP_CHECKSUM_H

#include <linux/crc32c.h>

/* With the value of the TLV itself set to zeros */
static inline u32 pp_checksum_header(const u8 *header, unsigned int len)
{
	return ~crc32c(~0, header, len);
}

#endif /* _PP_CHECKSUM_H */
