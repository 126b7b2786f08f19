// SPDX-License-Identifier: GPL-2.0
/*
 * Handshakes in progress: their table, their limit and their end.
 *
 * Owns when an entry is forgotten: at the acknowledgement of its header, at a
 * new SYN with another sequence number, or when nothing has come for long.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/netfilter/nf_conntrack.h>
#include "flow.h"
#include "offload.h"
#include "send.h"

/* A SYN or SYN-ACK is repeated within a minute; a client begins anew with the
 * same sequence number, and finds the same header, after that
 */
#define HALF_OPEN_TIMEOUT	(60 * HZ)
/* The same when more than half of the limit is in use */
#define HALF_OPEN_CROWDED	(10 * HZ)
/* Data without an answer is repeated at most 120 s apart */
#define HEADER_SENT_TIMEOUT	(300 * HZ)
/* A repeated answer to a reset finds its entry still */
#define CLOSED_TIMEOUT		(3 * HZ)
/* As long as a SYN cookie is good, if nothing else remembers what the client may
 * not say (send_guard.c)
 */
#define UNGUARDED_TIMEOUT	(130 * HZ)
#define GC_INTERVAL		HZ
/* The interval grows by itself for each so many entries that a run looks at */
#define GC_STEP			65536

static atomic_t *filter_of(const struct pp_flow *flow)
{
	const struct pp_flow_key *key = &flow->key;

	if (key->family == PP_IPV4)
		return pp_flow_filter_at(flow->net, key->src.ip, key->dst.ip, key->sport,
					 key->dport);
	return pp_flow_filter_at(flow->net, key->src.in6.s6_addr32[3],
				 key->dst.in6.s6_addr32[3], key->sport, key->dport);
}

static int compare(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct pp_flow *flow = obj;

	return !pp_flow_key_equal(arg->key, &flow->key);
}

static const struct rhashtable_params flow_params = {
	.head_offset = offsetof(struct pp_flow, node),
	.key_offset = offsetof(struct pp_flow, key),
	.key_len = sizeof(struct pp_flow_key),
	.hashfn = pp_flow_key_hash,
	.obj_cmpfn = compare,
	.automatic_shrinking = true,
};

/**
 * pp_flow_alloc - a new handshake, not in the table yet
 * @pn: namespace
 * @rule: rule that chose it
 * @header_len: bytes of the header
 *
 * Context: softirq, under RCU.
 * Return: the entry; ERR_PTR(-ENOSPC) at the limit; ERR_PTR(-ENOMEM)
 */
struct pp_flow *pp_flow_alloc(struct pp_net *pn, struct pp_rule *rule, u16 header_len)
{
	struct pp_flows *flows = &pn->flows;
	struct pp_flow *flow;
	u32 count;

	count = atomic_inc_return(&flows->count);
	if (count > READ_ONCE(flows->limit)) {
		atomic_dec(&flows->count);
		return ERR_PTR(-ENOSPC);
	}
	/* Before anything can fail: who counted 2 meanwhile relies on it */
	if (count == 1)
		queue_delayed_work(system_power_efficient_wq, &flows->gc, GC_INTERVAL);
	flow = kzalloc(struct_size(flow, header, header_len), GFP_ATOMIC | __GFP_NOWARN);
	if (!flow) {
		atomic_dec(&flows->count);
		return ERR_PTR(-ENOMEM);
	}
	atomic_inc(&flows->unbound);
	spin_lock_init(&flow->lock);
	flow->net = pn;
	refcount_inc(&rule->ref);
	flow->rule = rule;
	flow->rule_id = rule->id;
	flow->header_len = header_len;
	flow->created = jiffies;
	flow->client_wscale = PP_NO_WSCALE;
	flow->backend_wscale = PP_NO_WSCALE;
	pp_flow_touch(flow);
	return flow;
}

static void set_ct(struct pp_flow *flow, struct nf_conn *ct)
{
	if (!flow->ct != !ct)
		atomic_add(ct ? -1 : 1, &flow->net->flows.unbound);
	WRITE_ONCE(flow->ct, ct);
}

/**
 * pp_flow_bind - whose conntrack entry a handshake is
 * @flow: entry, locked or not in the table
 * @ct: conntrack entry that pp_offload_deny() took a reference on, or NULL: none
 *
 * The one that it had stays denied. It may be that which the connection goes on
 * with: of the same SYN's two copies at once, each has an entry, until conntrack
 * confirms one of them.
 */
void pp_flow_bind(struct pp_flow *flow, struct nf_conn *ct)
{
	if (flow->ct)
		nf_ct_put(flow->ct);
	set_ct(flow, ct);
}

static void unbind(struct pp_flow *flow)
{
	if (flow->ct)
		pp_offload_allow(flow->ct, flow->is_chained);
	set_ct(flow, NULL);
}

static void release(struct pp_flow *flow)
{
	pp_hold_drop(flow);
	unbind(flow);
	atomic_dec(&flow->net->flows.unbound);
	pp_rule_put(flow->rule);
	flow->rule = NULL;
	atomic_dec(&flow->net->flows.count);
}

/**
 * pp_flow_free - free an entry that never was in the table
 * @flow: entry
 */
void pp_flow_free(struct pp_flow *flow)
{
	release(flow);
	kfree(flow);
}

/**
 * pp_flow_insert - enter a handshake into the table
 * @flow: entry, complete; it is freed unless it is what is returned
 *
 * Context: softirq, under RCU.
 * Return: the entry that now stands for the connection: @flow or, if another
 * CPU was faster with the same SYN, its entry; ERR_PTR() when memory fails
 */
struct pp_flow *pp_flow_insert(struct pp_flow *flow)
{
	struct pp_flow *old;

	atomic_inc(filter_of(flow));
	/* Before the SYN leaves: its answer has to be found, on whatever CPU */
	smp_mb__after_atomic();
	old = rhashtable_lookup_get_insert_fast(&flow->net->flows.table, &flow->node,
						flow_params);
	if (!old)
		return flow;
	atomic_dec(filter_of(flow));
	pp_flow_free(flow);
	return old;
}

/**
 * pp_flow_find - the handshake of a packet
 * @pn: namespace
 * @key: the connection in the direction of the client's packets
 *
 * Context: under RCU. The entry may be dead: look again under its lock.
 */
struct pp_flow *pp_flow_find(struct pp_net *pn, const struct pp_flow_key *key)
{
	return rhashtable_lookup(&pn->flows.table, key, flow_params);
}

static unsigned long timeout_of(const struct pp_flow *flow)
{
	const struct pp_flows *flows = &flow->net->flows;
	bool unguarded = pp_flow_is_unfinished(flow) && !READ_ONCE(flow->ct);

	if (READ_ONCE(flow->closed))
		return unguarded ? UNGUARDED_TIMEOUT : CLOSED_TIMEOUT;
	if (READ_ONCE(flow->sent))
		return HEADER_SENT_TIMEOUT;
	if (unguarded)
		return UNGUARDED_TIMEOUT;
	if ((u32)atomic_read(&flows->count) > READ_ONCE(flows->limit) / 2)
		return HALF_OPEN_CROWDED;
	return HALF_OPEN_TIMEOUT;
}

/**
 * pp_flow_touch - a packet of the handshake passed
 * @flow: entry, locked or not in the table yet
 */
void pp_flow_touch(struct pp_flow *flow)
{
	WRITE_ONCE(flow->touched, jiffies);
}

/**
 * __pp_flow_kill - end a handshake, with its lock held
 * @flow: entry; not dead
 * @reason: counter of what ended it
 *
 * Its memory stays for an RCU grace period.
 */
void __pp_flow_kill(struct pp_flow *flow, enum pp_stats_attr reason)
{
	lockdep_assert_held(&flow->lock);

	flow->dead = true;
	if (reason == PP_STATS_ATTR_ACKED)
		atomic64_inc(&flow->rule->acked);
	this_cpu_inc(flow->net->stats->count[reason]);
	/* As long as it can be found no other has denied the offload */
	unbind(flow);
	rhashtable_remove_fast(&flow->net->flows.table, &flow->node, flow_params);
	atomic_dec(filter_of(flow));
	release(flow);
	kfree_rcu(flow, rcu);
}

/**
 * pp_flow_kill - end a handshake if it still goes on
 * @flow: entry, under RCU
 * @reason: counter of what ended it
 */
void pp_flow_kill(struct pp_flow *flow, enum pp_stats_attr reason)
{
	spin_lock_bh(&flow->lock);
	if (!flow->dead)
		__pp_flow_kill(flow, reason);
	spin_unlock_bh(&flow->lock);
}

/**
 * pp_flow_state - where a handshake stands, for people
 * @flow: entry, under RCU
 */
enum pp_conn_state pp_flow_state(struct pp_flow *flow)
{
	enum pp_conn_state state = PP_CONN_STATE_SYN_SENT;

	spin_lock_bh(&flow->lock);
	if (flow->closed)
		state = PP_CONN_STATE_CLOSED;
	else if (flow->sent)
		state = PP_CONN_STATE_HEADER_SENT;
	else if (flow->synack)
		state = PP_CONN_STATE_SYN_RECV;
	spin_unlock_bh(&flow->lock);
	return state;
}

/* What was half open when there was room has less time in a crowd, and the other way round */
static bool expired(struct pp_flow *flow)
{
	return time_after(jiffies, READ_ONCE(flow->touched) + timeout_of(flow));
}

static void gc_walk(struct pp_net *pn)
{
	struct rhashtable_iter iter;
	struct pp_flow *flow;

	rhashtable_walk_enter(&pn->flows.table, &iter);
	rhashtable_walk_start(&iter);
	while ((flow = rhashtable_walk_next(&iter))) {
		if (IS_ERR(flow)) /* the table was resized: it begins anew */
			continue;
		if (expired(flow))
			pp_flow_kill(flow, READ_ONCE(flow->closed) ? PP_STATS_ATTR_RESET :
								     PP_STATS_ATTR_EXPIRED);
		if (need_resched()) {
			rhashtable_walk_stop(&iter);
			cond_resched();
			rhashtable_walk_start(&iter);
		}
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
}

static void gc(struct work_struct *work)
{
	struct pp_net *pn = container_of(to_delayed_work(work), struct pp_net, flows.gc);
	int count;

	gc_walk(pn);
	count = atomic_read(&pn->flows.count);
	if (count) {
		queue_delayed_work(system_power_efficient_wq, &pn->flows.gc,
				   GC_INTERVAL * (1 + count / GC_STEP));
		return;
	}
	mutex_lock(&pn->lock);
	pp_net_unhook_idle(pn);
	mutex_unlock(&pn->lock);
}

/**
 * pp_flow_filter_init - the first send rule of a namespace comes
 * @pn: namespace, with its lock held; none of its hooks is registered that reads the filter
 *
 * Return: 0 or -ENOMEM
 */
int pp_flow_filter_init(struct pp_net *pn)
{
	struct pp_flows *flows = &pn->flows;

	if (!flows->filter)
		flows->filter = kvcalloc(BIT(PP_FLOW_FILTER_BITS), sizeof(*flows->filter),
					 GFP_KERNEL_ACCOUNT);
	return flows->filter ? 0 : -ENOMEM;
}

int pp_flow_net_init(struct pp_net *pn)
{
	int err;

	pn->flows.limit = PP_HANDSHAKES_DEFAULT;
	atomic_set(&pn->flows.count, 0);
	atomic_set(&pn->flows.unbound, 0);
	INIT_DELAYED_WORK(&pn->flows.gc, gc);
	err = pp_hold_net_init(pn);
	if (err)
		return err;
	err = rhashtable_init(&pn->flows.table, &flow_params);
	if (err)
		pp_hold_net_exit(pn);
	return err;
}

static void kill_at_exit(void *ptr, void *arg)
{
	struct pp_flow *flow = ptr;

	release(flow);
	kfree(flow);
}

/* No packet can find the entries any more: the hooks are gone */
void pp_flow_net_exit(struct pp_net *pn)
{
	pp_hold_net_stop(pn);
	cancel_delayed_work_sync(&pn->flows.gc);
	rhashtable_free_and_destroy(&pn->flows.table, kill_at_exit, NULL);
	pp_hold_net_exit(pn);
	kvfree(pn->flows.filter);
}
