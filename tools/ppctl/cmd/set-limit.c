// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl set-limit: sets a limit of the network namespace.
 */
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <linux/proxyproto.h>

#include "limit.h"
#include "nl.h"
#include "parse.h"
#include "ppctl.h"

#define LIMITS_ROOM	64

static int set_limit(const struct limit *limit, uint32_t value)
{
	struct nl_msg *request;
	struct nlattr *nest;

	request = ppnl_request(PP_CMD_LIMITS_SET, LIMITS_ROOM);
	nest = nla_nest_start(request, PP_ATTR_LIMITS | NLA_F_NESTED);
	if (!nest || nla_put_u32(request, limit->type, value))
		out_of_memory();
	nla_nest_end(request, nest);
	return ppnl_do(request, NULL);
}

int cmd_set_limit(char **args)
{
	const struct limit *limit;
	uint64_t value;

	if (!args[0])
		return usage_error("set-limit needs the name of a limit: " LIMIT_NAMES);
	limit = limit_find(args[0]);
	if (!limit)
		return usage_error("unknown limit '%s': " LIMIT_NAMES, args[0]);
	if (!args[1])
		return usage_error("'%s' needs a value", limit->name);
	if (!parse_number(args[1], limit->max, &value) || !value)
		return usage_error("'%s' is not a limit of %s: a number from 1 to %u",
				   args[1], limit->what, limit->max);
	if (args[2])
		return usage_error("set-limit takes one limit: '%s'", args[2]);
	return set_limit(limit, (uint32_t)value);
}
