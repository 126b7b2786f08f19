/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A TLV that every header of a send rule carries.
 */
#ifndef _PPCTL_TLV_H
#define _PPCTL_TLV_H

#include <stddef.h>
#include <stdint.h>

#include <linux/proxyproto.h>

/* Types (SPEC 2.2.1, 2.2.2 and 2.2.7) */
#define TLV_ALPN	0x01
#define TLV_AUTHORITY	0x02
#define TLV_NETNS	0x30

/**
 * struct tlv - a TLV
 * @type: of the header
 * @len: bytes of @value
 */
struct tlv {
	uint8_t type;
	uint16_t len;
	uint8_t value[PP_TLV_VALUE_MAX];
};

int tlv_parse(const char *text, struct tlv *tlv);
int tlv_parse_name(const char *keyword, const char *text, uint8_t type,
		   struct tlv *tlv);
void tlv_print(const struct tlv *tlv);
void tlv_print_object(uint8_t type, const uint8_t *value, size_t len);
void tlv_print_all(const char *key, const uint8_t *bytes, size_t len);

#endif /* _PPCTL_TLV_H */
