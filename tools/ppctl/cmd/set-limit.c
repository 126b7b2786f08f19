// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl set-limit: sets a limit of the network namespace.
 */
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <linux/proxyproto.h>

#include "limit.h"
#include "nl.h"
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
	uint32_t value;
	int status;

	status = limit_parse("set-limit", args, &limit, &value);
	return status ? status : set_limit(limit, value);
}
