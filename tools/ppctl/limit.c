// SPDX-License-Identifier: GPL-2.0
/*
 * The limits of a network namespace: one table for setting, showing and naming
 * them.
 */
#include <string.h>

#include <linux/proxyproto.h>

#include "limit.h"

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
