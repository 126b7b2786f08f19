// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink: reading a rule from a message.
 *
 * Owns what a well-formed rule is. match.c and tlv.c read their parts of it. Everything is
 * checked before anything changes, and each refusal says what to change.
 */
#include <linux/ctype.h>
#include "netlink/netlink.h"
#include "rule/rule.h"

static struct netlink_range_validation id_range = {
	.min = 1,
	.max = S32_MAX,
};

static struct netlink_range_validation timeout_range = {
	.min = PP_TIMEOUT_MIN,
	.max = PP_TIMEOUT_MAX,
};

const struct nla_policy pp_netlink_rule_policy[PP_RULE_ATTR_MAX + 1] = {
	[PP_RULE_ATTR_ID] = NLA_POLICY_FULL_RANGE(NLA_U32, &id_range),
	[PP_RULE_ATTR_DIRECTION] = NLA_POLICY_RANGE(NLA_U8, PP_DIRECTION_SEND,
						    PP_DIRECTION_ACCEPT),
	[PP_RULE_ATTR_TO] = { .type = NLA_BINARY, .len = sizeof(struct in6_addr) },
	[PP_RULE_ATTR_TO_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[PP_RULE_ATTR_PORTS] = NLA_POLICY_NESTED(pp_netlink_ports_policy),
	[PP_RULE_ATTR_MARK] = { .type = NLA_U32 },
	[PP_RULE_ATTR_MARK_MASK] = { .type = NLA_U32 },
	[PP_RULE_ATTR_VERSION] = NLA_POLICY_RANGE(NLA_U8, 1, 2),
	[PP_RULE_ATTR_ORIGIN] = NLA_POLICY_MAX(NLA_U8, PP_ORIGIN_PROXY),
	[PP_RULE_ATTR_COMMENT] = { .type = NLA_NUL_STRING, .len = PP_COMMENT_MAX },
	[PP_RULE_ATTR_FROM] = NLA_POLICY_NESTED(pp_netlink_from_policy),
	[PP_RULE_ATTR_TLV] = NLA_POLICY_NESTED(pp_netlink_tlv_policy),
	[PP_RULE_ATTR_UNIQUE_ID] = { .type = NLA_FLAG },
	[PP_RULE_ATTR_CRC32C] = { .type = NLA_FLAG },
	[PP_RULE_ATTR_TLVS] = NLA_POLICY_MAX(NLA_U8, PP_TLVS_DROP),
	[PP_RULE_ATTR_HEADER] = NLA_POLICY_MAX(NLA_U8, PP_HEADER_NONE),
	[PP_RULE_ATTR_DEV] = { .type = NLA_NUL_STRING, .len = IFNAMSIZ - 1 },
	[PP_RULE_ATTR_MAP4] = { .type = NLA_BINARY, .len = sizeof(struct in6_addr) },
	[PP_RULE_ATTR_MAP6] = { .type = NLA_BINARY, .len = sizeof(struct in6_addr) },
	[PP_RULE_ATTR_MAP6_LEN] = NLA_POLICY_RANGE(NLA_U8, PP_MAP6_LEN_MIN, PP_MAP6_LEN_MAX),
	[PP_RULE_ATTR_MAP6_PER] = NLA_POLICY_RANGE(NLA_U8, 1, 128),
	[PP_RULE_ATTR_MAP6_KEY] = { .type = NLA_BINARY, .len = PP_MAP6_KEY_LEN },
	[PP_RULE_ATTR_STACKED] = NLA_POLICY_RANGE(NLA_U8, 1, PP_STACKED_MAX),
	[PP_RULE_ATTR_TIMEOUT] = NLA_POLICY_FULL_RANGE(NLA_U32, &timeout_range),
};

/**
 * pp_netlink_rule_parse - parse the attributes of a rule
 * @nest: PP_ATTR_RULE, or NULL if it is missing
 * @tb: result, PP_RULE_ATTR_MAX + 1 attributes
 * @extack: says what is wrong
 */
int pp_netlink_rule_parse(const struct nlattr *nest, struct nlattr **tb,
			  struct netlink_ext_ack *extack)
{
	if (!nest) {
		NL_SET_ERR_MSG(extack, "a rule is missing");
		return -EINVAL;
	}
	return nla_parse_nested(tb, PP_RULE_ATTR_MAX, nest, pp_netlink_rule_policy, extack);
}

static unsigned int count_nested(const struct nlattr *nest, int type)
{
	const struct nlattr *attr;
	unsigned int count = 0;
	int rem;

	nla_for_each_nested(attr, nest, rem)
		if (nla_type(attr) == type)
			count++;
	return count;
}

/* The policy has found a NUL, but bytes may follow it: a rule has room up to the first NUL */
static int read_comment(struct pp_rule *rule, const struct nlattr *comment,
			struct netlink_ext_ack *extack)
{
	const char *text, *c;

	if (!comment)
		return 0;
	text = nla_data(comment);
	for (c = text; *c && !iscntrl(*c); c++)
		;
	if (c + 1 != text + nla_len(comment)) {
		NL_SET_ERR_MSG_ATTR(extack, comment, "a comment has no control characters");
		return -EINVAL;
	}
	if (rule->comment)
		memcpy(rule->comment, text, c - text);
	return 0;
}

static int read_rule(struct pp_rule *rule, const struct nlattr *nest, struct nlattr **tb,
		     struct netlink_ext_ack *extack)
{
	int err;

	if (tb[PP_RULE_ATTR_ID])
		rule->id = nla_get_u32(tb[PP_RULE_ATTR_ID]);
	rule->direction = nla_get_u8(tb[PP_RULE_ATTR_DIRECTION]);
	rule->send.version = 2;
	if (tb[PP_RULE_ATTR_VERSION])
		rule->send.version = nla_get_u8(tb[PP_RULE_ATTR_VERSION]);
	pp_netlink_tlv_read(rule, nest, tb);
	if (tb[PP_RULE_ATTR_ORIGIN])
		rule->send.origin = nla_get_u8(tb[PP_RULE_ATTR_ORIGIN]);
	if (tb[PP_RULE_ATTR_TLVS])
		rule->send.drop_tlvs = nla_get_u8(tb[PP_RULE_ATTR_TLVS]) == PP_TLVS_DROP;
	if (tb[PP_RULE_ATTR_HEADER])
		rule->accept.header_need = nla_get_u8(tb[PP_RULE_ATTR_HEADER]);
	rule->accept.stacked = 1;
	if (tb[PP_RULE_ATTR_STACKED])
		rule->accept.stacked = nla_get_u8(tb[PP_RULE_ATTR_STACKED]);
	rule->accept.timeout = PP_TIMEOUT_DEFAULT;
	if (tb[PP_RULE_ATTR_TIMEOUT])
		rule->accept.timeout = nla_get_u32(tb[PP_RULE_ATTR_TIMEOUT]);
	err = read_comment(rule, tb[PP_RULE_ATTR_COMMENT], extack);
	if (err)
		return err;
	err = pp_netlink_match_read(rule, nest, tb, extack);
	if (err)
		return err;
	return pp_netlink_map_read(rule, tb, extack);
}

/* What only the reading of a header needs */
static int check_exempt(struct nlattr **tb, struct netlink_ext_ack *extack)
{
	if (!tb[PP_RULE_ATTR_HEADER] || nla_get_u8(tb[PP_RULE_ATTR_HEADER]) != PP_HEADER_NONE)
		return 0;
	if (tb[PP_RULE_ATTR_TIMEOUT]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[PP_RULE_ATTR_TIMEOUT],
				    "a rule that looks for no header has no timeout");
		return -EINVAL;
	}
	if (tb[PP_RULE_ATTR_STACKED]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[PP_RULE_ATTR_STACKED],
				    "a rule that looks for no header has none in a row");
		return -EINVAL;
	}
	return 0;
}

static int check_direction(struct nlattr **tb, u8 direction, struct netlink_ext_ack *extack)
{
	static const u8 of_send[] = {
		PP_RULE_ATTR_MARK, PP_RULE_ATTR_MARK_MASK, PP_RULE_ATTR_VERSION,
		PP_RULE_ATTR_ORIGIN, PP_RULE_ATTR_TLV, PP_RULE_ATTR_UNIQUE_ID,
		PP_RULE_ATTR_CRC32C, PP_RULE_ATTR_TLVS
	};
	static const u8 of_accept[] = {
		PP_RULE_ATTR_FROM, PP_RULE_ATTR_HEADER, PP_RULE_ATTR_TIMEOUT,
		PP_RULE_ATTR_DEV, PP_RULE_ATTR_MAP4, PP_RULE_ATTR_MAP6,
		PP_RULE_ATTR_MAP6_LEN, PP_RULE_ATTR_MAP6_PER, PP_RULE_ATTR_MAP6_KEY,
		PP_RULE_ATTR_STACKED
	};
	bool accept = direction == PP_DIRECTION_ACCEPT;
	const u8 *foreign = accept ? of_send : of_accept;
	unsigned int i, count = accept ? ARRAY_SIZE(of_send) : ARRAY_SIZE(of_accept);

	for (i = 0; i < count; i++) {
		if (!tb[foreign[i]])
			continue;
		NL_SET_ERR_MSG_ATTR(extack, tb[foreign[i]],
				    "this attribute belongs to rules of the other direction");
		return -EINVAL;
	}
	if (accept && !tb[PP_RULE_ATTR_FROM]) {
		NL_SET_ERR_MSG(extack,
			       "an accept rule needs its sources: a header from anyone else would be believed");
		return -EINVAL;
	}
	return check_exempt(tb, extack);
}

static int check_fixed(struct nlattr **tb, bool may_have_id, struct netlink_ext_ack *extack)
{
	if (!tb[PP_RULE_ATTR_DIRECTION]) {
		NL_SET_ERR_MSG(extack, "the direction is missing");
		return -EINVAL;
	}
	if (tb[PP_RULE_ATTR_ID] && !may_have_id) {
		NL_SET_ERR_MSG_ATTR(extack, tb[PP_RULE_ATTR_ID],
				    "the module chooses the id of a new rule");
		return -EINVAL;
	}
	return check_direction(tb, nla_get_u8(tb[PP_RULE_ATTR_DIRECTION]), extack);
}

/**
 * pp_netlink_rule_read - make a rule from a message
 * @nest: PP_ATTR_RULE, or NULL if it is missing
 * @may_have_id: it may name the rule that it replaces
 * @extack: says what is wrong
 *
 * Return: the rule, not in any table, or ERR_PTR()
 */
struct pp_rule *pp_netlink_rule_read(const struct nlattr *nest, bool may_have_id,
				     struct netlink_ext_ack *extack)
{
	struct nlattr *tb[PP_RULE_ATTR_MAX + 1];
	size_t comment_len = 0;
	struct pp_rule *rule;
	unsigned int ports, from;
	int err, tlv_len;

	err = pp_netlink_rule_parse(nest, tb, extack);
	if (!err)
		err = check_fixed(tb, may_have_id, extack);
	if (err)
		return ERR_PTR(err);
	ports = count_nested(nest, PP_RULE_ATTR_PORTS);
	from = count_nested(nest, PP_RULE_ATTR_FROM);
	if (ports > PP_PORT_RANGES_MAX) {
		NL_SET_ERR_MSG_FMT(extack, "a rule has %u port ranges at most", PP_PORT_RANGES_MAX);
		return ERR_PTR(-EINVAL);
	}
	if (from > PP_FROM_MAX) {
		NL_SET_ERR_MSG_FMT(extack, "a rule has %u sources at most", PP_FROM_MAX);
		return ERR_PTR(-EINVAL);
	}
	tlv_len = pp_netlink_tlv_size(nest, tb, extack);
	if (tlv_len < 0)
		return ERR_PTR(tlv_len);
	if (tb[PP_RULE_ATTR_COMMENT])
		comment_len = strlen(nla_data(tb[PP_RULE_ATTR_COMMENT]));
	rule = pp_rule_alloc(ports, from, tlv_len, comment_len);
	if (!rule)
		return ERR_PTR(-ENOMEM);
	err = read_rule(rule, nest, tb, extack);
	if (err) {
		pp_rule_retire(rule);
		return ERR_PTR(err);
	}
	return rule;
}
