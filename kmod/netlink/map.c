// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink: what an accept rule shows instead of clients of the other address family.
 *
 * Owns map4 and map6 of a rule, read from a message and written to one: which prefixes may stand
 * for clients.
 */
#include <linux/random.h>
#include <linux/unaligned.h>
#include <net/ipv6.h>
#include "netlink/netlink.h"
#include "rule/rule.h"

#define MAP4_LEN	96

/* As bytes it is the same for hosts of either byte order */
static void read_key(siphash_key_t *key, const u8 bytes[PP_MAP6_KEY_LEN])
{
	key->key[0] = get_unaligned_le64(bytes);
	key->key[1] = get_unaligned_le64(bytes + sizeof(u64));
}

static int put_key(struct sk_buff *msg, const siphash_key_t *key)
{
	u8 bytes[PP_MAP6_KEY_LEN];

	put_unaligned_le64(key->key[0], bytes);
	put_unaligned_le64(key->key[1], bytes + sizeof(u64));
	return nla_put(msg, PP_RULE_ATTR_MAP6_KEY, sizeof(bytes), bytes);
}

static bool ipv4_overlap(__be32 a, unsigned int a_len, u32 b, unsigned int b_len)
{
	u32 mask = ~0U << (32 - min(a_len, b_len));

	return !((ntohl(a) ^ b) & mask);
}

/* This network, loopback, link-local, multicast: TCP, and much software, treat these differently */
static bool pool_is_special(__be32 pool, unsigned int len)
{
	return ipv4_overlap(pool, len, 0, 8) || ipv4_overlap(pool, len, 0x7f000000, 8) ||
	       ipv4_overlap(pool, len, 0xa9fe0000, 16) || ipv4_overlap(pool, len, 0xe0000000, 4);
}

/* Whether a prefix of the rule lies in what stands for clients */
static bool is_within(const union pp_address *inner, unsigned int inner_len, u8 families,
		      enum pp_family family, const union pp_address *outer, unsigned int outer_len)
{
	union pp_address masked = *inner;

	if (families != BIT(family) || inner_len < outer_len)
		return false;
	pp_rule_mask_prefix(family, &masked, outer_len);
	return family == PP_IPV6 ? ipv6_addr_equal(&masked.in6, &outer->in6) :
				   masked.ip == outer->ip;
}

static int check_ends(const struct pp_rule *rule, enum pp_family family,
		      const union pp_address *pool, unsigned int len, const struct nlattr *attr,
		      struct netlink_ext_ack *extack)
{
	const struct pp_from *from = rule->accept.from, *end = from + rule->accept.from_count;

	if (!(rule->families & BIT(family))) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "this mapping is for destinations of the other family");
		return -EINVAL;
	}
	if (is_within(&rule->to, rule->to_len, rule->families, family, pool, len)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "the destination is among what stands for clients");
		return -EINVAL;
	}
	for (; from < end; from++) {
		if (!is_within(&from->prefix, from->len, from->families, family, pool, len))
			continue;
		NL_SET_ERR_MSG_ATTR(extack, attr, "a source is among what stands for clients");
		return -EINVAL;
	}
	return 0;
}

static int read_map4(struct pp_rule *rule, const struct nlattr *attr,
		     struct netlink_ext_ack *extack)
{
	union pp_address pool = {};
	int type;

	if (!attr)
		return 0;
	if (nla_len(attr) != sizeof(pool.in6)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "map4 has 16 bytes");
		return -EINVAL;
	}
	memcpy(&pool.in6, nla_data(attr), sizeof(pool.in6));
	if (pool.in6.s6_addr32[3]) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "map4 is a prefix of 96 bits");
		return -EINVAL;
	}
	type = ipv6_addr_type(&pool.in6);
	if (!(type & IPV6_ADDR_UNICAST) ||
	    type & (IPV6_ADDR_LINKLOCAL | IPV6_ADDR_MAPPED | IPV6_ADDR_COMPATv4)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "TCP takes no clients of this prefix");
		return -EINVAL;
	}
	rule->accept.map.has_map4 = true;
	rule->accept.map.map4 = pool.in6;
	return check_ends(rule, PP_IPV6, &pool, MAP4_LEN, attr, extack);
}

static int read_map6(struct pp_rule *rule, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	const struct nlattr *attr = tb[PP_RULE_ATTR_MAP6], *key = tb[PP_RULE_ATTR_MAP6_KEY];
	struct pp_map *map = &rule->accept.map;
	union pp_address pool = {};

	if (!attr || !tb[PP_RULE_ATTR_MAP6_LEN]) {
		if (!attr && !tb[PP_RULE_ATTR_MAP6_LEN] && !tb[PP_RULE_ATTR_MAP6_PER] && !key)
			return 0;
		NL_SET_ERR_MSG(extack, "map6 needs a prefix and its length");
		return -EINVAL;
	}
	if (nla_len(attr) != sizeof(pool.ip)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "map6 has 4 bytes");
		return -EINVAL;
	}
	map->has_map6 = true;
	map->map6 = nla_get_in_addr(attr);
	map->map6_len = nla_get_u8(tb[PP_RULE_ATTR_MAP6_LEN]);
	map->map6_per = PP_MAP6_PER_DEFAULT;
	if (tb[PP_RULE_ATTR_MAP6_PER])
		map->map6_per = nla_get_u8(tb[PP_RULE_ATTR_MAP6_PER]);
	pool.ip = map->map6;
	pp_rule_mask_prefix(PP_IPV4, &pool, map->map6_len);
	if (pool.ip != map->map6) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "the prefix has host bits set");
		return -EINVAL;
	}
	if (pool_is_special(pool.ip, map->map6_len)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "TCP takes no clients of this prefix");
		return -EINVAL;
	}
	if (key && nla_len(key) != PP_MAP6_KEY_LEN) {
		NL_SET_ERR_MSG_ATTR(extack, key, "the key of map6 has 16 bytes");
		return -EINVAL;
	}
	if (key)
		read_key(&map->map6_key, nla_data(key));
	else
		get_random_bytes(&map->map6_key, sizeof(map->map6_key));
	return check_ends(rule, PP_IPV4, &pool, map->map6_len, attr, extack);
}

/**
 * pp_netlink_map_read - fill in what a new rule shows instead of clients of the other family
 * @rule: rule, with its destination and sources
 * @tb: its attributes
 * @extack: says what is wrong
 */
int pp_netlink_map_read(struct pp_rule *rule, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	int err = read_map4(rule, tb[PP_RULE_ATTR_MAP4], extack);

	if (!err)
		err = read_map6(rule, tb, extack);
	if (err)
		return err;
	if (rule->accept.header_need == PP_HEADER_NONE &&
	    (rule->accept.map.has_map4 || rule->accept.map.has_map6)) {
		NL_SET_ERR_MSG(extack, "a rule that looks for no header maps no client");
		return -EINVAL;
	}
	return 0;
}

/**
 * pp_netlink_map_put - write it to a message
 * @msg: message, in PP_ATTR_RULE
 * @rule: accept rule
 */
int pp_netlink_map_put(struct sk_buff *msg, const struct pp_rule *rule)
{
	const struct pp_map *map = &rule->accept.map;

	if (map->has_map4 && nla_put_in6_addr(msg, PP_RULE_ATTR_MAP4, &map->map4))
		return -EMSGSIZE;
	if (!map->has_map6)
		return 0;
	if (nla_put_in_addr(msg, PP_RULE_ATTR_MAP6, map->map6) ||
	    nla_put_u8(msg, PP_RULE_ATTR_MAP6_LEN, map->map6_len) ||
	    nla_put_u8(msg, PP_RULE_ATTR_MAP6_PER, map->map6_per) ||
	    put_key(msg, &map->map6_key))
		return -EMSGSIZE;
	return 0;
}
