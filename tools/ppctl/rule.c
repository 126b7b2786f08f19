// SPDX-License-Identifier: GPL-2.0
/*
 * A rule as netlink attributes and on the screen. What stands before the "#"
 * of a printed rule, less its id, is what add-rule reads.
 */
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

#include "out.h"
#include "ppctl.h"
#include "replies.h"
#include "rule.h"

const char *rule_direction_name(uint8_t direction)
{
	if (direction == PP_DIRECTION_SEND)
		return "send";
	if (direction == PP_DIRECTION_ACCEPT)
		return "accept";
	return "unknown";
}

static const char *origin_name(uint8_t origin)
{
	if (origin == PP_ORIGIN_LOCAL)
		return "local";
	if (origin == PP_ORIGIN_PROXY)
		return "proxy";
	return "unknown";
}

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

static int put_match(struct nl_msg *msg, const struct rule *rule)
{
	int size = (int)address_bytes(rule->to.family);
	unsigned int i;

	if (size &&
	    (nla_put(msg, PP_RULE_ATTR_TO, size, rule->to.bytes) ||
	     nla_put_u8(msg, PP_RULE_ATTR_TO_LEN, (uint8_t)rule->to.len)))
		return -1;
	for (i = 0; i < rule->n_ports; i++) {
		if (put_range(msg, &rule->ports[i]))
			return -1;
	}
	if (rule->mask &&
	    (nla_put_u32(msg, PP_RULE_ATTR_MARK, rule->mark) ||
	     nla_put_u32(msg, PP_RULE_ATTR_MARK_MASK, rule->mask)))
		return -1;
	return 0;
}

/**
 * rule_put - append a rule to a request, as PP_ATTR_RULE
 *
 * Returns 0, or not 0 if there is no room.
 */
int rule_put(struct nl_msg *msg, const struct rule *rule)
{
	struct nlattr *nest;

	nest = nla_nest_start(msg, PP_ATTR_RULE | NLA_F_NESTED);
	if (!nest ||
	    nla_put_u8(msg, PP_RULE_ATTR_DIRECTION, rule->direction) ||
	    put_match(msg, rule) ||
	    nla_put_u8(msg, PP_RULE_ATTR_VERSION, rule->version) ||
	    nla_put_u8(msg, PP_RULE_ATTR_ORIGIN, rule->origin))
		return -1;
	if (*rule->comment &&
	    nla_put_string(msg, PP_RULE_ATTR_COMMENT, rule->comment))
		return -1;
	return nla_nest_end(msg, nest);
}

/* Ranges are the one attribute that repeats, so a table does not hold them */
static bool read_ranges(struct nlattr *rule_nest, struct rule *rule)
{
	struct nlattr *tb[PP_PORTS_ATTR_MAX + 1];
	struct port_range *range;
	struct nlattr *attr;
	int rest;

	nla_for_each_nested(attr, rule_nest, rest) {
		if (nla_type(attr) != PP_RULE_ATTR_PORTS)
			continue;
		if (rule->n_ports == PP_PORT_RANGES_MAX ||
		    nla_parse_nested(tb, PP_PORTS_ATTR_MAX, attr, NULL))
			return false;
		range = &rule->ports[rule->n_ports++];
		range->first = (uint16_t)reply_number(tb[PP_PORTS_ATTR_FIRST], 0);
		range->last = (uint16_t)reply_number(tb[PP_PORTS_ATTR_LAST],
						    range->first);
	}
	return true;
}

static bool read_to(struct nlattr **tb, struct rule *rule)
{
	struct nlattr *to = tb[PP_RULE_ATTR_TO];

	if (!to)
		return true;
	if (!prefix_from_bytes(&rule->to, nla_data(to), (size_t)nla_len(to)))
		return false;
	rule->to.len = (unsigned int)reply_number(tb[PP_RULE_ATTR_TO_LEN],
						 rule->to.len);
	return true;
}

static bool read_rule(struct nlattr *nest, struct rule *rule)
{
	struct nlattr *tb[PP_RULE_ATTR_MAX + 1];
	struct nlattr *comment;

	memset(rule, 0, sizeof(*rule));
	if (nla_parse_nested(tb, PP_RULE_ATTR_MAX, nest, NULL) ||
	    !read_to(tb, rule) || !read_ranges(nest, rule))
		return false;

	rule->id = (uint32_t)reply_number(tb[PP_RULE_ATTR_ID], 0);
	rule->direction = (uint8_t)reply_number(tb[PP_RULE_ATTR_DIRECTION], 0);
	if (tb[PP_RULE_ATTR_MARK]) {
		rule->mark = (uint32_t)reply_number(tb[PP_RULE_ATTR_MARK], 0);
		rule->mask = (uint32_t)reply_number(tb[PP_RULE_ATTR_MARK_MASK],
						   UINT32_MAX);
	}
	rule->version = (uint8_t)reply_number(tb[PP_RULE_ATTR_VERSION], 2);
	rule->origin = (uint8_t)reply_number(tb[PP_RULE_ATTR_ORIGIN],
					    PP_ORIGIN_LOCAL);
	comment = tb[PP_RULE_ATTR_COMMENT];
	if (comment)
		nla_strlcpy(rule->comment, comment, sizeof(rule->comment));
	rule->tagged = reply_number(tb[PP_RULE_ATTR_TAGGED], 0);
	rule->acked = reply_number(tb[PP_RULE_ATTR_ACKED], 0);
	rule->resent = reply_number(tb[PP_RULE_ATTR_RESENT], 0);
	return true;
}

static void print_ports(const struct rule *rule)
{
	const struct port_range *range;
	char text[sizeof("65535-65535")];
	unsigned int i;

	out_open_array("ports");
	for (i = 0; i < rule->n_ports; i++) {
		range = &rule->ports[i];
		if (range->first == range->last)
			snprintf(text, sizeof(text), "%u", range->first);
		else
			snprintf(text, sizeof(text), "%u-%u", range->first,
				 range->last);
		out_string(NULL, i ? "," : " port ", text);
	}
	out_close_array();
}

static void print_mark(const struct rule *rule)
{
	if (!rule->mask) {
		out_null("mark");
		return;
	}
	out_open_object("mark");
	out_hex("value", " mark ", rule->mark);
	out_hex("mask", rule->mask == UINT32_MAX ? NULL : "/", rule->mask);
	out_close_object();
}

static void print_match(const struct rule *rule)
{
	char to[PREFIX_TEXT_MAX];

	prefix_format(&rule->to, to);
	out_string("direction", ": ", rule_direction_name(rule->direction));
	out_string("to", " to ", to);
	print_ports(rule);
	print_mark(rule);
}

/**
 * rule_print - print a rule: a line of text, or an object of JSON
 * @nest: PP_ATTR_RULE of an answer
 */
int rule_print(struct nlattr *nest, void *unused)
{
	struct rule rule;

	(void)unused;
	if (!read_rule(nest, &rule))
		return reply_bad();

	out_open_object(NULL);
	out_number("id", "", rule.id);
	print_match(&rule);
	out_number("version", " version ", rule.version);
	out_string("origin", rule.origin == PP_ORIGIN_LOCAL ? NULL : " origin ",
		   origin_name(rule.origin));
	out_quoted("comment", " comment ", *rule.comment ? rule.comment : NULL);
	out_number("tagged", "  # tagged ", rule.tagged);
	out_number("acked", " acked ", rule.acked);
	out_number("resent", " resent ", rule.resent);
	out_end_line();
	out_close_object();
	return STATUS_OK;
}
