/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The Internet checksum (RFC 1071), for programs that write packets themselves.
 */
#ifndef PP_INET_SUM_H
#define PP_INET_SUM_H

#include <stddef.h>
#include <stdint.h>

/**
 * inet_sum - add up 16-bit words, in network byte order
 * @data: words; an odd last byte counts as the upper half of one
 * @len: bytes
 * @sum: of the other data
 */
static inline uint32_t inet_sum(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : p[i] << 8;
	return sum;
}

/**
 * inet_fold - a sum in 16 bits, in host byte order
 * @sum: of inet_sum()
 *
 * The checksum is the complement of it.
 */
static inline uint16_t inet_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

#endif
