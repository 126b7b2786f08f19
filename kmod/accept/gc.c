// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: timeouts of connections, and work that is done later.
 *
 * Owns when a connection is forgotten. A half-open one ends with its timeout or its rule, another
 * pending one with its timeout, an accepted one after silence (silence.c). Owns also when C's SYN
 * is injected again without a packet of L, and the work that finishes second handshakes.
 */
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include "accept/internal.h"
#include "accept/pending.h"
#include "net.h"
#include "table.h"

#define GC_INTERVAL		HZ
/* Time between two sweeps over all accepted connections */
#define SWEEP_INTERVAL		(30 * HZ)
/* Pending connections that are checked without releasing the lock */
#define BATCH			256
/* Timeout of a half-open connection: as long as a listener retransmits its SYN-ACK */
#define SYN_TIMEOUT		(60 * HZ)

/* Time until C's SYN is first retransmitted, as in TCP (RFC 6298, 2.1) */
#define REPLAY_TIMEOUT		HZ

static unsigned long pending_timeout(const struct pp_pending *pending)
{
	if (READ_ONCE(pending->entry->state) == PP_ACCEPT_SYN)
		return SYN_TIMEOUT;
	return pending->rule->accept.timeout * HZ;
}

static bool pending_is_expired(const struct pp_pending *pending)
{
	return time_after(jiffies, pending->began + pending_timeout(pending));
}

/*
 * Whether C's SYN, or the listener's answer, seems to be lost. Each wait is about twice the one
 * before it (RFC 6298, 5.5): it equals the time that has passed already.
 */
static bool replay_is_unanswered(const struct pp_pending *pending)
{
	unsigned long replayed, wait;

	/* Pairs with the release of begin_replay() */
	if (smp_load_acquire(&pending->entry->state) != PP_ACCEPT_REPLAY)
		return false;
	replayed = READ_ONCE(pending->replayed);
	wait = max_t(unsigned long, replayed - pending->began, REPLAY_TIMEOUT);
	return !time_before(jiffies, replayed + wait);
}

/*
 * Find the next connection in @todo that has expired, or whose C's SYN is to be injected again.
 * Those that are checked move back to @list.
 */
static struct pp_accept *next_pending(struct pp_pending_queue *queue, struct list_head *list,
				      struct list_head *todo, int *ifindex, bool *expired,
				      bool *more)
{
	struct pp_accept *entry = NULL;
	struct pp_pending *pending;
	unsigned int i;

	spin_lock_bh(&queue->lock);
	for (i = 0; i < BATCH && !list_empty(todo); i++) {
		pending = list_first_entry(todo, struct pp_pending, node);
		list_move_tail(&pending->node, list);
		*expired = pending_is_expired(pending);
		if (!*expired && !replay_is_unanswered(pending))
			continue;
		entry = pending->entry;
		*ifindex = entry->ifindex;
		break;
	}
	*more = !list_empty(todo);
	spin_unlock_bh(&queue->lock);
	return entry;
}

/* All half-open connections have the same timeout, so the oldest is the first to expire */
static struct pp_accept *next_half_open(struct pp_pending_queue *queue, int *ifindex)
{
	struct list_head *list = &queue->of_rank[PP_PENDING_SYN];
	struct pp_accept *entry = NULL;
	struct pp_pending *pending;

	spin_lock_bh(&queue->lock);
	pending = list_first_entry_or_null(list, struct pp_pending, node);
	if (pending && pending_is_expired(pending)) {
		list_move_tail(&pending->node, list);
		entry = pending->entry;
		*ifindex = entry->ifindex;
	}
	spin_unlock_bh(&queue->lock);
	return entry;
}

static void tend_one(struct pp_accept *entry, struct net_device *dev, bool expired)
{
	local_bh_disable();
	if (expired)
		pp_accept_expire(entry, dev);
	else if (dev)
		pp_accept_replay(entry, dev);
	local_bh_enable();
}

static void tend_list(struct pp_net *pn, struct pp_pending_queue *queue, struct list_head *list)
{
	struct pp_accept *entry;
	bool expired, more;
	LIST_HEAD(todo);
	int ifindex;

	if (list_empty_careful(list))
		return;
	spin_lock_bh(&queue->lock);
	list_splice_init(list, &todo);
	spin_unlock_bh(&queue->lock);
	do {
		rcu_read_lock();
		entry = next_pending(queue, list, &todo, &ifindex, &expired, &more);
		if (entry)
			tend_one(entry, dev_get_by_index_rcu(pn->net, ifindex), expired);
		rcu_read_unlock();
		cond_resched();
	} while (more);
}

static void tend_half_open(struct pp_net *pn, struct pp_pending_queue *queue)
{
	struct pp_accept *entry;
	int ifindex;

	do {
		rcu_read_lock();
		entry = next_half_open(queue, &ifindex);
		if (entry)
			tend_one(entry, dev_get_by_index_rcu(pn->net, ifindex), true);
		rcu_read_unlock();
		cond_resched();
	} while (entry);
}

static void tend_pending(struct pp_net *pn)
{
	struct pp_pending_queue *queue;
	unsigned int i, rank;

	for (i = 0; i < PP_PENDING_QUEUES; i++) {
		queue = &pn->accepts.queues[i];
		tend_half_open(pn, queue);
		for (rank = PP_PENDING_ACKED; rank < PP_PENDING_RANKS; rank++)
			tend_list(pn, queue, &queue->of_rank[rank]);
	}
}

static void sweep_visit(void *ptr)
{
	struct pp_accept *entry = ptr;

	if (pp_accept_is_silent(entry))
		pp_accept_kill(entry, PP_STATS_ATTR_UNSPEC);
}

static bool has_rule(struct pp_net *pn, const struct pp_pending *pending)
{
	const struct pp_accept *entry = pending->entry;

	return pp_accept_find_rule(pn, &entry->wire,
				   dev_get_by_index_rcu(pn->net, entry->ifindex));
}

/*
 * Find a connection that no rule is for any more, among the first BATCH of @todo. Those that are
 * checked move back to the queue.
 */
static struct pp_accept *next_unruled(struct pp_net *pn, struct pp_pending_queue *queue,
				      struct list_head *todo, bool *more)
{
	struct list_head *list = &queue->of_rank[PP_PENDING_SYN];
	struct pp_accept *entry = NULL;
	struct pp_pending *pending;
	unsigned int i;

	spin_lock_bh(&queue->lock);
	for (i = 0; i < BATCH && !entry && !list_empty(todo); i++) {
		pending = list_first_entry(todo, struct pp_pending, node);
		list_move_tail(&pending->node, list);
		if (!has_rule(pn, pending))
			entry = pending->entry;
	}
	*more = !list_empty(todo);
	spin_unlock_bh(&queue->lock);
	return entry;
}

static void tend_unruled_queue(struct pp_net *pn, struct pp_pending_queue *queue)
{
	struct pp_accept *entry;
	LIST_HEAD(todo);
	bool more;

	spin_lock_bh(&queue->lock);
	list_splice_init(&queue->of_rank[PP_PENDING_SYN], &todo);
	spin_unlock_bh(&queue->lock);
	do {
		rcu_read_lock();
		entry = next_unruled(pn, queue, &todo, &more);
		if (entry)
			tend_one(entry, dev_get_by_index_rcu(pn->net, entry->ifindex), true);
		rcu_read_unlock();
		cond_resched();
	} while (more);
}

/* A half-open connection ends with its rule: nothing that comes later needs the entry */
static void tend_unruled(struct pp_net *pn)
{
	struct pp_accepts *accepts = &pn->accepts;
	u32 generation;
	unsigned int i;

	rcu_read_lock();
	generation = READ_ONCE(rcu_dereference(pn->rules)->generation);
	rcu_read_unlock();
	if (generation == accepts->generation)
		return;
	accepts->generation = generation;
	for (i = 0; i < PP_PENDING_QUEUES; i++)
		if (!list_empty_careful(&accepts->queues[i].of_rank[PP_PENDING_SYN]))
			tend_unruled_queue(pn, &accepts->queues[i]);
}

/**
 * pp_accept_gc_work - end what has timed out, and retransmit what is overdue
 * @work: pp_accepts.gc
 *
 * It runs every second while there are connections. With the last one it removes the hooks that no
 * rule needs any more.
 *
 * Context: process context; takes pp_net.lock.
 */
void pp_accept_gc_work(struct work_struct *work)
{
	struct pp_net *pn = container_of(to_delayed_work(work), struct pp_net, accepts.gc);
	struct pp_accepts *accepts = &pn->accepts;

	pp_accept_settle_denied(pn);
	tend_unruled(pn);
	tend_pending(pn);
	if (time_after(jiffies, accepts->swept + SWEEP_INTERVAL)) {
		pp_table_walk(&accepts->by_wire, sweep_visit);
		accepts->swept = jiffies;
	}
	pp_accept_tend_far(pn);
	if (atomic_read(&accepts->count) || READ_ONCE(accepts->over_count)) {
		queue_delayed_work(system_power_efficient_wq, &accepts->gc, GC_INTERVAL);
		return;
	}
	mutex_lock(&pn->lock);
	pp_net_unhook_idle(pn);
	mutex_unlock(&pn->lock);
}

static struct pp_accept *next_confirm(struct pp_accepts *accepts, int *ifindex)
{
	struct pp_accept *entry = NULL;
	struct pp_pending *pending;

	spin_lock_bh(&accepts->lock);
	pending = list_first_entry_or_null(&accepts->confirm, struct pp_pending, confirm_node);
	if (pending) {
		list_del_init(&pending->confirm_node);
		*ifindex = pending->entry->ifindex;
		entry = pending->entry;
	}
	spin_unlock_bh(&accepts->lock);
	return entry;
}

/**
 * pp_accept_finish_work - go on with second handshakes whose answer came later
 * @work: pp_accepts.finish
 *
 * Context: process context. V's answer passes a hook from which nothing may be injected (replay.c).
 */
void pp_accept_finish_work(struct work_struct *work)
{
	struct pp_net *pn = container_of(work, struct pp_net, accepts.finish);
	struct net_device *dev;
	struct pp_accept *entry;
	int ifindex;

	pp_accept_doubt_denied(pn);
	do {
		rcu_read_lock();
		entry = next_confirm(&pn->accepts, &ifindex);
		dev = entry ? dev_get_by_index_rcu(pn->net, ifindex) : NULL;
		if (dev) {
			local_bh_disable();
			pp_accept_finish(entry, dev);
			local_bh_enable();
		}
		rcu_read_unlock();
		cond_resched();
	} while (entry);
}
