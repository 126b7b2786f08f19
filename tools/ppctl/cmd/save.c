// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl save: writes the settings and all rules, one on each line, as restore reads them. A
 * file is replaced at once, or not changed.
 */
#include <string.h>

#include <linux/proxyproto.h>

#include "file.h"
#include "nl.h"
#include "out.h"
#include "ppctl.h"
#include "replies.h"
#include "rule.h"
#include "settings.h"

#define HEAD	"# Rules of proxyproto, as ppctl restore reads them: see ppctl(8)"

static int print_rules(const void *replies)
{
	int status;

	out_text(HEAD, "");
	out_end_line();
	status = settings_print();
	return status ? status : replies_each(replies, PP_ATTR_RULE, rule_print_saved, NULL);
}

int cmd_save(char **args)
{
	struct replies replies = { 0 };
	const char *name = args[0];
	int status = one_file("save", args);

	if (status)
		return status;
	if (!out_is_text())
		return usage_error("save has no JSON: see list-rules");
	status = ppnl_dump(PP_CMD_RULE_GET, DUMP_SNAPSHOT, &replies);
	if (!status)
		status = !name || !strcmp(name, "-") ?
				 print_rules(&replies) :
				 file_replace(name, 0600, print_rules, &replies);
	replies_free(&replies);
	return status;
}
