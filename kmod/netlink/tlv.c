// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink: the TLVs of a send rule.
 *
 * Owns which TLVs a rule may have, and their order in its headers: TLVs with a value of
 * the rule in the order of the message, then the unique id, then the CRC32C.
 */
#include "netlink/netlink.h"
#include "proto/tlv.h"
#include "rule/rule.h"

/* Longest ALPN name, and longest host name that HAProxy reads */
#define NAME_MAX_LEN	255

const struct nla_policy pp_netlink_tlv_policy[PP_TLV_ATTR_MAX + 1] = {
	[PP_TLV_ATTR_TYPE] = { .type = NLA_U8 },
	[PP_TLV_ATTR_VALUE] = { .type = NLA_BINARY, .len = PP_TLV_VALUE_MAX },
};

static bool tlv_is_custom(u8 type)
{
	return type >= PP_TLV_CUSTOM_FIRST && type <= PP_TLV_CUSTOM_LAST;
}

static bool tlv_is_name(u8 type)
{
	return type == PP_TLV_ALPN || type == PP_TLV_AUTHORITY || type == PP_TLV_NETNS;
}

static int value_len(struct nlattr **tb)
{
	return tb[PP_TLV_ATTR_VALUE] ? nla_len(tb[PP_TLV_ATTR_VALUE]) : 0;
}

static int check_tlv(const struct nlattr *nest, struct nlattr **tb,
		     struct netlink_ext_ack *extack)
{
	int err = nla_parse_nested(tb, PP_TLV_ATTR_MAX, nest, pp_netlink_tlv_policy, extack);
	int len;
	u8 type;

	if (err)
		return err;
	if (!tb[PP_TLV_ATTR_TYPE]) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "a TLV needs its type");
		return -EINVAL;
	}
	type = nla_get_u8(tb[PP_TLV_ATTR_TYPE]);
	if (!tlv_is_name(type) && !tlv_is_custom(type)) {
		NL_SET_ERR_MSG_FMT(extack, "a rule has no TLV of type 0x%02x", type);
		return -EINVAL;
	}
	len = value_len(tb);
	if (tlv_is_name(type) && (!len || len > NAME_MAX_LEN)) {
		NL_SET_ERR_MSG_FMT(extack, "a TLV of type 0x%02x has 1 to %u bytes, not %d",
				   type, NAME_MAX_LEN, len);
		return -EINVAL;
	}
	return 0;
}

/* Return: bytes of the TLVs that have a value of the rule, or an error */
static int own_size(const struct nlattr *rule_nest, struct netlink_ext_ack *extack)
{
	struct nlattr *tb[PP_TLV_ATTR_MAX + 1];
	DECLARE_BITMAP(names, U8_MAX + 1) = {};
	unsigned int count = 0, size = 0;
	const struct nlattr *attr;
	int err, rem;
	u8 type;

	nla_for_each_nested(attr, rule_nest, rem) {
		if (nla_type(attr) != PP_RULE_ATTR_TLV)
			continue;
		err = check_tlv(attr, tb, extack);
		if (err)
			return err;
		type = nla_get_u8(tb[PP_TLV_ATTR_TYPE]);
		if (tlv_is_name(type) && __test_and_set_bit(type, names)) {
			NL_SET_ERR_MSG_FMT(extack, "a header has one TLV of type 0x%02x", type);
			return -EINVAL;
		}
		if (++count > PP_TLVS_MAX) {
			NL_SET_ERR_MSG_FMT(extack, "a rule has %u TLVs at most", PP_TLVS_MAX);
			return -EINVAL;
		}
		size += PP_TLV_FIXED + value_len(tb);
	}
	return size;
}

/* The longest header of a rule is that of the longest address that the rule matches */
static int check_header_len(struct nlattr **tb, unsigned int tlv_len,
			    struct netlink_ext_ack *extack)
{
	bool ipv4 = tb[PP_RULE_ATTR_TO] && nla_len(tb[PP_RULE_ATTR_TO]) == sizeof(__be32);
	unsigned int len = PP_HEADER_V2_FIXED + 2 * sizeof(__be16) + tlv_len +
			   2 * (ipv4 ? sizeof(__be32) : sizeof(struct in6_addr));

	if (len <= PP_HEADER_SEND_MAX)
		return 0;
	NL_SET_ERR_MSG_FMT(extack, "the header would have %u bytes: %u at most", len,
			   PP_HEADER_SEND_MAX);
	return -EMSGSIZE;
}

/**
 * pp_netlink_tlv_size - check the TLVs of a new rule
 * @rule_nest: PP_ATTR_RULE
 * @tb: its attributes
 * @extack: says what is wrong
 *
 * Return: bytes that they take in a header, or an error
 */
int pp_netlink_tlv_size(const struct nlattr *rule_nest, struct nlattr **tb,
			struct netlink_ext_ack *extack)
{
	int size = own_size(rule_nest, extack), err;

	if (size < 0)
		return size;
	if (nla_get_flag(tb[PP_RULE_ATTR_UNIQUE_ID]))
		size += PP_TLV_FIXED + PP_UNIQUE_ID_LEN;
	if (nla_get_flag(tb[PP_RULE_ATTR_CRC32C]))
		size += PP_TLV_FIXED + sizeof(u32);
	if (!size)
		return 0;
	if (tb[PP_RULE_ATTR_VERSION] && nla_get_u8(tb[PP_RULE_ATTR_VERSION]) != 2) {
		NL_SET_ERR_MSG(extack, "a header of version 1 has no TLVs");
		return -EINVAL;
	}
	err = check_header_len(tb, size, extack);
	return err ? err : size;
}

/**
 * pp_netlink_tlv_read - fill in the TLVs of a new rule
 * @rule: rule, with as much room as pp_netlink_tlv_size() returned
 * @rule_nest: PP_ATTR_RULE, which that function has checked
 * @tb: its attributes
 */
void pp_netlink_tlv_read(struct pp_rule *rule, const struct nlattr *rule_nest,
			 struct nlattr **tb)
{
	struct nlattr *tlv[PP_TLV_ATTR_MAX + 1];
	const struct nlattr *attr;
	u8 *p = rule->send.tlvs;
	int rem;

	nla_for_each_nested(attr, rule_nest, rem) {
		if (nla_type(attr) != PP_RULE_ATTR_TLV || check_tlv(attr, tlv, NULL))
			continue;
		p = pp_proto_tlv_put(p, nla_get_u8(tlv[PP_TLV_ATTR_TYPE]),
				     tlv[PP_TLV_ATTR_VALUE] ?
				     nla_data(tlv[PP_TLV_ATTR_VALUE]) : NULL, value_len(tlv));
	}
	rule->send.unique_id = nla_get_flag(tb[PP_RULE_ATTR_UNIQUE_ID]);
	if (rule->send.unique_id)
		p = pp_proto_tlv_put(p, PP_TLV_UNIQUE_ID, NULL, PP_UNIQUE_ID_LEN);
	rule->send.crc32c = nla_get_flag(tb[PP_RULE_ATTR_CRC32C]);
	if (rule->send.crc32c)
		pp_proto_tlv_put(p, PP_TLV_CRC32C, NULL, sizeof(u32));
}

static int put_tlv(struct sk_buff *msg, const struct pp_tlv *tlv)
{
	struct nlattr *nest = nla_nest_start(msg, PP_RULE_ATTR_TLV);

	if (!nest ||
	    nla_put_u8(msg, PP_TLV_ATTR_TYPE, tlv->type) ||
	    nla_put(msg, PP_TLV_ATTR_VALUE, tlv->len, tlv->value))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

/**
 * pp_netlink_tlv_put - write the TLVs of a rule to a message
 * @msg: message, in PP_ATTR_RULE
 * @rule: send rule
 */
int pp_netlink_tlv_put(struct sk_buff *msg, const struct pp_rule *rule)
{
	struct pp_tlv_walk walk = {
		.pos = rule->send.tlvs,
		.have = rule->send.tlv_len,
		.left = rule->send.tlv_len,
	};
	struct pp_tlv tlv;

	while (pp_proto_tlv_next(&walk, &tlv) == 1)
		if ((tlv_is_name(tlv.type) || tlv_is_custom(tlv.type)) && put_tlv(msg, &tlv))
			return -EMSGSIZE;
	if (nla_put_u8(msg, PP_RULE_ATTR_TLVS, rule->send.drop_tlvs ? PP_TLVS_DROP : PP_TLVS_PASS))
		return -EMSGSIZE;
	if ((rule->send.unique_id && nla_put_flag(msg, PP_RULE_ATTR_UNIQUE_ID)) ||
	    (rule->send.crc32c && nla_put_flag(msg, PP_RULE_ATTR_CRC32C)))
		return -EMSGSIZE;
	return 0;
}
