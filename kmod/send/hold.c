// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: the handshake's last ACK waits for the client's first data.
 *
 * Owns how long. Most clients send data as soon as they are connected. Then the header goes in
 * front of that data, which saves a packet to the backend and its answer. If no data comes, the
 * ACK leaves with the header after one to two times HOLD_TICKS. Whether an ACK waits at all depends
 * on the rule (habit.c).
 *
 * ACKs wait on the CPU that handled them: first in the list of ACKs that came since the timer last
 * ran, then in the list of those that are due when it runs again. So one timer for each CPU is
 * enough, and no ACK needs a time stamp. The timer expires with the CPU's tick and costs no
 * interrupt of its own.
 */
#include <linux/netdevice.h>
#include <linux/netfilter_bridge.h>
#include <linux/timer.h>
#include <net/dst.h>
#include "offload.h"
#include "send/internal.h"

/* 2 ms, rounded up */
#define HOLD_TICKS	msecs_to_jiffies(2)

/* The flags of RFC 9293 and the reserved bits in front of them, one of which is AccECN's */
#define ALL_FLAGS	htonl(0x0fff0000)

/* Different routes that the ACKs of a round can use; connections that go one way share a route */
#define HOLD_ROUTES	4

/**
 * struct pp_hold_round - ACKs that came between two runs of the timer
 * @acks: list of struct pp_flow, linked by hold_node; pp_hold.lock
 * @routes: routes of their packets; pp_hold.lock. The round holds one reference for all its ACKs,
 *	so that CPUs do not contend for the route's counter with each ACK.
 */
struct pp_hold_round {
	struct list_head acks;
	struct dst_entry *routes[HOLD_ROUTES];
};

/**
 * struct pp_hold - ACKs that wait on one CPU
 * @lock: protects all other fields; inside pp_flow.lock
 * @fresh: ACKs that came since the timer last ran
 * @due: ACKs that leave when the timer runs again
 * @timer: runs send_hold_run()
 * @running: @timer is armed, or is about to be armed again
 */
struct pp_hold {
	spinlock_t lock;
	struct pp_hold_round fresh;
	struct pp_hold_round due;
	struct timer_list timer;
	bool running;
};

/* A timer that is due at jiffies runs with the next tick: HOLD_TICKS after the last one */
static void hold_start_timer(struct pp_hold *hold)
{
	mod_timer(&hold->timer, jiffies + HOLD_TICKS - 1);
}

/*
 * Whether a packet can continue from this hook later. It must belong to no socket or bridge.
 * Conntrack must not have any work left behind this hook: it would never confirm an entry that is
 * not confirmed yet, and it would not adjust sequence numbers.
 */
static bool hold_is_possible(const struct sk_buff *skb, const struct nf_hook_state *state)
{
	enum ip_conntrack_info ctinfo;
	const struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	if (ct && (!nf_ct_is_confirmed(ct) || pp_offload_is_adjusted(ct)))
		return false;
	return state->hook == NF_INET_POST_ROUTING && !skb->sk && !nf_bridge_info_exists(skb) &&
	       !(state->out->flags & IFF_LOOPBACK);
}

/* Make the route of a packet last while the packet waits. Return: whether that worked */
static bool hold_keep_route(struct pp_hold_round *round, const struct sk_buff *skb)
{
	struct dst_entry *dst = skb_dst(skb);
	unsigned int i;

	if (!skb_dst_is_noref(skb))
		return true;
	for (i = 0; i < HOLD_ROUTES && round->routes[i]; i++)
		if (round->routes[i] == dst)
			return true;
	if (i == HOLD_ROUTES || !dst_hold_safe(dst))
		return false;
	round->routes[i] = dst;
	return true;
}

/* ACKs that were taken out of the list are sent under RCU, which keeps their route alive, too */
static void hold_put_routes(struct pp_hold_round *round)
{
	unsigned int i;

	for (i = 0; i < HOLD_ROUTES && round->routes[i]; i++)
		dst_release(round->routes[i]);
	memset(round->routes, 0, sizeof(round->routes));
}

static bool hold_enter(struct pp_hold *hold, struct pp_flow *flow, const struct sk_buff *skb)
{
	bool ok;

	spin_lock(&hold->lock);
	ok = hold_keep_route(&hold->fresh, skb);
	if (ok)
		list_add_tail(&flow->hold_node, &hold->fresh.acks);
	if (ok && !hold->running) {
		hold_start_timer(hold);
		hold->running = true;
	}
	spin_unlock(&hold->lock);
	return ok;
}

/* Whether a packet is the handshake's last ACK, without data or other flags, for the first time */
static bool is_plain_ack(const struct pp_flow *flow, const struct pp_packet *pkt)
{
	return !flow->sent && !flow->held && !pkt->payload && pkt->seq == flow->syn.isn + 1 &&
	       (tcp_flag_word(&pkt->th) & ALL_FLAGS) == TCP_FLAG_ACK;
}

/**
 * pp_send_hold_begin - let the handshake's last ACK wait if that is possible and useful
 * @flow: handshake in progress
 * @pkt: packet of the client
 * @state: of the hook
 *
 * Context: softirq or a process in a hook; pp_flow.lock held.
 * Return: whether the packet waits; then the caller must not touch it any more
 */
bool pp_send_hold_begin(struct pp_flow *flow, const struct pp_packet *pkt,
			const struct nf_hook_state *state)
{
	u32 cpu = raw_smp_processor_id();
	struct pp_hold *hold = per_cpu_ptr(flow->net->flows.hold, cpu);
	struct sk_buff *skb = pkt->skb;

	lockdep_assert_held(&flow->lock);

	if (!is_plain_ack(flow, pkt) || !hold_is_possible(skb, state) ||
	    !pp_send_habit_may_wait(flow->rule) || !hold_enter(hold, flow, skb))
		return false;
	pp_send_habit_note_wait(flow->rule);
	dev_hold(skb->dev);
	flow->held = skb;
	flow->held_okfn = state->okfn;
	flow->hold_cpu = cpu;
	pp_stats_inc(flow->net, ACK_HELD);
	return true;
}

static struct sk_buff *hold_take(struct pp_flow *flow)
{
	struct sk_buff *skb = flow->held;
	struct pp_hold *hold;

	if (!skb)
		return NULL;
	hold = per_cpu_ptr(flow->net->flows.hold, flow->hold_cpu);
	/* At the exit of a namespace this runs in process context, without pp_flow.lock */
	spin_lock_bh(&hold->lock);
	list_del(&flow->hold_node);
	spin_unlock_bh(&hold->lock);
	flow->held = NULL;
	return skb;
}

/**
 * pp_send_hold_drop - free an ACK that waits
 * @flow: handshake in progress
 *
 * Context: pp_flow.lock held, or no packet can find the entry.
 * Return: whether an ACK waited
 */
bool pp_send_hold_drop(struct pp_flow *flow)
{
	struct sk_buff *skb = hold_take(flow);

	if (!skb)
		return false;
	dev_put(skb->dev);
	consume_skb(skb);
	return true;
}

/**
 * pp_send_hold_end - free an ACK that waits, since another packet takes the header along
 * @flow: handshake in progress
 * @pkt: the other packet of the client
 *
 * Context: pp_flow.lock held.
 */
void pp_send_hold_end(struct pp_flow *flow, const struct pp_packet *pkt)
{
	if (pp_send_hold_drop(flow) && (pkt->payload || pkt->th.fin))
		pp_send_habit_note_speaking(flow->rule);
}

/**
 * pp_send_hold_let_go - send an ACK that waits, with the header
 * @flow: handshake in progress
 * @in_vain: the time is over and no data has come
 *
 * Context: softirq, or a process that sends; under RCU; pp_flow.lock not held.
 */
void pp_send_hold_let_go(struct pp_flow *flow, bool in_vain)
{
	struct net_device *dev;
	struct sk_buff *skb;
	bool ok = false;

	spin_lock_bh(&flow->lock);
	skb = hold_take(flow);
	if (skb && in_vain) {
		pp_send_habit_note_silent(flow->rule);
		pp_stats_inc(flow->net, ACK_HELD_IN_VAIN);
	}
	if (skb)
		ok = pp_send_put_on_ack(flow, skb);
	spin_unlock_bh(&flow->lock);
	if (!skb)
		return;
	dev = skb->dev;
	if (ok)
		flow->held_okfn(flow->net->net, NULL, skb);
	else
		kfree_skb(skb);
	dev_put(dev);
}

/*
 * The entry stays in the list until somebody takes its ACK, and in memory as long as the caller
 * holds the RCU read lock.
 */
static struct pp_flow *hold_first_due(struct pp_hold *hold)
{
	struct pp_flow *flow;

	spin_lock(&hold->lock);
	flow = list_first_entry_or_null(&hold->due.acks, struct pp_flow, hold_node);
	spin_unlock(&hold->lock);
	return flow;
}

/* The due list must be empty */
static void swap_rounds(struct pp_hold *hold)
{
	list_splice_init(&hold->fresh.acks, &hold->due.acks);
	memcpy(hold->due.routes, hold->fresh.routes, sizeof(hold->due.routes));
	memset(hold->fresh.routes, 0, sizeof(hold->fresh.routes));
}

static bool hold_next_round(struct pp_hold *hold)
{
	bool running;

	spin_lock(&hold->lock);
	hold_put_routes(&hold->due);
	swap_rounds(hold);
	running = !list_empty(&hold->due.acks);
	hold->running = running;
	spin_unlock(&hold->lock);
	return running;
}

static void send_hold_run(struct timer_list *timer)
{
	struct pp_hold *hold = container_of(timer, struct pp_hold, timer);
	struct pp_flow *flow;

	rcu_read_lock();
	while ((flow = hold_first_due(hold)))
		pp_send_hold_let_go(flow, true);
	rcu_read_unlock();
	if (hold_next_round(hold))
		hold_start_timer(hold);
}

/**
 * pp_send_hold_init - allocate the lists and timers of waiting ACKs
 * @pn: namespace that gets its first send rule
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM
 */
int pp_send_hold_init(struct pp_net *pn)
{
	int cpu;

	pn->flows.hold = alloc_percpu(struct pp_hold);
	if (!pn->flows.hold)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct pp_hold *hold = per_cpu_ptr(pn->flows.hold, cpu);

		spin_lock_init(&hold->lock);
		INIT_LIST_HEAD(&hold->fresh.acks);
		INIT_LIST_HEAD(&hold->due.acks);
		timer_setup(&hold->timer, send_hold_run, TIMER_PINNED);
	}
	return 0;
}

/**
 * pp_send_hold_net_stop - stop the timers of waiting ACKs
 * @pn: namespace, whose hooks are gone
 *
 * ACKs that still wait are freed with their entries (pp_send_net_exit()).
 *
 * Context: process; may sleep.
 */
void pp_send_hold_net_stop(struct pp_net *pn)
{
	int cpu;

	if (!pn->flows.hold)
		return;
	for_each_possible_cpu(cpu) {
		struct pp_hold *hold = per_cpu_ptr(pn->flows.hold, cpu);

		timer_delete_sync(&hold->timer);
		hold_put_routes(&hold->due);
		hold_put_routes(&hold->fresh);
	}
}
