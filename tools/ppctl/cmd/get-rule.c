// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl get-rule: which rule a connection would meet, and why.
 */
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>

#include "nl.h"
#include "out.h"
#include "ppctl.h"
#include "replies.h"
#include "rule.h"

#define QUERY_ROOM	256

static int read_verdict(struct nlattr *nest, void *verdict)
{
	struct nlattr *tb[PP_MATCH_ATTR_MAX + 1];

	if (nla_parse_nested(tb, PP_MATCH_ATTR_MAX, nest, NULL))
		return reply_bad();
	*(uint64_t *)verdict = reply_number(tb[PP_MATCH_ATTR_VERDICT], PP_MATCH_NONE);
	return STATUS_OK;
}

static int keep_rule(struct nlattr *nest, void *rule)
{
	return rule_read(nest, rule) ? STATUS_OK : reply_bad();
}

/* What decided: the parts of the rule that the connection is in */
static void print_range(const struct rule *rule, const struct rule *query)
{
	const struct port_range *range = rule->ports, *end = range + rule->n_ports;
	uint16_t port = query->ports[0].first;
	char text[sizeof("65535-65535")];

	while (range < end && (port < range->first || port > range->last))
		range++;
	if (range == end)
		snprintf(text, sizeof(text), "any");
	else if (range->first == range->last)
		snprintf(text, sizeof(text), "%u", range->first);
	else
		snprintf(text, sizeof(text), "%u-%u", range->first, range->last);
	out_string("port", ", narrowest ports ", text);
}

static void print_source(const struct rule *rule, const struct rule *query)
{
	const struct prefix *longest = NULL;
	char text[PREFIX_TEXT_MAX];
	unsigned int i;

	for (i = 0; i < rule->n_from; i++) {
		if (prefix_contains(&rule->from[i], query->from[0].bytes,
				    address_bytes(query->from[0].family)) &&
		    (!longest || rule->from[i].len > longest->len))
			longest = &rule->from[i];
	}
	if (!longest) {
		out_null("from");
		return;
	}
	prefix_format(longest, text);
	out_string("from", ", longest source ", text);
}

static void print_mark(const struct rule *rule)
{
	char text[sizeof("0xffffffff/0xffffffff")];

	if (!rule->mask) {
		out_null("mark");
		return;
	}
	snprintf(text, sizeof(text), "0x%x/0x%x", rule->mark, rule->mask);
	out_string("mark", ", most mark bits ", text);
}

static const char *effect_of(const struct rule *rule)
{
	if (rule->direction == PP_DIRECTION_SEND)
		return "gets a header";
	if (rule->header == PP_HEADER_NONE)
		return "exempt, served as it comes";
	if (rule->header == PP_HEADER_OPTIONAL)
		return "may begin with a header";
	return "must begin with a header";
}

static void print_met(const struct rule *rule, const struct rule *query)
{
	char text[PREFIX_TEXT_MAX];

	prefix_format(&rule->to, text);
	out_text("  ", effect_of(rule));
	out_string("to", ": longest prefix ", text);
	print_range(rule, query);
	if (rule->direction == PP_DIRECTION_ACCEPT)
		print_source(rule, query);
	else
		print_mark(rule);
	out_end_line();
}

static void print_unmet(uint64_t verdict, const struct rule *rule, const struct rule *query)
{
	char text[PREFIX_TEXT_MAX];

	if (verdict == PP_MATCH_DEVICE) {
		out_text("  served as it comes: the source is believed by no device but ",
			 rule->dev);
		out_end_line();
		return;
	}
	prefix_format(&query->from[0], text);
	out_text("  served as it comes: no rule with this destination and these ports has the source ",
		 text);
	out_end_line();
}

static int print_rule(const struct replies *replies, uint64_t verdict, const struct rule *query)
{
	struct rule rule;
	int status;

	status = replies_each(replies, PP_ATTR_RULE, rule_print, "rule");
	if (!status)
		status = replies_each(replies, PP_ATTR_RULE, keep_rule, &rule);
	if (status)
		return status;
	if (verdict == PP_MATCH_RULE)
		print_met(&rule, query);
	else
		print_unmet(verdict, &rule, query);
	return STATUS_OK;
}

static const char *verdict_name(uint64_t verdict)
{
	if (verdict == PP_MATCH_NONE)
		return "none";
	if (verdict == PP_MATCH_RULE)
		return "rule";
	if (verdict == PP_MATCH_SOURCE)
		return "source";
	if (verdict == PP_MATCH_DEVICE)
		return "device";
	return "unknown";
}

static int print_answer(const struct replies *replies, const struct rule *query)
{
	uint64_t verdict = PP_MATCH_NONE;
	int status;

	if (!replies->len)
		return reply_bad();
	status = replies_each(replies, PP_ATTR_MATCH, read_verdict, &verdict);
	if (status)
		return status;
	out_open_array(NULL);
	out_open_object(NULL);
	out_string("verdict", NULL, verdict_name(verdict));
	if (verdict == PP_MATCH_NONE) {
		out_null("rule");
		out_text("none: ", "the connection goes on as it comes");
		out_end_line();
	} else {
		status = print_rule(replies, verdict, query);
	}
	out_close_object();
	out_close_array();
	return status;
}

int cmd_get_rule(char **args)
{
	struct replies replies = { 0 };
	struct nl_msg *request;
	struct rule query;
	int status;

	status = rule_parse_query(args, &query);
	if (status)
		return status;
	request = ppnl_request(PP_CMD_RULE_FIND, QUERY_ROOM);
	if (rule_put_query(request, &query)) {
		nlmsg_free(request);
		return failure("the question is too long");
	}
	status = ppnl_do(request, &replies);
	if (!status)
		status = print_answer(&replies, &query);
	replies_free(&replies);
	return status;
}
