// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl check: looks for what keeps the rules of a network namespace from
 * working, and names the command that fixes it. It changes nothing, and does
 * not even load the module.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "netns.h"
#include "out.h"
#include "ppctl.h"

static enum check_level worst;

static const char *level_name(enum check_level level)
{
	static const char * const names[] = {
		[CHECK_OK] = "ok",
		[CHECK_NOTE] = "note",
		[CHECK_WARNING] = "warning",
		[CHECK_PROBLEM] = "problem",
	};

	return names[level];
}

/**
 * check_say - one finding: a line of text, or an object of JSON
 * @check: what was checked, one word
 * @level: how bad it is
 * @fix: command that fixes it, or NULL
 * @fmt: what was found
 */
void check_say(const char *check, enum check_level level, const char *fix,
	       const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (level > worst)
		worst = level;

	out_open_object(NULL);
	out_text("", level_name(level));
	out_string("check", " ", check);
	out_string("level", NULL, level_name(level));
	out_string("text", ": ", text);
	out_string("fix", "; fix: ", fix);
	out_end_line();
	out_close_object();
}

/* Characters that a shell takes without quotes */
static bool is_plain(const char *text)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789@%+=:,./_-";

	return !text[strspn(text, plain)];
}

/**
 * check_fix - a command that the user can run in the network namespace of the check
 * @fmt: the command, as it is in that namespace
 *
 * Returns the command, valid until the next call, or NULL if the name of the namespace
 * needs quotes.
 */
const char *check_fix(const char *fmt, ...)
{
	const char *netns = netns_selected();
	static char command[4608];
	int len = 0;
	va_list args;

	if (netns && !is_plain(netns))
		return NULL;
	if (netns)
		len = snprintf(command, sizeof(command), "%s%s ",
			       strchr(netns, '/') ? "nsenter --net=" : "ip netns exec ",
			       netns);
	if (len < 0 || (size_t)len >= sizeof(command))
		return NULL;
	va_start(args, fmt);
	vsnprintf(command + len, sizeof(command) - (size_t)len, fmt, args);
	va_end(args);
	return command;
}

static void check_all(void)
{
	struct check_rules rules;

	if (!check_module())
		return;
	if (check_rules(&rules)) {
		check_ipvs(&rules);
		check_forwarding(&rules);
		check_routes(&rules);
		check_filters();
		check_flows();
		check_programs();
		check_file();
	}
	check_counts();
}

int cmd_check(char **args)
{
	int status;

	status = no_arguments("check", args);
	if (!status)
		status = netns_enter();
	if (status)
		return status;
	out_open_array(NULL);
	check_all();
	out_close_array();
	if (worst == CHECK_PROBLEM)
		return STATUS_REFUSED;
	return worst == CHECK_WARNING ? STATUS_WARNING : STATUS_OK;
}
