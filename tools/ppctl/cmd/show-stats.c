// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl show-stats: prints each counter of the network namespace with what it
 * counts.
 */
#include <netlink/attr.h>

#include <linux/proxyproto.h>

#include "nl.h"
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
		/* A module of another version may not have it */
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

int cmd_show_stats(char **args)
{
	struct replies replies = { 0 };
	int status;

	status = no_arguments("show-stats", args);
	if (!status)
		status = ppnl_do(ppnl_request(PP_CMD_STATS_GET, 0), &replies);
	if (!status) {
		out_open_array(NULL);
		status = out_table(print_answer, &replies);
		out_close_array();
	}
	replies_free(&replies);
	return status;
}
