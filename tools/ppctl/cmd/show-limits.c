// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl show-limits: prints the limits of the network namespace, each as
 * set-limit takes it.
 */
#include <netlink/attr.h>

#include <linux/proxyproto.h>

#include "limit.h"
#include "nl.h"
#include "out.h"
#include "ppctl.h"
#include "replies.h"

static int print_limits(struct nlattr *nest, void *unused)
{
	struct nlattr *tb[PP_LIMITS_ATTR_MAX + 1];
	size_t i;

	(void)unused;
	if (nla_parse_nested(tb, PP_LIMITS_ATTR_MAX, nest, NULL) ||
	    !tb[PP_LIMITS_ATTR_HANDSHAKES])
		return reply_bad();

	out_open_object(NULL);
	for (i = 0; i < LIMITS; i++) {
		/* A module of another version may not know it */
		if (!tb[limits[i].type])
			continue;
		out_text("", limits[i].name);
		out_number(limits[i].name, " ",
			   reply_number(tb[limits[i].type], 0));
		out_end_line();
	}
	out_close_object();
	return STATUS_OK;
}

int cmd_show_limits(char **args)
{
	struct replies replies = { 0 };
	int status;

	status = no_arguments("show-limits", args);
	if (!status)
		status = ppnl_do(ppnl_request(PP_CMD_LIMITS_GET, 0), &replies);
	if (!status) {
		out_open_array(NULL);
		status = replies_each(&replies, PP_ATTR_LIMITS, print_limits, NULL);
		out_close_array();
	}
	replies_free(&replies);
	return status;
}
