// SPDX-License-Identifier: GPL-2.0
/*
 * The limits of a network namespace: one table for setting and showing them, and for
 * their names.
 */
#include <string.h>

#include <linux/proxyproto.h>

#include "limit.h"
#include "parse.h"
#include "ppctl.h"

const struct limit limits[LIMITS] = {
	{ PP_LIMITS_ATTR_HANDSHAKES, "handshakes", "handshakes",
	  PP_HANDSHAKES_MAX },
	{ PP_LIMITS_ATTR_PENDING, "pending", "pending connections",
	  PP_PENDING_MAX },
	{ PP_LIMITS_ATTR_ACCEPTED, "accepted", "accepted connections",
	  PP_ACCEPTED_MAX },
};

/**
 * limit_find - the limit with a name, or NULL
 */
const struct limit *limit_find(const char *name)
{
	size_t i;

	for (i = 0; i < LIMITS; i++) {
		if (!strcmp(limits[i].name, name))
			return &limits[i];
	}
	return NULL;
}

/**
 * limit_parse - read a limit and its value
 * @command: that takes it, for messages
 * @words: with a NULL at the end
 */
int limit_parse(const char *command, char **words, const struct limit **limit,
		uint32_t *value)
{
	uint64_t number;

	if (!words[0])
		return usage_error("%s needs the name of a limit: " LIMIT_NAMES, command);
	*limit = limit_find(words[0]);
	if (!*limit)
		return usage_error("unknown limit '%s': " LIMIT_NAMES, words[0]);
	if (!words[1])
		return usage_error("'%s' needs a value", (*limit)->name);
	if (!parse_number(words[1], (*limit)->max, &number) || !number)
		return usage_error("'%s' is not a limit of %s: a number from 1 to %u",
				   words[1], (*limit)->what, (*limit)->max);
	if (words[2])
		return usage_error("%s takes one limit: '%s'", command, words[2]);
	*value = (uint32_t)number;
	return STATUS_OK;
}

/**
 * limit_name - the name of a limit, or NULL
 * @type: enum pp_limits_attr
 */
const char *limit_name(int type)
{
	size_t i;

	for (i = 0; i < LIMITS; i++) {
		if (limits[i].type == type)
			return limits[i].name;
	}
	return NULL;
}
