// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of a network namespace.
 *
 * Owns how the counters of all CPUs are added up. They are written with
 * pp_stats_inc() wherever the thing counted happens.
 */
#include "stats.h"

/**
 * pp_stats_sum - value of a counter over all CPUs
 * @stats: counters of the namespace
 * @attr: which of them
 */
u64 pp_stats_sum(const struct pp_stats __percpu *stats, enum pp_stats_attr attr)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(stats, cpu)->count[attr]);
	return sum;
}
