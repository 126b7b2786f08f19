// SPDX-License-Identifier: GPL-2.0
/*
 * A file of rules and settings. A line has the words of one rule, or of one setting. What
 * list-rules prints and what add-rule and set-limit are called with is a line as well.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ppctl.h"
#include "rules_file.h"
#include "words.h"

/* More than PP_RULES_MAX of the longest rules need */
#define FILE_MAX	(1UL << 30)
#define CHUNK		65536
#define WORDS_MAX	256

static int cannot_read(const char *name)
{
	return failure("cannot read %s: %s", name, strerror(errno));
}

static int read_text(FILE *stream, struct rules_file *file)
{
	size_t room = 0, got;

	do {
		if (room - file->len <= CHUNK) {
			room = 2 * room + 2 * CHUNK;
			file->text = realloc(file->text, room);
			if (!file->text)
				out_of_memory();
		}
		got = fread(file->text + file->len, 1, CHUNK, stream);
		file->len += got;
		if (file->len > FILE_MAX)
			return failure("cannot read %s: it is longer than any rules",
				       file->name);
	} while (got);
	if (ferror(stream))
		return cannot_read(file->name);
	if (file->len && file->text[file->len - 1] != '\n')
		file->text[file->len++] = '\n';
	return STATUS_OK;
}

static int read_all(const char *name, struct rules_file *file)
{
	bool standard = !name || !strcmp(name, "-");
	FILE *stream = standard ? stdin : fopen(name, "re");
	int status;

	file->name = standard ? "stdin" : name;
	if (!stream)
		return cannot_read(name);
	status = read_text(stream, file);
	if (!standard)
		fclose(stream);
	return status;
}

/* "7:", as list-rules has it before a rule */
static bool is_id(const char *word)
{
	size_t digits = strspn(word, "0123456789");

	return digits && !strcmp(word + digits, ":");
}

/* The words of the rule or setting itself */
static char **skip_command(char **words)
{
	if (words[0] && is_id(words[0]))
		return words + 1;
	if (words[0] && !strcmp(words[0], "ppctl"))
		words++;
	if (words[0] && !strcmp(words[0], "add-rule"))
		words++;
	return words;
}

/*
 * Reads a line into @rule or into @settings. Sets @rule->direction to 0 if the line has no
 * rule
 */
static int parse_line(const char *text, size_t len, struct rule *rule,
		      struct settings *settings)
{
	char *words[WORDS_MAX], **first, *line;
	int status;

	if (memchr(text, '\0', len))
		return usage_error("the line has a NUL byte");
	line = strndup(text, len);
	if (!line)
		out_of_memory();
	rule->direction = 0;
	status = words_split(line, words, WORDS_MAX);
	if (!status && words[0]) {
		first = skip_command(words);
		status = settings_know(first) ? settings_parse(first, settings) :
						rule_parse(first, rule);
	}
	free(line);
	return status;
}

static int each_line(const struct rules_file *file, struct settings *settings,
		     int (*each)(struct rule *rule, unsigned long line, void *data), void *data)
{
	const char *at = file->text, *end = file->text + file->len, *newline;
	unsigned long line;
	struct rule rule;
	unsigned int i;
	int status = STATUS_OK;

	for (line = 1; !status && at < end; line++, at = newline + 1) {
		newline = memchr(at, '\n', (size_t)(end - at));
		error_at(file->name, line);
		status = parse_line(at, (size_t)(newline - at), &rule, settings);
		for (i = 0; !status && rule.direction && i < rule.n_to; i++) {
			rule.to = rule.to_list[i];
			status = each(&rule, line, data);
		}
	}
	error_at(NULL, 0);
	return status;
}

/**
 * rules_file_each - call a function for every rule until it returns a value other than 0
 *
 * Returns that value.
 */
int rules_file_each(const struct rules_file *file,
		    int (*each)(struct rule *rule, unsigned long line, void *data),
		    void *data)
{
	struct settings unused = { 0 };

	return each_line(file, &unused, each, data);
}

static int count_rule(struct rule *rule, unsigned long line, void *data)
{
	struct rules_file *file = data;

	(void)rule;
	(void)line;
	file->rules++;
	return STATUS_OK;
}

/**
 * rules_file_read - read a file, and check all its lines
 * @name: NULL or "-": stdin
 * @file: is filled; to be freed, even after an error
 */
int rules_file_read(const char *name, struct rules_file *file)
{
	int status = read_all(name, file);

	return status ? status : each_line(file, &file->settings, count_rule, file);
}

void rules_file_free(struct rules_file *file)
{
	free(file->text);
	file->text = NULL;
}
