// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: the handshake's last ACK waits for the client's first data.
 *
 * Owns how long, and whether at all. Most clients speak as soon as they are
 * connected: then the header goes in front of what they say, and a packet to
 * the backend and its answer are saved. An ACK that nothing follows goes on
 * with the header after one to two times HOLD_TICKS. Where clients let the
 * server speak first, ACKs of the rule wait no longer, but for one now and then, ever
 * more seldom, to see whether that is still so.
 *
 * ACKs wait on the CPU that they came by, in the list of those that came since the
 * timer last ran; then, in that of those that are due when it runs again. So
 * none needs a timer or a time of its own. The CPU's is one of those that its tick
 * runs, so that it costs no interrupt.
 */
#include <linux/netdevice.h>
#include <linux/netfilter_bridge.h>
#include <linux/timer.h>
#include <net/dst.h>
#include "offload.h"
#include "send.h"

/* Of 2 ms, rounded up */
#define HOLD_TICKS	msecs_to_jiffies(2)

/* Those of RFC 9293 and, in front of them, the reserved bits, of which one is AccECN's */
#define ALL_FLAGS	htonl(0x0fff0000)

/* An ACK that waited in vain counts as much as this many that did not */
#define SILENT_STEP	8
/* From here on ACKs of the rule's connections do not wait; and no higher than that */
#define SILENT_ENOUGH	16
#define SILENT_MAX	20
/* But one in this time does, which doubles so many times until data comes */
#define PROBE_INTERVAL	HZ
#define PROBES_MAX	10

/**
 * struct pp_hold - ACKs that wait on one CPU
 * @lock: protects what follows; inside pp_flow.lock
 * @fresh: struct pp_flow whose ACK came since the timer ran
 * @due: those whose ACK goes on when it runs again
 * @timer: runs while there are any
 * @running: it does
 */
struct pp_hold {
	spinlock_t lock;
	struct list_head fresh;
	struct list_head due;
	struct timer_list timer;
	bool running;
};

static void note_silent(struct pp_rule *rule)
{
	WRITE_ONCE(rule->probed, jiffies);
	WRITE_ONCE(rule->silent, min(READ_ONCE(rule->silent) + SILENT_STEP, SILENT_MAX));
}

static void note_speaking(struct pp_rule *rule)
{
	u8 silent = READ_ONCE(rule->silent);

	if (silent)
		WRITE_ONCE(rule->silent, silent - 1);
	if (READ_ONCE(rule->probes))
		WRITE_ONCE(rule->probes, 0);
}

/* HOLD_TICKS behind the last tick: what is due at jiffies runs with the next one */
static void start(struct pp_hold *hold)
{
	mod_timer(&hold->timer, jiffies + HOLD_TICKS - 1);
}

static bool is_worthwhile(struct pp_rule *rule)
{
	u8 probes = READ_ONCE(rule->probes);

	if (READ_ONCE(rule->silent) < SILENT_ENOUGH)
		return true;
	if (time_before(jiffies, READ_ONCE(rule->probed) + (PROBE_INTERVAL << probes)))
		return false;
	WRITE_ONCE(rule->probed, jiffies);
	WRITE_ONCE(rule->probes, min(probes + 1, PROBES_MAX));
	return true;
}

/*
 * Whether a packet can go on from here later, with nothing but itself: it belongs to
 * no socket or bridge, and conntrack has nothing left to do to it.
 */
static bool is_independent(const struct sk_buff *skb, const struct nf_hook_state *state)
{
	enum ip_conntrack_info ctinfo;
	const struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	return state->hook == NF_INET_POST_ROUTING && !skb->sk && !nf_bridge_info_exists(skb) &&
	       !(state->out->flags & IFF_LOOPBACK) && !(ct && pp_offload_is_adjusted(ct));
}

/**
 * pp_hold_begin - let the handshake's last ACK wait, if that is to be
 * @flow: handshake in progress, locked
 * @pkt: packet of the client
 * @state: of the hook
 *
 * Return: whether it waits: the packet is not the caller's any more
 */
bool pp_hold_begin(struct pp_flow *flow, const struct pp_packet *pkt,
		   const struct nf_hook_state *state)
{
	struct pp_hold *hold = this_cpu_ptr(flow->net->flows.hold);
	struct sk_buff *skb = pkt->skb;

	lockdep_assert_held(&flow->lock);

	if (flow->sent || flow->held || pkt->payload || pkt->seq != flow->isn + 1 ||
	    (tcp_flag_word(&pkt->th) & ALL_FLAGS) != TCP_FLAG_ACK || !is_independent(skb, state) ||
	    !is_worthwhile(flow->rule) || !skb_dst_force(skb))
		return false;
	dev_hold(skb->dev);
	flow->held = skb;
	flow->held_okfn = state->okfn;
	flow->hold_cpu = smp_processor_id();
	spin_lock(&hold->lock);
	list_add_tail(&flow->hold_node, &hold->fresh);
	if (!hold->running)
		start(hold);
	hold->running = true;
	spin_unlock(&hold->lock);
	pp_stats_inc(flow->net, ACK_HELD);
	return true;
}

static struct sk_buff *take(struct pp_flow *flow)
{
	struct sk_buff *skb = flow->held;
	struct pp_hold *hold;

	if (!skb)
		return NULL;
	hold = per_cpu_ptr(flow->net->flows.hold, flow->hold_cpu);
	spin_lock(&hold->lock);
	list_del(&flow->hold_node);
	spin_unlock(&hold->lock);
	flow->held = NULL;
	return skb;
}

/**
 * pp_hold_drop - an ACK that waits is not needed any more
 * @flow: handshake in progress, locked, or that no packet can find
 *
 * Return: whether there was one
 */
bool pp_hold_drop(struct pp_flow *flow)
{
	struct sk_buff *skb = take(flow);

	if (!skb)
		return false;
	dev_put(skb->dev);
	consume_skb(skb);
	return true;
}

/**
 * pp_hold_end - another packet of the client takes the header along
 * @flow: handshake in progress, locked
 * @pkt: packet
 */
void pp_hold_end(struct pp_flow *flow, const struct pp_packet *pkt)
{
	if (pp_hold_drop(flow) && (pkt->payload || pkt->th.fin))
		note_speaking(flow->rule);
}

static void go_on(struct pp_flow *flow)
{
	struct net_device *dev;
	struct sk_buff *skb;
	bool ok = false;

	spin_lock(&flow->lock);
	skb = take(flow);
	if (skb) {
		note_silent(flow->rule);
		pp_stats_inc(flow->net, ACK_HELD_IN_VAIN);
		ok = pp_send_on_ack(flow, skb);
	}
	spin_unlock(&flow->lock);
	if (!skb)
		return;
	dev = skb->dev;
	if (ok)
		flow->held_okfn(flow->net->net, NULL, skb);
	else
		kfree_skb(skb);
	dev_put(dev);
}

/* Its flow stays in memory as long as the RCU read lock is held, and the entry
 * there until someone takes its ACK
 */
static struct pp_flow *first_due(struct pp_hold *hold)
{
	struct pp_flow *flow;

	spin_lock(&hold->lock);
	flow = list_first_entry_or_null(&hold->due, struct pp_flow, hold_node);
	spin_unlock(&hold->lock);
	return flow;
}

static bool next_round(struct pp_hold *hold)
{
	bool running;

	spin_lock(&hold->lock);
	list_splice_init(&hold->fresh, &hold->due);
	running = !list_empty(&hold->due);
	hold->running = running;
	spin_unlock(&hold->lock);
	return running;
}

static void run(struct timer_list *timer)
{
	struct pp_hold *hold = container_of(timer, struct pp_hold, timer);
	struct pp_flow *flow;

	rcu_read_lock();
	while ((flow = first_due(hold)))
		go_on(flow);
	rcu_read_unlock();
	if (next_round(hold))
		start(hold);
}

int pp_hold_net_init(struct pp_net *pn)
{
	int cpu;

	pn->flows.hold = alloc_percpu(struct pp_hold);
	if (!pn->flows.hold)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct pp_hold *hold = per_cpu_ptr(pn->flows.hold, cpu);

		spin_lock_init(&hold->lock);
		INIT_LIST_HEAD(&hold->fresh);
		INIT_LIST_HEAD(&hold->due);
		timer_setup(&hold->timer, run, TIMER_PINNED);
	}
	return 0;
}

/**
 * pp_hold_net_stop - no ACK goes on any more by itself
 * @pn: namespace, whose hooks are gone
 */
void pp_hold_net_stop(struct pp_net *pn)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct pp_hold *hold = per_cpu_ptr(pn->flows.hold, cpu);

		timer_delete_sync(&hold->timer);
	}
}

/* None waits any more */
void pp_hold_net_exit(struct pp_net *pn)
{
	free_percpu(pn->flows.hold);
}
