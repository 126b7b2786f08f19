/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For userspace: the kernel's crc32c(), by a table of the polynomial.
 */
#ifndef _PP_FUZZ_CRC32C_H
#define _PP_FUZZ_CRC32C_H

#include <stdint.h>

static inline uint32_t crc32c(uint32_t crc, const void *data, unsigned int len)
{
	static uint32_t table[256];
	const uint8_t *bytes = data;
	unsigned int i, bit;

	for (i = 0; i < 256 && !table[255]; i++) {
		table[i] = i;
		for (bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] % 2 ? 0x82f63b78 : 0);
	}
	while (len--)
		crc = table[(crc ^ *bytes++) & 0xff] ^ crc >> 8;
	return crc;
}

#endif /* _PP_FUZZ_CRC32C_H */
