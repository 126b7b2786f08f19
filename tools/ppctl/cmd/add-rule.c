// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl add-rule: adds a rule and prints it with the id that it got.
 */
#include <netlink/msg.h>

#include "nl.h"
#include "out.h"
#include "ppctl.h"
#include "replies.h"
#include "rule.h"

/* Above what the longest rule takes: 32 port ranges, 64 sources, a whole comment */
#define RULE_ROOM	4096

static int print_answer(const struct replies *replies)
{
	int status;

	if (!replies->len)
		return reply_bad();
	out_open_array(NULL);
	status = replies_each(replies, PP_ATTR_RULE, rule_print, NULL);
	out_close_array();
	return status;
}

int cmd_add_rule(char **args)
{
	struct replies replies = { 0 };
	struct nl_msg *request;
	struct rule rule;
	int status;

	status = rule_parse(args, &rule);
	if (status)
		return status;

	request = ppnl_request(PP_CMD_RULE_ADD, RULE_ROOM);
	if (rule_put(request, &rule)) {
		nlmsg_free(request);
		return failure("the rule is too long");
	}
	status = ppnl_do(request, &replies);
	if (!status)
		status = print_answer(&replies);
	replies_free(&replies);
	return status;
}
