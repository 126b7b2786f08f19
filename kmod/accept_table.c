// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: the connections, their limits, and how one is entered and removed.
 *
 * Each stands in one table by its addresses on the wire and, once the client is
 * known, in another by those that the application sees. Each holds a reference
 * on the module: without it, answers would reach the client untranslated.
 */
#include <linux/build_bug.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <net/dst.h>
#include "accept.h"

/*
 * What a connection may cost that is accepted, the table's own memory aside.
 * Locks that are being debugged are larger.
 */
static_assert(sizeof(struct pp_accept) <= 256 || IS_ENABLED(CONFIG_DEBUG_SPINLOCK));

/* How soon the garbage collection looks for the first time */
#define GC_INTERVAL	HZ

static struct kmem_cache *cache __read_mostly;
static struct kmem_cache *pending_cache __read_mostly;

static int compare_wire(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct pp_accept *entry = obj;

	return !pp_flow_key_equal(arg->key, &entry->wire);
}

static int compare_inner(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct pp_accept *entry = obj;

	return !pp_flow_key_equal(arg->key, &entry->inner);
}

static const struct rhashtable_params wire_params = {
	.head_offset = offsetof(struct pp_accept, wire_node),
	.key_offset = offsetof(struct pp_accept, wire),
	.key_len = sizeof(struct pp_flow_key),
	.hashfn = pp_flow_key_hash,
	.obj_cmpfn = compare_wire,
	.automatic_shrinking = true,
};

static const struct rhashtable_params inner_params = {
	.head_offset = offsetof(struct pp_accept, inner_node),
	.key_offset = offsetof(struct pp_accept, inner),
	.key_len = sizeof(struct pp_flow_key),
	.hashfn = pp_flow_key_hash,
	.obj_cmpfn = compare_inner,
	.automatic_shrinking = true,
};

/* Return: whether there is room for one more, which then is counted */
static bool take_room(struct pp_accepts *accepts)
{
	int pending = atomic_inc_return(&accepts->pending_count);
	int count = atomic_inc_return(&accepts->count);

	if ((u32)pending <= READ_ONCE(accepts->pending_limit) &&
	    (u32)(count - pending) <= READ_ONCE(accepts->limit))
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
 * pp_accept_alloc - a new connection, not in the table yet
 * @pn: namespace
 * @rule: rule that chose it
 *
 * Context: softirq, under RCU.
 * Return: the entry; ERR_PTR(-ENOSPC) at a limit; ERR_PTR(-ENOMEM)
 */
struct pp_accept *pp_accept_alloc(struct pp_net *pn, struct pp_rule *rule)
{
	struct pp_accepts *accepts = &pn->accepts;
	struct pp_pending *pending;
	struct pp_accept *entry;

	if (!take_room(accepts))
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
	refcount_inc(&rule->ref);
	pending->rule = rule;
	pending->began = jiffies;
	INIT_LIST_HEAD(&pending->node);
	INIT_LIST_HEAD(&pending->confirm_node);
	__skb_queue_head_init(&pending->queue);
	return entry;
}

/* Take what a pending connection holds out of all lists, and give it back */
static void drop_pending(struct pp_net *pn, struct pp_pending *pending)
{
	struct pp_accepts *accepts = &pn->accepts;

	spin_lock(&accepts->lock);
	list_del_init(&pending->node);
	list_del_init(&pending->confirm_node);
	spin_unlock(&accepts->lock);
	atomic_dec(&accepts->pending_count);
}

/**
 * pp_accept_free_pending - free what a connection no longer needs
 * @pn: namespace
 * @pending: from pp_accept_established()
 */
void pp_accept_free_pending(struct pp_net *pn, struct pp_pending *pending)
{
	__skb_queue_purge(&pending->queue);
	atomic_long_sub(pending->room + pending->queued, &pn->accepts.bytes);
	pp_rule_put(pending->rule);
	kfree(pending->buf);
	kmem_cache_free(pending_cache, pending);
}

/* Not in the table any more, or never was */
static void release(struct pp_accept *entry)
{
	struct pp_net *pn = entry->net;

	if (entry->pending) {
		drop_pending(pn, entry->pending);
		pp_accept_free_pending(pn, entry->pending);
		entry->pending = NULL;
	}
	pp_accept_uncount_header(entry);
	atomic_dec(&pn->accepts.count);
	module_put(THIS_MODULE);
}

/**
 * pp_accept_insert - enter a connection by its addresses on the wire
 * @entry: entry, complete; it is freed unless it is what is returned
 *
 * Context: softirq, under RCU.
 * Return: the entry that now stands for the connection: @entry or, if another
 * CPU was faster, its entry; ERR_PTR() when memory fails
 */
struct pp_accept *pp_accept_insert(struct pp_accept *entry)
{
	struct pp_accepts *accepts = &entry->net->accepts;
	struct pp_accept *old;

	spin_lock_bh(&accepts->lock);
	list_add_tail(&entry->pending->node, &accepts->pending);
	spin_unlock_bh(&accepts->lock);
	old = rhashtable_lookup_get_insert_fast(&accepts->by_wire, &entry->wire_node,
						wire_params);
	if (!old) {
		if (!delayed_work_pending(&accepts->gc))
			queue_delayed_work(system_power_efficient_wq, &accepts->gc,
					   GC_INTERVAL);
		return entry;
	}
	spin_lock_bh(&entry->lock);
	entry->state = PP_ACCEPT_DEAD;
	release(entry);
	spin_unlock_bh(&entry->lock);
	call_rcu(&entry->rcu, free_rcu_entry);
	return old;
}

/**
 * pp_accept_insert_inner - enter a connection by what the application will see
 * @entry: entry, with its lock held and @inner set
 *
 * Return: whether it is in; if not, others have these addresses and ports, or
 * memory failed
 */
bool pp_accept_insert_inner(struct pp_accept *entry)
{
	entry->has_inner = !rhashtable_lookup_insert_fast(&entry->net->accepts.by_inner,
							  &entry->inner_node, inner_params);
	return entry->has_inner;
}

/**
 * pp_accept_find_wire - the connection of a packet on the wire
 * @pn: namespace
 * @key: in the direction of the load balancer's packets
 *
 * Context: under RCU. The entry may be dead: look again under its lock.
 */
struct pp_accept *pp_accept_find_wire(struct pp_net *pn, const struct pp_flow_key *key)
{
	return rhashtable_lookup(&pn->accepts.by_wire, key, wire_params);
}

/**
 * pp_accept_find_inner - the connection of a packet as the application sees it
 * @pn: namespace
 * @key: in the direction of the client's packets
 *
 * Context: under RCU. The entry may be dead: look again under its lock.
 */
struct pp_accept *pp_accept_find_inner(struct pp_net *pn, const struct pp_flow_key *key)
{
	return rhashtable_lookup(&pn->accepts.by_inner, key, inner_params);
}

/**
 * pp_accept_established - the second handshake is over
 * @entry: entry, with its lock held, in PP_ACCEPT_CONFIRM
 *
 * From here on packets of other CPUs are translated.
 *
 * Return: what was pending, to be freed with pp_accept_free_pending()
 */
struct pp_pending *pp_accept_established(struct pp_accept *entry)
{
	struct pp_pending *pending = entry->pending;

	lockdep_assert_held(&entry->lock);

	if (pending->outcome == PP_STATS_ATTR_PASSED)
		atomic64_inc(&pending->rule->passed);
	else
		atomic64_inc(&pending->rule->accepted);
	this_cpu_inc(entry->net->stats->count[pending->outcome]);
	drop_pending(entry->net, pending);
	entry->pending = NULL;
	/* Pairs with the acquire of the hooks: all numbers are there */
	smp_store_release(&entry->state, PP_ACCEPT_ESTABLISHED);
	return pending;
}

/**
 * pp_accept_confirm_later - have the second handshake finished by a work
 * @entry: entry, with its lock held, in PP_ACCEPT_CONFIRM
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
 * __pp_accept_kill - forget a connection, with its lock held
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
	if (reason != PP_STATS_ATTR_UNSPEC)
		this_cpu_inc(entry->net->stats->count[reason]);
	rhashtable_remove_fast(&accepts->by_wire, &entry->wire_node, wire_params);
	if (entry->has_inner)
		rhashtable_remove_fast(&accepts->by_inner, &entry->inner_node, inner_params);
	release(entry);
	call_rcu(&entry->rcu, free_rcu_entry);
}

/**
 * pp_accept_kill - forget a connection unless that has happened
 * @entry: entry, under RCU
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
	INIT_LIST_HEAD(&accepts->pending);
	INIT_LIST_HEAD(&accepts->confirm);
	accepts->pending_limit = PP_PENDING_DEFAULT;
	accepts->limit = PP_ACCEPTED_DEFAULT;
	INIT_DELAYED_WORK(&accepts->gc, pp_accept_gc);
	INIT_WORK(&accepts->finish, pp_accept_finish_work);
	err = rhashtable_init(&accepts->by_wire, &wire_params);
	if (err)
		return err;
	err = rhashtable_init(&accepts->by_inner, &inner_params);
	if (err)
		rhashtable_destroy(&accepts->by_wire);
	return err;
}

static void free_at_exit(void *ptr, void *arg)
{
	struct pp_accept *entry = ptr;

	spin_lock_bh(&entry->lock);
	release(entry);
	spin_unlock_bh(&entry->lock);
	call_rcu(&entry->rcu, free_rcu_entry);
}

/* No packet can find the entries any more: the hooks are gone */
void pp_accept_net_exit(struct pp_net *pn)
{
	struct pp_accepts *accepts = &pn->accepts;

	cancel_delayed_work_sync(&accepts->gc);
	cancel_work_sync(&accepts->finish);
	rhashtable_destroy(&accepts->by_inner);
	rhashtable_free_and_destroy(&accepts->by_wire, free_at_exit, NULL);
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

/* Also where the module could not be initialised */
void pp_accept_exit(void)
{
	kmem_cache_destroy(pending_cache);
	kmem_cache_destroy(cache);
}
