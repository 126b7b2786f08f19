// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink: which connections a rule matches.
 *
 * Owns destination, ports, mark, sources and device of a rule, read from a message and written to
 * one.
 */
#include <linux/netdevice.h>
#include "netlink/netlink.h"
#include "rule/rule.h"

const struct nla_policy pp_netlink_ports_policy[PP_PORTS_ATTR_MAX + 1] = {
	[PP_PORTS_ATTR_FIRST] = NLA_POLICY_MIN(NLA_U16, 1),
	[PP_PORTS_ATTR_LAST] = NLA_POLICY_MIN(NLA_U16, 1),
};

const struct nla_policy pp_netlink_from_policy[PP_FROM_ATTR_MAX + 1] = {
	[PP_FROM_ATTR_PREFIX] = { .type = NLA_BINARY, .len = sizeof(struct in6_addr) },
	[PP_FROM_ATTR_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
};

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

	err = nla_parse_nested(tb, PP_FROM_ATTR_MAX, nest, pp_netlink_from_policy, extack);
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
		err = read_one_from(&rule->accept.from[i], attr, extack);
		if (err)
			return err;
		if (!(rule->accept.from[i].families & rule->families)) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "a source and the destination are of different families");
			return -EINVAL;
		}
		i++;
	}
	return 0;
}

/* The device need not exist yet */
static int read_dev(struct pp_rule *rule, const struct nlattr *dev, struct netlink_ext_ack *extack)
{
	if (!dev)
		return 0;
	nla_memcpy(rule->accept.dev, dev, IFNAMSIZ);
	if (dev_valid_name(rule->accept.dev))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, dev, "no device can have this name");
	return -EINVAL;
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

	err = nla_parse_nested(tb, PP_PORTS_ATTR_MAX, nest, pp_netlink_ports_policy, extack);
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

/**
 * pp_netlink_match_read - fill in which connections a new rule matches
 * @rule: rule, with room for the port ranges and sources of @nest
 * @nest: PP_ATTR_RULE
 * @tb: its attributes
 * @extack: says what is wrong
 */
int pp_netlink_match_read(struct pp_rule *rule, const struct nlattr *nest, struct nlattr **tb,
			  struct netlink_ext_ack *extack)
{
	int err;

	err = read_to(rule, tb, extack);
	if (err)
		return err;
	err = read_from(rule, nest, extack);
	if (err)
		return err;
	err = read_dev(rule, tb[PP_RULE_ATTR_DEV], extack);
	if (err)
		return err;
	err = read_mark(rule, tb, extack);
	if (err)
		return err;
	return read_ports(rule, nest, extack);
}

static int put_ports(struct sk_buff *msg, const struct pp_rule *rule)
{
	struct nlattr *nest;
	unsigned int i;

	for (i = 0; i < rule->ports_count; i++) {
		nest = nla_nest_start(msg, PP_RULE_ATTR_PORTS);
		if (!nest ||
		    nla_put_u16(msg, PP_PORTS_ATTR_FIRST, rule->ports[i].first) ||
		    nla_put_u16(msg, PP_PORTS_ATTR_LAST, rule->ports[i].last))
			return -EMSGSIZE;
		nla_nest_end(msg, nest);
	}
	return 0;
}

static int put_from(struct sk_buff *msg, const struct pp_rule *rule)
{
	const struct pp_from *from = rule->accept.from, *end = from + rule->accept.from_count;
	struct nlattr *nest;
	size_t size;

	for (; from < end; from++) {
		size = from->families == BIT(PP_IPV4) ? sizeof(__be32) : sizeof(struct in6_addr);
		nest = nla_nest_start(msg, PP_RULE_ATTR_FROM);
		if (!nest)
			return -EMSGSIZE;
		if (from->families != (BIT(PP_IPV4) | BIT(PP_IPV6)) &&
		    (nla_put(msg, PP_FROM_ATTR_PREFIX, size, &from->prefix) ||
		     nla_put_u8(msg, PP_FROM_ATTR_LEN, from->len)))
			return -EMSGSIZE;
		nla_nest_end(msg, nest);
	}
	return 0;
}

static int put_to(struct sk_buff *msg, const struct pp_rule *rule)
{
	size_t size = rule->families == BIT(PP_IPV4) ? sizeof(__be32) : sizeof(struct in6_addr);

	if (rule->families == (BIT(PP_IPV4) | BIT(PP_IPV6)))
		return 0;
	if (nla_put(msg, PP_RULE_ATTR_TO, size, &rule->to) ||
	    nla_put_u8(msg, PP_RULE_ATTR_TO_LEN, rule->to_len))
		return -EMSGSIZE;
	return 0;
}

static int put_mark(struct sk_buff *msg, const struct pp_rule *rule)
{
	if (!rule->mark_mask)
		return 0;
	if (nla_put_u32(msg, PP_RULE_ATTR_MARK, rule->mark) ||
	    nla_put_u32(msg, PP_RULE_ATTR_MARK_MASK, rule->mark_mask))
		return -EMSGSIZE;
	return 0;
}

/**
 * pp_netlink_match_put - write to a message which connections a rule matches
 * @msg: message, in PP_ATTR_RULE
 * @rule: rule
 */
int pp_netlink_match_put(struct sk_buff *msg, const struct pp_rule *rule)
{
	const char *dev = rule->accept.dev;

	if (put_to(msg, rule) || put_ports(msg, rule) || put_from(msg, rule) ||
	    (*dev && nla_put_string(msg, PP_RULE_ATTR_DEV, dev)) ||
	    put_mark(msg, rule))
		return -EMSGSIZE;
	return 0;
}
