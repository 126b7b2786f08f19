// SPDX-License-Identifier: GPL-2.0
/*
 * A rule as netlink attributes. Port ranges, sources and TLVs repeat, so that a table
 * with one place for each attribute cannot hold them.
 */
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "ppctl.h"
#include "replies.h"
#include "rule.h"

static int put_range(struct nl_msg *msg, const struct port_range *range)
{
	struct nlattr *nest;

	nest = nla_nest_start(msg, PP_RULE_ATTR_PORTS | NLA_F_NESTED);
	if (!nest ||
	    nla_put_u16(msg, PP_PORTS_ATTR_FIRST, range->first) ||
	    nla_put_u16(msg, PP_PORTS_ATTR_LAST, range->last))
		return -1;
	return nla_nest_end(msg, nest);
}

/* "any" has neither attribute: the result is nothing, or an empty nest */
static int put_prefix(struct nl_msg *msg, int type, int len_type,
		      const struct prefix *prefix)
{
	int size = (int)address_bytes(prefix->family);

	if (!size)
		return 0;
	if (nla_put(msg, type, size, prefix->bytes))
		return -1;
	return nla_put_u8(msg, len_type, (uint8_t)prefix->len);
}

static int put_source(struct nl_msg *msg, const struct prefix *source)
{
	struct nlattr *nest;

	nest = nla_nest_start(msg, PP_RULE_ATTR_FROM | NLA_F_NESTED);
	if (!nest || put_prefix(msg, PP_FROM_ATTR_PREFIX, PP_FROM_ATTR_LEN, source))
		return -1;
	/* nla_nest_end() would remove an empty nest */
	return nla_nest_end_keep_empty(msg, nest);
}

/*
 * What makes a rule the same: the kernel has no two rules that agree in all of this. Two rules
 * that do are one rule before and after a change.
 */
static int put_match(struct nl_msg *msg, const struct rule *rule)
{
	unsigned int i;

	if (nla_put_u8(msg, PP_RULE_ATTR_DIRECTION, rule->direction) ||
	    put_prefix(msg, PP_RULE_ATTR_TO, PP_RULE_ATTR_TO_LEN, &rule->to))
		return -1;
	for (i = 0; i < rule->n_ports; i++) {
		if (put_range(msg, &rule->ports[i]))
			return -1;
	}
	for (i = 0; i < rule->n_from; i++) {
		if (put_source(msg, &rule->from[i]))
			return -1;
	}
	if (rule->mask &&
	    (nla_put_u32(msg, PP_RULE_ATTR_MARK, rule->mark) ||
	     nla_put_u32(msg, PP_RULE_ATTR_MARK_MASK, rule->mask)))
		return -1;
	return 0;
}

static int put_tlv(struct nl_msg *msg, const struct tlv *tlv)
{
	struct nlattr *nest;

	nest = nla_nest_start(msg, PP_RULE_ATTR_TLV | NLA_F_NESTED);
	if (!nest || nla_put_u8(msg, PP_TLV_ATTR_TYPE, tlv->type) ||
	    nla_put(msg, PP_TLV_ATTR_VALUE, tlv->len, tlv->value))
		return -1;
	return nla_nest_end(msg, nest);
}

static int put_tlvs(struct nl_msg *msg, const struct rule *rule)
{
	unsigned int i;

	for (i = 0; i < rule->n_tlvs; i++) {
		if (put_tlv(msg, &rule->tlvs[i]))
			return -1;
	}
	if (rule->unique_id && nla_put_flag(msg, PP_RULE_ATTR_UNIQUE_ID))
		return -1;
	if (rule->crc32c && nla_put_flag(msg, PP_RULE_ATTR_CRC32C))
		return -1;
	return nla_put_u8(msg, PP_RULE_ATTR_TLVS,
			  rule->drop_tlvs ? PP_TLVS_DROP : PP_TLVS_PASS);
}

static int put_send(struct nl_msg *msg, const struct rule *rule)
{
	if (nla_put_u8(msg, PP_RULE_ATTR_VERSION, rule->version))
		return -1;
	if (nla_put_u8(msg, PP_RULE_ATTR_ORIGIN, rule->origin))
		return -1;
	return put_tlvs(msg, rule);
}

static int put_maps(struct nl_msg *msg, const struct rule *rule)
{
	if (rule->map4.family &&
	    nla_put(msg, PP_RULE_ATTR_MAP4, (int)address_bytes(AF_INET6), rule->map4.bytes))
		return -1;
	if (!rule->map6.family)
		return 0;
	if (put_prefix(msg, PP_RULE_ATTR_MAP6, PP_RULE_ATTR_MAP6_LEN, &rule->map6) ||
	    nla_put_u8(msg, PP_RULE_ATTR_MAP6_PER, rule->map6_per))
		return -1;
	return rule->has_map6_key ? nla_put(msg, PP_RULE_ATTR_MAP6_KEY, PP_MAP6_KEY_LEN,
					    rule->map6_key) : 0;
}

static int put_accept(struct nl_msg *msg, const struct rule *rule)
{
	if (*rule->dev && nla_put_string(msg, PP_RULE_ATTR_DEV, rule->dev))
		return -1;
	if (put_maps(msg, rule))
		return -1;
	if (nla_put_u8(msg, PP_RULE_ATTR_HEADER, rule->header))
		return -1;
	if (rule->header == PP_HEADER_NONE)
		return 0;
	if (nla_put_u8(msg, PP_RULE_ATTR_STACKED, (uint8_t)rule->stacked))
		return -1;
	return nla_put_u32(msg, PP_RULE_ATTR_TIMEOUT, rule->timeout);
}

/**
 * rule_put - append a rule to a request, as PP_ATTR_RULE
 * @rule: rule; its id is put if it is not 0
 *
 * Returns 0, or another value if there is no room.
 */
int rule_put(struct nl_msg *msg, const struct rule *rule)
{
	bool send = rule->direction == PP_DIRECTION_SEND;
	struct nlattr *nest;

	nest = nla_nest_start(msg, PP_ATTR_RULE | NLA_F_NESTED);
	if (!nest || (rule->id && nla_put_u32(msg, PP_RULE_ATTR_ID, rule->id)) ||
	    put_match(msg, rule) ||
	    (send ? put_send(msg, rule) : put_accept(msg, rule)))
		return -1;
	if (*rule->comment &&
	    nla_put_string(msg, PP_RULE_ATTR_COMMENT, rule->comment))
		return -1;
	return nla_nest_end(msg, nest);
}

/**
 * rule_encode - the bytes that rules with the same words have in common, and no others
 * @rule: rule; its id and counters do not matter
 * @bytes: is set; to be freed
 * @key_len: is set to the length of the first bytes, which rules that are the same rule with
 *	other values have in common
 *
 * Returns the length of @bytes.
 */
size_t rule_encode(const struct rule *rule, void **bytes, size_t *key_len)
{
	struct nl_msg *msg = nlmsg_alloc_size(RULE_ROOM);
	struct rule words = *rule;
	size_t len;

	words.id = 0;
	if (!msg || !nlmsg_put(msg, 0, 0, 0, 0, 0))
		out_of_memory();
	put_match(msg, &words);
	*key_len = nlmsg_hdr(msg)->nlmsg_len - NLMSG_HDRLEN;
	if (rule_put(msg, &words))
		out_of_memory();
	len = nlmsg_hdr(msg)->nlmsg_len - NLMSG_HDRLEN;
	*bytes = malloc(len);
	if (!*bytes)
		out_of_memory();
	memcpy(*bytes, nlmsg_data(nlmsg_hdr(msg)), len);
	nlmsg_free(msg);
	return len;
}

/**
 * rule_put_id - append the id of a rule to a request, as PP_ATTR_RULE
 *
 * Returns 0, or another value if there is no room.
 */
int rule_put_id(struct nl_msg *msg, uint32_t id)
{
	struct nlattr *nest;

	nest = nla_nest_start(msg, PP_ATTR_RULE | NLA_F_NESTED);
	if (!nest || nla_put_u32(msg, PP_RULE_ATTR_ID, id))
		return -1;
	return nla_nest_end(msg, nest);
}

/**
 * rule_put_query - append a connection to a request, as PP_ATTR_RULE
 *
 * Returns 0, or another value if there is no room.
 */
int rule_put_query(struct nl_msg *msg, const struct rule *query)
{
	struct rule words = *query;
	struct nlattr *nest;

	/* A connection has a mark without a mask */
	words.mask = 0;
	nest = nla_nest_start(msg, PP_ATTR_RULE | NLA_F_NESTED);
	if (!nest || put_match(msg, &words) ||
	    (query->mask && nla_put_u32(msg, PP_RULE_ATTR_MARK, query->mark)) ||
	    (*query->dev && nla_put_string(msg, PP_RULE_ATTR_DEV, query->dev)))
		return -1;
	return nla_nest_end(msg, nest);
}

static bool read_range(struct nlattr *nest, struct rule *rule)
{
	struct nlattr *tb[PP_PORTS_ATTR_MAX + 1];
	struct port_range *range;

	if (rule->n_ports == PP_PORT_RANGES_MAX ||
	    nla_parse_nested(tb, PP_PORTS_ATTR_MAX, nest, NULL))
		return false;
	range = &rule->ports[rule->n_ports++];
	range->first = (uint16_t)reply_number(tb[PP_PORTS_ATTR_FIRST], 0);
	range->last = (uint16_t)reply_number(tb[PP_PORTS_ATTR_LAST], range->first);
	return true;
}

/* A prefix without an address is "any" */
static bool read_prefix(struct nlattr *address, struct nlattr *len,
			struct prefix *prefix)
{
	if (!address)
		return true;
	if (!prefix_from_bytes(prefix, nla_data(address), (size_t)nla_len(address)))
		return false;
	prefix->len = (unsigned int)reply_number(len, prefix->len);
	return true;
}

static bool read_source(struct nlattr *nest, struct rule *rule)
{
	struct nlattr *tb[PP_FROM_ATTR_MAX + 1];

	if (rule->n_from == PP_FROM_MAX ||
	    nla_parse_nested(tb, PP_FROM_ATTR_MAX, nest, NULL))
		return false;
	return read_prefix(tb[PP_FROM_ATTR_PREFIX], tb[PP_FROM_ATTR_LEN],
			   &rule->from[rule->n_from++]);
}

static bool read_tlv(struct nlattr *nest, struct rule *rule)
{
	struct nlattr *tb[PP_TLV_ATTR_MAX + 1], *value;
	struct tlv *tlv;

	if (rule->n_tlvs == PP_TLVS_MAX ||
	    nla_parse_nested(tb, PP_TLV_ATTR_MAX, nest, NULL))
		return false;
	tlv = &rule->tlvs[rule->n_tlvs++];
	tlv->type = (uint8_t)reply_number(tb[PP_TLV_ATTR_TYPE], 0);
	value = tb[PP_TLV_ATTR_VALUE];
	if (value && nla_len(value) > PP_TLV_VALUE_MAX)
		return false;
	tlv->len = value ? (uint16_t)nla_memcpy(tlv->value, value, PP_TLV_VALUE_MAX) : 0;
	return true;
}

static bool read_repeated(struct nlattr *rule_nest, struct rule *rule)
{
	struct nlattr *attr;
	int rest;

	nla_for_each_nested(attr, rule_nest, rest) {
		if (nla_type(attr) == PP_RULE_ATTR_PORTS &&
		    !read_range(attr, rule))
			return false;
		if (nla_type(attr) == PP_RULE_ATTR_FROM &&
		    !read_source(attr, rule))
			return false;
		if (nla_type(attr) == PP_RULE_ATTR_TLV && !read_tlv(attr, rule))
			return false;
	}
	return true;
}

static void read_send(struct nlattr **tb, struct rule *rule)
{
	if (tb[PP_RULE_ATTR_MARK]) {
		rule->mark = (uint32_t)reply_number(tb[PP_RULE_ATTR_MARK], 0);
		rule->mask = (uint32_t)reply_number(tb[PP_RULE_ATTR_MARK_MASK],
						   UINT32_MAX);
	}
	rule->version = (uint8_t)reply_number(tb[PP_RULE_ATTR_VERSION], 2);
	rule->origin = (uint8_t)reply_number(tb[PP_RULE_ATTR_ORIGIN],
					    PP_ORIGIN_LOCAL);
	rule->unique_id = tb[PP_RULE_ATTR_UNIQUE_ID];
	rule->crc32c = tb[PP_RULE_ATTR_CRC32C];
	rule->drop_tlvs = reply_number(tb[PP_RULE_ATTR_TLVS], PP_TLVS_PASS) ==
			  PP_TLVS_DROP;
	rule->tagged = reply_number(tb[PP_RULE_ATTR_TAGGED], 0);
	rule->acked = reply_number(tb[PP_RULE_ATTR_ACKED], 0);
	rule->resent = reply_number(tb[PP_RULE_ATTR_RESENT], 0);
}

static bool read_maps(struct nlattr **tb, struct rule *rule)
{
	struct nlattr *key = tb[PP_RULE_ATTR_MAP6_KEY];

	if (!read_prefix(tb[PP_RULE_ATTR_MAP4], NULL, &rule->map4) ||
	    !read_prefix(tb[PP_RULE_ATTR_MAP6], tb[PP_RULE_ATTR_MAP6_LEN], &rule->map6))
		return false;
	if (rule->map4.family)
		rule->map4.len = 96;
	rule->map6_per = (uint8_t)reply_number(tb[PP_RULE_ATTR_MAP6_PER], 0);
	rule->has_map6_key = key && nla_len(key) == PP_MAP6_KEY_LEN;
	if (rule->has_map6_key)
		memcpy(rule->map6_key, nla_data(key), PP_MAP6_KEY_LEN);
	return true;
}

static void read_accept(struct nlattr **tb, struct rule *rule)
{
	if (tb[PP_RULE_ATTR_DEV])
		nla_strlcpy(rule->dev, tb[PP_RULE_ATTR_DEV], sizeof(rule->dev));
	rule->header = (uint8_t)reply_number(tb[PP_RULE_ATTR_HEADER],
					    PP_HEADER_REQUIRED);
	rule->stacked = (uint32_t)reply_number(tb[PP_RULE_ATTR_STACKED], 1);
	rule->timeout = (uint32_t)reply_number(tb[PP_RULE_ATTR_TIMEOUT],
					      PP_TIMEOUT_DEFAULT);
	rule->accepted = reply_number(tb[PP_RULE_ATTR_ACCEPTED], 0);
	rule->passed = reply_number(tb[PP_RULE_ATTR_PASSED], 0);
	rule->refused = reply_number(tb[PP_RULE_ATTR_REFUSED], 0);
}

/**
 * rule_read - read a rule from an answer
 * @nest: PP_ATTR_RULE
 * @rule: is filled
 *
 * Returns false if it cannot be parsed.
 */
bool rule_read(struct nlattr *nest, struct rule *rule)
{
	struct nlattr *tb[PP_RULE_ATTR_MAX + 1];
	struct nlattr *comment;

	memset(rule, 0, sizeof(*rule));
	if (nla_parse_nested(tb, PP_RULE_ATTR_MAX, nest, NULL) ||
	    !read_prefix(tb[PP_RULE_ATTR_TO], tb[PP_RULE_ATTR_TO_LEN], &rule->to) ||
	    !read_repeated(nest, rule) || !read_maps(tb, rule))
		return false;

	rule->id = (uint32_t)reply_number(tb[PP_RULE_ATTR_ID], 0);
	rule->direction = (uint8_t)reply_number(tb[PP_RULE_ATTR_DIRECTION], 0);
	comment = tb[PP_RULE_ATTR_COMMENT];
	if (comment)
		nla_strlcpy(rule->comment, comment, sizeof(rule->comment));
	read_send(tb, rule);
	read_accept(tb, rule);
	return rule->direction != PP_DIRECTION_ACCEPT || rule->n_from;
}
