// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces: birth and death of their state, and their hooks.
 *
 * Owns the rule that a namespace without rules has no hook registered. The
 * hooks of a direction and family come with its first rule and go after its last
 * one, once there is no connection that would break without them.
 */
#include <net/net_namespace.h>
#include <net/netfilter/ipv4/nf_defrag_ipv4.h>
#include <net/netfilter/ipv6/nf_defrag_ipv6.h>
#include "accept.h"
#include "flow.h"
#include "net.h"
#include "rule.h"
#include "send.h"

unsigned int pp_net_id __read_mostly;

static const u8 nfproto[PP_FAMILIES] = { NFPROTO_IPV4, NFPROTO_IPV6 };

/**
 * struct pp_hooks - the hooks of a direction and family in a namespace
 * @rcu: for freeing, since whoever lists hooks (nfnetlink_hook) reads @ops
 * @count: how many
 * @ops: of each; their private data is the struct pp_net, which each packet needs
 */
struct pp_hooks {
	struct rcu_head rcu;
	unsigned int count;
	struct nf_hook_ops ops[];
};

#define for_each_hook(direction, family)						\
	for (direction = PP_DIRECTION_SEND; direction < PP_DIRECTIONS; direction++)	\
		for (family = 0; family < PP_FAMILIES; family++)

/* Fragments would pass unseen */
static int defrag(struct net *net, u8 nfproto)
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
	bool is_send = direction == PP_DIRECTION_SEND;
	const struct nf_hook_ops *ops = is_send ? pp_send_hooks[family] : pp_accept_hooks[family];
	unsigned int i, count = is_send ? PP_SEND_HOOKS : PP_ACCEPT_HOOKS;
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

static int hook(struct pp_net *pn, int direction, int family)
{
	struct pp_hooks *hooks;
	int err;

	err = direction == PP_DIRECTION_SEND ? pp_flow_filter_init(pn) : 0;
	if (err)
		return err;
	hooks = make_hooks(pn, direction, family);
	if (!hooks)
		return -ENOMEM;
	err = defrag(pn->net, nfproto[family]);
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
	/* Some may have been registered for a moment */
	kfree_rcu(hooks, rcu);
	return err;
}

/**
 * pp_net_hook - register the hooks of every direction and family that has a rule
 * @pn: namespace, with its lock held
 * @rules: in force, or about to be
 *
 * Return: 0, or the error of the registration; hooks that are there stay
 */
int pp_net_hook(struct pp_net *pn, const struct pp_rules *rules)
{
	int direction, family, err;

	lockdep_assert_held(&pn->lock);

	for_each_hook(direction, family) {
		if (!rules->of_family[direction][family] || pn->hooks[direction][family])
			continue;
		err = hook(pn, direction, family);
		if (err)
			return err;
	}
	return 0;
}

static void unhook(struct pp_net *pn, int direction, int family)
{
	struct pp_hooks *hooks = pn->hooks[direction][family];

	if (!hooks)
		return;
	nf_unregister_net_hooks(pn->net, hooks->ops, hooks->count);
	defrag_end(pn->net, nfproto[family]);
	pn->hooks[direction][family] = NULL;
	kfree_rcu(hooks, rcu);
}

static bool is_idle(const struct pp_net *pn, int direction, int family)
{
	return pn->hooks[direction][family] &&
	       !pp_rules_in_force(pn)->of_family[direction][family];
}

static bool any_idle(const struct pp_net *pn)
{
	int direction, family;

	for_each_hook(direction, family)
		if (is_idle(pn, direction, family))
			return true;
	return false;
}

static bool has_connections(const struct pp_net *pn, int direction)
{
	return direction == PP_DIRECTION_SEND ? atomic_read(&pn->flows.count) :
						atomic_read(&pn->accepts.count);
}

/**
 * pp_net_unhook_idle - unregister hooks that have nothing left to do
 * @pn: namespace, with its lock held
 *
 * May sleep. While there are connections that need them the hooks stay; the
 * garbage collection calls again after the last. A packet may still be in them
 * on return: it finds nothing to do.
 */
void pp_net_unhook_idle(struct pp_net *pn)
{
	int direction, family;

	lockdep_assert_held(&pn->lock);

	if (!any_idle(pn))
		return;
	/* A SYN that found the last rule has been counted after this */
	synchronize_rcu();
	for_each_hook(direction, family)
		if (is_idle(pn, direction, family) && !has_connections(pn, direction))
			unhook(pn, direction, family);
}

static int __net_init net_init(struct net *net)
{
	struct pp_net *pn = pp_net(net);
	int err;

	pn->net = net;
	mutex_init(&pn->lock);
	pn->stats = alloc_percpu(struct pp_stats);
	if (!pn->stats)
		return -ENOMEM;
	err = pp_rules_net_init(pn);
	if (err)
		goto free_stats;
	err = pp_flow_net_init(pn);
	if (err)
		goto exit_rules;
	err = pp_accept_net_init(pn);
	if (err)
		goto exit_flows;
	return 0;

exit_flows:
	pp_flow_net_exit(pn);
exit_rules:
	pp_rules_net_exit(pn);
free_stats:
	free_percpu(pn->stats);
	return err;
}

/* Between this and net_exit() an RCU grace period ends for packets in the hooks */
static void __net_exit net_pre_exit(struct net *net)
{
	struct pp_net *pn = pp_net(net);
	int direction, family;

	mutex_lock(&pn->lock);
	for_each_hook(direction, family)
		unhook(pn, direction, family);
	mutex_unlock(&pn->lock);
}

/*
 * The flows hold references on conntrack entries. They are gone before
 * conntrack, which this module depends on, waits for its entries. And accepted
 * connections hold routes, which up to 5.18 kept the loopback device of an IPv6
 * namespace from going: so that this is ordered like a device, after whose exit
 * the devices go.
 */
static void __net_exit net_exit(struct net *net)
{
	struct pp_net *pn = pp_net(net);

	pp_accept_net_exit(pn);
	pp_flow_net_exit(pn);
	pp_rules_net_exit(pn);
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
	/* Rules and connections are freed by functions of this module */
	rcu_barrier();
	pp_accept_exit();
}
