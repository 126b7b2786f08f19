// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl set-limit: sets a limit of the network namespace.
 */
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "nl.h"
#include "parse.h"
#include "ppctl.h"

#define LIMITS_ROOM	64

static int set_handshakes(uint32_t limit)
{
	struct nl_msg *request;
	struct nlattr *nest;

	request = ppnl_request(PP_CMD_LIMITS_SET, LIMITS_ROOM);
	nest = nla_nest_start(request, PP_ATTR_LIMITS | NLA_F_NESTED);
	if (!nest || nla_put_u32(request, PP_LIMITS_ATTR_HANDSHAKES, limit))
		out_of_memory();
	nla_nest_end(request, nest);
	return ppnl_do(request, NULL);
}

int cmd_set_limit(char **args)
{
	uint64_t limit;

	if (!args[0])
		return usage_error("set-limit needs the name of a limit: handshakes");
	if (strcmp(args[0], "handshakes"))
		return usage_error("unknown limit '%s': handshakes", args[0]);
	if (!args[1])
		return usage_error("'handshakes' needs a value");
	if (!parse_number(args[1], PP_HANDSHAKES_MAX, &limit) || !limit)
		return usage_error("'%s' is not a limit of handshakes: a number from 1 to %d",
				   args[1], PP_HANDSHAKES_MAX);
	if (args[2])
		return usage_error("set-limit takes one limit: '%s'", args[2]);
	return set_handshakes((uint32_t)limit);
}
