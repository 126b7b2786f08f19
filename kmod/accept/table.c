// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: the entries, their limits, and how one is inserted and removed.
 *
 * Owns two tables: one by the addresses and ports on the wire and, once C is known, one by those
 * that the application sees. Each entry holds a reference on the module: without the module, V's
 * packets would reach C untranslated.
 */
#include <linux/build_bug.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <net/dst.h>
#include "accept/internal.h"
#include "accept/pending.h"
#include "netlink/event.h"

/*
 * Most memory for an accepted connection, not counting the tables' own. With lock debugging, and on
 * real-time kernels, spinlocks are larger.
 */
static_assert(sizeof(struct pp_accept) <= 256 || IS_ENABLED(CONFIG_DEBUG_SPINLOCK) ||
	      IS_ENABLED(CONFIG_PREEMPT_RT));

/* Limit of memory for incomplete headers and data behind headers, per namespace */
#define BYTES_MAX	(64L << 20)

/* Time until the garbage collection first runs */
#define GC_INTERVAL	HZ

static struct kmem_cache *cache __read_mostly;
static struct kmem_cache *pending_cache __read_mostly;

static int accept_compare_wire(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct pp_accept *entry = obj;

	return !pp_key_equals(arg->key, &entry->wire);
}

static int accept_compare_inner(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct pp_accept *entry = obj;

	return !pp_key_equals(arg->key, &entry->inner);
}

static const struct rhashtable_params wire_params = {
	.head_offset = offsetof(struct pp_accept, wire_node),
	.key_offset = offsetof(struct pp_accept, wire),
	.key_len = sizeof(struct pp_conn_key),
	.hashfn = pp_key_hash,
	.obj_cmpfn = accept_compare_wire,
	.automatic_shrinking = true,
};

static const struct rhashtable_params inner_params = {
	.head_offset = offsetof(struct pp_accept, inner_node),
	.key_offset = offsetof(struct pp_accept, inner),
	.key_len = sizeof(struct pp_conn_key),
	.hashfn = pp_key_hash,
	.obj_cmpfn = accept_compare_inner,
	.automatic_shrinking = true,
};

/*
 * Count one more entry. At the limit of pending connections, another one is evicted.
 *
 * Return: whether the limits allow it
 */
static bool reserve_entry(struct pp_net *pn)
{
	struct pp_accepts *accepts = &pn->accepts;
	int pending = atomic_inc_return(&accepts->pending_count);
	int count = atomic_inc_return(&accepts->count);

	if ((u32)(count - pending) <= READ_ONCE(accepts->limit) &&
	    ((u32)pending <= READ_ONCE(accepts->pending_limit) || pp_accept_make_room(pn)))
		return true;
	atomic_dec(&accepts->pending_count);
	atomic_dec(&accepts->count);
	return false;
}

static void free_rcu_entry(struct rcu_head *rcu)
{
	struct pp_accept *entry = container_of(rcu, struct pp_accept, rcu);

	dst_release(entry->dst);
	kfree(entry->header);
	kmem_cache_free(cache, entry);
}

/**
 * pp_accept_alloc - allocate an entry, which is in no table yet
 * @pn: namespace
 * @rule: rule that chose the connection
 *
 * Context: softirq, under RCU.
 * Return: the entry; ERR_PTR(-ENOSPC) at a limit; ERR_PTR(-ENOMEM)
 */
struct pp_accept *pp_accept_alloc(struct pp_net *pn, struct pp_rule *rule)
{
	struct pp_accepts *accepts = &pn->accepts;
	struct pp_pending *pending;
	struct pp_accept *entry;

	if (!reserve_entry(pn))
		return ERR_PTR(-ENOSPC);
	entry = kmem_cache_zalloc(cache, GFP_ATOMIC | __GFP_NOWARN);
	pending = kmem_cache_zalloc(pending_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!entry || !pending) {
		if (entry)
			kmem_cache_free(cache, entry);
		if (pending)
			kmem_cache_free(pending_cache, pending);
		atomic_dec(&accepts->pending_count);
		atomic_dec(&accepts->count);
		return ERR_PTR(-ENOMEM);
	}
	__module_get(THIS_MODULE);
	spin_lock_init(&entry->lock);
	entry->net = pn;
	entry->rule_id = rule->id;
	entry->created = jiffies;
	entry->touched = jiffies;
	entry->pending = pending;
	pending->entry = entry;
	pp_rule_get(rule);
	pending->rule = rule;
	pending->began = jiffies;
	INIT_LIST_HEAD(&pending->node);
	INIT_LIST_HEAD(&pending->confirm_node);
	__skb_queue_head_init(&pending->queue);
	return entry;
}

/* Remove a pending connection from all lists and counts. With the entry's lock held. */
static void drop_pending(struct pp_net *pn, struct pp_pending *pending)
{
	struct pp_accepts *accepts = &pn->accepts;

	pp_accept_dequeue(pending->entry);
	/* Added only with the entry's lock held, which is held here: if it is empty, it stays so */
	if (!list_empty_careful(&pending->confirm_node)) {
		spin_lock(&accepts->lock);
		list_del_init(&pending->confirm_node);
		spin_unlock(&accepts->lock);
	}
	atomic_dec(&accepts->pending_count);
}

/**
 * pp_accept_reserve_bytes - count memory for a connection's header, or for data behind it
 * @entry: connection, with its lock held
 * @len: bytes; uncounted by pp_accept_free_pending()
 *
 * A rule may use as much as is left for all others. So one busy listener leaves half of all memory,
 * two leave a third, and so on.
 *
 * Return: whether the limits allow it
 */
bool pp_accept_reserve_bytes(struct pp_accept *entry, unsigned int len)
{
	atomic_long_t *own = &entry->pending->rule->accept.pending_bytes;
	atomic_long_t *all = &entry->net->accepts.bytes;
	long taken = atomic_long_add_return(len, all);

	if (atomic_long_add_return(len, own) <= BYTES_MAX - taken)
		return true;
	pp_accept_unreserve_bytes(entry->net, entry->pending->rule, len);
	return false;
}

/**
 * pp_accept_unreserve_bytes - uncount memory
 * @pn: namespace
 * @rule: rule of the connection
 * @len: bytes
 *
 * Context: any.
 */
void pp_accept_unreserve_bytes(struct pp_net *pn, struct pp_rule *rule, unsigned int len)
{
	atomic_long_sub(len, &rule->accept.pending_bytes);
	atomic_long_sub(len, &pn->accepts.bytes);
}

/**
 * pp_accept_free_pending - free what an accepted connection no longer needs
 * @pn: namespace
 * @pending: from pp_accept_set_established()
 *
 * Context: any; nobody else can find @pending any more.
 */
void pp_accept_free_pending(struct pp_net *pn, struct pp_pending *pending)
{
	__skb_queue_purge(&pending->queue);
	pp_accept_unreserve_bytes(pn, pending->rule, pending->buf_size + pending->queued);
	pp_rule_put(pending->rule);
	kfree(pending->buf);
	kmem_cache_free(pending_cache, pending);
}

/* Release everything but the entry's memory, which is in no table. With its lock held. */
static void accept_release(struct pp_accept *entry)
{
	struct pp_net *pn = entry->net;

	if (entry->pending) {
		drop_pending(pn, entry->pending);
		pp_accept_free_pending(pn, entry->pending);
		entry->pending = NULL;
	}
	pp_accept_leave_far(entry);
	pp_accept_uncount_header(entry);
	atomic_dec(&pn->accepts.count);
	module_put(THIS_MODULE);
}

/**
 * pp_accept_insert - insert an entry by its addresses on the wire
 * @entry: entry, complete; freed unless it is returned
 *
 * Context: softirq, under RCU.
 * Return: the entry of the connection: @entry or, if another CPU was faster, its entry; ERR_PTR()
 * without memory
 */
struct pp_accept *pp_accept_insert(struct pp_accept *entry)
{
	struct pp_accepts *accepts = &entry->net->accepts;
	struct pp_accept *old;

	/* Once it is in a queue, another CPU may evict it: not before it is in the table */
	spin_lock_bh(&entry->lock);
	pp_accept_enqueue(entry);
	old = rhashtable_lookup_get_insert_fast(&accepts->by_wire, &entry->wire_node,
						wire_params);
	if (old) {
		entry->state = PP_ACCEPT_DEAD;
		accept_release(entry);
	} else {
		pp_accept_trace_state(entry, PP_CONN_STATE_ANSWERED, PP_STATS_ATTR_UNSPEC);
	}
	spin_unlock_bh(&entry->lock);
	if (old) {
		call_rcu(&entry->rcu, free_rcu_entry);
		return old;
	}
	if (!delayed_work_pending(&accepts->gc))
		queue_delayed_work(system_power_efficient_wq, &accepts->gc, GC_INTERVAL);
	return entry;
}

/**
 * pp_accept_insert_inner - insert an entry by the addresses that the application sees
 * @entry: entry, with its lock held and @inner set
 *
 * Return: whether it is inserted; if not, another entry has these addresses and ports, or there is
 * no memory
 */
bool pp_accept_insert_inner(struct pp_accept *entry)
{
	entry->has_inner = !rhashtable_lookup_insert_fast(&entry->net->accepts.by_inner,
							  &entry->inner_node, inner_params);
	return entry->has_inner;
}

/**
 * pp_accept_find_wire - find the entry of a packet on the wire
 * @pn: namespace
 * @key: addresses and ports, in the direction of L's packets
 *
 * Context: under RCU.
 * Return: the entry, or NULL. It may be dead: check its state again with its lock held.
 */
struct pp_accept *pp_accept_find_wire(struct pp_net *pn, const struct pp_conn_key *key)
{
	return rhashtable_lookup(&pn->accepts.by_wire, key, wire_params);
}

/**
 * pp_accept_find_inner - find the entry of a packet as the application sees it
 * @pn: namespace
 * @key: addresses and ports, in the direction of C's packets
 *
 * Context: under RCU.
 * Return: the entry, or NULL. It may be dead: check its state again with its lock held.
 */
struct pp_accept *pp_accept_find_inner(struct pp_net *pn, const struct pp_conn_key *key)
{
	return rhashtable_lookup(&pn->accepts.by_inner, key, inner_params);
}

/**
 * pp_accept_set_established - begin to translate after the second handshake
 * @entry: entry in PP_ACCEPT_CONFIRM, with its lock held
 *
 * Return: the pending part, to be freed with pp_accept_free_pending()
 */
struct pp_pending *pp_accept_set_established(struct pp_accept *entry)
{
	struct pp_pending *pending = entry->pending;

	lockdep_assert_held(&entry->lock);

	if (pending->outcome == PP_STATS_ATTR_PASSED)
		pp_rule_count(pending->rule, PP_RULE_PASSED);
	else
		pp_rule_count(pending->rule, PP_RULE_ACCEPTED);
	this_cpu_inc(entry->net->stats->count[pending->outcome]);
	drop_pending(entry->net, pending);
	entry->pending = NULL;
	/* Pairs with the acquire of the hooks: all numbers are set */
	smp_store_release(&entry->state, PP_ACCEPT_ESTABLISHED);
	pp_accept_trace_state(entry, PP_CONN_STATE_ACCEPTED, pending->outcome);
	return pending;
}

/**
 * pp_accept_confirm_later - let a work call pp_accept_finish()
 * @entry: entry in PP_ACCEPT_REPLAY or PP_ACCEPT_CONFIRM, with its lock held
 */
void pp_accept_confirm_later(struct pp_accept *entry)
{
	struct pp_accepts *accepts = &entry->net->accepts;

	spin_lock(&accepts->lock);
	if (list_empty(&entry->pending->confirm_node))
		list_add_tail(&entry->pending->confirm_node, &accepts->confirm);
	spin_unlock(&accepts->lock);
	queue_work(system_highpri_wq, &accepts->finish);
}

/**
 * __pp_accept_kill - remove an entry, with its lock held
 * @entry: entry; not dead
 * @reason: counter of what ended it, or PP_STATS_ATTR_UNSPEC
 *
 * Its memory stays for an RCU grace period.
 */
void __pp_accept_kill(struct pp_accept *entry, enum pp_stats_attr reason)
{
	struct pp_accepts *accepts = &entry->net->accepts;

	lockdep_assert_held(&entry->lock);

	WRITE_ONCE(entry->state, PP_ACCEPT_DEAD);
	pp_accept_trace_state(entry, PP_TRACE_ENDED, reason);
	pp_netlink_event_accept_ended(entry, reason);
	if (reason != PP_STATS_ATTR_UNSPEC)
		this_cpu_inc(entry->net->stats->count[reason]);
	rhashtable_remove_fast(&accepts->by_wire, &entry->wire_node, wire_params);
	if (entry->has_inner)
		rhashtable_remove_fast(&accepts->by_inner, &entry->inner_node, inner_params);
	accept_release(entry);
	call_rcu(&entry->rcu, free_rcu_entry);
}

/**
 * pp_accept_kill - remove an entry unless it is dead
 * @entry: entry, not locked, under RCU
 * @reason: counter of what ended it, or PP_STATS_ATTR_UNSPEC
 */
void pp_accept_kill(struct pp_accept *entry, enum pp_stats_attr reason)
{
	spin_lock_bh(&entry->lock);
	if (entry->state != PP_ACCEPT_DEAD)
		__pp_accept_kill(entry, reason);
	spin_unlock_bh(&entry->lock);
}

int pp_accept_net_init(struct pp_net *pn)
{
	struct pp_accepts *accepts = &pn->accepts;
	int err;

	spin_lock_init(&accepts->lock);
	spin_lock_init(&accepts->reports.lock);
	INIT_LIST_HEAD(&accepts->confirm);
	skb_queue_head_init(&accepts->denials);
	skb_queue_head_init(&accepts->doubts);
	accepts->pending_limit = PP_PENDING_DEFAULT;
	accepts->limit = PP_ACCEPTED_DEFAULT;
	INIT_DELAYED_WORK(&accepts->gc, pp_accept_gc_work);
	INIT_WORK(&accepts->finish, pp_accept_finish_work);
	err = rhashtable_init(&accepts->by_wire, &wire_params);
	if (err)
		return err;
	err = rhashtable_init(&accepts->by_inner, &inner_params);
	if (err)
		goto destroy_by_wire;
	err = pp_accept_far_init(accepts);
	if (err)
		goto destroy_by_inner;
	return 0;

destroy_by_inner:
	rhashtable_destroy(&accepts->by_inner);
destroy_by_wire:
	rhashtable_destroy(&accepts->by_wire);
	return err;
}

static void accept_free_at_exit(void *ptr, void *arg)
{
	struct pp_accept *entry = ptr;

	spin_lock_bh(&entry->lock);
	accept_release(entry);
	spin_unlock_bh(&entry->lock);
	call_rcu(&entry->rcu, free_rcu_entry);
}

/* The hooks are gone, so no packet can find the entries any more */
void pp_accept_net_exit(struct pp_net *pn)
{
	struct pp_accepts *accepts = &pn->accepts;

	/* Each of them may queue the other */
	do {
		cancel_delayed_work_sync(&accepts->gc);
		cancel_work_sync(&accepts->finish);
	} while (delayed_work_pending(&accepts->gc));
	rhashtable_destroy(&accepts->by_inner);
	rhashtable_free_and_destroy(&accepts->by_wire, accept_free_at_exit, NULL);
	pp_accept_far_exit(accepts);
	skb_queue_purge(&accepts->denials);
	skb_queue_purge(&accepts->doubts);
	pp_accept_queues_exit(pn);
}

int __init pp_accept_init(void)
{
	cache = kmem_cache_create("proxyproto_accept", sizeof(struct pp_accept), 0, 0, NULL);
	pending_cache = kmem_cache_create("proxyproto_pending", sizeof(struct pp_pending), 0, 0,
					  NULL);
	if (cache && pending_cache)
		return 0;
	pp_accept_exit();
	return -ENOMEM;
}

/* Also called if pp_accept_init() fails; NULL caches are allowed */
void pp_accept_exit(void)
{
	kmem_cache_destroy(pending_cache);
	kmem_cache_destroy(cache);
}
