// SPDX-License-Identifier: GPL-2.0
/*
 * The language of rules: a direction, then keywords with a value each, in any
 * order. The table of keywords is the grammar.
 */
#include <string.h>

#include "ppctl.h"
#include "rule.h"

static int parse_to(const char *value, struct rule *rule)
{
	return prefix_parse(value, &rule->to);
}

static int parse_port_list(const char *value, struct rule *rule)
{
	return parse_ports(value, rule->ports, &rule->n_ports);
}

static int parse_mark_and_mask(const char *value, struct rule *rule)
{
	return parse_mark(value, &rule->mark, &rule->mask);
}

static int parse_version(const char *value, struct rule *rule)
{
	if (!strcmp(value, "1"))
		rule->version = 1;
	else if (!strcmp(value, "2"))
		rule->version = 2;
	else
		return usage_error("unknown version '%s': 1 or 2", value);
	return STATUS_OK;
}

static int parse_origin(const char *value, struct rule *rule)
{
	if (!strcmp(value, "local"))
		rule->origin = PP_ORIGIN_LOCAL;
	else if (!strcmp(value, "proxy"))
		rule->origin = PP_ORIGIN_PROXY;
	else
		return usage_error("unknown origin '%s': local or proxy", value);
	return STATUS_OK;
}

static int parse_text(const char *value, struct rule *rule)
{
	return parse_comment(value, rule->comment);
}

static const struct keyword {
	const char *name;
	int (*parse)(const char *value, struct rule *rule); /* NULL: not yet */
} keywords[] = {
	{ "to", parse_to },
	{ "port", parse_port_list },
	{ "mark", parse_mark_and_mask },
	{ "version", parse_version },
	{ "origin", parse_origin },
	{ "comment", parse_text },

	{ "crc32c", NULL },
	{ "unique-id", NULL },
	{ "authority", NULL },
	{ "tlv", NULL },
	{ "alpn", NULL },
	{ "netns", NULL },
};

/* Returns NULL if there is none, which it reports */
static const struct keyword *find_keyword(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keywords); i++) {
		if (strcmp(keywords[i].name, name))
			continue;
		if (keywords[i].parse)
			return &keywords[i];
		usage_error("keyword '%s' is not supported by this version", name);
		return NULL;
	}
	usage_error("unknown keyword '%s': see ppctl add-rule -h", name);
	return NULL;
}

static int parse_direction(const char *word, struct rule *rule)
{
	if (!word)
		return usage_error("a rule begins with its direction: send");
	if (!strcmp(word, "accept"))
		return usage_error("accept rules are not supported by this version");
	if (strcmp(word, "send"))
		return usage_error("unknown direction '%s': a rule begins with send",
				   word);
	rule->direction = PP_DIRECTION_SEND;
	return STATUS_OK;
}

static int parse_keywords(char **words, struct rule *rule)
{
	bool given[ARRAY_SIZE(keywords)] = { false };
	const struct keyword *keyword;
	int status;

	for (; words[0]; words += 2) {
		keyword = find_keyword(words[0]);
		if (!keyword)
			return STATUS_USAGE;
		if (given[keyword - keywords])
			return usage_error("'%s' is given twice", words[0]);
		given[keyword - keywords] = true;
		if (!words[1])
			return usage_error("'%s' needs a value", words[0]);
		status = keyword->parse(words[1], rule);
		if (status)
			return status;
	}
	if (!given[0])
		return usage_error("a rule needs '%s' and a destination",
				   keywords[0].name);
	return STATUS_OK;
}

/**
 * rule_parse - read a rule from the words of a command line
 * @words: the direction and what follows it, with a NULL at the end
 * @rule: is filled; what is not given gets its default
 */
int rule_parse(char **words, struct rule *rule)
{
	int status;

	memset(rule, 0, sizeof(*rule));
	rule->version = 2;
	rule->origin = PP_ORIGIN_LOCAL;

	status = parse_direction(words[0], rule);
	if (!status)
		status = parse_keywords(words + 1, rule);
	return status;
}
