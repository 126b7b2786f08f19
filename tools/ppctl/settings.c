// SPDX-License-Identifier: GPL-2.0
/*
 * What a network namespace has beside rules. A setting is a line of the file of rules, a part
 * of the request that puts the rules into force, and a line that save prints: whatever
 * becomes a setting has these three places here.
 */
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include <linux/proxyproto.h>

#include "nl.h"
#include "out.h"
#include "ppctl.h"
#include "replies.h"
#include "settings.h"

/**
 * settings_know - whether the words of a line are a setting
 */
bool settings_know(char **words)
{
	return words[0] && (!strcmp(words[0], "limit") || !strcmp(words[0], "set-limit"));
}

/**
 * settings_parse - read a setting
 * @words: a line that settings_know() has found
 * @settings: is changed
 */
int settings_parse(char **words, struct settings *settings)
{
	const struct limit *limit;
	uint32_t value;
	int status;

	status = limit_parse(words[0], words + 1, &limit, &value);
	if (status)
		return status;
	if (settings->limits[limit - limits])
		return usage_error("limit '%s' is given twice", limit->name);
	settings->limits[limit - limits] = value;
	return STATUS_OK;
}

/**
 * settings_put - append settings to a request
 *
 * Returns 0, or another value if there is no room.
 */
int settings_put(struct nl_msg *msg, const struct settings *settings)
{
	struct nlattr *nest = NULL;
	size_t i;

	for (i = 0; i < LIMITS; i++) {
		if (!settings->limits[i])
			continue;
		if (!nest)
			nest = nla_nest_start(msg, PP_ATTR_LIMITS | NLA_F_NESTED);
		if (!nest || nla_put_u32(msg, limits[i].type, settings->limits[i]))
			return -1;
	}
	return nest ? nla_nest_end(msg, nest) : 0;
}

static int print_limits(struct nlattr *nest, void *unused)
{
	struct nlattr *tb[PP_LIMITS_ATTR_MAX + 1];
	size_t i;

	(void)unused;
	if (nla_parse_nested(tb, PP_LIMITS_ATTR_MAX, nest, NULL))
		return reply_bad();
	for (i = 0; i < LIMITS; i++) {
		/* A module of another version may not know it */
		if (!tb[limits[i].type])
			continue;
		out_text("limit ", limits[i].name);
		out_number(NULL, " ", reply_number(tb[limits[i].type], 0));
		out_end_line();
	}
	return STATUS_OK;
}

/**
 * settings_print - print the settings in force, each on a line as settings_parse() reads it
 */
int settings_print(void)
{
	struct replies replies = { 0 };
	int status;

	status = ppnl_do(ppnl_request(PP_CMD_LIMITS_GET, 0), &replies);
	if (!status)
		status = replies_each(&replies, PP_ATTR_LIMITS, print_limits, NULL);
	replies_free(&replies);
	return status;
}
