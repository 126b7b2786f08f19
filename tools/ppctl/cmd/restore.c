// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl restore: replaces all rules by those of a file. Every line is read
 * before the kernel is asked, which then swaps the rules at once; the set that
 * it is given until then goes with the netlink socket.
 */
#include <errno.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nl.h"
#include "ppctl.h"
#include "rule.h"
#include "words.h"

/* More than PP_RULES_MAX of the longest rules take */
#define FILE_MAX	(1UL << 30)
#define CHUNK		65536
/* Above what the longest rule takes */
#define RULE_ROOM	8192
#define WORDS_MAX	256

/**
 * struct rules_file - a file that was read
 * @name: for messages
 * @text: lines, each ended by a newline
 * @len: bytes
 */
struct rules_file {
	const char *name;
	char *text;
	size_t len;
};

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

static int read_file(const char *name, struct rules_file *file)
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

/* Sets @rule->direction to 0 if the line has none */
static int parse_line(const char *text, size_t len, struct rule *rule)
{
	char *words[WORDS_MAX], *line;
	int status;

	if (memchr(text, '\0', len))
		return usage_error("the line has a NUL byte");
	line = strndup(text, len);
	if (!line)
		out_of_memory();
	rule->direction = 0;
	status = words_split(line, words, WORDS_MAX);
	if (!status && words[0])
		status = rule_parse(words, rule);
	free(line);
	return status;
}

/* Calls @each for every rule, until it returns not 0, which is returned */
static int each_rule(const struct rules_file *file,
		     int (*each)(struct rule *rule, unsigned long line, void *data),
		     void *data)
{
	const char *at = file->text, *end = file->text + file->len, *newline;
	unsigned long line;
	struct rule rule;
	int status = STATUS_OK;

	for (line = 1; !status && at < end; line++, at = newline + 1) {
		newline = memchr(at, '\n', (size_t)(end - at));
		error_at(file->name, line);
		status = parse_line(at, (size_t)(newline - at), &rule);
		if (!status && rule.direction)
			status = each(&rule, line, data);
	}
	error_at(NULL, 0);
	return status;
}

static int check_rule(struct rule *rule, unsigned long line, void *data)
{
	(void)rule;
	(void)line;
	(void)data;
	return STATUS_OK;
}

static bool same_prefix(const struct prefix *a, const struct prefix *b)
{
	char text[2][PREFIX_TEXT_MAX];

	prefix_format(a, text[0]);
	prefix_format(b, text[1]);
	return !strcmp(text[0], text[1]);
}

static bool share_ports(const struct rule *a, const struct rule *b)
{
	unsigned int i, j;

	for (i = 0; i < a->n_ports; i++) {
		for (j = 0; j < b->n_ports; j++) {
			if (a->ports[i].first == b->ports[j].first &&
			    a->ports[i].last == b->ports[j].last)
				return true;
		}
	}
	return !a->n_ports && !b->n_ports;
}

/* Returns the status that ends the search at the first that is in the way */
static int compare_rule(struct rule *rule, unsigned long line, void *data)
{
	const struct rule *other = data;

	if (rule->direction != other->direction || rule->mark != other->mark ||
	    rule->mask != other->mask || !same_prefix(&rule->to, &other->to) ||
	    !share_ports(rule, other))
		return STATUS_OK;
	return (int)line;
}

static int stage_rule(struct rule *rule, unsigned long line, void *data)
{
	struct nl_msg *request = ppnl_request(PP_CMD_RULE_STAGE, RULE_ROOM);
	const struct rules_file *file = data;
	bool exists;
	int status;

	if (rule_put(request, rule)) {
		nlmsg_free(request);
		return failure("the rule is too long");
	}
	status = ppnl_do_unless(request, EEXIST, &exists);
	if (!exists)
		return status;
	status = each_rule(file, compare_rule, rule);
	error_at(file->name, line);
	return failure("line %d has the same destination, ports and mark", status);
}

static int replace_rules(const struct rules_file *file)
{
	int status;

	status = ppnl_do(ppnl_request(PP_CMD_RULES_BEGIN, 0), NULL);
	if (!status)
		status = each_rule(file, stage_rule, (void *)file);
	if (!status)
		status = ppnl_do(ppnl_request(PP_CMD_RULES_COMMIT, 0), NULL);
	return status;
}

int cmd_restore(char **args)
{
	struct rules_file file = { 0 };
	int status;

	if (args[0] && args[1])
		return usage_error("restore takes one file: '%s'", args[1]);
	status = read_file(args[0], &file);
	if (!status)
		status = each_rule(&file, check_rule, NULL);
	if (!status)
		status = replace_rules(&file);
	free(file.text);
	return status;
}
