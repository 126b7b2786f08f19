// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl flush-rules: deletes all rules.
 */
#include <linux/proxyproto.h>

#include "nl.h"
#include "ppctl.h"

int cmd_flush_rules(char **args)
{
	int status;

	status = no_arguments("flush-rules", args);
	if (status)
		return status;
	return ppnl_do(ppnl_request(PP_CMD_RULE_FLUSH, 0), NULL);
}
