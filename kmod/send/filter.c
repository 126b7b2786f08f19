// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: the filter that tells packets of handshakes in progress from all others.
 *
 * Owns its size. The filter is an array of counters: how many handshakes share a hash of addresses
 * and ports (fastpath.h). If there are too many handshakes for its size, a larger array replaces
 * it. Handshakes that the old array counts stay there, and packets look at both arrays until the
 * old one is empty.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "send/internal.h"

#define FILTER_BITS_MIN	12
#define FILTER_BITS_MAX	20
/* The filter grows if there are fewer counters than this for each handshake */
#define FILTER_SPARSE	4

static struct pp_filter *filter_alloc(u32 bits)
{
	struct pp_filter *filter = kzalloc(sizeof(*filter), GFP_KERNEL_ACCOUNT);

	if (!filter)
		return NULL;
	filter->bits = bits;
	filter->counters = kvcalloc(BIT(bits), sizeof(*filter->counters), GFP_KERNEL_ACCOUNT);
	if (filter->counters)
		return filter;
	kfree(filter);
	return NULL;
}

static void filter_free(struct pp_filter *filter)
{
	if (!filter)
		return;
	kvfree(filter->counters);
	kfree(filter);
}

/**
 * pp_send_filter_add - count a handshake
 * @flow: entry, about to be inserted into the table; @flow->counter is set
 *
 * Context: under RCU.
 */
void pp_send_filter_add(struct pp_flow *flow)
{
	struct pp_filter *filter = rcu_dereference(flow->net->flows.filter);
	const struct pp_conn_key *key = &flow->key;
	u32 hash;

	if (key->family == PP_IPV4)
		hash = pp_send_filter_hash(key->src.ip, key->dst.ip, key->sport, key->dport);
	else
		hash = pp_send_filter_hash(key->src.in6.s6_addr32[3], key->dst.in6.s6_addr32[3],
					   key->sport, key->dport);
	flow->counter = &filter->counters[hash_32(hash, filter->bits)];
	atomic_inc(flow->counter);
}

static bool filter_is_empty(const struct pp_filter *filter)
{
	u32 i;

	for (i = 0; i < BIT(filter->bits); i++)
		if (atomic_read(&filter->counters[i]))
			return false;
	return true;
}

/*
 * Free the old array if it is empty. It stays empty: nobody adds to it since the grace period after
 * it was replaced.
 */
static void filter_drop_old(struct pp_filter *filter, struct pp_filter *old)
{
	if (!filter_is_empty(old))
		return;
	RCU_INIT_POINTER(filter->old, NULL);
	synchronize_rcu();
	filter_free(old);
}

/**
 * pp_send_filter_grow - adapt the filter to the number of handshakes
 * @pn: namespace
 *
 * If memory is short, the filter stays as it is.
 *
 * Context: garbage collection, which alone replaces arrays; may sleep.
 */
void pp_send_filter_grow(struct pp_net *pn)
{
	struct pp_filter *filter = rcu_dereference_protected(pn->flows.filter, true);
	struct pp_filter *old = rcu_dereference_protected(filter->old, true), *larger;
	u64 wanted = (u64)FILTER_SPARSE * pp_send_count(pn);

	if (old)
		return filter_drop_old(filter, old);
	if (filter->bits == FILTER_BITS_MAX || wanted <= BIT(filter->bits))
		return;
	larger = filter_alloc(min_t(u32, ilog2(wanted) + 1, FILTER_BITS_MAX));
	if (!larger)
		return;
	RCU_INIT_POINTER(larger->old, filter);
	rcu_assign_pointer(pn->flows.filter, larger);
	synchronize_rcu();
}

/**
 * pp_send_filter_init - allocate the filter
 * @pn: namespace that gets its first send rule
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM
 */
int pp_send_filter_init(struct pp_net *pn)
{
	struct pp_filter *filter = filter_alloc(FILTER_BITS_MIN);

	if (!filter)
		return -ENOMEM;
	rcu_assign_pointer(pn->flows.filter, filter);
	return 0;
}

/**
 * pp_send_filter_exit - free the filter
 * @pn: namespace; its hooks are gone, so that no packet reads the filter
 *
 * Context: process.
 */
void pp_send_filter_exit(struct pp_net *pn)
{
	struct pp_filter *filter = rcu_dereference_protected(pn->flows.filter, true);

	if (filter)
		filter_free(rcu_dereference_protected(filter->old, true));
	filter_free(filter);
}
