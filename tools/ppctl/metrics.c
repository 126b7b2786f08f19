// SPDX-License-Identifier: GPL-2.0
/*
 * Counters for monitoring systems, as OpenMetrics or in the text format of Prometheus. The two
 * differ in the name of a counter's family, which OpenMetrics has without "_total", and in the
 * mark of the end. A gauge can fall, a counter only rises.
 */
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>

#include "limit.h"
#include "metrics.h"
#include "out.h"
#include "ppctl.h"
#include "replies.h"
#include "rule.h"
#include "stats.h"

/* The longest rule, with each character of its comment escaped */
#define LABELS_MAX	4096

struct rule_metric {
	uint8_t direction;
	const char *name, *meaning;
	size_t offset;
};

static const struct rule_metric rule_metrics[] = {
	{ PP_DIRECTION_SEND, "rule_tagged", "connections that got a header",
	  offsetof(struct rule, tagged) },
	{ PP_DIRECTION_SEND, "rule_acked", "headers that the backend acknowledged",
	  offsetof(struct rule, acked) },
	{ PP_DIRECTION_SEND, "rule_resent", "times a header was sent again",
	  offsetof(struct rule, resent) },
	{ PP_DIRECTION_ACCEPT, "rule_accepted", "connections with the client of their header",
	  offsetof(struct rule, accepted) },
	{ PP_DIRECTION_ACCEPT, "rule_passed", "connections without a header",
	  offsetof(struct rule, passed) },
	{ PP_DIRECTION_ACCEPT, "rule_refused", "connections reset for want of a valid header",
	  offsetof(struct rule, refused) },
};

/* The family that is being printed */
static struct {
	const struct rule_metric *of;
	bool openmetrics;
} family;

static bool is_gauge(int type)
{
	return type == PP_STATS_ATTR_RULES || type == PP_STATS_ATTR_HANDSHAKES ||
	       type == PP_STATS_ATTR_PENDING || type == PP_STATS_ATTR_ESTABLISHED;
}

static void print_head(const char *name, bool gauge, const char *meaning)
{
	const char *suffix = gauge || family.openmetrics ? "" : "_total";

	out_printf("# HELP proxyproto_%s%s %s\n# TYPE proxyproto_%s%s %s\n", name, suffix,
		   meaning, name, suffix, gauge ? "gauge" : "counter");
}

static int print_stats(struct nlattr *nest, void *unused)
{
	struct nlattr *tb[PP_STATS_ATTR_MAX + 1];
	bool gauge;
	size_t i;

	(void)unused;
	if (nla_parse_nested(tb, PP_STATS_ATTR_MAX, nest, NULL))
		return reply_bad();
	for (i = 0; i < n_counters; i++) {
		/* A module of another version may not know it */
		if (!tb[counters[i].type])
			continue;
		gauge = is_gauge(counters[i].type);
		print_head(counters[i].name, gauge, counters[i].meaning);
		out_printf("proxyproto_%s%s %llu\n", counters[i].name, gauge ? "" : "_total",
			   (unsigned long long)reply_number(tb[counters[i].type], 0));
	}
	return STATUS_OK;
}

static int print_limits(struct nlattr *nest, void *unused)
{
	struct nlattr *tb[PP_LIMITS_ATTR_MAX + 1];
	size_t i;

	(void)unused;
	if (nla_parse_nested(tb, PP_LIMITS_ATTR_MAX, nest, NULL))
		return reply_bad();
	print_head("limits", true, "limits of the network namespace");
	for (i = 0; i < LIMITS; i++) {
		if (tb[limits[i].type])
			out_printf("proxyproto_limits{limit=\"%s\"} %llu\n", limits[i].name,
				   (unsigned long long)reply_number(tb[limits[i].type], 0));
	}
	return STATUS_OK;
}

static size_t append_escaped(char *to, const char *text)
{
	size_t used = 0;

	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			to[used++] = '\\';
		to[used++] = *text;
	}
	to[used] = '\0';
	return used;
}

static void format_labels(const struct rule *rule, char labels[LABELS_MAX])
{
	char to[PREFIX_TEXT_MAX];
	size_t used;
	unsigned int i;

	prefix_format(&rule->to, to);
	used = (size_t)sprintf(labels, "id=\"%u\",direction=\"%s\",to=\"%s\",ports=\"", rule->id,
			       rule_direction_name(rule->direction), to);
	for (i = 0; i < rule->n_ports; i++) {
		used += (size_t)sprintf(labels + used, "%s%u", i ? "," : "", rule->ports[i].first);
		if (rule->ports[i].first != rule->ports[i].last)
			used += (size_t)sprintf(labels + used, "-%u", rule->ports[i].last);
	}
	used += (size_t)sprintf(labels + used, "\",comment=\"");
	used += append_escaped(labels + used, rule->comment);
	strcpy(labels + used, "\"");
}

static int print_rule(struct nlattr *nest, void *unused)
{
	char labels[LABELS_MAX];
	uint64_t value;
	struct rule rule;

	(void)unused;
	if (!rule_read(nest, &rule))
		return reply_bad();
	if (rule.direction != family.of->direction)
		return STATUS_OK;
	format_labels(&rule, labels);
	memcpy(&value, (const char *)&rule + family.of->offset, sizeof(value));
	out_printf("proxyproto_%s_total{%s} %llu\n", family.of->name, labels,
		   (unsigned long long)value);
	return STATUS_OK;
}

/**
 * metrics_print - print all counters
 * @data: struct metrics
 */
int metrics_print(const void *data)
{
	const struct metrics *metrics = data;
	int status;
	size_t i;

	family.openmetrics = metrics->openmetrics;
	status = replies_each(metrics->stats, PP_ATTR_STATS, print_stats, NULL);
	if (!status)
		status = replies_each(metrics->limits, PP_ATTR_LIMITS, print_limits, NULL);
	for (i = 0; !status && i < ARRAY_SIZE(rule_metrics); i++) {
		family.of = &rule_metrics[i];
		print_head(family.of->name, false, family.of->meaning);
		status = replies_each(metrics->rules, PP_ATTR_RULE, print_rule, NULL);
	}
	if (!status && family.openmetrics)
		out_printf("# EOF\n");
	return status;
}
