// SPDX-License-Identifier: GPL-2.0
/*
 * A rule on the screen. What stands before the "#" of a printed rule, less its
 * id, is what add-rule reads.
 */
#include <stdio.h>

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

static const char *header_name(uint8_t header)
{
	if (header == PP_HEADER_REQUIRED)
		return "required";
	if (header == PP_HEADER_OPTIONAL)
		return "optional";
	return "unknown";
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

static void print_sources(const struct rule *rule)
{
	char text[PREFIX_TEXT_MAX];
	unsigned int i;

	out_open_array("from");
	for (i = 0; i < rule->n_from; i++) {
		prefix_format(&rule->from[i], text);
		out_string(NULL, i ? "," : " from ", text);
	}
	out_close_array();
}

static void print_match(const struct rule *rule)
{
	char to[PREFIX_TEXT_MAX];

	out_number("id", "", rule->id);
	prefix_format(&rule->to, to);
	out_string("direction", ": ", rule_direction_name(rule->direction));
	out_string("to", " to ", to);
	print_ports(rule);
}

static void print_comment(const struct rule *rule)
{
	out_quoted("comment", " comment ", *rule->comment ? rule->comment : NULL);
}

static void print_tlvs(const struct rule *rule)
{
	unsigned int i;

	for (i = 0; i < rule->n_tlvs; i++)
		tlv_print(&rule->tlvs[i]);
	out_flag("unique_id", " unique-id", rule->unique_id);
	out_flag("crc32c", " crc32c", rule->crc32c);
	out_string("passed_tlvs", rule->drop_tlvs ? " tlvs " : NULL,
		   rule->drop_tlvs ? "drop" : "pass");
	out_open_array("tlvs");
	for (i = 0; i < rule->n_tlvs; i++)
		tlv_print_object(rule->tlvs[i].type, rule->tlvs[i].value,
				 rule->tlvs[i].len);
	out_close_array();
}

static void print_send(const struct rule *rule)
{
	print_mark(rule);
	out_number("version", " version ", rule->version);
	out_string("origin", rule->origin == PP_ORIGIN_LOCAL ? NULL : " origin ",
		   origin_name(rule->origin));
	print_tlvs(rule);
	print_comment(rule);
	out_number("tagged", "  # tagged ", rule->tagged);
	out_number("acked", " acked ", rule->acked);
	out_number("resent", " resent ", rule->resent);
}

static void print_accept(const struct rule *rule)
{
	print_sources(rule);
	out_string("header", " header ", header_name(rule->header));
	out_number("timeout", " timeout ", rule->timeout);
	print_comment(rule);
	out_number("accepted", "  # accepted ", rule->accepted);
	out_number("passed", " passed ", rule->passed);
	out_number("refused", " refused ", rule->refused);
}

/**
 * rule_print - print a rule: a line of text, or an object of JSON
 * @nest: PP_ATTR_RULE of an answer
 */
int rule_print(struct nlattr *nest, void *unused)
{
	struct rule rule;

	(void)unused;
	if (!rule_read(nest, &rule))
		return reply_bad();

	out_open_object(NULL);
	print_match(&rule);
	if (rule.direction == PP_DIRECTION_ACCEPT)
		print_accept(&rule);
	else
		print_send(&rule);
	out_end_line();
	out_close_object();
	return STATUS_OK;
}
