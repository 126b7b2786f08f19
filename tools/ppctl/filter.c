// SPDX-License-Identifier: GPL-2.0
/*
 * Which connections and events are shown: keywords with a value each, all of which must hold.
 */
#include <netlink/attr.h>
#include <string.h>

#include <linux/proxyproto.h>

#include "connection.h"
#include "filter.h"
#include "parse.h"
#include "ppctl.h"
#include "replies.h"
#include "rule.h"

static int parse_rule(const char *value, struct filter *filter)
{
	uint32_t last;
	int status = parse_ids(value, &filter->rule, &last);

	if (!status && last != filter->rule)
		status = usage_error("'rule' takes one id: '%s'", value);
	return status;
}

static int parse_direction(const char *value, struct filter *filter)
{
	if (!strcmp(value, "send"))
		filter->direction = PP_DIRECTION_SEND;
	else if (!strcmp(value, "accept"))
		filter->direction = PP_DIRECTION_ACCEPT;
	else
		return usage_error("unknown direction '%s': send or accept", value);
	return STATUS_OK;
}

static int parse_state(const char *value, struct filter *filter)
{
	filter->state = value;
	if (connection_has_state(value))
		return STATUS_OK;
	return usage_error("unknown state '%s': see ppctl(8)", value);
}

static int parse_event(const char *value, struct filter *filter)
{
	static const char * const events[] = {
		"tagged", "acked", "accepted", "refused", "closed", "limit", "rule-added",
		"rule-removed",
	};
	size_t i;

	filter->event = value;
	for (i = 0; i < ARRAY_SIZE(events); i++) {
		if (!strcmp(events[i], value))
			return STATUS_OK;
	}
	return usage_error("unknown event '%s': tagged, acked, accepted, refused, closed, limit, rule-added or rule-removed",
			   value);
}

static int parse_client(const char *value, struct filter *filter)
{
	filter->has_client = true;
	return prefix_parse(value, &filter->client);
}

static int parse_seen(const char *value, struct filter *filter)
{
	filter->has_seen = true;
	return prefix_parse(value, &filter->seen);
}

static int parse_to(const char *value, struct filter *filter)
{
	filter->has_to = true;
	return prefix_parse(value, &filter->to);
}

static const struct {
	const char *name;
	int (*parse)(const char *value, struct filter *filter);
} keywords[] = {
	{ "rule", parse_rule },
	{ "direction", parse_direction },
	{ "state", parse_state },
	{ "event", parse_event },
	{ "client", parse_client },
	{ "seen", parse_seen },
	{ "to", parse_to },
};

/* Whether @word is one of the words in @list, which have blanks between them */
static bool is_listed(const char *list, const char *word)
{
	size_t len = strlen(word);
	const char *at = list;

	for (; len && (at = strstr(at, word)); at += len) {
		if ((at == list || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
	}
	return false;
}

static int parse_keyword(char **words, struct filter *filter)
{
	size_t i;

	if (!words[1])
		return usage_error("'%s' needs a value", words[0]);
	for (i = 0; i < ARRAY_SIZE(keywords); i++) {
		if (!strcmp(keywords[i].name, words[0]))
			return keywords[i].parse(words[1], filter);
	}
	return STATUS_OK;
}

/**
 * filter_parse - read a filter
 * @command: for messages
 * @allowed: the keywords of this command, with blanks between them
 * @args: words; is moved behind those that are read
 * @filter: is filled
 */
int filter_parse(const char *command, const char *allowed, char ***args, struct filter *filter)
{
	unsigned int given = 0;
	const char *word;
	int status;
	size_t i;

	for (; (word = **args) && is_listed(allowed, word); *args += 2) {
		for (i = 0; strcmp(keywords[i].name, word); i++)
			;
		if (given & 1U << i)
			return usage_error("'%s' is given twice", word);
		given |= 1U << i;
		status = parse_keyword(*args, filter);
		if (status)
			return status;
	}
	if (word && strcmp(word, "count"))
		return usage_error("unknown keyword '%s': see ppctl %s --help", word, command);
	return STATUS_OK;
}

static bool is_within(const struct prefix *prefix, const struct nlattr *address)
{
	return address && prefix_contains(prefix, nla_data(address), (size_t)nla_len(address));
}

/* The address that the application sees of an accepted connection's client */
static const struct nlattr *seen_address(struct nlattr **tb)
{
	return tb[PP_CONN_ATTR_SEEN] ? tb[PP_CONN_ATTR_SEEN] : tb[PP_CONN_ATTR_CLIENT];
}

/**
 * filter_takes_connection - whether a connection is shown
 * @nest: PP_ATTR_CONN
 */
bool filter_takes_connection(const struct filter *filter, struct nlattr *nest)
{
	struct nlattr *tb[PP_CONN_ATTR_MAX + 1];
	uint64_t direction;
	bool sends;

	if (nla_parse_nested(tb, PP_CONN_ATTR_MAX, nest, NULL))
		return true;
	direction = reply_number(tb[PP_CONN_ATTR_DIRECTION], 0);
	sends = direction == PP_DIRECTION_SEND;
	if (filter->rule && reply_number(tb[PP_CONN_ATTR_RULE_ID], 0) != filter->rule)
		return false;
	if (filter->direction && direction != filter->direction)
		return false;
	if (filter->state &&
	    strcmp(connection_state(reply_number(tb[PP_CONN_ATTR_STATE], 0)), filter->state))
		return false;
	if (filter->has_client && !is_within(&filter->client, tb[PP_CONN_ATTR_CLIENT]))
		return false;
	if (filter->has_seen && (sends || !is_within(&filter->seen, seen_address(tb))))
		return false;
	return !filter->has_to ||
	       is_within(&filter->to, tb[sends ? PP_CONN_ATTR_BACKEND : PP_CONN_ATTR_LOCAL]);
}

/**
 * filter_takes_rule - whether an event of a rule is shown
 * @nest: PP_ATTR_RULE
 */
bool filter_takes_rule(const struct filter *filter, struct nlattr *nest)
{
	struct rule rule;

	if (!rule_read(nest, &rule))
		return true;
	return (!filter->rule || rule.id == filter->rule) &&
	       (!filter->direction || rule.direction == filter->direction);
}
