/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters of a network namespace: one for each thing that is done, and one for each
 * reason to do nothing or to drop a packet.
 */
#ifndef _PP_STATS_H
#define _PP_STATS_H

#include <linux/percpu.h>
#include <uapi/linux/proxyproto.h>

/**
 * struct pp_stats - counters of one CPU, by their uapi attribute
 * @count: by enum pp_stats_attr; unused for numbers of rules and connections that exist
 *	now, which are read from the tables
 */
struct pp_stats {
	unsigned long count[__PP_STATS_ATTR_MAX];
};

#define pp_stats_inc(pn, name) \
	this_cpu_inc((pn)->stats->count[PP_STATS_ATTR_##name])

struct pp_net;

bool pp_stats_prepare(struct pp_net *pn);
u64 pp_stats_sum(const struct pp_stats __percpu *stats, enum pp_stats_attr attr);

#endif /* _PP_STATS_H */
