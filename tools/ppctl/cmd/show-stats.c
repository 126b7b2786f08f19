// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl show-stats: prints each counter of the network namespace with what it
 * counts; with --reset, they begin at 0 again.
 */
#include <netlink/attr.h>
#include <string.h>

#include <linux/proxyproto.h>

#include "file.h"
#include "metrics.h"
#include "nl.h"
#include "options.h"
#include "out.h"
#include "ppctl.h"
#include "replies.h"
#include "stats.h"

static int print_counters(struct nlattr *nest, void *unused)
{
	struct nlattr *tb[PP_STATS_ATTR_MAX + 1];
	size_t i;

	(void)unused;
	if (nla_parse_nested(tb, PP_STATS_ATTR_MAX, nest, NULL))
		return reply_bad();

	out_open_object(NULL);
	for (i = 0; i < n_counters; i++) {
		/* A module of another version may not know it */
		if (!tb[counters[i].type])
			continue;
		out_text("counter", counters[i].name);
		out_number(counters[i].name, "value",
			   reply_number(tb[counters[i].type], 0));
		out_text("meaning", counters[i].meaning);
		out_end_line();
	}
	out_close_object();
	return STATUS_OK;
}

static int print_answer(const void *replies)
{
	return replies_each(replies, PP_ATTR_STATS, print_counters, NULL);
}

/* To a file, or to stdout */
static int print_metrics(const struct metrics *metrics)
{
	const char *name = option_value(OPTION_OUTPUT);

	/* Whoever collects them may be another user */
	return name ? file_replace(name, 0644, metrics_print, metrics) : metrics_print(metrics);
}

static int show_metrics(bool openmetrics)
{
	struct replies stats = { 0 }, limits = { 0 }, rules = { 0 };
	struct metrics metrics = { &stats, &limits, &rules, openmetrics };
	int status;

	status = ppnl_do(ppnl_request(PP_CMD_STATS_GET, 0), &stats);
	if (!status)
		status = ppnl_do(ppnl_request(PP_CMD_LIMITS_GET, 0), &limits);
	if (!status)
		status = ppnl_dump(PP_CMD_RULE_GET, DUMP_SNAPSHOT, &rules);
	if (!status)
		status = print_metrics(&metrics);
	replies_free(&stats);
	replies_free(&limits);
	replies_free(&rules);
	return status;
}

static int check_options(void)
{
	const char *name = option_value(OPTION_OUTPUT);

	if (name && !option_given(OPTION_FORMAT))
		return usage_error("--output needs --format");
	if (name && (*name == '-' || !*name))
		return usage_error("'%s' is no name of a file: write ./%s", name, name);
	if (option_given(OPTION_FORMAT) && !out_is_text())
		return usage_error("--format and --json exclude each other");
	if (option_given(OPTION_FORMAT) && option_given(OPTION_RESET_STATS))
		return usage_error("--format and --reset exclude each other: a monitoring system computes differences itself");
	return STATUS_OK;
}

int cmd_show_stats(char **args)
{
	uint8_t command = option_given(OPTION_RESET_STATS) ? PP_CMD_STATS_RESET : PP_CMD_STATS_GET;
	const char *wanted = option_value(OPTION_FORMAT);
	struct replies replies = { 0 };
	int status;

	status = no_arguments("show-stats", args);
	if (!status)
		status = check_options();
	if (!status && wanted) {
		if (!strcmp(wanted, "openmetrics") || !strcmp(wanted, "prometheus"))
			return show_metrics(*wanted == 'o');
		return usage_error("unknown format '%s': openmetrics or prometheus", wanted);
	}
	if (!status)
		status = ppnl_do(ppnl_request(command, 0), &replies);
	if (!status) {
		out_open_array(NULL);
		status = out_table(print_answer, &replies);
		out_close_array();
	}
	replies_free(&replies);
	return status;
}
