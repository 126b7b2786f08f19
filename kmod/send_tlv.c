// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: the TLVs of each header.
 *
 * Owns what stands in one: the TLVs of a header that this host took from the same
 * connection, then those of the rule; and the unique id and the CRC32C, for
 * which the latter leave room.
 */
#include <linux/kernel.h>
#include <linux/random.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include "accept.h"
#include "checksum.h"
#include "send.h"
#include "tlv.h"

static bool rule_has(const struct pp_rule *rule, u8 type)
{
	struct pp_tlv_walk walk = {
		.pos = rule->tlvs,
		.have = rule->tlv_len,
		.left = rule->tlv_len,
	};
	struct pp_tlv tlv;

	while (pp_tlv_next(&walk, &tlv) == 1)
		if (tlv.type == type)
			return true;
	return false;
}

static bool is_passed(const struct pp_rule *rule, const struct pp_tlv *tlv)
{
	return tlv->type != PP_TLV_CRC32C && tlv->type != PP_TLV_NOOP &&
	       !rule_has(rule, tlv->type);
}

/* Return: behind what fits before @end */
static u8 *pass(const struct pp_rule *rule, const struct pp_accept *accepted, u8 *p,
		const u8 *end)
{
	struct pp_tlv_walk walk = {
		.pos = pp_accept_tlvs(accepted),
		.have = accepted->tlv_len,
		.left = accepted->tlv_len,
	};
	struct pp_tlv tlv;

	while (walk.pos && pp_tlv_next(&walk, &tlv) == 1) {
		if (!is_passed(rule, &tlv))
			continue;
		if (PP_TLV_FIXED + tlv.len <= end - p)
			p = pp_tlv_put(p, tlv.type, tlv.value, tlv.len);
		else
			pp_stats_inc(accepted->net, TLVS_LOST);
	}
	return p;
}

/**
 * pp_send_tlvs - put the TLVs of a header together
 * @rule: rule that chose the connection
 * @accepted: the same connection where its header was taken out, or NULL
 * @room: bytes of @buf; enough for those of the rule
 * @buf: gets them
 *
 * Return: bytes of them
 */
unsigned int pp_send_tlvs(const struct pp_rule *rule, const struct pp_accept *accepted,
			  unsigned int room, u8 *buf)
{
	u8 *p = buf;

	if (accepted && !rule->drop_tlvs)
		p = pass(rule, accepted, p, buf + room - rule->tlv_len);
	memcpy(p, rule->tlvs, rule->tlv_len);
	return p + rule->tlv_len - buf;
}

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
	if (rule->crc32c)
		put_unaligned_be32(pp_checksum_header(header, len, crc), header + crc);
	return rule->unique_id ? id : 0;
}
