/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters for monitoring systems.
 */
#ifndef _PPCTL_METRICS_H
#define _PPCTL_METRICS_H

#include <stdbool.h>

struct replies;

/**
 * struct metrics - what is printed
 * @stats: of PP_CMD_STATS_GET
 * @limits: of PP_CMD_LIMITS_GET
 * @rules: of PP_CMD_RULE_GET
 * @openmetrics: in the format OpenMetrics; else in that of Prometheus, which node_exporter
 *	reads
 */
struct metrics {
	const struct replies *stats;
	const struct replies *limits;
	const struct replies *rules;
	bool openmetrics;
};

int metrics_print(const void *metrics);

#endif /* _PPCTL_METRICS_H */
