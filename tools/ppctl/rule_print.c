// SPDX-License-Identifier: GPL-2.0
/*
 * Prints a rule. The text between its id and the "#" is what add-rule reads.
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
	if (header == PP_HEADER_NONE)
		return "none";
	return "unknown";
}

static void print_ports(const struct rule *rule)
{
	const struct port_range *range;
	unsigned int i;

	out_open_array("ports");
	for (i = 0; i < rule->n_ports; i++) {
		range = &rule->ports[i];
		out_open_object(NULL);
		out_number("first", i ? "," : " port ", range->first);
		out_number("last", range->first == range->last ? NULL : "-", range->last);
		out_close_object();
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

	prefix_format(&rule->to, to);
	out_string("direction", "", rule_direction_name(rule->direction));
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
}

static void print_send_counters(const struct rule *rule)
{
	out_number("tagged", "  # tagged ", rule->tagged);
	out_number("acked", " acked ", rule->acked);
	out_number("resent", " resent ", rule->resent);
}

static void print_prefix(const char *key, const char *label, const struct prefix *prefix)
{
	char text[PREFIX_TEXT_MAX];

	if (!prefix->family) {
		out_null(key);
		return;
	}
	prefix_format(prefix, text);
	out_string(key, label, text);
}

static void print_maps(const struct rule *rule)
{
	print_prefix("map4", " map4 ", &rule->map4);
	print_prefix("map6", " map6 ", &rule->map6);
	if (rule->map6.family)
		out_number("map6_per", " per ", rule->map6_per);
	else
		out_null("map6_per");
}

/* Secret, so that only files of rules have it */
static void print_key(const struct rule *rule)
{
	char text[sizeof("0x") + 2 * PP_MAP6_KEY_LEN];
	size_t i;

	if (!rule->has_map6_key)
		return;
	for (i = 0; i < PP_MAP6_KEY_LEN; i++)
		snprintf(text + 2 * i, sizeof(text) - 2 * i, "%02x", rule->map6_key[i]);
	out_text(" map6-key 0x", text);
}

/* How a header is read */
static void print_reading(const struct rule *rule)
{
	out_string("header", " header ", header_name(rule->header));
	if (rule->header == PP_HEADER_NONE) {
		out_null("stacked");
		out_null("timeout");
		return;
	}
	out_number("stacked", rule->stacked == 1 ? NULL : " stacked ", rule->stacked);
	out_number("timeout", " timeout ", rule->timeout);
}

static void print_accept(const struct rule *rule, bool saved)
{
	print_sources(rule);
	out_quoted("dev", " dev ", *rule->dev ? rule->dev : NULL);
	print_maps(rule);
	if (saved)
		print_key(rule);
	print_reading(rule);
	print_comment(rule);
}

static void print_accept_counters(const struct rule *rule)
{
	out_number("accepted", "  # accepted ", rule->accepted);
	out_number("passed", " passed ", rule->passed);
	out_number("refused", " refused ", rule->refused);
}

/* Prints the words that add-rule reads, with secrets if they are to be saved */
static void print_words(const struct rule *rule, bool saved)
{
	print_match(rule);
	if (rule->direction == PP_DIRECTION_ACCEPT)
		print_accept(rule, saved);
	else
		print_send(rule);
}

/**
 * rule_print_words - print the words that add-rule reads, without secrets
 */
void rule_print_words(const struct rule *rule)
{
	print_words(rule, false);
}

/**
 * rule_print_line - print a rule: a line of text, or an object of JSON
 * @key: name of the object, or NULL
 */
void rule_print_line(const struct rule *rule, const char *key)
{
	out_open_object(key);
	if (rule->id)
		out_number("id", "", rule->id);
	else
		out_null("id");
	out_text(": ", "");
	rule_print_words(rule);
	if (rule->direction == PP_DIRECTION_ACCEPT)
		print_accept_counters(rule);
	else
		print_send_counters(rule);
	out_end_line();
	out_close_object();
}

/**
 * rule_print - print a rule of an answer, as rule_print_line() does
 * @nest: PP_ATTR_RULE of an answer
 * @key: name of the object, or NULL
 */
int rule_print(struct nlattr *nest, void *key)
{
	struct rule rule;

	if (!rule_read(nest, &rule))
		return reply_bad();
	rule_print_line(&rule, key);
	return STATUS_OK;
}

/**
 * rule_print_policy - print what a listener asks of its sources
 * @nest: PP_SOCKET_ATTR_POLICY of an answer
 */
int rule_print_policy(struct nlattr *nest)
{
	struct rule rule;

	if (!rule_read(nest, &rule))
		return reply_bad();
	print_sources(&rule);
	print_reading(&rule);
	print_accept_counters(&rule);
	return STATUS_OK;
}

/**
 * rule_print_saved - print a rule as restore and add-rule read it
 * @nest: PP_ATTR_RULE of an answer
 */
int rule_print_saved(struct nlattr *nest, void *unused)
{
	struct rule rule;

	(void)unused;
	if (!rule_read(nest, &rule))
		return reply_bad();
	print_words(&rule, true);
	out_end_line();
	return STATUS_OK;
}
