// SPDX-License-Identifier: GPL-2.0
/*
 * SPEC's header of version 2, by tables: what may stand in each byte of the
 * fixed part, and what each pair of family and protocol has for addresses.
 */
#include <string.h>

#include "spec_header.h"

#define FIXED		16
/* A choice: more is refused */
#define TOTAL_MAX	4096
#define TYPE_CRC32C	0x03

static const uint8_t signature[12] = {
	0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
};

/* Bytes of one address, whether ports follow, and whether a TCP stream has it */
static const struct layout {
	uint8_t family_proto;
	uint8_t address;
	uint8_t port;
	bool is_tcp;
} layouts[] = {
	{ 0x11, 4, 2, true }, { 0x12, 4, 2, false }, { 0x21, 16, 2, true },
	{ 0x22, 16, 2, false }, { 0x31, 108, 0, false }, { 0x32, 108, 0, false },
};

static const struct layout *find_layout(uint8_t family_proto)
{
	size_t i;

	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		if (layouts[i].family_proto == family_proto)
			return &layouts[i];
	}
	return NULL;
}

static size_t total_length(const uint8_t *bytes)
{
	return FIXED + 256u * bytes[14] + bytes[15];
}

/* Whether byte @i may stand behind those before it, which may */
static bool may_stand(const uint8_t *bytes, size_t i)
{
	bool local = i > 12 && bytes[12] == 0x20;

	if (i < sizeof(signature))
		return bytes[i] == signature[i];
	switch (i) {
	case 12:
		return bytes[12] == 0x20 || bytes[12] == 0x21;
	case 13:
		return local || (bytes[13] < 0x40 && bytes[13] % 16 < 3);
	case 14:
		return FIXED + 256u * bytes[14] <= TOTAL_MAX;
	default:
		return total_length(bytes) <= TOTAL_MAX;
	}
}

/* A bit at a time, as the polynomial is written; 4 bytes count as zeros */
uint32_t spec_crc32c(const uint8_t *bytes, size_t len, size_t zero_at)
{
	uint32_t crc = 0xffffffff;
	size_t i;
	int bit;

	for (i = 0; i < len; i++) {
		if (i < zero_at || i >= zero_at + 4)
			crc ^= bytes[i];
		for (bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	return ~crc;
}

static bool is_crc_good(const uint8_t *bytes, const struct spec_header *h,
			const struct spec_tlv *tlv)
{
	const uint8_t *v = bytes + tlv->at;

	return tlv->len == 4 && spec_crc32c(bytes, h->len, tlv->at) ==
				((uint32_t)v[0] << 24 | v[1] << 16 | v[2] << 8 | v[3]);
}

static void check_crcs(const uint8_t *bytes, struct spec_header *h)
{
	size_t i;

	for (i = 0; i < h->n_tlvs && h->crc != SPEC_CRC_BAD; i++) {
		if (h->tlvs[i].type == TYPE_CRC32C)
			h->crc = is_crc_good(bytes, h, &h->tlvs[i]) ? SPEC_CRC_GOOD : SPEC_CRC_BAD;
	}
}

/* A choice, as HAProxy: TLVs fill the header from @at to its end, or it is refused */
static enum spec_verdict scan_tlvs(const uint8_t *bytes, size_t len, size_t at,
				   struct spec_header *h)
{
	size_t next;

	for (; at != h->len; at = next) {
		next = at + 3;
		if (at + 1 < len)
			next += 256u * bytes[at + 1];
		if (at + 2 < len)
			next += bytes[at + 2];
		if (next > h->len)
			return SPEC_REFUSED;
		if (at + 2 >= len)
			return SPEC_MORE;
		if (h->len - next == 1 || h->len - next == 2)
			return SPEC_REFUSED;
		if (next > len)
			return SPEC_MORE;
		h->tlvs[h->n_tlvs++] = (struct spec_tlv){ bytes[at], at + 3, next - at - 3 };
	}
	return len < h->len ? SPEC_MORE : SPEC_ACCEPTED;
}

static void take_addresses(const uint8_t *bytes, const struct layout *layout,
			   struct spec_header *h)
{
	size_t size = layout->address;
	const uint8_t *ports = bytes + FIXED + 2 * size;

	h->address_len = size;
	memcpy(h->src, bytes + FIXED, size);
	memcpy(h->dst, bytes + FIXED + size, size);
	h->sport = 256u * ports[0] + ports[1];
	h->dport = 256u * ports[2] + ports[3];
}

static enum spec_verdict read_binary(const uint8_t *bytes, size_t len, struct spec_header *h)
{
	const struct layout *layout;
	enum spec_verdict verdict;
	size_t i, tlvs;

	for (i = 0; i < len && i < FIXED; i++) {
		if (!may_stand(bytes, i))
			return SPEC_REFUSED;
	}
	if (len < FIXED)
		return SPEC_MORE;
	h->version = 2;
	h->is_local = bytes[12] == 0x20;
	h->family_proto = bytes[13];
	h->len = total_length(bytes);

	layout = h->is_local ? NULL : find_layout(h->family_proto);
	if (!layout)
		return len < h->len ? SPEC_MORE : SPEC_ACCEPTED;
	tlvs = FIXED + 2u * layout->address + 2u * layout->port;
	if (tlvs > h->len)
		return SPEC_REFUSED;
	verdict = scan_tlvs(bytes, len, tlvs, h);
	if (verdict == SPEC_ACCEPTED)
		check_crcs(bytes, h);
	if (verdict == SPEC_ACCEPTED && layout->is_tcp)
		take_addresses(bytes, layout, h);
	return verdict;
}

/**
 * spec_read - read a header, or what has arrived of it
 * @bytes: the stream
 * @len: bytes of it
 * @h: is filled if it is accepted
 */
enum spec_verdict spec_read(const uint8_t *bytes, size_t len, struct spec_header *h)
{
	memset(h, 0, offsetof(struct spec_header, tlvs));
	if (len && bytes[0] == 'P')
		return spec_read_line(bytes, len, h);
	return read_binary(bytes, len, h);
}
