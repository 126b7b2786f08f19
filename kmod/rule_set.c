// SPDX-License-Identifier: GPL-2.0
/*
 * Sets of rules: the one in force, and one that is to replace it.
 *
 * Owns the swap. A set is staged out of sight of all packets, rule by rule, and
 * belongs to the netlink socket that began it; its commit changes one pointer,
 * so that each search meets the old set or the new one, in full.
 */
#include <linux/netlink.h>
#include <linux/slab.h>
#include "event.h"
#include "rule.h"
#include "rule_index.h"

static struct pp_rules *set_alloc(void)
{
	struct pp_rules *rules = kzalloc(sizeof(*rules), GFP_KERNEL_ACCOUNT);
	int err;

	if (!rules)
		return ERR_PTR(-ENOMEM);
	xa_init_flags(&rules->by_id, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
	err = pp_rule_index_init(rules);
	if (err) {
		kfree(rules);
		return ERR_PTR(err);
	}
	return rules;
}

/* No packet can search it any more */
static void set_free(struct pp_rules *rules)
{
	pp_rule_clear(rules);
	xa_destroy(&rules->by_id);
	pp_rule_index_exit(rules);
	kfree(rules);
}

/**
 * pp_rules_in_force - the rules that packets meet
 * @pn: namespace, with its lock held
 */
struct pp_rules *pp_rules_in_force(const struct pp_net *pn)
{
	return rcu_dereference_protected(pn->rules, lockdep_is_held(&pn->lock));
}

/**
 * pp_rules_count - how many rules are in force
 * @pn: namespace
 */
u32 pp_rules_count(const struct pp_net *pn)
{
	u32 count;

	rcu_read_lock();
	count = READ_ONCE(rcu_dereference(pn->rules)->count);
	rcu_read_unlock();
	return count;
}

static void drop_staged(struct pp_net *pn)
{
	struct pp_rules *rules = pn->staged;

	WRITE_ONCE(pn->staged, NULL);
	pn->stager = 0;
	if (rules)
		set_free(rules);
}

/**
 * pp_rules_begin - stage an empty set
 * @pn: namespace, with its lock held
 * @portid: netlink port of the socket that the set is to belong to; what this
 *	socket has staged before is dropped
 * @extack: says what is wrong
 *
 * Return: 0; -EBUSY: another socket has a set staged; -ENOMEM
 */
int pp_rules_begin(struct pp_net *pn, u32 portid, struct netlink_ext_ack *extack)
{
	struct pp_rules *rules;

	lockdep_assert_held(&pn->lock);

	if (pn->staged && pn->stager != portid) {
		NL_SET_ERR_MSG(extack,
			       "another process is about to replace the rules: wait until it has ended");
		return -EBUSY;
	}
	rules = set_alloc();
	if (IS_ERR(rules))
		return PTR_ERR(rules);
	drop_staged(pn);
	WRITE_ONCE(pn->staged, rules);
	pn->stager = portid;
	return 0;
}

static int check_staged(struct pp_net *pn, u32 portid, struct netlink_ext_ack *extack)
{
	lockdep_assert_held(&pn->lock);

	if (pn->staged && pn->stager == portid)
		return 0;
	NL_SET_ERR_MSG(extack, "this socket has not begun to replace the rules");
	return -ENOENT;
}

/**
 * pp_rules_stage - put a rule into the staged set
 * @pn: namespace, with its lock held
 * @portid: netlink port of the socket that began the set
 * @rule: rule; on success the set takes over the caller's reference
 * @extack: says what is wrong
 *
 * Return: 0; -ENOENT: the socket began none; or as pp_rule_add()
 */
int pp_rules_stage(struct pp_net *pn, u32 portid, struct pp_rule *rule,
		   struct netlink_ext_ack *extack)
{
	int err = check_staged(pn, portid, extack);

	return err ? err : pp_rule_add(pn, pn->staged, rule, extack);
}

/**
 * pp_rules_commit - put the staged set into force, instead of all other rules
 * @pn: namespace, with its lock held
 * @portid: netlink port of the socket that began the set
 * @extack: says what is wrong
 *
 * Handshakes that a former rule chose go on with the header they have. On error
 * nothing has changed, and the set is still staged.
 *
 * Return: 0; -ENOENT: the socket began none; or an error of the hooks
 */
int pp_rules_commit(struct pp_net *pn, u32 portid, struct netlink_ext_ack *extack)
{
	struct pp_rules *old = pp_rules_in_force(pn), *new = pn->staged;
	int err = check_staged(pn, portid, extack);

	if (err)
		return err;
	err = pp_net_hook(pn, new);
	if (err) {
		NL_SET_ERR_MSG(extack, "the netfilter hooks could not be registered");
		pp_net_unhook_idle(pn);
		return err;
	}
	new->generation = old->generation + 1;
	rcu_assign_pointer(pn->rules, new);
	WRITE_ONCE(pn->staged, NULL);
	pn->stager = 0;
	pp_net_unhook_idle(pn);
	pp_event_rules(pn, PP_EVENT_RULE_REMOVED, old);
	pp_event_rules(pn, PP_EVENT_RULE_ADDED, new);
	/* A packet that searches the old set finds it whole */
	synchronize_rcu();
	set_free(old);
	return 0;
}

/**
 * pp_rules_drop - the socket that a staged set may belong to is gone
 * @pn: namespace
 * @portid: its netlink port
 */
void pp_rules_drop(struct pp_net *pn, u32 portid)
{
	/* Sockets of the family that stage nothing are many */
	if (!READ_ONCE(pn->staged))
		return;
	mutex_lock(&pn->lock);
	if (pn->stager == portid)
		drop_staged(pn);
	mutex_unlock(&pn->lock);
}

int pp_rules_net_init(struct pp_net *pn)
{
	struct pp_rules *rules = set_alloc();

	if (IS_ERR(rules))
		return PTR_ERR(rules);
	RCU_INIT_POINTER(pn->rules, rules);
	return 0;
}

/* The hooks are gone, and their packets */
void pp_rules_net_exit(struct pp_net *pn)
{
	mutex_lock(&pn->lock);
	drop_staged(pn);
	set_free(pp_rules_in_force(pn));
	RCU_INIT_POINTER(pn->rules, NULL);
	mutex_unlock(&pn->lock);
}
