// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl complete: what the last of these words of a command line may be, for
 * the completion of shells: one candidate a line, and behind a tab what it is.
 * All of it comes from the tables that the commands themselves are read by.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "limit.h"
#include "module.h"
#include "netns.h"
#include "nl.h"
#include "ppctl.h"
#include "replies.h"
#include "rule.h"

/* The word to be completed: its beginning */
static const char *begun;

static bool fits(const char *candidate)
{
	return !strncmp(candidate, begun, strlen(begun));
}

static void offer(const char *candidate)
{
	if (fits(candidate))
		puts(candidate);
}

static void offer_options(void)
{
	const char *letter;
	char option[] = "-?";

	for (letter = option_letters; *letter; letter++) {
		if (*letter == '+' || *letter == ':')
			continue;
		option[1] = *letter;
		offer(option);
	}
}

static void offer_commands(void)
{
	size_t at;

	for (at = 0; command_name(at); at++)
		offer(command_name(at));
}

static void offer_namespaces(void)
{
	const struct dirent *entry;
	DIR *dir = opendir(NETNS_DIR);

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (*entry->d_name != '.')
			offer(entry->d_name);
	}
	closedir(dir);
}

static void offer_values(const char *values)
{
	char value[32];

	while (values && sscanf(values, "%31s", value) == 1) {
		offer(value);
		values = strchr(values, ' ');
		if (values)
			values++;
	}
}

/* The position of a keyword in rules of a direction, or -1 */
static int find_word(const char *name, uint8_t direction, struct rule_word *word)
{
	size_t at;

	for (at = 0; rule_word(at, word); at++) {
		if (!strcmp(word->name, name) &&
		    (!word->direction || word->direction == direction))
			return (int)at;
	}
	return -1;
}

static void offer_keywords(uint8_t direction, uint64_t given)
{
	struct rule_word word;
	size_t at;

	for (at = 0; rule_word(at, &word); at++) {
		if (word.direction && word.direction != direction)
			continue;
		if (word.repeats || !(given & UINT64_C(1) << at))
			offer(word.name);
	}
}

static void complete_keywords(char **args, uint8_t direction)
{
	struct rule_word word;
	uint64_t given = 0;
	int at;

	for (; args[1]; args++) {
		at = find_word(args[0], direction, &word);
		if (at < 0)
			return;
		given |= UINT64_C(1) << at;
		if (word.is_flag)
			continue;
		args++;
		if (!args[1]) {
			offer_values(word.values);
			return;
		}
	}
	offer_keywords(direction, given);
}

static void complete_rule(char **args)
{
	uint8_t direction;

	for (direction = PP_DIRECTION_SEND; direction <= PP_DIRECTION_ACCEPT; direction++) {
		if (!args[1])
			offer(rule_direction_name(direction));
		else if (!strcmp(args[0], rule_direction_name(direction)))
			complete_keywords(args + 1, direction);
	}
}

static bool is_among(const char *text, char **args)
{
	for (; args[1]; args++) {
		if (!strcmp(text, args[0]))
			return true;
	}
	return false;
}

static int offer_rule(struct nlattr *nest, void *args)
{
	const struct port_range *range;
	char text[PREFIX_TEXT_MAX];
	struct rule rule;
	unsigned int i;

	if (!rule_read(nest, &rule))
		return reply_bad();
	snprintf(text, sizeof(text), "%u", rule.id);
	if (!fits(text) || is_among(text, args))
		return STATUS_OK;
	printf("%s\t%s to ", text, rule_direction_name(rule.direction));
	prefix_format(&rule.to, text);
	printf("%s", text);
	for (i = 0; i < rule.n_ports; i++) {
		range = &rule.ports[i];
		printf("%s%u", i ? "," : " port ", range->first);
		if (range->first != range->last)
			printf("-%u", range->last);
	}
	putchar('\n');
	return STATUS_OK;
}

/* Without the module there are no rules, and no reason to load it */
static void complete_ids(char **args)
{
	struct replies replies = { 0 };

	if (module_is_loaded() &&
	    !ppnl_dump(PP_CMD_RULE_GET, DUMP_SNAPSHOT, &replies))
		replies_each(&replies, PP_ATTR_RULE, offer_rule, args);
	replies_free(&replies);
}

static void complete_limit(char **args)
{
	size_t i;

	for (i = 0; i < LIMITS && !args[1]; i++)
		offer(limits[i].name);
}

static const struct {
	const char *command;
	void (*complete)(char **args);
} arguments[] = {
	{ "add-rule", complete_rule },
	{ "delete-rule", complete_ids },
	{ "set-limit", complete_limit },
};

static void complete_arguments(const char *command, char **args)
{
	size_t i;

	if (!args[1] && *begun == '-')
		offer("-h");
	for (i = 0; i < ARRAY_SIZE(arguments); i++) {
		if (!strcmp(arguments[i].command, command))
			arguments[i].complete(args);
	}
}

/* What stands behind the options, or NULL if the last word is the value of one */
static char **skip_options(char **words)
{
	const char *netns;

	for (; words[1] && *words[0] == '-'; words++) {
		netns = strchr(words[0], 'n');
		if (!netns)
			continue;
		if (!*++netns) {
			netns = *++words;
			if (!words[1]) {
				offer_namespaces();
				return NULL;
			}
		}
		if (netns_select(netns))
			return NULL;
	}
	return words;
}

int cmd_complete(char **args)
{
	char **words = args;

	if (!args[0])
		return usage_error("complete needs the words of a command line");
	while (words[1])
		words++;
	begun = words[0];

	words = skip_options(args);
	if (!words)
		return STATUS_OK;
	if (words[1])
		complete_arguments(words[0], words + 1);
	else if (*begun == '-')
		offer_options();
	else
		offer_commands();
	return STATUS_OK;
}
