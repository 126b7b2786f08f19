// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: the TLVs of a header.
 *
 * Owns their order: first those of a header that this host has removed from the same connection,
 * then those of the rule. The rule's TLVs leave room for the unique id and the CRC32C, which are
 * filled in last.
 */
#include <linux/kernel.h>
#include <linux/random.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include "accept/accept.h"
#include "proto/checksum.h"
#include "proto/tlv.h"
#include "send/internal.h"

static bool rule_has(const struct pp_rule *rule, u8 type)
{
	struct pp_tlv_walk walk = {
		.pos = rule->send.tlvs,
		.have = rule->send.tlv_len,
		.left = rule->send.tlv_len,
	};
	struct pp_tlv tlv;

	while (pp_proto_tlv_next(&walk, &tlv) == 1)
		if (tlv.type == type)
			return true;
	return false;
}

static bool tlv_is_passed(const struct pp_rule *rule, const struct pp_tlv *tlv)
{
	return tlv->type != PP_TLV_CRC32C && tlv->type != PP_TLV_NOOP &&
	       !rule_has(rule, tlv->type);
}

/* Copy those TLVs of the removed header that fit before @end. Return: the end of the copy */
static u8 *pass_tlvs(const struct pp_rule *rule, const struct pp_accept *accepted, u8 *p,
		     const u8 *end)
{
	struct pp_tlv_walk walk = {
		.pos = pp_accept_find_tlvs(accepted),
		.have = accepted->tlv_len,
		.left = accepted->tlv_len,
	};
	struct pp_tlv tlv;

	while (walk.pos && pp_proto_tlv_next(&walk, &tlv) == 1) {
		if (!tlv_is_passed(rule, &tlv))
			continue;
		if (PP_TLV_FIXED + tlv.len <= end - p)
			p = pp_proto_tlv_put(p, tlv.type, tlv.value, tlv.len);
		else
			pp_stats_inc(accepted->net, TLVS_LOST);
	}
	return p;
}

/**
 * pp_send_put_tlvs - write the TLVs of a header
 * @rule: rule that chose the connection
 * @accepted: entry of accept/ if this host has removed a header from the connection, or NULL
 * @room: bytes of @buf; enough for those of the rule
 * @buf: is filled
 *
 * Context: under RCU.
 * Return: bytes written
 */
unsigned int pp_send_put_tlvs(const struct pp_rule *rule, const struct pp_accept *accepted,
			      unsigned int room, u8 *buf)
{
	u8 *p = buf;

	if (accepted && !rule->send.drop_tlvs)
		p = pass_tlvs(rule, accepted, p, buf + room - rule->send.tlv_len);
	memcpy(p, rule->send.tlvs, rule->send.tlv_len);
	return p + rule->send.tlv_len - buf;
}

/**
 * pp_send_finish_tlvs - fill in the unique id and the CRC32C
 * @rule: rule whose TLVs the header ends with
 * @header: the whole header
 * @len: its length in bytes
 *
 * Context: any; pp_flow.lock held if the header is that of an entry in the table.
 * Return: offset of the unique id in the header, or 0 if it has none
 */
u16 pp_send_finish_tlvs(const struct pp_rule *rule, u8 *header, u16 len)
{
	u16 crc = len - sizeof(u32), end = rule->send.crc32c ? crc - PP_TLV_FIXED : len;
	u16 id = end - PP_UNIQUE_ID_LEN;
	char text[PP_UNIQUE_ID_LEN + 1];
	u8 random[PP_UNIQUE_ID_LEN / 2];

	if (rule->send.unique_id) {
		get_random_bytes(random, sizeof(random));
		scnprintf(text, sizeof(text), "%*phN", (int)sizeof(random), random);
		memcpy(header + id, text, PP_UNIQUE_ID_LEN);
	}
	if (rule->send.crc32c)
		put_unaligned_be32(pp_proto_checksum_header(header, len, crc), header + crc);
	return rule->send.unique_id ? id : 0;
}
