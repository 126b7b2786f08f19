// SPDX-License-Identifier: GPL-2.0
/*
 * The options of the command line: one table for getopt_long(3) and for completion. They
 * stand before the command or behind it.
 */
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "ppctl.h"

const struct option_word options[OPTIONS] = {
	[OPTION_JSON] = { .name = "json", .letter = 'j' },
	[OPTION_PRETTY] = { .name = "pretty", .letter = 'p' },
	[OPTION_NETNS] = { "netns", 'n', .value = "NETNS" },
	[OPTION_HELP] = { .name = "help", .letter = 'h' },
	[OPTION_VERSION] = { .name = "version", .letter = 'V' },
	[OPTION_CHECK] = { "check", 'c', .command = "restore" },
	[OPTION_IF_MISSING] = { "if-missing", .command = "add-rule" },
	[OPTION_FORMAT] = { "format", .value = "FORMAT", .command = "show-stats" },
	[OPTION_OUTPUT] = { "output", 'o', .value = "FILE", .command = "show-stats" },
	[OPTION_RESET_STATS] = { "reset", .command = "show-stats" },
	[OPTION_RESET_RULES] = { "reset", .command = "list-rules" },
	[OPTION_ALLOW_EMPTY] = { "allow-empty", .command = "restore" },
};

/* What getopt_long() returns for an option without a letter */
#define WITHOUT_LETTER	256

static const char *values[OPTIONS];

/**
 * option_given - whether an option is given
 */
bool option_given(enum option_id id)
{
	return values[id];
}

/**
 * option_value - the value of an option, empty if it has none; NULL if it is not given
 */
const char *option_value(enum option_id id)
{
	return values[id];
}

/**
 * option_belongs - whether an option may stand behind a command
 * @command: NULL: whether it may stand before the command
 */
bool option_belongs(const struct option_word *option, const char *command)
{
	return !option->command || (command && !strcmp(option->command, command));
}

/* The tables of getopt_long() for the options of a command. Returns the string of letters */
static char *fill_tables(const char *command, bool anywhere, struct option *words,
			 char *letters)
{
	const struct option_word *option;
	char *at = letters;

	/* "+": options end at the first other word. ":" tells a missing value apart */
	if (!anywhere)
		*at++ = '+';
	*at++ = ':';
	for (option = options; option < options + OPTIONS; option++) {
		if (!option_belongs(option, command))
			continue;
		*words++ = (struct option){
			.name = option->name,
			.has_arg = option->value ? required_argument : no_argument,
			.val = option->letter ? option->letter :
						WITHOUT_LETTER + (int)(option - options),
		};
		if (!option->letter)
			continue;
		*at++ = option->letter;
		if (option->value)
			*at++ = ':';
	}
	*words = (struct option){ 0 };
	*at = '\0';
	return letters;
}

static int take_option(int got)
{
	const struct option_word *option;

	for (option = options; option < options + OPTIONS; option++) {
		if (got != (option->letter ? option->letter :
					     WITHOUT_LETTER + (int)(option - options)))
			continue;
		if (option->value && values[option - options])
			return usage_error("option --%s is given twice", option->name);
		values[option - options] = option->value ? optarg : "";
	}
	return STATUS_OK;
}

/* The word that getopt_long() has just refused */
static int wrong_option(int got, const char *command, char **argv)
{
	const char *word = argv[optind - 1];
	const char *of = command ? command : "", *blank = command ? " " : "";
	bool is_long = !strncmp(word, "--", 2);

	if (got == ':' && is_long)
		return usage_error("option %s needs a value", word);
	if (got == ':')
		return usage_error("option -%c needs a value", optopt);
	if (is_long && optopt)
		return usage_error("option '%s' takes no value", word);
	if (is_long)
		return usage_error("unknown option '%s': see ppctl%s%s --help", word, blank, of);
	return usage_error("unknown option '-%c': see ppctl%s%s --help", optopt, blank, of);
}

/**
 * options_read - read options
 * @command: they stand behind this command; NULL: they stand before the command
 * @anywhere: they may also stand between and behind the other words, which are moved to
 *	the end
 * @argc: number of words
 * @argv: the first one is not read
 * @used: is set to the words that are read: the others follow
 */
int options_read(const char *command, bool anywhere, int argc, char **argv, int *used)
{
	struct option words[OPTIONS + 1];
	char letters[2 * OPTIONS + 3];
	int got, status;

	fill_tables(command, anywhere, words, letters);
	opterr = 0;
	/* Not 1: glibc forgets the words before */
	optind = 0;
	while ((got = getopt_long(argc, argv, letters, words, NULL)) != -1) {
		if (got == '?' || got == ':')
			return wrong_option(got, command, argv);
		status = take_option(got);
		if (status)
			return status;
	}
	*used = optind;
	return STATUS_OK;
}
