// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl list-rules: prints all rules in the order of their ids.
 */
#include "nl.h"
#include "out.h"
#include "ppctl.h"
#include "replies.h"
#include "rule.h"

int cmd_list_rules(char **args)
{
	struct replies replies = { 0 };
	int status;

	status = no_arguments("list-rules", args);
	if (!status)
		status = ppnl_dump(PP_CMD_RULE_GET, DUMP_SNAPSHOT, &replies);
	if (!status) {
		out_open_array(NULL);
		status = replies_each(&replies, PP_ATTR_RULE, rule_print, NULL);
		out_close_array();
	}
	replies_free(&replies);
	return status;
}
