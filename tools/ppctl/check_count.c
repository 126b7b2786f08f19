// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl check: limits that are nearly reached, and counters of failures.
 */
#include <inttypes.h>
#include <netlink/attr.h>

#include <linux/proxyproto.h>

#include "check.h"
#include "limit.h"
#include "nl.h"
#include "ppctl.h"
#include "replies.h"

struct counts {
	uint64_t stats[PP_STATS_ATTR_MAX + 1];
	uint64_t limits[PP_LIMITS_ATTR_MAX + 1];
};

/* The counter that each limit limits */
static const int now[PP_LIMITS_ATTR_MAX + 1] = {
	[PP_LIMITS_ATTR_HANDSHAKES] = PP_STATS_ATTR_HANDSHAKES,
	[PP_LIMITS_ATTR_PENDING] = PP_STATS_ATTR_PENDING,
	[PP_LIMITS_ATTR_ACCEPTED] = PP_STATS_ATTR_ESTABLISHED,
};

static const struct event {
	int type;
	enum check_level level;
	const char *text;
} events[] = {
	{ PP_STATS_ATTR_SIGNED, CHECK_WARNING,
	  "SYNs to backends were dropped: signed with TCP-MD5 or TCP-AO" },
	{ PP_STATS_ATTR_FORGED, CHECK_WARNING,
	  "packets of clients were dropped: they had bytes where only a header may be" },
	{ PP_STATS_ATTR_NO_CONNTRACK, CHECK_NOTE,
	  "connections were unknown to conntrack: with IPVS their header names the backend as destination, until an nft or iptables rule, such as masquerade, has conntrack at work here"
	},
	{ PP_STATS_ATTR_LIMIT, CHECK_WARNING,
	  "SYNs were dropped at the limit of handshakes" },
	{ PP_STATS_ATTR_NOMEM, CHECK_WARNING, "SYNs were dropped for lack of memory" },
	{ PP_STATS_ATTR_DROPPED, CHECK_WARNING,
	  "packets of clients were dropped for lack of memory" },
	{ PP_STATS_ATTR_TFO, CHECK_NOTE,
	  "SYNs lost a TCP Fast Open option or data: sent again after the handshake" },
	{ PP_STATS_ATTR_MPTCP, CHECK_NOTE,
	  "SYNs lost a Multipath TCP option: the connection is plain TCP" },
	{ PP_STATS_ATTR_BAD_HEADER, CHECK_WARNING,
	  "connections of load balancers were reset: they did not begin with a valid header" },
	{ PP_STATS_ATTR_BAD_CRC, CHECK_WARNING,
	  "connections of load balancers were reset: the CRC32C of the header was wrong" },
	{ PP_STATS_ATTR_TIMEOUT, CHECK_WARNING,
	  "connections of load balancers were reset: no header came in time" },
	{ PP_STATS_ATTR_REJECTED, CHECK_WARNING,
	  "connections of load balancers were reset, since the client was refused: nothing listens, or a firewall rule in PRE_ROUTING looks at source addresses (nft fib, rpfilter) and has to let clients in, or a program at tc ingress assigns sockets of another port"
	},
	{ PP_STATS_ATTR_ACCEPT_SIGNED, CHECK_WARNING,
	  "SYNs of load balancers were dropped: signed with TCP-MD5 or TCP-AO" },
	{ PP_STATS_ATTR_OWN_VRF, CHECK_WARNING,
	  "SYNs were dropped: from this host to its own address within a VRF" },
	{ PP_STATS_ATTR_ACCEPT_LIMIT, CHECK_WARNING,
	  "SYNs of load balancers were dropped at the limit of pending or accepted connections" },
	{ PP_STATS_ATTR_ACCEPT_NOMEM, CHECK_WARNING,
	  "packets of load balancers were dropped for lack of memory" },
};

static int take_stats(struct nlattr *nest, void *data)
{
	struct nlattr *tb[PP_STATS_ATTR_MAX + 1];
	struct counts *counts = data;
	int i;

	if (nla_parse_nested(tb, PP_STATS_ATTR_MAX, nest, NULL))
		return reply_bad();
	for (i = 1; i <= PP_STATS_ATTR_MAX; i++)
		counts->stats[i] = reply_number(tb[i], 0);
	return STATUS_OK;
}

static int take_limits(struct nlattr *nest, void *data)
{
	struct nlattr *tb[PP_LIMITS_ATTR_MAX + 1];
	struct counts *counts = data;
	int i;

	if (nla_parse_nested(tb, PP_LIMITS_ATTR_MAX, nest, NULL))
		return reply_bad();
	for (i = 1; i <= PP_LIMITS_ATTR_MAX; i++)
		counts->limits[i] = reply_number(tb[i], 0);
	return STATUS_OK;
}

static int read_counts(struct counts *counts)
{
	struct replies stats = { 0 }, limit_replies = { 0 };
	int status;

	status = ppnl_do(ppnl_request(PP_CMD_STATS_GET, 0), &stats);
	if (!status)
		status = replies_each(&stats, PP_ATTR_STATS, take_stats, counts);
	if (!status)
		status = ppnl_do(ppnl_request(PP_CMD_LIMITS_GET, 0), &limit_replies);
	if (!status)
		status = replies_each(&limit_replies, PP_ATTR_LIMITS, take_limits,
				      counts);
	replies_free(&stats);
	replies_free(&limit_replies);
	return status;
}

static const char *fix_limit(const struct limit *limit, uint64_t value)
{
	if (value >= limit->max)
		return NULL;
	return check_fix("ppctl set-limit %s %" PRIu64, limit->name,
			  2 * value < limit->max ? 2 * value : limit->max);
}

/* Returns whether a limit is used to three quarters */
static bool check_limit(const struct limit *limit, const struct counts *counts)
{
	uint64_t value = counts->limits[limit->type];
	uint64_t used = counts->stats[now[limit->type]];

	if (!value || used < value - value / 4)
		return false;
	check_say("limits", CHECK_WARNING, fix_limit(limit, value),
		  "there are %" PRIu64 " of at most %" PRIu64 " %s: beyond that %s",
		  used, value, limit->what,
		  limit->type == PP_LIMITS_ATTR_ACCEPTED ? "SYNs are dropped" :
		  "one of them is evicted, or SYNs are dropped");
	return true;
}

/**
 * check_counts - check limits and counters
 */
void check_counts(void)
{
	struct counts counts = { 0 };
	const struct event *event;
	bool near = false;
	size_t i;

	errors_mute(true);
	if (read_counts(&counts)) {
		errors_mute(false);
		check_say("limits", CHECK_PROBLEM, NULL,
			  "the module does not answer: ppctl show-stats says why");
		return;
	}
	errors_mute(false);
	for (i = 0; i < LIMITS; i++)
		near |= check_limit(&limits[i], &counts);
	if (!near)
		check_say("limits", CHECK_OK, NULL, "no limit is nearly reached");
	for (event = events; event < events + ARRAY_SIZE(events); event++) {
		if (counts.stats[event->type])
			check_say("counters", event->level, NULL,
				  "so far %" PRIu64 " %s",
				  counts.stats[event->type], event->text);
	}
}
