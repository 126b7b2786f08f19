// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces: the beginning and end of their state, and their hooks.
 *
 * Owns the promise that a namespace without rules has no hook. The hooks of a
 * direction and family are registered with its first rule. They are unregistered
 * after its last rule, when there is no connection that needs them.
 */
#include <net/net_namespace.h>
#include <net/netfilter/ipv4/nf_defrag_ipv4.h>
#include <net/netfilter/ipv6/nf_defrag_ipv6.h>
#include "accept/accept.h"
#include "net.h"
#include "rule/rule.h"
#include "send/send.h"
#include "ulp/ulp.h"

unsigned int pp_net_id __read_mostly;

static const u8 nfproto[PP_FAMILIES] = { NFPROTO_IPV4, NFPROTO_IPV6 };

/**
 * struct pp_hooks - the hooks of a direction and family in a namespace
 * @rcu: for freeing: nfnetlink_hook reads @ops under RCU when it lists hooks
 * @count: number of @ops
 * @ops: the hooks; their private data is the struct pp_net, which each packet needs
 */
struct pp_hooks {
	struct rcu_head rcu;
	unsigned int count;
	struct nf_hook_ops ops[];
};

static const struct pp_direction_ops *const directions[PP_DIRECTIONS] = {
	[PP_DIRECTION_SEND] = &pp_send_ops,
	[PP_DIRECTION_ACCEPT] = &pp_accept_ops,
};

#define for_each_direction(direction) \
	for (direction = PP_DIRECTION_SEND; direction < PP_DIRECTIONS; direction++)

#define for_each_hook(direction, family)						\
	for_each_direction(direction)							\
		for (family = 0; family < PP_FAMILIES; family++)

/* Without defragmentation, fragments would pass without being seen */
static int defrag_begin(struct net *net, u8 nfproto)
{
	return nfproto == NFPROTO_IPV6 ? nf_defrag_ipv6_enable(net) : nf_defrag_ipv4_enable(net);
}

static void defrag_end(struct net *net, u8 nfproto)
{
	if (nfproto == NFPROTO_IPV6)
		nf_defrag_ipv6_disable(net);
	else
		nf_defrag_ipv4_disable(net);
}

static struct pp_hooks *make_hooks(struct pp_net *pn, int direction, int family)
{
	const struct nf_hook_ops *ops = directions[direction]->hooks[family];
	unsigned int i, count = directions[direction]->hook_count;
	struct pp_hooks *hooks = kmalloc(struct_size(hooks, ops, count), GFP_KERNEL);

	if (!hooks)
		return NULL;
	hooks->count = count;
	for (i = 0; i < count; i++) {
		hooks->ops[i] = ops[i];
		hooks->ops[i].priv = pn;
	}
	return hooks;
}

static int register_hooks(struct pp_net *pn, int direction, int family)
{
	int (*prepare)(struct pp_net *pn) = directions[direction]->prepare;
	struct pp_hooks *hooks;
	int err;

	if (!pp_stats_prepare(pn))
		return -ENOMEM;
	err = prepare ? prepare(pn) : 0;
	if (err)
		return err;
	hooks = make_hooks(pn, direction, family);
	if (!hooks)
		return -ENOMEM;
	err = defrag_begin(pn->net, nfproto[family]);
	if (err)
		goto free;
	err = nf_register_net_hooks(pn->net, hooks->ops, hooks->count);
	if (err)
		goto end_defrag;
	pn->hooks[direction][family] = hooks;
	return 0;

end_defrag:
	defrag_end(pn->net, nfproto[family]);
free:
	/* After a failure some were registered for a moment, and may still be read */
	kfree_rcu(hooks, rcu);
	return err;
}

/**
 * pp_net_hook - register the hooks of every direction and family that has a rule
 * @pn: namespace, with its lock held
 * @rules: rules in force, or about to be
 *
 * Return: 0, or the error of the registration; registered hooks stay registered
 */
int pp_net_hook(struct pp_net *pn, const struct pp_rules *rules)
{
	int direction, family, err;

	lockdep_assert_held(&pn->lock);

	for_each_hook(direction, family) {
		if (!rules->of_family[direction][family] || pn->hooks[direction][family])
			continue;
		err = register_hooks(pn, direction, family);
		if (err)
			return err;
	}
	return 0;
}

static void unregister_hooks(struct pp_net *pn, int direction, int family)
{
	struct pp_hooks *hooks = pn->hooks[direction][family];

	if (!hooks)
		return;
	nf_unregister_net_hooks(pn->net, hooks->ops, hooks->count);
	defrag_end(pn->net, nfproto[family]);
	pn->hooks[direction][family] = NULL;
	kfree_rcu(hooks, rcu);
}

static bool hooks_are_idle(const struct pp_net *pn, int direction, int family)
{
	return pn->hooks[direction][family] &&
	       !pp_rule_set_in_force(pn)->of_family[direction][family];
}

static bool any_hooks_are_idle(const struct pp_net *pn)
{
	int direction, family;

	for_each_hook(direction, family)
		if (hooks_are_idle(pn, direction, family))
			return true;
	return false;
}

/**
 * pp_net_unhook_idle - unregister hooks that have nothing left to do
 * @pn: namespace, with its lock held
 *
 * May sleep. Hooks stay while there are connections that need them; the garbage
 * collection calls again after the last connection. On return a packet may still be in
 * a hook: it finds nothing to do.
 */
void pp_net_unhook_idle(struct pp_net *pn)
{
	int direction, family;

	lockdep_assert_held(&pn->lock);

	if (!any_hooks_are_idle(pn))
		return;
	/* After this, every SYN that found the last rule has been counted as a connection */
	synchronize_rcu();
	for_each_hook(direction, family)
		if (hooks_are_idle(pn, direction, family) &&
		    !directions[direction]->count_connections(pn))
			unregister_hooks(pn, direction, family);
}

static int __net_init net_init(struct net *net)
{
	struct pp_net *pn = pp_net_of(net);
	int direction, err;

	pn->net = net;
	mutex_init(&pn->lock);
	mutex_init(&pn->stats_lock);
	err = pp_rule_net_init(pn);
	if (err)
		return err;
	for_each_direction(direction) {
		err = directions[direction]->net_init(pn);
		if (err)
			goto exit_directions;
	}
	return 0;

exit_directions:
	while (--direction >= PP_DIRECTION_SEND)
		directions[direction]->net_exit(pn);
	pp_rule_net_exit(pn);
	return err;
}

/* An RCU grace period ends before net_exit(), so that no packet is in the hooks then */
static void __net_exit net_pre_exit(struct net *net)
{
	struct pp_net *pn = pp_net_of(net);
	int direction, family;

	mutex_lock(&pn->lock);
	for_each_hook(direction, family)
		unregister_hooks(pn, direction, family);
	mutex_unlock(&pn->lock);
}

/*
 * Flows hold references on conntrack entries. This module depends on conntrack, so its
 * exit runs first, and conntrack does not wait for these entries in vain. Accepted
 * connections hold routes, which up to 5.18 kept the loopback device of an IPv6
 * namespace alive. So these are operations of a device, whose exit runs before the
 * devices are deleted.
 */
static void __net_exit net_exit(struct net *net)
{
	struct pp_net *pn = pp_net_of(net);
	int direction = PP_DIRECTIONS;

	pp_ulp_net_exit(pn);
	while (--direction >= PP_DIRECTION_SEND)
		directions[direction]->net_exit(pn);
	pp_rule_net_exit(pn);
	kfree(pn->stats_base);
	free_percpu(pn->stats);
}

static struct pernet_operations net_ops = {
	.init = net_init,
	.pre_exit = net_pre_exit,
	.exit = net_exit,
	.id = &pp_net_id,
	.size = sizeof(struct pp_net),
};

int __init pp_net_init(void)
{
	int err;

	err = pp_accept_init();
	if (err)
		return err;
	err = register_pernet_device(&net_ops);
	if (err)
		pp_accept_exit();
	return err;
}

void pp_net_exit(void)
{
	unregister_pernet_device(&net_ops);
	/* Callbacks of this module free rules and connections: wait for them */
	rcu_barrier();
	pp_accept_exit();
}
