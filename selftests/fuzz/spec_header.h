/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A second reader of headers, for comparison: made from the text of the
 * PROXY protocol specification (SPEC), and of nothing in kmod/, whose
 * structure it does not share. Where SPEC leaves a choice, the choice is that
 * of pp_proto_header_read(), and a comment says so.
 */
#ifndef _PP_SPEC_HEADER_H
#define _PP_SPEC_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest header that is read has room for so many empty TLVs */
#define SPEC_TLVS_MAX	1366

enum spec_verdict {
	SPEC_MORE,		/* may be the beginning of a header */
	SPEC_REFUSED,
	SPEC_ACCEPTED,
};

enum spec_crc {
	SPEC_CRC_NONE,
	SPEC_CRC_GOOD,
	SPEC_CRC_BAD,
};

/**
 * struct spec_tlv - a TLV
 * @at: offset of its value in the header
 */
struct spec_tlv {
	uint8_t type;
	size_t at;
	size_t len;
};

/**
 * struct spec_header - what a header says
 * @len: bytes of it
 * @version: 1 or 2
 * @is_local: the command is LOCAL
 * @family_proto: byte 14 of v2; that of the same meaning for v1
 * @address_len: 4 or 16; 0: without addresses that count
 */
struct spec_header {
	size_t len;
	int version;
	bool is_local;
	uint8_t family_proto;
	size_t address_len;
	uint8_t src[16];
	uint8_t dst[16];
	unsigned int sport;
	unsigned int dport;
	enum spec_crc crc;
	size_t n_tlvs;
	struct spec_tlv tlvs[SPEC_TLVS_MAX];
};

enum spec_verdict spec_read(const uint8_t *bytes, size_t len, struct spec_header *h);
enum spec_verdict spec_read_line(const uint8_t *bytes, size_t len, struct spec_header *h);
uint32_t spec_crc32c(const uint8_t *bytes, size_t len, size_t zero_at);

#endif /* _PP_SPEC_HEADER_H */
