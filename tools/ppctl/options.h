/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The options of the command line: those of every command, and those of one.
 */
#ifndef _PPCTL_OPTIONS_H
#define _PPCTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum option_id {
	OPTION_JSON,
	OPTION_PRETTY,
	OPTION_NETNS,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_CHECK,
	OPTION_ALLOW_EMPTY,
	OPTION_IF_MISSING,
	OPTION_FORMAT,
	OPTION_OUTPUT,
	OPTION_RESET_STATS,
	OPTION_RESET_RULES,
	OPTIONS
};

/**
 * struct option_word - an option
 * @name: the long option, without its hyphens
 * @letter: the short option, or 0
 * @value: what its value is called, or NULL if it has none
 * @command: the only command that has it, or NULL: it belongs to every command
 */
struct option_word {
	const char *name;
	char letter;
	const char *value;
	const char *command;
};

extern const struct option_word options[OPTIONS];

int options_read(const char *command, bool anywhere, int argc, char **argv, int *used);
bool option_belongs(const struct option_word *option, const char *command);
bool option_given(enum option_id id);
const char *option_value(enum option_id id);

#endif /* _PPCTL_OPTIONS_H */
