// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl monitor: prints what happens to connections and rules, as it happens: a
 * line of text or, with -j, an object for each event.
 */
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <linux/proxyproto.h>

#include "connection.h"
#include "filter.h"
#include "listen.h"
#include "out.h"
#include "ppctl.h"
#include "replies.h"
#include "rule.h"
#include "stats.h"

static struct filter filter;

static const char *kind_name(uint64_t kind)
{
	static const char * const names[] = {
		[PP_EVENT_TAGGED] = "tagged",
		[PP_EVENT_ACCEPTED] = "accepted",
		[PP_EVENT_REFUSED] = "refused",
		[PP_EVENT_RULE_ADDED] = "rule-added",
		[PP_EVENT_RULE_REMOVED] = "rule-removed",
		[PP_EVENT_ACKED] = "acked",
		[PP_EVENT_CLOSED] = "closed",
		[PP_EVENT_LIMIT] = "limit",
	};

	return kind < ARRAY_SIZE(names) && names[kind] ? names[kind] : "unknown";
}

/* In UTC, as in RFC 3339 */
static void print_time(uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	char text[64], whole[32];
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) ||
	    !strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &tm))
		return;
	snprintf(text, sizeof(text), "%s.%06uZ", whole,
		 (unsigned int)(ns % 1000000000 / 1000));
	out_string("time", "", text);
}

static void print_event(struct nlattr **event)
{
	struct nlattr *reason = event[PP_EVENT_ATTR_REASON];
	struct nlattr *suppressed = event[PP_EVENT_ATTR_SUPPRESSED];

	print_time(reply_number(event[PP_EVENT_ATTR_TIME], 0));
	out_string("event", " ", kind_name(reply_number(event[PP_EVENT_ATTR_KIND], 0)));
	if (reason)
		out_string("reason", " ", stats_name(reply_number(reason, 0)));
	if (suppressed)
		out_number("suppressed", " suppressed ", reply_number(suppressed, 0));
}

/* rule_print() ends the line of the event */
static int print_subject(struct nlattr **tb)
{
	int status;

	if (tb[PP_ATTR_RULE]) {
		out_text(" ", "");
		return rule_print(tb[PP_ATTR_RULE], "rule");
	}
	if (!tb[PP_ATTR_CONN])
		return reply_bad();
	if (!out_is_text())
		return connection_print(tb[PP_ATTR_CONN], "connection");
	status = connection_print_line(tb[PP_ATTR_CONN]);
	out_end_line();
	return status;
}

static bool is_wanted(struct nlattr **tb, struct nlattr **event)
{
	const char *kind = kind_name(reply_number(event[PP_EVENT_ATTR_KIND], 0));

	if (filter.event && strcmp(filter.event, kind))
		return false;
	if (tb[PP_ATTR_RULE])
		return filter_takes_rule(&filter, tb[PP_ATTR_RULE]);
	return !tb[PP_ATTR_CONN] || filter_takes_connection(&filter, tb[PP_ATTR_CONN]);
}

static int flush(void)
{
	return fflush(stdout) ? failure("cannot write the output") : STATUS_OK;
}

static int on_event(struct nlmsghdr *nlh)
{
	struct nlattr *tb[PP_ATTR_MAX + 1], *event[PP_EVENT_ATTR_MAX + 1];
	int status;

	if (genlmsg_parse(nlh, 0, tb, PP_ATTR_MAX, NULL) || !tb[PP_ATTR_EVENT] ||
	    nla_parse_nested(event, PP_EVENT_ATTR_MAX, tb[PP_ATTR_EVENT], NULL))
		return reply_bad();
	if (!is_wanted(tb, event))
		return STATUS_OK;
	out_open_object(NULL);
	print_event(event);
	status = print_subject(tb);
	out_close_object();
	return status ? status : flush();
}

static int on_lost(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	out_open_object(NULL);
	print_time((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
	out_string("event", " ", "lost");
	out_text(" ", "events came faster than they were read");
	out_end_line();
	out_close_object();
	return flush();
}

int cmd_monitor(char **args)
{
	static const struct listener listener = { on_event, on_lost };
	int status;

	status = filter_parse("monitor", "rule direction event", &args, &filter);
	if (!status)
		status = no_arguments("monitor", args);
	return status ? status : ppnl_listen(&listener);
}
