// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: the words of a command line of ppctl.
 *
 * The input is words, each with a NUL behind it: a command and its arguments. A
 * rule that add-rule takes must be printed in words that make the same rule.
 */
#include <string.h>

#include "fake_nl.h"
#include "fuzz.h"
#include "netns.h"
#include "ppctl.h"
#include "ppctl_text.h"

#define WORDS_MAX	128

static const struct {
	const char *name;
	int (*run)(char **args);
} commands[] = {
	{ "set-limit", cmd_set_limit },
	{ "delete-rule", cmd_delete_rule },
	{ "complete", cmd_complete },
};

/* Those of main.c, which completion needs */
const char *command_name(size_t at)
{
	return at < ARRAY_SIZE(commands) ? commands[at].name : NULL;
}

const char *command_alias(size_t at)
{
	(void)at;
	return NULL;
}

/* Each word in memory of its own size, so that reads beyond it are seen */
static size_t cut(const uint8_t *data, size_t size, char **words)
{
	size_t count = 0, len;

	while (size && count < WORDS_MAX) {
		len = strnlen((const char *)data, size);
		words[count++] = strndup((const char *)data, len);
		len += len < size;
		data += len;
		size -= len;
	}
	words[count] = NULL;
	return count;
}

/* "1: words  # counters": what stands behind the id is a line for restore */
static void restore_printed(const struct text *printed)
{
	const char *words = strchr(printed->data, ' ');

	agree(words);
	agree(text_restore(words, strlen(words)) == STATUS_OK);
}

static void add_rule(char **args)
{
	struct text printed;
	int status = text_print(cmd_add_rule, args, &printed);

	if (!status) {
		text_round_trip();
		restore_printed(&printed);
		text_round_trip();
	}
	free(printed.data);
}

static void run(char **words)
{
	size_t i;

	if (!words[0])
		return;
	if (!strcmp(words[0], "add-rule"))
		add_rule(words + 1);
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(words[0], commands[i].name))
			commands[i].run(words + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *words[WORDS_MAX + 1];
	size_t count = cut(data, size, words);

	text_quiet();
	run(words);
	/* Completion may have chosen a word of these */
	netns_select("/proc/self/ns/net");
	while (count)
		free(words[--count]);
	fake_reset();
	return 0;
}
