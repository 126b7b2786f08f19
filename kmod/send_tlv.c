// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: what is different in the TLVs of each header.
 *
 * Owns the unique id and the CRC32C, for which the TLVs of the rule leave room.
 */
#include <linux/kernel.h>
#include <linux/random.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include "checksum.h"
#include "send.h"
#include "tlv.h"

/**
 * pp_send_finish_tlvs - complete a header
 * @rule: rule with the TLVs that the header has
 * @header: the header
 * @len: its bytes
 *
 * Return: offset of its unique id, or 0 if it has none
 */
u16 pp_send_finish_tlvs(const struct pp_rule *rule, u8 *header, u16 len)
{
	u16 crc = len - sizeof(u32), end = rule->crc32c ? crc - PP_TLV_FIXED : len;
	u16 id = end - PP_UNIQUE_ID_LEN;
	char text[PP_UNIQUE_ID_LEN + 1];
	u8 random[PP_UNIQUE_ID_LEN / 2];

	if (rule->unique_id) {
		get_random_bytes(random, sizeof(random));
		scnprintf(text, sizeof(text), "%*phN", (int)sizeof(random), random);
		memcpy(header + id, text, PP_UNIQUE_ID_LEN);
	}
	/* SPEC 2.2.3: as if its own value were 0 */
	if (rule->crc32c)
		put_unaligned_be32(pp_checksum_header(header, len), header + crc);
	return rule->unique_id ? id : 0;
}
