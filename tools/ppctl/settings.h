/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a network namespace has beside rules, and save and restore carry: its limits.
 */
#ifndef _PPCTL_SETTINGS_H
#define _PPCTL_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "limit.h"

struct nl_msg;

/**
 * struct settings - settings of a file
 * @limits: 0: not given
 */
struct settings {
	uint32_t limits[LIMITS];
};

bool settings_know(char **words);
int settings_parse(char **words, struct settings *settings);
int settings_put(struct nl_msg *msg, const struct settings *settings);
int settings_print(void);

/* Bytes of a request that settings_put() needs at most */
#define SETTINGS_ROOM	64

#endif /* _PPCTL_SETTINGS_H */
