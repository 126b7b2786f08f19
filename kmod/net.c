// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces: birth and death of their state, and their hooks.
 *
 * Owns the rule that a namespace without rules has no hook registered. The
 * hooks of a family come with its first rule and go after its last one, once
 * no handshake is in progress that would break without them.
 */
#include <net/net_namespace.h>
#include "flow.h"
#include "net.h"
#include "rule.h"
#include "send.h"

unsigned int pp_net_id __read_mostly;

static const u8 nfproto[PP_FAMILIES] = { NFPROTO_IPV4, NFPROTO_IPV6 };

/**
 * pp_net_hook - register the hooks of every family that has a rule
 * @pn: namespace, with its lock held
 *
 * Return: 0, or the error of the registration; hooks that are there stay
 */
int pp_net_hook(struct pp_net *pn)
{
	int family, err;

	lockdep_assert_held(&pn->lock);

	for (family = 0; family < PP_FAMILIES; family++) {
		if (!pn->rules.of_family[family] || pn->hooked[family])
			continue;
		err = pp_send_register(pn->net, nfproto[family]);
		if (err)
			return err;
		pn->hooked[family] = true;
	}
	return 0;
}

static void unhook(struct pp_net *pn, enum pp_family family)
{
	if (!pn->hooked[family])
		return;
	pp_send_unregister(pn->net, nfproto[family]);
	pn->hooked[family] = false;
}

static bool is_idle(const struct pp_net *pn, enum pp_family family)
{
	return pn->hooked[family] && !pn->rules.of_family[family];
}

/**
 * pp_net_unhook_idle - unregister hooks that have nothing left to do
 * @pn: namespace, with its lock held
 *
 * May sleep. While a handshake is in progress the hooks stay; the garbage
 * collection calls again after the last. A packet may still be in them on
 * return: it finds nothing to do.
 */
void pp_net_unhook_idle(struct pp_net *pn)
{
	int family;

	lockdep_assert_held(&pn->lock);

	if (!is_idle(pn, PP_IPV4) && !is_idle(pn, PP_IPV6))
		return;
	/* A SYN that found the last rule has been counted after this */
	synchronize_rcu();
	if (atomic_read(&pn->flows.count))
		return;
	for (family = 0; family < PP_FAMILIES; family++)
		if (is_idle(pn, family))
			unhook(pn, family);
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
	err = pp_rule_net_init(pn);
	if (err)
		goto free_stats;
	err = pp_flow_net_init(pn);
	if (err)
		goto exit_rules;
	return 0;

exit_rules:
	pp_rule_net_exit(pn);
free_stats:
	free_percpu(pn->stats);
	return err;
}

/* Between this and net_exit() an RCU grace period ends for packets in the hooks */
static void __net_exit net_pre_exit(struct net *net)
{
	struct pp_net *pn = pp_net(net);
	int family;

	mutex_lock(&pn->lock);
	for (family = 0; family < PP_FAMILIES; family++)
		unhook(pn, family);
	mutex_unlock(&pn->lock);
}

/*
 * The flows hold references on conntrack entries. They are gone before
 * conntrack, which this module depends on, waits for its entries.
 */
static void __net_exit net_exit(struct net *net)
{
	struct pp_net *pn = pp_net(net);

	pp_flow_net_exit(pn);
	pp_rule_net_exit(pn);
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
	return register_pernet_subsys(&net_ops);
}

void pp_net_exit(void)
{
	unregister_pernet_subsys(&net_ops);
	/* Rules are retired by a function of this module */
	rcu_barrier();
}
