// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink: a rule in a message that came.
 *
 * Owns what is a well-formed rule. Everything is checked here, before
 * anything changes, and each refusal says what to change.
 */
#include <linux/ctype.h>
#include "netlink.h"
#include "rule.h"

static struct netlink_range_validation id_range = {
	.min = 1,
	.max = S32_MAX,
};

static const struct nla_policy ports_policy[PP_PORTS_ATTR_MAX + 1] = {
	[PP_PORTS_ATTR_FIRST] = NLA_POLICY_MIN(NLA_U16, 1),
	[PP_PORTS_ATTR_LAST] = NLA_POLICY_MIN(NLA_U16, 1),
};

static struct netlink_range_validation timeout_range = {
	.min = PP_TIMEOUT_MIN,
	.max = PP_TIMEOUT_MAX,
};

static const struct nla_policy from_policy[PP_FROM_ATTR_MAX + 1] = {
	[PP_FROM_ATTR_PREFIX] = { .type = NLA_BINARY, .len = sizeof(struct in6_addr) },
	[PP_FROM_ATTR_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
};

static const struct nla_policy rule_policy[PP_RULE_ATTR_MAX + 1] = {
	[PP_RULE_ATTR_ID] = NLA_POLICY_FULL_RANGE(NLA_U32, &id_range),
	[PP_RULE_ATTR_DIRECTION] = NLA_POLICY_RANGE(NLA_U8, PP_DIRECTION_SEND,
						    PP_DIRECTION_ACCEPT),
	[PP_RULE_ATTR_TO] = { .type = NLA_BINARY, .len = sizeof(struct in6_addr) },
	[PP_RULE_ATTR_TO_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[PP_RULE_ATTR_PORTS] = NLA_POLICY_NESTED(ports_policy),
	[PP_RULE_ATTR_MARK] = { .type = NLA_U32 },
	[PP_RULE_ATTR_MARK_MASK] = { .type = NLA_U32 },
	[PP_RULE_ATTR_VERSION] = NLA_POLICY_RANGE(NLA_U8, 1, 2),
	[PP_RULE_ATTR_ORIGIN] = NLA_POLICY_MAX(NLA_U8, PP_ORIGIN_PROXY),
	[PP_RULE_ATTR_COMMENT] = { .type = NLA_NUL_STRING, .len = PP_COMMENT_MAX },
	[PP_RULE_ATTR_FROM] = NLA_POLICY_NESTED(from_policy),
	[PP_RULE_ATTR_TLV] = NLA_POLICY_NESTED(pp_netlink_tlv_policy),
	[PP_RULE_ATTR_UNIQUE_ID] = { .type = NLA_FLAG },
	[PP_RULE_ATTR_CRC32C] = { .type = NLA_FLAG },
	[PP_RULE_ATTR_TLVS] = NLA_POLICY_MAX(NLA_U8, PP_TLVS_DROP),
	[PP_RULE_ATTR_HEADER] = NLA_POLICY_MAX(NLA_U8, PP_HEADER_OPTIONAL),
	[PP_RULE_ATTR_TIMEOUT] = NLA_POLICY_FULL_RANGE(NLA_U32, &timeout_range),
};

/**
 * pp_netlink_rule_parse - take a rule's nest apart
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
	return nla_parse_nested(tb, PP_RULE_ATTR_MAX, nest, rule_policy, extack);
}

/**
 * struct prefix - destination or source
 * @families: bits 1 << PP_IPV4 and 1 << PP_IPV6: both for any address
 * @len: bits
 * @addr: host bits zero
 */
struct prefix {
	u8 families;
	u8 len;
	union pp_address addr;
};

static int read_prefix(struct prefix *prefix, const struct nlattr *addr,
		       const struct nlattr *len, struct netlink_ext_ack *extack)
{
	union pp_address masked;
	enum pp_family family;
	unsigned int bits;

	if (!addr) {
		prefix->families = BIT(PP_IPV4) | BIT(PP_IPV6);
		if (!len)
			return 0;
		NL_SET_ERR_MSG_ATTR(extack, len, "a prefix length needs a prefix");
		return -EINVAL;
	}
	if (nla_len(addr) != sizeof(__be32) && nla_len(addr) != sizeof(struct in6_addr)) {
		NL_SET_ERR_MSG_ATTR(extack, addr, "a prefix has 4 or 16 bytes");
		return -EINVAL;
	}
	family = nla_len(addr) == sizeof(__be32) ? PP_IPV4 : PP_IPV6;
	bits = nla_len(addr) * BITS_PER_BYTE;
	prefix->families = BIT(family);
	prefix->len = len ? nla_get_u8(len) : bits;
	if (prefix->len > bits) {
		NL_SET_ERR_MSG_ATTR(extack, len, "the prefix is longer than its address");
		return -EINVAL;
	}
	nla_memcpy(&prefix->addr, addr, sizeof(prefix->addr));
	masked = prefix->addr;
	pp_rule_mask_prefix(family, &masked, prefix->len);
	if (memcmp(&masked, &prefix->addr, sizeof(masked))) {
		NL_SET_ERR_MSG_ATTR(extack, addr, "the prefix has host bits set");
		return -EINVAL;
	}
	return 0;
}

static int read_to(struct pp_rule *rule, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	struct prefix to = {};
	int err;

	err = read_prefix(&to, tb[PP_RULE_ATTR_TO], tb[PP_RULE_ATTR_TO_LEN], extack);
	rule->families = to.families;
	rule->to = to.addr;
	rule->to_len = to.len;
	return err;
}

static int read_one_from(struct pp_from *from, const struct nlattr *nest,
			 struct netlink_ext_ack *extack)
{
	struct nlattr *tb[PP_FROM_ATTR_MAX + 1];
	struct prefix prefix = {};
	int err;

	err = nla_parse_nested(tb, PP_FROM_ATTR_MAX, nest, from_policy, extack);
	if (err)
		return err;
	err = read_prefix(&prefix, tb[PP_FROM_ATTR_PREFIX], tb[PP_FROM_ATTR_LEN], extack);
	from->families = prefix.families;
	from->len = prefix.len;
	from->prefix = prefix.addr;
	return err;
}

static int read_from(struct pp_rule *rule, const struct nlattr *nest,
		     struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;
	unsigned int i = 0;
	int err, rem;

	nla_for_each_nested(attr, nest, rem) {
		if (nla_type(attr) != PP_RULE_ATTR_FROM)
			continue;
		err = read_one_from(&rule->from[i], attr, extack);
		if (err)
			return err;
		if (!(rule->from[i].families & rule->families)) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "a source and the destination are of different families");
			return -EINVAL;
		}
		i++;
	}
	return 0;
}

static int read_mark(struct pp_rule *rule, struct nlattr **tb,
		     struct netlink_ext_ack *extack)
{
	const struct nlattr *mark = tb[PP_RULE_ATTR_MARK], *mask = tb[PP_RULE_ATTR_MARK_MASK];

	if (!mark) {
		if (!mask)
			return 0;
		NL_SET_ERR_MSG_ATTR(extack, mask, "a mark mask needs a mark");
		return -EINVAL;
	}
	rule->mark = nla_get_u32(mark);
	rule->mark_mask = mask ? nla_get_u32(mask) : U32_MAX;
	if (!rule->mark_mask) {
		NL_SET_ERR_MSG_ATTR(extack, mask, "a mark mask of 0 matches nothing in particular");
		return -EINVAL;
	}
	if (rule->mark & ~rule->mark_mask) {
		NL_SET_ERR_MSG_ATTR(extack, mark, "the mark has bits outside its mask");
		return -EINVAL;
	}
	return 0;
}

static int read_range(struct pp_ports *range, const struct nlattr *nest,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[PP_PORTS_ATTR_MAX + 1];
	int err;

	err = nla_parse_nested(tb, PP_PORTS_ATTR_MAX, nest, ports_policy, extack);
	if (err)
		return err;
	if (!tb[PP_PORTS_ATTR_FIRST]) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "a port range needs its first port");
		return -EINVAL;
	}
	range->first = nla_get_u16(tb[PP_PORTS_ATTR_FIRST]);
	range->last = range->first;
	if (tb[PP_PORTS_ATTR_LAST])
		range->last = nla_get_u16(tb[PP_PORTS_ATTR_LAST]);
	if (range->last < range->first) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "the port range ends before it begins");
		return -EINVAL;
	}
	return 0;
}

static int read_ports(struct pp_rule *rule, const struct nlattr *nest,
		      struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;
	unsigned int i = 0;
	int err, rem;

	nla_for_each_nested(attr, nest, rem) {
		if (nla_type(attr) != PP_RULE_ATTR_PORTS)
			continue;
		err = read_range(&rule->ports[i], attr, extack);
		if (err)
			return err;
		if (i && rule->ports[i].first <= rule->ports[i - 1].last) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "port ranges must rise and not overlap");
			return -EINVAL;
		}
		i++;
	}
	return 0;
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

/* The policy has seen a NUL, but there may be more behind it: a rule has room up to the first */
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

	rule->direction = nla_get_u8(tb[PP_RULE_ATTR_DIRECTION]);
	rule->version = 2;
	if (tb[PP_RULE_ATTR_VERSION])
		rule->version = nla_get_u8(tb[PP_RULE_ATTR_VERSION]);
	pp_netlink_tlv_read(rule, nest, tb);
	if (tb[PP_RULE_ATTR_ORIGIN])
		rule->origin = nla_get_u8(tb[PP_RULE_ATTR_ORIGIN]);
	if (tb[PP_RULE_ATTR_TLVS])
		rule->drop_tlvs = nla_get_u8(tb[PP_RULE_ATTR_TLVS]) == PP_TLVS_DROP;
	if (tb[PP_RULE_ATTR_HEADER])
		rule->header_need = nla_get_u8(tb[PP_RULE_ATTR_HEADER]);
	rule->timeout = PP_TIMEOUT_DEFAULT;
	if (tb[PP_RULE_ATTR_TIMEOUT])
		rule->timeout = nla_get_u32(tb[PP_RULE_ATTR_TIMEOUT]);
	err = read_comment(rule, tb[PP_RULE_ATTR_COMMENT], extack);
	if (err)
		return err;
	err = read_to(rule, tb, extack);
	if (err)
		return err;
	err = read_from(rule, nest, extack);
	if (err)
		return err;
	err = read_mark(rule, tb, extack);
	if (err)
		return err;
	return read_ports(rule, nest, extack);
}

static int check_direction(struct nlattr **tb, u8 direction, struct netlink_ext_ack *extack)
{
	static const u8 of_send[] = {
		PP_RULE_ATTR_MARK, PP_RULE_ATTR_MARK_MASK, PP_RULE_ATTR_VERSION,
		PP_RULE_ATTR_ORIGIN, PP_RULE_ATTR_TLV, PP_RULE_ATTR_UNIQUE_ID,
		PP_RULE_ATTR_CRC32C, PP_RULE_ATTR_TLVS
	};
	static const u8 of_accept[] = {
		PP_RULE_ATTR_FROM, PP_RULE_ATTR_HEADER, PP_RULE_ATTR_TIMEOUT
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
	return 0;
}

static int check_fixed(struct nlattr **tb, struct netlink_ext_ack *extack)
{
	if (!tb[PP_RULE_ATTR_DIRECTION]) {
		NL_SET_ERR_MSG(extack, "the direction is missing");
		return -EINVAL;
	}
	if (tb[PP_RULE_ATTR_ID]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[PP_RULE_ATTR_ID],
				    "the module chooses the id of a new rule");
		return -EINVAL;
	}
	return check_direction(tb, nla_get_u8(tb[PP_RULE_ATTR_DIRECTION]), extack);
}

/**
 * pp_netlink_rule_read - make a rule from a message
 * @nest: PP_ATTR_RULE, or NULL if it is missing
 * @extack: says what is wrong
 *
 * Return: the rule, not in any table, or ERR_PTR()
 */
struct pp_rule *pp_netlink_rule_read(const struct nlattr *nest,
				     struct netlink_ext_ack *extack)
{
	struct nlattr *tb[PP_RULE_ATTR_MAX + 1];
	size_t comment_len = 0;
	struct pp_rule *rule;
	unsigned int ports, from;
	int err, tlv_len;

	err = pp_netlink_rule_parse(nest, tb, extack);
	if (!err)
		err = check_fixed(tb, extack);
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
