/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For userspace: what kmod/send/tlv.c and kmod/proto/checksum.h take from the kernel's header.
 */
#ifndef _PP_FUZZ_UNALIGNED_H
#define _PP_FUZZ_UNALIGNED_H

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

static inline void put_unaligned_be32(uint32_t value, void *p)
{
	value = htonl(value);
	memcpy(p, &value, sizeof(value));
}

static inline uint32_t get_unaligned_be32(const void *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return ntohl(value);
}

#endif /* _PP_FUZZ_UNALIGNED_H */
