// SPDX-License-Identifier: GPL-2.0
/*
 * Rules: their life from the command that adds a rule to the command that deletes it.
 *
 * Owns ids, references, and the order in which a rule, its index entries and the
 * hooks of its namespace are added and removed. find.c finds a rule for a packet.
 */
#include <linux/netlink.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include "net.h"
#include "netlink/event.h"
#include "rule/index.h"
#include "rule/rule.h"

static void rule_release(struct percpu_ref *ref)
{
	struct pp_rule *rule = container_of(ref, struct pp_rule, ref);

	percpu_ref_exit(ref);
	free_percpu(rule->counts);
	kfree(rule);
}

static bool make_per_cpu(struct pp_rule *rule)
{
	rule->counts = alloc_percpu_gfp(struct pp_rule_counts, GFP_KERNEL_ACCOUNT);
	if (!rule->counts)
		return false;
	if (!percpu_ref_init(&rule->ref, rule_release, 0, GFP_KERNEL_ACCOUNT))
		return true;
	free_percpu(rule->counts);
	return false;
}

/**
 * pp_rule_alloc - a new rule, not yet in any table
 * @ports_count: port ranges that it will hold
 * @from_count: sources that it will hold
 * @tlv_len: bytes of TLVs that it will hold
 * @comment_len: length of its comment without the NUL; 0: none
 *
 * Context: may sleep.
 * Return: the rule with one owner, which leaves it by pp_rule_retire(), or NULL
 */
struct pp_rule *pp_rule_alloc(unsigned int ports_count, unsigned int from_count,
			      size_t tlv_len, size_t comment_len)
{
	size_t from = ALIGN(struct_size((struct pp_rule *)NULL, ports, ports_count),
			    __alignof__(struct pp_from));
	size_t tlvs = from + from_count * sizeof(struct pp_from);
	size_t size = tlvs + tlv_len;
	struct pp_rule *rule;
	int side;

	rule = kzalloc(size + comment_len + 1, GFP_KERNEL_ACCOUNT);
	if (!rule)
		return NULL;
	if (!make_per_cpu(rule)) {
		kfree(rule);
		return NULL;
	}
	rule->ports_count = ports_count;
	rule->accept.from_count = from_count;
	rule->accept.from = (struct pp_from *)((char *)rule + from);
	rule->send.tlvs = (u8 *)rule + tlvs;
	rule->send.tlv_len = tlv_len;
	if (comment_len)
		rule->comment = (char *)rule + size;
	rule->owners = 1;
	for (side = 0; side < PP_RULE_SIDES; side++)
		INIT_LIST_HEAD(&rule->slots[side]);
	return rule;
}

/**
 * pp_rule_sum - the value of a counter since the rule was made, whatever resets there were
 * @rule: rule
 * @which: the counter
 */
u64 pp_rule_sum(const struct pp_rule *rule, enum pp_rule_count which)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(rule->counts, cpu)->of[which]);
	return sum;
}

/**
 * pp_rule_retire - a set leaves a rule
 * @rule: rule, out of the index of the set
 *
 * With the last set, its reference is dropped after an RCU grace period: until then a packet that
 * found the rule can take a reference of its own.
 *
 * Context: pp_net.lock held, or nobody else knows the rule.
 */
void pp_rule_retire(struct pp_rule *rule)
{
	if (!--rule->owners)
		percpu_ref_kill(&rule->ref);
}

/**
 * pp_rule_believes - whether a rule reads headers from a source
 * @rule: accept rule
 * @family: of @addr
 * @addr: source
 */
bool pp_rule_believes(const struct pp_rule *rule, enum pp_family family,
		      const union pp_address *addr)
{
	const struct pp_from *from = rule->accept.from, *end = from + rule->accept.from_count;
	union pp_address masked;

	for (; from < end; from++) {
		if (!(from->families & BIT(family)))
			continue;
		masked = *addr;
		pp_rule_mask_prefix(family, &masked, from->len);
		if (family == PP_IPV6 ? ipv6_addr_equal(&masked.in6, &from->prefix.in6) :
					masked.ip == from->prefix.ip)
			return true;
	}
	return false;
}

static void count_families(struct pp_rules *rules, const struct pp_rule *rule, int by)
{
	int family;

	for (family = 0; family < PP_FAMILIES; family++)
		if (rule->families & BIT(family))
			rules->of_family[rule->direction][family] += by;
}

static int take_id(struct pp_net *pn, struct pp_rules *rules, struct pp_rule *rule,
		   struct netlink_ext_ack *extack)
{
	int err;

	if (rules->count >= PP_RULES_MAX) {
		NL_SET_ERR_MSG_FMT(extack, "this network namespace has %u rules: no more fit",
				   rules->count);
		return -ENOSPC;
	}
	/* The caller has named a rule in force, whose id no other rule of the set was given */
	if (rule->id)
		return xa_insert(&rules->by_id, rule->id, rule, GFP_KERNEL_ACCOUNT);
	err = xa_alloc_cyclic(&rules->by_id, &rule->id, rule, XA_LIMIT(1, S32_MAX),
			      &pn->last_rule_id, GFP_KERNEL_ACCOUNT);
	return err < 0 ? err : 0;
}

/**
 * pp_rule_add - put a rule into a set
 * @pn: namespace, with its lock held
 * @rules: the set in force, or the staged one
 * @rule: rule; on success the table takes over the caller's reference
 * @extack: says what is wrong
 *
 * The rule gets its id here, unless it has one. On error nothing has changed.
 *
 * Return: 0; -EEXIST: another rule has the same prefix, ports and mark;
 * -ENOSPC: too many rules or marks; -ENOMEM; or an error of the hooks
 */
int pp_rule_add(struct pp_net *pn, struct pp_rules *rules, struct pp_rule *rule,
		struct netlink_ext_ack *extack)
{
	int err;

	lockdep_assert_held(&pn->lock);

	err = pp_rule_index_check(rules, rule, NULL, extack);
	if (err)
		return err;
	err = take_id(pn, rules, rule, extack);
	if (err)
		return err;
	count_families(rules, rule, 1);
	err = rules == pn->staged ? 0 : pp_net_hook(pn, rules);
	if (err) {
		NL_SET_ERR_MSG(extack, "the netfilter hooks could not be registered");
		goto uncount;
	}
	err = pp_rule_index_add(rules, rule, extack);
	if (err)
		goto uncount;
	WRITE_ONCE(rules->count, rules->count + 1);
	rules->generation++;
	if (rules != pn->staged)
		pp_netlink_event_rule(pn, PP_EVENT_RULE_ADDED, rule);
	return 0;

uncount:
	count_families(rules, rule, -1);
	pp_net_unhook_idle(pn);
	xa_erase(&rules->by_id, rule->id);
	return err;
}

/* A rule that was taken out of force does not come back with the staged set */
static void spoil_staged(struct pp_net *pn, const struct pp_rule *rule)
{
	if (pn->staged && xa_load(&pn->staged->by_id, rule->id) == rule)
		pn->staged->is_stale = true;
}

/**
 * pp_rule_replace - put a rule into force in the place of another
 * @pn: namespace, with its lock held
 * @rule: rule, with the id of a rule in force; on success the table takes over the caller's
 *	reference
 * @extack: says what is wrong
 *
 * If both rules match a connection, it finds one of them at each moment. Handshakes of the former
 * rule keep their header. On error nothing has changed.
 *
 * Return: 0; -ENOENT: there is no such rule; or as pp_rule_add()
 */
int pp_rule_replace(struct pp_net *pn, struct pp_rule *rule, struct netlink_ext_ack *extack)
{
	struct pp_rules *rules = pp_rule_set_in_force(pn);
	struct pp_rule *old = xa_load(&rules->by_id, rule->id);
	int err;

	lockdep_assert_held(&pn->lock);

	if (!old) {
		NL_SET_ERR_MSG_FMT(extack, "there is no rule %u", rule->id);
		return -ENOENT;
	}
	err = pp_rule_index_check(rules, rule, old, extack);
	if (err)
		return err;
	count_families(rules, rule, 1);
	err = pp_net_hook(pn, rules);
	if (err) {
		NL_SET_ERR_MSG(extack, "the netfilter hooks could not be registered");
		goto uncount;
	}
	/* Behind the former rule, where both have the same ports: that is found until it goes */
	err = pp_rule_index_add(rules, rule, extack);
	if (err)
		goto uncount;
	spoil_staged(pn, old);
	pp_netlink_event_rule(pn, PP_EVENT_RULE_REMOVED, old);
	/* There is an entry: nothing is allocated */
	xa_store(&rules->by_id, rule->id, rule, GFP_KERNEL_ACCOUNT);
	pp_rule_index_remove(rules, old);
	count_families(rules, old, -1);
	rules->generation++;
	pp_netlink_event_rule(pn, PP_EVENT_RULE_ADDED, rule);
	pp_rule_retire(old);
	pp_net_unhook_idle(pn);
	return 0;

uncount:
	count_families(rules, rule, -1);
	pp_net_unhook_idle(pn);
	return err;
}

static void remove_one(struct pp_rules *rules, struct pp_rule *rule)
{
	pp_rule_index_remove(rules, rule);
	xa_erase(&rules->by_id, rule->id);
	count_families(rules, rule, -1);
	WRITE_ONCE(rules->count, rules->count - 1);
	rules->generation++;
	pp_rule_retire(rule);
}

/**
 * pp_rule_remove - take a rule out of force
 * @pn: namespace, with its lock held
 * @rule: rule; the reference of the table is dropped
 *
 * Handshakes of the rule keep their header.
 */
void pp_rule_remove(struct pp_net *pn, struct pp_rule *rule)
{
	lockdep_assert_held(&pn->lock);

	spoil_staged(pn, rule);
	pp_netlink_event_rule(pn, PP_EVENT_RULE_REMOVED, rule);
	remove_one(pp_rule_set_in_force(pn), rule);
	pp_net_unhook_idle(pn);
}

/**
 * pp_rule_clear - take all rules out of a set
 * @rules: rules; nothing else may change them meanwhile
 */
void pp_rule_clear(struct pp_rules *rules)
{
	struct pp_rule *rule;
	unsigned long id;

	xa_for_each(&rules->by_id, id, rule) {
		remove_one(rules, rule);
		cond_resched();
	}
}

/**
 * pp_rule_flush - take all rules out of force
 * @pn: namespace, with its lock held
 */
void pp_rule_flush(struct pp_net *pn)
{
	lockdep_assert_held(&pn->lock);

	if (pn->staged && pn->staged->kept)
		pn->staged->is_stale = true;
	pp_netlink_event_rules(pn, PP_EVENT_RULE_REMOVED, pp_rule_set_in_force(pn), NULL);
	pp_rule_clear(pp_rule_set_in_force(pn));
	pp_net_unhook_idle(pn);
}
