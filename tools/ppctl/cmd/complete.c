// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl complete: prints candidates for the last word of a command line, for the
 * completion of shells: one candidate on each line, and its description behind a tab.
 * The line ":files" stands for names of files, which the shell finds itself. The candidates
 * come from the tables that parse the commands.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "limit.h"
#include "module.h"
#include "netns.h"
#include "nl.h"
#include "options.h"
#include "ppctl.h"
#include "replies.h"
#include "rule.h"

/* The beginning of the word that is completed */
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

/* @command: NULL before the command */
static void offer_options(const char *command)
{
	const struct option_word *option;
	char text[32];

	for (option = options; option < options + OPTIONS; option++) {
		if (!option_belongs(option, command))
			continue;
		snprintf(text, sizeof(text), "--%s", option->name);
		offer(text);
		snprintf(text, sizeof(text), "-%c", option->letter);
		if (option->letter)
			offer(text);
	}
}

/* Other names only for those who have begun to write one */
static void offer_commands(void)
{
	bool found = false;
	size_t at;

	for (at = 0; command_name(at); at++) {
		offer(command_name(at));
		found = found || fits(command_name(at));
	}
	for (at = 0; !found && command_name(at); at++) {
		if (command_alias(at))
			offer(command_alias(at));
	}
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

static void offer_keywords(uint8_t direction, uint64_t given, bool match)
{
	struct rule_word word;
	size_t at;

	for (at = 0; rule_word(at, &word); at++) {
		if (word.direction && word.direction != direction)
			continue;
		if (match && !word.is_match)
			continue;
		if (word.repeats || !(given & UINT64_C(1) << at))
			offer(word.name);
	}
}

static void complete_keywords(char **args, uint8_t direction, bool match)
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
	offer_keywords(direction, given, match);
}

static void complete_words(char **args, bool match)
{
	uint8_t direction;

	for (direction = PP_DIRECTION_SEND; direction <= PP_DIRECTION_ACCEPT; direction++) {
		if (!args[1])
			offer(rule_direction_name(direction));
		else if (!strcmp(args[0], rule_direction_name(direction)))
			complete_keywords(args + 1, direction, match);
	}
}

static void complete_rule(char **args)
{
	complete_words(args, false);
}

static void complete_query(char **args)
{
	complete_words(args, true);
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

/* Without the module there are no rules. Completion does not load it */
static void offer_ids(char **args)
{
	struct replies replies = { 0 };

	if (module_is_loaded() &&
	    !ppnl_dump(PP_CMD_RULE_GET, DUMP_SNAPSHOT, &replies))
		replies_each(&replies, PP_ATTR_RULE, offer_rule, args);
	replies_free(&replies);
}

static void complete_ids(char **args)
{
	if (!args[1])
		offer("all");
	offer_ids(args);
}

/* The id may be left out */
static void complete_replacement(char **args)
{
	if (args[1] && strspn(args[0], "0123456789") == strlen(args[0])) {
		complete_rule(args + 1);
		return;
	}
	complete_rule(args);
	if (!args[1])
		offer_ids(args);
}

/* Keywords and values by turns */
static void complete_filter(char **args, const char *words)
{
	for (; args[0] && args[1] && args[2]; args += 2)
		;
	if (!args[1])
		offer_values(words);
	else if (!strcmp(args[0], "direction"))
		offer_values("send accept");
	else if (!strcmp(args[0], "state"))
		offer_values("syn-sent syn-recv header-sent closed answered header-awaited replayed accepted");
	else if (!strcmp(args[0], "event"))
		offer_values("tagged acked accepted refused closed limit rule-added rule-removed");
	else if (!strcmp(args[0], "rule"))
		offer_ids(args + 1);
}

static void complete_connections(char **args)
{
	complete_filter(args, "rule direction state client seen to count");
}

static void complete_events(char **args)
{
	complete_filter(args, "rule direction event");
}

static void complete_limit(char **args)
{
	size_t i;

	for (i = 0; i < LIMITS && !args[1]; i++)
		offer(limits[i].name);
}

static bool is_given(const char *word, char **args)
{
	for (; args[1] && args[2]; args += 2) {
		if (!strcmp(word, args[0]))
			return true;
	}
	return false;
}

/* Keywords with a value each */
static void complete_listener(char **args, const char *const *words, size_t count)
{
	char **last = args;
	size_t i;

	while (last[1] && last[2])
		last += 2;
	if (last[1]) {
		if (!strcmp(last[0], "header"))
			offer_values("required optional");
		else if (!strcmp(last[0], "stacked"))
			offer_values("1 2 3 4 5 6 7 8");
		return;
	}
	for (i = 0; i < count; i++) {
		if (!is_given(words[i], args))
			offer(words[i]);
	}
}

static void complete_attach(char **args)
{
	static const char *const words[] = { "to", "port", "from", "header", "stacked",
					     "timeout" };

	complete_listener(args, words, ARRAY_SIZE(words));
}

static void complete_detach(char **args)
{
	static const char *const words[] = { "to", "port" };

	complete_listener(args, words, ARRAY_SIZE(words));
}

static void complete_file(char **args)
{
	if (!args[1] && (*begun != '-' || !begun[1]))
		puts(":files");
}

static void complete_help(char **args)
{
	if (!args[1])
		offer_commands();
}

static const struct {
	const char *command;
	void (*complete)(char **args);
	bool has_rule;
} arguments[] = {
	{ "add-rule", complete_rule, true },
	{ "attach", complete_attach, false },
	{ "delete-rule", complete_ids, false },
	{ "detach", complete_detach, false },
	{ "get-rule", complete_query, true },
	{ "help", complete_help, false },
	{ "list-connections", complete_connections, false },
	{ "monitor", complete_events, false },
	{ "replace-rule", complete_replacement, true },
	{ "restore", complete_file, false },
	{ "save", complete_file, false },
	{ "set-limit", complete_limit, false },
};

/* The option whose value is the next word, or NULL */
static const struct option_word *option_of_next(const char *word)
{
	const struct option_word *option;
	bool is_long = !strncmp(word, "--", 2);

	for (option = options; option < options + OPTIONS; option++) {
		if (!option->value)
			continue;
		if (is_long ? !strcmp(word + 2, option->name) :
			      option->letter && word[strlen(word) - 1] == option->letter)
			return option;
	}
	return NULL;
}

static void offer_option_values(const struct option_word *option)
{
	if (option == &options[OPTION_NETNS])
		offer_namespaces();
	else if (option == &options[OPTION_FORMAT])
		offer_values("openmetrics prometheus");
	else
		puts(":files");
}

/* The namespace, if @word is an option that names it */
static const char *netns_in_option(const char *word)
{
	static const char name[] = "--netns=";
	const char *letter;

	if (!strncmp(word, name, sizeof(name) - 1))
		return word + sizeof(name) - 1;
	letter = word[1] == '-' ? NULL : strchr(word, options[OPTION_NETNS].letter);
	return letter && letter[1] ? letter + 1 : NULL;
}

/*
 * Takes the options at the beginning of @words out. Returns what follows them; NULL if the
 * last word belongs to an option, and is completed.
 */
static char **skip_options(char **words, const char *command)
{
	const struct option_word *option;
	const char *netns;

	for (; words[1] && *words[0] == '-' && words[0][1]; words++) {
		netns = netns_in_option(words[0]);
		option = netns ? NULL : option_of_next(words[0]);
		if (option) {
			words++;
			if (!words[1]) {
				offer_option_values(option);
				return NULL;
			}
			netns = option == &options[OPTION_NETNS] ? words[0] : NULL;
		}
		if (netns && netns_select(netns))
			return NULL;
	}
	if (words[1] || *begun != '-')
		return words;
	offer_options(command);
	return NULL;
}

/* Options may stand between all words of a command without a rule: moves its words together */
static bool drop_options(char **args, const char *command)
{
	char **from = args, **to = args;

	while (*from) {
		from = skip_options(from, command);
		if (!from)
			return false;
		*to++ = *from;
		if (*from)
			from++;
	}
	*to = NULL;
	return true;
}

static void complete_arguments(const char *command, char **args)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(arguments); i++) {
		if (strcmp(arguments[i].command, command))
			continue;
		if (arguments[i].has_rule)
			args = skip_options(args, command);
		else if (!drop_options(args, command))
			args = NULL;
		if (args)
			arguments[i].complete(args);
		return;
	}
	drop_options(args, command);
}

int cmd_complete(char **args)
{
	char **words = args;

	if (!args[0])
		return usage_error("complete needs the words of a command line");
	while (words[1])
		words++;
	begun = words[0];

	words = skip_options(args, NULL);
	if (!words)
		return STATUS_OK;
	if (words[1])
		complete_arguments(words[0], words + 1);
	else
		offer_commands();
	return STATUS_OK;
}
