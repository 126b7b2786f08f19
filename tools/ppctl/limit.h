/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The limits of a network namespace, by name.
 */
#ifndef _PPCTL_LIMIT_H
#define _PPCTL_LIMIT_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct limit - a limit of the network namespace
 * @type: enum pp_limits_attr
 * @name: its word in the language, and its key in JSON
 * @what: the things whose number it limits
 * @max: its highest value; the lowest is 1
 */
struct limit {
	int type;
	const char *name;
	const char *what;
	uint32_t max;
};

#define LIMITS		3
#define LIMIT_NAMES	"handshakes, pending or accepted"

extern const struct limit limits[LIMITS];

int limit_parse(const char *command, char **words, const struct limit **limit,
		uint32_t *value);
const struct limit *limit_find(const char *name);
const char *limit_name(int type);

#endif /* _PPCTL_LIMIT_H */
