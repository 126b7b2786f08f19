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

static int read_prefix(struct pp_rule *rule, struct nlattr **tb,
		       struct netlink_ext_ack *extack)
{
	const struct nlattr *to = tb[PP_RULE_ATTR_TO], *len = tb[PP_RULE_ATTR_TO_LEN];
	union pp_address masked;
	enum pp_family family;
	unsigned int bits;

	if (!to) {
		rule->families = BIT(PP_IPV4) | BIT(PP_IPV6);
		if (!len)
			return 0;
		NL_SET_ERR_MSG_ATTR(extack, len, "a prefix length needs a prefix");
		return -EINVAL;
	}
	if (nla_len(to) != sizeof(__be32) && nla_len(to) != sizeof(struct in6_addr)) {
		NL_SET_ERR_MSG_ATTR(extack, to, "a prefix has 4 or 16 bytes");
		return -EINVAL;
	}
	family = nla_len(to) == sizeof(__be32) ? PP_IPV4 : PP_IPV6;
	bits = nla_len(to) * BITS_PER_BYTE;
	rule->families = BIT(family);
	rule->to_len = len ? nla_get_u8(len) : bits;
	if (rule->to_len > bits) {
		NL_SET_ERR_MSG_ATTR(extack, len, "the prefix is longer than its address");
		return -EINVAL;
	}
	nla_memcpy(&rule->to, to, sizeof(rule->to));
	masked = rule->to;
	pp_rule_mask_prefix(family, &masked, rule->to_len);
	if (memcmp(&masked, &rule->to, sizeof(masked))) {
		NL_SET_ERR_MSG_ATTR(extack, to, "the prefix has host bits set");
		return -EINVAL;
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

static unsigned int count_ports(const struct nlattr *nest)
{
	const struct nlattr *attr;
	unsigned int count = 0;
	int rem;

	nla_for_each_nested(attr, nest, rem)
		if (nla_type(attr) == PP_RULE_ATTR_PORTS)
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
	if (tb[PP_RULE_ATTR_ORIGIN])
		rule->origin = nla_get_u8(tb[PP_RULE_ATTR_ORIGIN]);
	err = read_comment(rule, tb[PP_RULE_ATTR_COMMENT], extack);
	if (err)
		return err;
	err = read_prefix(rule, tb, extack);
	if (err)
		return err;
	err = read_mark(rule, tb, extack);
	if (err)
		return err;
	return read_ports(rule, nest, extack);
}

static int check_fixed(struct nlattr **tb, struct netlink_ext_ack *extack)
{
	if (!tb[PP_RULE_ATTR_DIRECTION]) {
		NL_SET_ERR_MSG(extack, "the direction is missing");
		return -EINVAL;
	}
	if (nla_get_u8(tb[PP_RULE_ATTR_DIRECTION]) != PP_DIRECTION_SEND) {
		NL_SET_ERR_MSG_ATTR(extack, tb[PP_RULE_ATTR_DIRECTION],
				    "accept rules are not supported by this version");
		return -EOPNOTSUPP;
	}
	if (tb[PP_RULE_ATTR_ID]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[PP_RULE_ATTR_ID],
				    "the module chooses the id of a new rule");
		return -EINVAL;
	}
	return 0;
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
	unsigned int ports;
	int err;

	err = pp_netlink_rule_parse(nest, tb, extack);
	if (!err)
		err = check_fixed(tb, extack);
	if (err)
		return ERR_PTR(err);
	ports = count_ports(nest);
	if (ports > PP_PORT_RANGES_MAX) {
		NL_SET_ERR_MSG_FMT(extack, "a rule has %u port ranges at most", PP_PORT_RANGES_MAX);
		return ERR_PTR(-EINVAL);
	}
	if (tb[PP_RULE_ATTR_COMMENT])
		comment_len = strlen(nla_data(tb[PP_RULE_ATTR_COMMENT]));
	rule = pp_rule_alloc(ports, comment_len);
	if (!rule)
		return ERR_PTR(-ENOMEM);
	err = read_rule(rule, nest, tb, extack);
	if (err) {
		pp_rule_retire(rule);
		return ERR_PTR(err);
	}
	return rule;
}
