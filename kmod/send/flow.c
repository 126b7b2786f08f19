// SPDX-License-Identifier: GPL-2.0
/*
 * Handshakes in progress: the life of their entries, and the table.
 *
 * Owns what an entry holds: a place below the limit, a reference on its rule, and one on
 * conntrack's entry, which it keeps from flow offload. gc.c ends entries that make no progress.
 */
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <net/netfilter/nf_conntrack.h>
#include "net.h"
#include "netlink/event.h"
#include "offload.h"
#include "packet/option.h"
#include "rule/rule.h"
#include "send/flow.h"
#include "send/internal.h"
#include "send/send.h"
#include "table.h"

static int flow_compare(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct pp_flow *flow = obj;

	return !pp_key_equals(arg->key, &flow->key);
}

const struct rhashtable_params pp_send_flow_params = {
	.head_offset = offsetof(struct pp_flow, node),
	.key_offset = offsetof(struct pp_flow, key),
	.key_len = sizeof(struct pp_conn_key),
	.hashfn = pp_key_hash,
	.obj_cmpfn = flow_compare,
	.automatic_shrinking = true,
};

/* How many places one class of rules may take; the rest is left for the other classes */
static u32 flow_share(u32 limit)
{
	return limit - limit / 8;
}

/*
 * Take a place below the limit. If there is none, evict a half-open handshake and try again, a few
 * times, since another CPU may take the place first.
 */
static bool flow_take_place(struct pp_net *pn, u32 of, u32 limit)
{
	unsigned int tries = 4;

	do {
		if (likely(pp_send_places_take(&pn->flows, of, limit)))
			return true;
	} while (tries-- && pp_send_half_open_evict(pn, of));
	return false;
}

/*
 * Take a place in the class of rules and one of the whole limit. A class that has used up its share
 * evicts handshakes of its own.
 */
static int flow_count(struct pp_net *pn, u32 class)
{
	u32 limit = READ_ONCE(pn->flows.limit);

	if (!flow_take_place(pn, class, flow_share(limit)))
		return -ENOSPC;
	if (flow_take_place(pn, PP_FLOW_CLASSES, limit))
		return 0;
	pp_send_places_give(&pn->flows, class);
	return -ENOSPC;
}

static void flow_uncount(struct pp_flows *flows, u32 class)
{
	pp_send_places_give(flows, class);
	pp_send_places_give(flows, PP_FLOW_CLASSES);
}

/**
 * pp_send_flow_alloc - allocate the entry of a handshake
 * @pn: namespace
 * @rule: rule that chose the connection
 * @header_len: length of the header in bytes
 *
 * Context: softirq or a process in a hook; under RCU; no pp_flow.lock held.
 * Return: the entry, not in the table yet; ERR_PTR(-ENOSPC) at the limit; ERR_PTR(-ENOMEM)
 */
struct pp_flow *pp_send_flow_alloc(struct pp_net *pn, struct pp_rule *rule, u16 header_len)
{
	struct pp_flows *flows = &pn->flows;
	struct pp_flow *flow;
	int err;

	err = flow_count(pn, pp_send_flow_class(rule->id));
	if (err)
		return ERR_PTR(err);
	flow = kzalloc(struct_size(flow, header, header_len), GFP_ATOMIC | __GFP_NOWARN);
	if (!flow) {
		flow_uncount(flows, pp_send_flow_class(rule->id));
		return ERR_PTR(-ENOMEM);
	}
	spin_lock_init(&flow->lock);
	flow->net = pn;
	pp_rule_get(rule);
	flow->rule = rule;
	flow->rule_id = rule->id;
	flow->header_len = header_len;
	flow->created = jiffies;
	flow->syn.is_set = true;
	flow->syn.client_wscale = PP_NO_WSCALE;
	flow->syn.backend_wscale = PP_NO_WSCALE;
	pp_send_flow_touch(flow);
	return flow;
}

/*
 * Count entries whose conntrack entry cannot be kept from flow offload. The flag of such a
 * conntrack entry does not tell whether the header is acknowledged (pp_send_guard_is_past()).
 */
static void flow_set_unbound(struct pp_flow *flow, bool is_unbound)
{
	if (flow->is_unbound != is_unbound)
		atomic_add(is_unbound ? 1 : -1, &flow->net->flows.unbound);
	flow->is_unbound = is_unbound;
}

/**
 * pp_send_flow_bind - set the conntrack entry of a handshake
 * @flow: entry
 * @ct: conntrack entry on which pp_offload_deny() has taken a reference, or NULL: none
 *
 * The old conntrack entry stays denied, since the connection may still use it. If two copies of one
 * SYN are forwarded at the same time, each has a conntrack entry until conntrack confirms one of
 * them.
 *
 * Context: pp_flow.lock held, or @flow is not in the table.
 */
void pp_send_flow_bind(struct pp_flow *flow, struct nf_conn *ct)
{
	if (flow->ct)
		nf_ct_put(flow->ct);
	WRITE_ONCE(flow->ct, ct);
	flow_set_unbound(flow, !ct);
}

static void flow_unbind(struct pp_flow *flow)
{
	if (flow->ct)
		pp_offload_allow(flow->ct, flow->is_chained);
	WRITE_ONCE(flow->ct, NULL);
}

static void flow_release(struct pp_flow *flow)
{
	pp_send_hold_drop(flow);
	flow_unbind(flow);
	flow_set_unbound(flow, false);
	pp_rule_put(flow->rule);
	flow->rule = NULL;
	flow_uncount(&flow->net->flows, pp_send_flow_class(flow->rule_id));
}

/**
 * pp_send_flow_free - free an entry that no packet can find
 * @flow: entry that never was in the table, or whose table is being destroyed
 *
 * Context: any; takes no pp_flow.lock.
 */
void pp_send_flow_free(struct pp_flow *flow)
{
	flow_release(flow);
	kfree(flow);
}

/**
 * pp_send_flow_insert - insert the entry of a handshake into the table
 * @flow: complete entry; it is freed unless it is returned
 *
 * Context: softirq or a process in a hook; under RCU.
 * Return: the entry that now stands for the connection: @flow or, if another CPU was faster with
 * the same SYN, that CPU's entry; ERR_PTR() if memory is short
 */
struct pp_flow *pp_send_flow_insert(struct pp_flow *flow)
{
	struct pp_flow *old;

	pp_send_filter_add(flow);
	/* The counter must be visible before the SYN leaves, or a CPU could miss the answer */
	smp_mb__after_atomic();
	old = rhashtable_lookup_get_insert_fast(&flow->net->flows.table, &flow->node,
						pp_send_flow_params);
	if (!old) {
		pp_send_gc_begin(&flow->net->flows);
		pp_send_trace_state(flow, __pp_send_flow_state(flow), PP_STATS_ATTR_UNSPEC);
		return flow;
	}
	atomic_dec(flow->counter);
	pp_send_flow_free(flow);
	return old;
}

/**
 * pp_send_flow_find - find the handshake of a packet
 * @pn: namespace
 * @key: the connection in the direction of the client's packets
 *
 * Context: under RCU.
 * Return: the entry, or NULL. The entry may be dead: check that under its lock.
 */
struct pp_flow *pp_send_flow_find(struct pp_net *pn, const struct pp_conn_key *key)
{
	return rhashtable_lookup(&pn->flows.table, key, pp_send_flow_params);
}

/**
 * pp_send_flow_touch - note that a handshake makes progress
 * @flow: entry
 *
 * Not for packets that anybody can cause again and again: they would keep the entry for ever.
 *
 * Context: pp_flow.lock held, or @flow is not in the table yet.
 */
void pp_send_flow_touch(struct pp_flow *flow)
{
	WRITE_ONCE(flow->touched, jiffies);
}

/*
 * Release the conntrack entry of a handshake that may go on: the client's next packet makes the
 * entry again. Until then the conntrack entry stays denied, so that this host sees that packet.
 */
static void flow_forget(struct pp_flow *flow)
{
	if (flow->ct && pp_send_flow_has_other_answer(flow))
		pp_send_guard_forget(flow->ct);
	if (flow->ct)
		nf_ct_put(flow->ct);
	WRITE_ONCE(flow->ct, NULL);
}

/**
 * __pp_send_flow_kill - end a handshake, with its lock held
 * @flow: entry; not dead
 * @reason: counter of what ended it
 *
 * The memory is freed after an RCU grace period, so the caller can still unlock.
 *
 * Context: pp_flow.lock held; under RCU.
 */
void __pp_send_flow_kill(struct pp_flow *flow, enum pp_stats_attr reason)
{
	lockdep_assert_held(&flow->lock);

	flow->dead = true;
	if (reason == PP_STATS_ATTR_ACKED)
		pp_rule_count(flow->rule, PP_RULE_ACKED);
	this_cpu_inc(flow->net->stats->count[reason]);
	pp_send_trace_state(flow, PP_TRACE_ENDED, reason);
	pp_netlink_event_flow_ended(flow, reason);
	pp_send_half_open_remove(flow);
	/* Before the removal: after it, another entry may deny the offload of the connection */
	if (reason == PP_STATS_ATTR_EXPIRED || reason == PP_STATS_ATTR_EVICTED)
		flow_forget(flow);
	else
		flow_unbind(flow);
	rhashtable_remove_fast(&flow->net->flows.table, &flow->node, pp_send_flow_params);
	atomic_dec(flow->counter);
	flow_release(flow);
	kfree_rcu(flow, rcu);
}

/**
 * pp_send_flow_evict - end a half-open handshake to make room for another one
 * @flow: entry
 *
 * Context: under RCU; no pp_flow.lock held.
 * Return: whether it was evicted; if not, it is in no list of half-open handshakes any more
 */
bool pp_send_flow_evict(struct pp_flow *flow)
{
	bool evicted;

	spin_lock_bh(&flow->lock);
	evicted = !flow->dead && flow->is_half_open &&
		  (flow->ct || pp_send_evicted_note_all(flow));
	if (evicted)
		__pp_send_flow_kill(flow, PP_STATS_ATTR_EVICTED);
	else
		pp_send_half_open_remove(flow);
	spin_unlock_bh(&flow->lock);
	return evicted;
}

/**
 * pp_send_flow_kill - end a handshake if it is still in progress
 * @flow: entry
 * @reason: counter of what ended it
 *
 * Context: under RCU; no pp_flow.lock held.
 */
void pp_send_flow_kill(struct pp_flow *flow, enum pp_stats_attr reason)
{
	spin_lock_bh(&flow->lock);
	if (!flow->dead)
		__pp_send_flow_kill(flow, reason);
	spin_unlock_bh(&flow->lock);
}

/**
 * __pp_send_flow_state - the state of a handshake, for display
 * @flow: entry
 *
 * Context: pp_flow.lock held, or the state may be that of a moment ago.
 * Return: state
 */
enum pp_conn_state __pp_send_flow_state(const struct pp_flow *flow)
{
	if (READ_ONCE(flow->closed))
		return PP_CONN_STATE_CLOSED;
	if (READ_ONCE(flow->sent))
		return PP_CONN_STATE_HEADER_SENT;
	return READ_ONCE(flow->syn.answered) ? PP_CONN_STATE_SYN_RECV : PP_CONN_STATE_SYN_SENT;
}

/**
 * pp_send_flow_state - the state of a handshake that may change meanwhile, for display
 * @flow: entry
 *
 * Context: under RCU; no pp_flow.lock held.
 * Return: state
 */
enum pp_conn_state pp_send_flow_state(struct pp_flow *flow)
{
	enum pp_conn_state state;

	spin_lock_bh(&flow->lock);
	state = __pp_send_flow_state(flow);
	spin_unlock_bh(&flow->lock);
	return state;
}

/**
 * pp_send_flow_free_at_exit - free an entry of a table that is being destroyed
 * @ptr: struct pp_flow
 * @arg: not used
 *
 * For rhashtable_free_and_destroy(). No packet can find the entry any more.
 *
 * Context: process, at the exit of a namespace.
 */
void pp_send_flow_free_at_exit(void *ptr, void *arg)
{
	pp_send_flow_free(ptr);
}
