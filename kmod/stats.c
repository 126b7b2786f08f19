// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of a network namespace.
 *
 * Owns the sum over all CPUs. pp_stats_inc() counts, where the counted thing happens.
 */
#include "pernet.h"
#include "stats.h"

/**
 * pp_stats_prepare - allocate the counters of a namespace, unless it has some
 * @pn: namespace
 *
 * Context: may sleep.
 * Return: whether it has counters
 */
bool pp_stats_prepare(struct pp_net *pn)
{
	struct pp_stats __percpu *stats;

	if (READ_ONCE(pn->stats))
		return true;
	stats = alloc_percpu(struct pp_stats);
	/* Rules and listeners may come at the same time */
	if (stats && cmpxchg(&pn->stats, NULL, stats))
		free_percpu(stats);
	return READ_ONCE(pn->stats);
}

/**
 * pp_stats_sum - value of a counter over all CPUs
 * @stats: counters of the namespace, or NULL before its first rule
 * @attr: the counter
 */
u64 pp_stats_sum(const struct pp_stats __percpu *stats, enum pp_stats_attr attr)
{
	u64 sum = 0;
	int cpu;

	if (!stats)
		return 0;
	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(stats, cpu)->count[attr]);
	return sum;
}
