// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: the end of connections, and what is done later.
 *
 * Owns when a connection is forgotten: a pending one when its time is over, a
 * local one when its socket is gone, a forwarded one some time after its last
 * packet, as conntrack has it. And when the client's SYN comes again, if neither
 * the listener nor the load balancer makes it so.
 */
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include "accept.h"
#include "rule.h"

#define GC_INTERVAL		HZ
/* All connections are looked at this far apart */
#define SWEEP_INTERVAL		(30 * HZ)
/* Pending connections that are looked at without a pause */
#define BATCH			256
/*
 * As long as the listener may believe the load balancer's last ACK: two minutes
 * with SYN cookies (MAX_SYNCOOKIE_AGE), and no less than a minute without. If it
 * was forgotten before, the header behind that ACK would reach the application.
 */
#define SYN_TIMEOUT		(125 * HZ)
/* Of a forwarded connection: after a reset, both FINs, and while neither came */
#define RESET_TIMEOUT		(10 * HZ)
#define CLOSED_TIMEOUT		(120 * HZ)
#define IDLE_TIMEOUT		(5 * 24 * 3600 * HZ)

/* TCP waits so long for the answer to its first SYN (RFC 6298, 2.1) */
#define REPLAY_TIMEOUT		HZ

static unsigned long pending_timeout(const struct pp_pending *pending)
{
	if (READ_ONCE(pending->entry->state) == PP_ACCEPT_SYN)
		return SYN_TIMEOUT;
	return pending->rule->timeout * HZ;
}

static bool is_expired(const struct pp_pending *pending)
{
	return time_after(jiffies, pending->began + pending_timeout(pending));
}

/*
 * Whether the client's SYN, or the listener's answer, seems to be lost. Each waits about
 * twice as long as the one before it (RFC 6298, 5.5): as long as has gone by already.
 */
static bool is_unanswered(const struct pp_pending *pending)
{
	unsigned long replayed, wait;

	/* Pairs with the release of replay() */
	if (smp_load_acquire(&pending->entry->state) != PP_ACCEPT_REPLAY)
		return false;
	replayed = READ_ONCE(pending->replayed);
	wait = max_t(unsigned long, replayed - pending->began, REPLAY_TIMEOUT);
	return !time_before(jiffies, replayed + wait);
}

/* The one that was looked at longest ago, if there is something to be done about it */
static struct pp_accept *next_pending(struct pp_accepts *accepts, struct list_head *todo,
				      int *ifindex, bool *expired, bool *more)
{
	struct pp_accept *entry = NULL;
	struct pp_pending *pending;
	unsigned int i;

	spin_lock_bh(&accepts->lock);
	for (i = 0; i < BATCH && !list_empty(todo); i++) {
		pending = list_first_entry(todo, struct pp_pending, node);
		list_move_tail(&pending->node, &accepts->pending);
		*expired = is_expired(pending);
		if (!*expired && !is_unanswered(pending))
			continue;
		entry = pending->entry;
		*ifindex = entry->ifindex;
		break;
	}
	*more = !list_empty(todo);
	spin_unlock_bh(&accepts->lock);
	return entry;
}

static void tend(struct pp_accept *entry, struct net_device *dev, bool expired)
{
	local_bh_disable();
	if (expired)
		pp_accept_expire(entry, dev);
	else if (dev)
		pp_accept_replay(entry, dev);
	local_bh_enable();
}

static void tend_pending(struct pp_net *pn)
{
	struct pp_accepts *accepts = &pn->accepts;
	struct pp_accept *entry;
	bool expired, more;
	LIST_HEAD(todo);
	int ifindex;

	spin_lock_bh(&accepts->lock);
	list_splice_init(&accepts->pending, &todo);
	spin_unlock_bh(&accepts->lock);
	do {
		rcu_read_lock();
		entry = next_pending(accepts, &todo, &ifindex, &expired, &more);
		if (entry)
			tend(entry, dev_get_by_index_rcu(pn->net, ifindex), expired);
		rcu_read_unlock();
		cond_resched();
	} while (more);
}

static unsigned long idle_timeout(const struct pp_accept *entry)
{
	if (READ_ONCE(entry->is_reset))
		return RESET_TIMEOUT;
	if (READ_ONCE(entry->fin_in) && READ_ONCE(entry->fin_out))
		return CLOSED_TIMEOUT;
	return IDLE_TIMEOUT;
}

/* As long as what L sends might open another one, of L's, unless there is a crowd */
static unsigned long local_timeout(const struct pp_accept *entry)
{
	const struct pp_accepts *accepts = &entry->net->accepts;

	if (entry->by_cookie &&
	    (u32)atomic_read(&accepts->count) <= READ_ONCE(accepts->limit) / 2)
		return SYN_TIMEOUT;
	return RESET_TIMEOUT;
}

/* A local one stays through TIME_WAIT, in which its socket still answers */
static bool is_over(struct pp_accept *entry)
{
	if (READ_ONCE(entry->state) != PP_ACCEPT_ESTABLISHED)
		return false;
	if (entry->is_local)
		return time_after(jiffies, READ_ONCE(entry->touched) + local_timeout(entry)) &&
		       !pp_accept_has_socket(entry);
	return time_after(jiffies, READ_ONCE(entry->touched) + idle_timeout(entry));
}

static void sweep(struct pp_accepts *accepts)
{
	struct rhashtable_iter iter;
	struct pp_accept *entry;

	rhashtable_walk_enter(&accepts->by_wire, &iter);
	rhashtable_walk_start(&iter);
	while ((entry = rhashtable_walk_next(&iter))) {
		if (IS_ERR(entry)) /* the table was resized: it begins anew */
			continue;
		if (is_over(entry))
			pp_accept_kill(entry, PP_STATS_ATTR_UNSPEC);
		if (need_resched()) {
			rhashtable_walk_stop(&iter);
			cond_resched();
			rhashtable_walk_start(&iter);
		}
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
}

/**
 * pp_accept_gc - forget what is over, and go on with what waits
 * @work: pp_accepts.gc
 */
void pp_accept_gc(struct work_struct *work)
{
	struct pp_net *pn = container_of(to_delayed_work(work), struct pp_net, accepts.gc);
	struct pp_accepts *accepts = &pn->accepts;

	tend_pending(pn);
	if (time_after(jiffies, accepts->swept + SWEEP_INTERVAL)) {
		sweep(accepts);
		accepts->swept = jiffies;
	}
	if (atomic_read(&accepts->count)) {
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
 * pp_accept_finish_work - finish handshakes whose answer came by itself
 * @work: pp_accepts.finish
 */
void pp_accept_finish_work(struct work_struct *work)
{
	struct pp_net *pn = container_of(work, struct pp_net, accepts.finish);
	struct net_device *dev;
	struct pp_accept *entry;
	int ifindex;

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
	} while (entry);
}
