// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: handshakes whose client has not sent its last ACK.
 *
 * Owns which of them is evicted at the limit. Anybody can send a SYN with any address, so an entry
 * that has proven nothing must not keep out later ones. Each CPU has a list for each class of
 * rules, the oldest entry first. At the limit, the oldest entry of the longest list is evicted, so
 * that a flood of one class of rules costs the clients of other classes nothing.
 *
 * An evicted handshake can go on: conntrack's entry has the ISN and the length of the header
 * (guard.c), and the client's last ACK makes the entry again (pp_send_remake_flow()). Without
 * conntrack, a record of the numbers prevents a forged header (evicted.c). Until there is room for
 * records, such an entry is in no list.
 */
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include "send/internal.h"

/**
 * struct pp_half_open - handshakes without the client's last ACK, of one CPU
 * @lock: protects all other fields; inside pp_flow.lock
 * @count: length of each list
 * @lists: struct pp_flow by class of rules, the oldest first
 */
struct pp_half_open {
	spinlock_t lock;
	u32 count[PP_FLOW_CLASSES];
	struct list_head lists[PP_FLOW_CLASSES];
};

/**
 * pp_send_half_open_add - allow that a half-open handshake is evicted
 * @flow: entry in the table
 *
 * Does nothing if the entry is not half-open, or could neither go on nor be recorded.
 *
 * Context: softirq or a process in a hook; pp_flow.lock held.
 */
void pp_send_half_open_add(struct pp_flow *flow)
{
	u32 class = pp_send_flow_class(flow->rule_id);
	struct pp_half_open *half;

	lockdep_assert_held(&flow->lock);

	if (flow->is_half_open || flow->proven || !(flow->ct || pp_send_evicted_takes(flow)))
		return;
	flow->is_half_open = true;
	flow->half_cpu = raw_smp_processor_id();
	half = per_cpu_ptr(flow->net->flows.half_open, flow->half_cpu);
	spin_lock(&half->lock);
	list_add_tail(&flow->half_node, &half->lists[class]);
	half->count[class]++;
	spin_unlock(&half->lock);
}

/**
 * pp_send_half_open_remove - do not allow that a handshake is evicted any more
 * @flow: entry
 *
 * Context: pp_flow.lock held.
 */
void pp_send_half_open_remove(struct pp_flow *flow)
{
	struct pp_half_open *half;

	if (!flow->is_half_open)
		return;
	half = per_cpu_ptr(flow->net->flows.half_open, flow->half_cpu);
	spin_lock(&half->lock);
	list_del(&flow->half_node);
	half->count[pp_send_flow_class(flow->rule_id)]--;
	spin_unlock(&half->lock);
	flow->is_half_open = false;
}

static u32 longest_list(const struct pp_half_open *half)
{
	u32 class, longest = 0;

	for (class = 1; class < PP_FLOW_CLASSES; class++)
		if (half->count[class] > half->count[longest])
			longest = class;
	return longest;
}

/* The entry that is returned stays in memory as long as the caller holds the RCU read lock */
static struct pp_flow *half_open_oldest(struct pp_half_open *half, u32 class)
{
	struct pp_flow *flow;

	spin_lock_bh(&half->lock);
	if (class == PP_FLOW_CLASSES)
		class = longest_list(half);
	flow = list_first_entry_or_null(&half->lists[class], struct pp_flow, half_node);
	spin_unlock_bh(&half->lock);
	return flow;
}

static bool evict_from(struct pp_half_open *half, u32 class)
{
	struct pp_flow *flow;

	while ((flow = half_open_oldest(half, class)))
		if (pp_send_flow_evict(flow))
			return true;
	return false;
}

/**
 * pp_send_half_open_evict - evict a half-open handshake
 * @pn: namespace
 * @class: class of rules to evict from, or PP_FLOW_CLASSES for the longest list
 *
 * This CPU's lists come first, then those of the other CPUs.
 *
 * Context: under RCU; no pp_flow.lock held.
 * Return: whether one was evicted
 */
bool pp_send_half_open_evict(struct pp_net *pn, u32 class)
{
	int cpu;

	if (evict_from(raw_cpu_ptr(pn->flows.half_open), class))
		return true;
	for_each_possible_cpu(cpu)
		if (evict_from(per_cpu_ptr(pn->flows.half_open, cpu), class))
			return true;
	return false;
}

/**
 * pp_send_half_open_init - allocate the lists of half-open handshakes
 * @pn: namespace that gets its first send rule
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM
 */
int pp_send_half_open_init(struct pp_net *pn)
{
	u32 class;
	int cpu;

	pn->flows.half_open = alloc_percpu_gfp(struct pp_half_open, GFP_KERNEL_ACCOUNT);
	if (!pn->flows.half_open)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct pp_half_open *half = per_cpu_ptr(pn->flows.half_open, cpu);

		spin_lock_init(&half->lock);
		for (class = 0; class < PP_FLOW_CLASSES; class++)
			INIT_LIST_HEAD(&half->lists[class]);
	}
	return 0;
}
