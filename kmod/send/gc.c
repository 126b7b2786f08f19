// SPDX-License-Identifier: GPL-2.0
/*
 * Handshakes in progress: the garbage collection.
 *
 * Owns how long an entry may make no progress, the work that ends such entries, and what a
 * namespace allocates for handshakes. Memory for each CPU is allocated with the first send rule.
 */
#include <linux/jiffies.h>
#include <net/netfilter/nf_conntrack.h>
#include "net.h"
#include "send/internal.h"
#include "table.h"

/*
 * A SYN or SYN-ACK is retransmitted within a minute. After that, a client starts again with the
 * same sequence number, and gets the same header.
 */
#define HALF_OPEN_TIMEOUT	(60 * HZ)
/* For half-open entries if more than half of the limit is in use */
#define HALF_OPEN_CROWDED	(10 * HZ)
/* Data without an answer is retransmitted at intervals of at most 120 s */
#define HEADER_SENT_TIMEOUT	(300 * HZ)
/* A retransmitted answer to a reset still finds its entry */
#define CLOSED_TIMEOUT		(3 * HZ)
#define GC_INTERVAL		HZ
/* For each GC_STEP entries, the interval grows by GC_INTERVAL */
#define GC_STEP			65536

#ifdef CONFIG_SMP
#define PP_LINE_OF(field)	(offsetof(struct pp_flows, field) / SMP_CACHE_BYTES)

/* The cache lines that every packet reads are not those that each handshake writes */
static_assert(PP_LINE_OF(filter) == PP_LINE_OF(unbound));
static_assert(PP_LINE_OF(filter) == PP_LINE_OF(evicted));
static_assert(PP_LINE_OF(unbound) < PP_LINE_OF(table));
static_assert(PP_LINE_OF(table.nelems) < PP_LINE_OF(taken));
static_assert(PP_LINE_OF(gc) > PP_LINE_OF(table.nelems));
static_assert(offsetof(struct pp_net, flows) % SMP_CACHE_BYTES == 0);
#endif

static unsigned long flow_timeout(const struct pp_flow *flow)
{
	const struct pp_flows *flows = &flow->net->flows;
	bool unguarded = pp_send_flow_is_unfinished(flow) && !READ_ONCE(flow->ct);

	if (READ_ONCE(flow->closed))
		return unguarded ? PP_SEND_UNGUARDED_TIMEOUT : CLOSED_TIMEOUT;
	if (READ_ONCE(flow->proven))
		return HEADER_SENT_TIMEOUT;
	if (unguarded)
		return PP_SEND_UNGUARDED_TIMEOUT;
	if ((u32)atomic_read(&flows->taken[PP_FLOW_CLASSES]) > READ_ONCE(flows->limit) / 2)
		return HALF_OPEN_CROWDED;
	return HALF_OPEN_TIMEOUT;
}

/*
 * The timeout is computed anew on each run: entries of any age get the shorter one when the table
 * fills up.
 */
static bool flow_is_expired(struct pp_flow *flow)
{
	return (s32)((u32)jiffies - READ_ONCE(flow->touched) - (u32)flow_timeout(flow)) > 0;
}

/* There was no room for records when the handshake began (evicted.c) */
static void flow_list_late(struct pp_flow *flow)
{
	if (READ_ONCE(flow->is_half_open) || READ_ONCE(flow->proven) || READ_ONCE(flow->ct))
		return;
	spin_lock_bh(&flow->lock);
	if (!flow->dead)
		pp_send_half_open_add(flow);
	spin_unlock_bh(&flow->lock);
}

static void flow_gc_visit(void *entry)
{
	struct pp_flow *flow = entry;

	if (!READ_ONCE(flow->ct))
		flow->net->flows.unknown++;
	if (pp_send_evicted_any(flow->net))
		flow_list_late(flow);
	if (flow_is_expired(flow))
		pp_send_flow_kill(flow, READ_ONCE(flow->closed) ? PP_STATS_ATTR_RESET :
								  PP_STATS_ATTR_EXPIRED);
}

static void flow_gc(struct work_struct *work)
{
	struct pp_net *pn = container_of(to_delayed_work(work), struct pp_net, flows.gc);
	int count;

	pn->flows.unknown = 0;
	pp_table_walk(&pn->flows.table, flow_gc_visit);
	if (pp_send_evicted_turn(pn))
		pp_table_walk(&pn->flows.table, flow_gc_visit);
	pp_send_filter_grow(pn);
	count = pp_send_count(pn);
	if (count || pp_send_evicted_any(pn)) {
		queue_delayed_work(system_power_efficient_wq, &pn->flows.gc,
				   GC_INTERVAL * (1 + count / GC_STEP));
		return;
	}
	WRITE_ONCE(pn->flows.is_collecting, 0);
	/*
	 * Pairs with pp_send_gc_begin(): either a CPU that inserts an entry now sees
	 * is_collecting 0, or this CPU sees its entry.
	 */
	smp_mb();
	if (pp_send_count(pn)) {
		pp_send_gc_begin(&pn->flows);
		return;
	}
	mutex_lock(&pn->lock);
	pp_net_unhook_idle(pn);
	mutex_unlock(&pn->lock);
}

/**
 * pp_send_gc_begin - start the garbage collection if it does not run
 * @flows: handshakes of the namespace; an entry was inserted
 *
 * Context: any.
 */
void pp_send_gc_begin(struct pp_flows *flows)
{
	/* The entry must be visible before is_collecting is read; pairs with flow_gc() */
	smp_mb();
	if (likely(READ_ONCE(flows->is_collecting)) || xchg(&flows->is_collecting, 1))
		return;
	queue_delayed_work(system_power_efficient_wq, &flows->gc, GC_INTERVAL);
}

static void free_per_cpu(struct pp_flows *flows)
{
	free_percpu(flows->hold);
	free_percpu(flows->half_open);
	free_percpu(flows->places);
	flows->hold = NULL;
	flows->half_open = NULL;
	flows->places = NULL;
}

/**
 * pp_send_prepare - allocate what a namespace needs for its first send rule
 * @pn: namespace; none of its hooks is registered
 *
 * Context: process; pp_net.lock held.
 * Return: 0 or -ENOMEM
 */
int pp_send_prepare(struct pp_net *pn)
{
	int err;

	if (rcu_access_pointer(pn->flows.filter))
		return 0;
	err = pp_send_hold_init(pn);
	if (!err)
		err = pp_send_half_open_init(pn);
	if (!err)
		err = pp_send_places_init(pn);
	if (!err)
		err = pp_send_filter_init(pn);
	if (err)
		free_per_cpu(&pn->flows);
	return err;
}

/**
 * pp_send_net_init - set up the handshakes of a new namespace
 * @pn: namespace
 *
 * Context: process.
 * Return: 0 or an error of rhashtable_init()
 */
int pp_send_net_init(struct pp_net *pn)
{
	pn->flows.limit = PP_HANDSHAKES_DEFAULT;
	INIT_DELAYED_WORK(&pn->flows.gc, flow_gc);
	return rhashtable_init(&pn->flows.table, &pp_send_flow_params);
}

/**
 * pp_send_net_exit - free the handshakes of a namespace
 * @pn: namespace; its hooks are gone, so that no packet can find an entry
 *
 * Context: process; may sleep.
 */
void pp_send_net_exit(struct pp_net *pn)
{
	pp_send_hold_net_stop(pn);
	cancel_delayed_work_sync(&pn->flows.gc);
	rhashtable_free_and_destroy(&pn->flows.table, pp_send_flow_free_at_exit, NULL);
	free_per_cpu(&pn->flows);
	pp_send_filter_exit(pn);
	pp_send_evicted_exit(pn);
}
