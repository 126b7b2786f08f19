// SPDX-License-Identifier: GPL-2.0
/*
 * Errors and warnings on stderr. There is a function for each kind of error. It returns
 * the exit status, so that a caller can write "return usage_error(...)".
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ppctl.h"

static const char *at_file;
static unsigned long at_line;
static bool is_muted;

void error_at(const char *file, unsigned long line)
{
	at_file = file;
	at_line = line;
}

static void report(const char *kind, const char *fmt, va_list args)
{
	if (is_muted)
		return;
	fputs("ppctl: ", stderr);
	if (at_file)
		fprintf(stderr, "%s:%lu: ", at_file, at_line);
	fputs(kind, stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
}

/**
 * errors_mute - do not print errors of requests whose failure the command expects
 */
void errors_mute(bool muted)
{
	is_muted = muted;
}

int usage_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report("", fmt, args);
	va_end(args);
	return STATUS_USAGE;
}

int failure(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report("", fmt, args);
	va_end(args);
	return STATUS_REFUSED;
}

void warning(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report("warning: ", fmt, args);
	va_end(args);
}

void out_of_memory(void)
{
	exit(failure("out of memory"));
}

int no_arguments(const char *command, char **args)
{
	if (args[0])
		return usage_error("%s takes no arguments: '%s'", command, args[0]);
	return STATUS_OK;
}

/* No option that is mistyped may become the name of a file */
int one_file(const char *command, char **args)
{
	const char *name = args[0];

	if (name && name[0] == '-' && name[1])
		return usage_error("'%s' is no name of a file: write ./%s", name,
				   name);
	if (name && args[1])
		return usage_error("%s takes one file: '%s'", command, args[1]);
	return STATUS_OK;
}
