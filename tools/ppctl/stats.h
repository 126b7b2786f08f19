/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The counters of a network namespace.
 */
#ifndef _PPCTL_STATS_H
#define _PPCTL_STATS_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct counter - a counter
 * @type: enum pp_stats_attr
 * @name: key in JSON
 * @meaning: what it counts
 */
struct counter {
	int type;
	const char *name;
	const char *meaning;
};

extern const struct counter counters[];
extern const size_t n_counters;

const char *stats_name(uint64_t type);

#endif /* _PPCTL_STATS_H */
