// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl list-rules: prints all rules in the order of their ids; with --reset, their counters
 * begin at 0 again.
 */
#include "nl.h"
#include "options.h"
#include "out.h"
#include "ppctl.h"
#include "replies.h"
#include "rule.h"

int cmd_list_rules(char **args)
{
	bool reset = option_given(OPTION_RESET_RULES);
	struct replies replies = { 0 };
	int status;

	status = no_arguments("list-rules", args);
	if (!status)
		status = ppnl_dump(reset ? PP_CMD_RULE_RESET : PP_CMD_RULE_GET,
				   reset ? DUMP_MOVING : DUMP_SNAPSHOT, &replies);
	if (!status) {
		out_open_array(NULL);
		status = replies_each(&replies, PP_ATTR_RULE, rule_print, NULL);
		out_close_array();
	}
	replies_free(&replies);
	return status;
}
