// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: the limit of handshakes in progress.
 *
 * Owns how many places are taken, by each class of rules and by all. A CPU takes places in batches
 * and keeps some for its next handshakes, so that the CPUs do not all write to one cache line.
 * Places that a CPU keeps are lost for the others: at most an eighth of the limit. If the limit is
 * small, the batch is 1 and the limit is exact.
 */
#include <linux/cpumask.h>
#include <linux/percpu.h>
#include "send/internal.h"

/* The largest batch */
#define BATCH_MAX	64

/**
 * struct pp_places - places that a CPU has taken for its next handshakes
 * @left: by class of rules and, in the last element, of all. Atomic, since places_collect() and a
 *	process that was moved to another CPU change them from there.
 */
struct pp_places {
	atomic_t left[PP_FLOW_CLASSES + 1];
};

static u32 places_batch(u32 limit)
{
	return clamp_t(u32, limit / (16 * num_possible_cpus()), 1, BATCH_MAX);
}

/* Give back the places that the CPUs keep, since the limit and with it the batch has changed */
static void places_collect(struct pp_flows *flows)
{
	unsigned int of;
	int cpu;

	for_each_possible_cpu(cpu)
		for (of = 0; of <= PP_FLOW_CLASSES; of++)
			atomic_sub(atomic_xchg(&per_cpu_ptr(flows->places, cpu)->left[of], 0),
				   &flows->taken[of]);
}

static bool places_take_kept(struct pp_flows *flows, u32 of)
{
	atomic_t *left = &raw_cpu_ptr(flows->places)->left[of];

	return atomic_read(left) > 0 && atomic_dec_if_positive(left) >= 0;
}

static bool places_take_new(struct pp_flows *flows, u32 of, u32 limit, u32 count)
{
	if ((u32)atomic_add_return(count, &flows->taken[of]) > limit) {
		atomic_sub(count, &flows->taken[of]);
		return false;
	}
	atomic_add(count - 1, &raw_cpu_ptr(flows->places)->left[of]);
	return true;
}

/**
 * pp_send_places_take - take a place for a handshake
 * @flows: handshakes of the namespace
 * @of: class of its rule, or PP_FLOW_CLASSES for a place of all
 * @limit: how many places there are
 *
 * Context: any; takes no lock.
 * Return: whether there was a place
 */
bool pp_send_places_take(struct pp_flows *flows, u32 of, u32 limit)
{
	u32 batch = places_batch(limit);

	if (unlikely(READ_ONCE(flows->batch) != batch)) {
		WRITE_ONCE(flows->batch, batch);
		places_collect(flows);
	}
	return places_take_kept(flows, of) ||
	       (batch > 1 && places_take_new(flows, of, limit, batch)) ||
	       places_take_new(flows, of, limit, 1);
}

/**
 * pp_send_places_give - give back the place of a handshake
 * @flows: handshakes of the namespace
 * @of: as for pp_send_places_take()
 *
 * Context: any; takes no lock.
 */
void pp_send_places_give(struct pp_flows *flows, u32 of)
{
	atomic_t *left = &raw_cpu_ptr(flows->places)->left[of];
	u32 batch = READ_ONCE(flows->batch);

	if (batch <= 1) {
		atomic_dec(&flows->taken[of]);
		return;
	}
	if (atomic_inc_return(left) < 2 * (int)batch)
		return;
	atomic_sub(batch, left);
	atomic_sub(batch, &flows->taken[of]);
}

/**
 * pp_send_places_init - allocate the places that CPUs keep
 * @pn: namespace that gets its first send rule
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM
 */
int pp_send_places_init(struct pp_net *pn)
{
	pn->flows.places = alloc_percpu_gfp(struct pp_places, GFP_KERNEL_ACCOUNT);
	return pn->flows.places ? 0 : -ENOMEM;
}
