/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the unit tests of the codec share: good headers, random input, and
 * buffers that end where the bytes end, so that ASan sees any read beyond.
 */
#ifndef _PP_UNIT_H
#define _PP_UNIT_H

#include <arpa/inet.h>
#include <stdlib.h>

#include "proto/header.h"

/* Newer kselftest.h has it */
#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif

/**
 * struct vector - a good header and what it says
 * @name: for messages
 * @bytes: the header
 * @len: its length
 * @command: enum pp_header_command
 * @family_proto: byte 14, or its like for v1
 * @src: address of the client; NULL when the header gives none
 * @dst: destination
 * @sport: host byte order
 * @dport: host byte order
 * @tlv_len: bytes of TLVs
 */
struct vector {
	const char *name;
	const char *bytes;
	size_t len;
	u8 command;
	u8 family_proto;
	const char *src;
	const char *dst;
	u16 sport;
	u16 dport;
	u16 tlv_len;
};

extern const struct vector vectors[];
extern const size_t vector_count;

/* pp_proto_header_read() of bytes in a buffer of just their size */
static inline int read_exact(const void *bytes, size_t len, struct pp_header *h)
{
	u8 *copy = malloc(len);
	int ret;

	if (len)
		memcpy(copy, bytes, len);
	ret = pp_proto_header_read(copy, len, h);
	free(copy);
	return ret;
}

static inline int read_text(const char *text)
{
	struct pp_header h;

	return read_exact(text, strlen(text), &h);
}

/* Random, but the same on every run; a failure can be repeated */
static inline u32 random_u32(void)
{
	static uint64_t state;
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z >> 32;
}

/* Below @n */
static inline u32 random_below(u32 n)
{
	return random_u32() % n;
}

/* An endpoint whose bytes are zero more often than chance has it, for "::" */
static inline void random_endpoint(struct pp_endpoint *end, u16 family)
{
	u8 *bytes = (u8 *)&end->addr;
	size_t len = family == AF_INET ? 4 : 16;
	u8 zeros = random_below(8);

	memset(end, 0, sizeof(*end));
	end->family = family;
	end->port = htons(random_below(4) ? random_u32() : 0);
	for (size_t i = 0; i < len; i++)
		bytes[i] = random_below(8) < zeros ? 0 : random_u32();
}

static inline bool same_endpoint(const struct pp_endpoint *a, const struct pp_endpoint *b)
{
	return a->family == b->family && a->port == b->port &&
	       !memcmp(&a->addr, &b->addr, a->family == AF_INET ? 4 : 16);
}

#endif /* _PP_UNIT_H */
