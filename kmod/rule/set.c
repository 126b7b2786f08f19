// SPDX-License-Identifier: GPL-2.0
/*
 * Sets of rules: the set in force, and a staged set that will replace it.
 *
 * Owns the swap. A set is staged rule by rule, while no packet sees it, and belongs to
 * the netlink socket that began it. The commit changes one pointer, so that each
 * search finds either the whole old set or the whole new set. A rule that stays
 * unchanged is in both sets, so that its id and its counters stay.
 */
#include <linux/netlink.h>
#include <linux/slab.h>
#include "net.h"
#include "netlink/event.h"
#include "rule/index.h"
#include "rule/rule.h"

static struct pp_rules *set_alloc(unsigned int side)
{
	struct pp_rules *rules = kzalloc(sizeof(*rules), GFP_KERNEL_ACCOUNT);
	int err;

	if (!rules)
		return ERR_PTR(-ENOMEM);
	rules->side = side;
	xa_init_flags(&rules->by_id, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
	err = pp_rule_index_init(rules);
	if (err) {
		kfree(rules);
		return ERR_PTR(err);
	}
	return rules;
}

/* After a grace period, so that no packet searches it */
static void set_free(struct pp_rules *rules)
{
	pp_rule_clear(rules);
	xa_destroy(&rules->by_id);
	pp_rule_index_exit(rules);
	kfree(rules);
}

/**
 * pp_rule_set_in_force - the rules that packets find
 * @pn: namespace, with its lock held
 */
struct pp_rules *pp_rule_set_in_force(const struct pp_net *pn)
{
	return rcu_dereference_protected(pn->rules, lockdep_is_held(&pn->lock));
}

/**
 * pp_rule_set_count - how many rules are in force
 * @pn: namespace
 */
u32 pp_rule_set_count(const struct pp_net *pn)
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
 * pp_rule_set_begin - stage an empty set
 * @pn: namespace, with its lock held
 * @portid: netlink port of the socket that the set will belong to; a set that this
 *	socket staged before is dropped
 * @extack: says what is wrong
 *
 * Return: 0; -EBUSY: another socket has a set staged; -ENOMEM
 */
int pp_rule_set_begin(struct pp_net *pn, u32 portid, struct netlink_ext_ack *extack)
{
	struct pp_rules *rules;

	lockdep_assert_held(&pn->lock);

	if (pn->staged && pn->stager != portid) {
		NL_SET_ERR_MSG(extack,
			       "another process is about to replace the rules: wait until it has ended");
		return -EBUSY;
	}
	rules = set_alloc(!pp_rule_set_in_force(pn)->side);
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

/* Ids are those of rules in force, so that none is given twice */
static struct pp_rule *find_in_force(struct pp_net *pn, u32 id, struct netlink_ext_ack *extack)
{
	struct pp_rule *rule = xa_load(&pp_rule_set_in_force(pn)->by_id, id);

	if (!rule)
		NL_SET_ERR_MSG_FMT(extack, "there is no rule %u", id);
	return rule;
}

/**
 * pp_rule_set_stage - put a rule into the staged set
 * @pn: namespace, with its lock held
 * @portid: netlink port of the socket that began the set
 * @rule: rule, with the id of the rule in force that it replaces, or with none; on success the
 *	set takes over the caller's reference
 * @extack: says what is wrong
 *
 * Return: 0; -ENOENT: the socket began none, or there is no rule of this id; -EBUSY: the id
 * is in the set already; or as pp_rule_add()
 */
int pp_rule_set_stage(struct pp_net *pn, u32 portid, struct pp_rule *rule,
		      struct netlink_ext_ack *extack)
{
	int err = check_staged(pn, portid, extack);

	if (err)
		return err;
	if (rule->id && !find_in_force(pn, rule->id, extack))
		return -ENOENT;
	return pp_rule_add(pn, pn->staged, rule, extack);
}

/**
 * pp_rule_set_keep - put a rule in force into the staged set as well
 * @pn: namespace, with its lock held
 * @portid: netlink port of the socket that began the set
 * @id: of the rule
 * @extack: says what is wrong
 *
 * Return: as pp_rule_set_stage()
 */
int pp_rule_set_keep(struct pp_net *pn, u32 portid, u32 id, struct netlink_ext_ack *extack)
{
	int err = check_staged(pn, portid, extack);
	struct pp_rule *rule;

	if (err)
		return err;
	rule = find_in_force(pn, id, extack);
	if (!rule)
		return -ENOENT;
	rule->owners++;
	err = pp_rule_add(pn, pn->staged, rule, extack);
	if (err)
		pp_rule_retire(rule);
	else
		pn->staged->kept++;
	return err;
}

/**
 * pp_rule_set_commit - put the staged set into force, instead of all other rules
 * @pn: namespace, with its lock held
 * @portid: netlink port of the socket that began the set
 * @extack: says what is wrong
 *
 * Handshakes of former rules keep their header. On error nothing has changed, and the
 * set is still staged.
 *
 * Return: 0; -ENOENT: the socket began none; -EAGAIN: a rule that was kept has been removed; or an
 * error of the hooks
 */
int pp_rule_set_commit(struct pp_net *pn, u32 portid, struct netlink_ext_ack *extack)
{
	struct pp_rules *old = pp_rule_set_in_force(pn), *new = pn->staged;
	int err = check_staged(pn, portid, extack);

	if (err)
		return err;
	if (new->is_stale) {
		NL_SET_ERR_MSG(extack, "a rule that was to stay is gone: stage the rules again");
		return -EAGAIN;
	}
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
	pp_netlink_event_rules(pn, PP_EVENT_RULE_REMOVED, old, new);
	pp_netlink_event_rules(pn, PP_EVENT_RULE_ADDED, new, old);
	/* Packets that still search the old set must find it complete */
	synchronize_rcu();
	set_free(old);
	return 0;
}

/**
 * pp_rule_set_drop - drop the staged set of a socket that is closed
 * @pn: namespace
 * @portid: its netlink port
 */
void pp_rule_set_drop(struct pp_net *pn, u32 portid)
{
	/* Every generic netlink socket that is closed comes here: most staged nothing */
	if (!READ_ONCE(pn->staged))
		return;
	mutex_lock(&pn->lock);
	if (pn->stager == portid)
		drop_staged(pn);
	mutex_unlock(&pn->lock);
}

int pp_rule_net_init(struct pp_net *pn)
{
	struct pp_rules *rules = set_alloc(0);

	if (IS_ERR(rules))
		return PTR_ERR(rules);
	RCU_INIT_POINTER(pn->rules, rules);
	return 0;
}

/* The hooks are unregistered, and no packet is in them */
void pp_rule_net_exit(struct pp_net *pn)
{
	mutex_lock(&pn->lock);
	drop_staged(pn);
	set_free(pp_rule_set_in_force(pn));
	RCU_INIT_POINTER(pn->rules, NULL);
	mutex_unlock(&pn->lock);
}
