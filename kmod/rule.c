// SPDX-License-Identifier: GPL-2.0
/*
 * Rules: their life from the command that adds them to the one that deletes.
 *
 * Owns ids, references and the order in which a rule, its index entries and
 * the hooks of its namespace come and go. rule_index.c finds them by packet.
 */
#include <linux/netlink.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include "event.h"
#include "rule.h"
#include "rule_index.h"

/**
 * pp_rule_alloc - a new rule, not yet in any table
 * @ports_count: port ranges that it will hold
 * @from_count: sources that it will hold
 * @tlv_len: bytes of TLVs that it will hold
 * @comment_len: length of its comment without the NUL; 0: none
 *
 * Context: may sleep.
 * Return: the rule with one reference, to be dropped with
 * pp_rule_retire(), or NULL
 */
struct pp_rule *pp_rule_alloc(unsigned int ports_count, unsigned int from_count,
			      size_t tlv_len, size_t comment_len)
{
	size_t from = ALIGN(struct_size((struct pp_rule *)NULL, ports, ports_count),
			    __alignof__(struct pp_from));
	size_t tlvs = from + from_count * sizeof(struct pp_from);
	size_t size = tlvs + tlv_len;
	struct pp_rule *rule;

	rule = kzalloc(size + comment_len + 1, GFP_KERNEL_ACCOUNT);
	if (!rule)
		return NULL;
	rule->ports_count = ports_count;
	rule->from_count = from_count;
	rule->from = (struct pp_from *)((char *)rule + from);
	rule->tlvs = (u8 *)rule + tlvs;
	rule->tlv_len = tlv_len;
	if (comment_len)
		rule->comment = (char *)rule + size;
	refcount_set(&rule->ref, 1);
	INIT_LIST_HEAD(&rule->slots);
	return rule;
}

/**
 * pp_rule_put - drop the reference of a handshake
 * @rule: rule
 *
 * Context: any.
 */
void pp_rule_put(struct pp_rule *rule)
{
	if (refcount_dec_and_test(&rule->ref))
		kfree(rule);
}

static void put_after_grace_period(struct rcu_head *rcu)
{
	pp_rule_put(container_of(rcu, struct pp_rule, rcu));
}

/**
 * pp_rule_retire - drop the reference of the table
 * @rule: rule, out of the index
 *
 * It is dropped when an RCU grace period has ended: until then, a packet that
 * found the rule can take a reference of its own.
 */
void pp_rule_retire(struct pp_rule *rule)
{
	call_rcu(&rule->rcu, put_after_grace_period);
}

/**
 * pp_rule_believes - whether headers from a source are to be read
 * @rule: accept rule
 * @family: of @addr
 * @addr: source
 */
bool pp_rule_believes(const struct pp_rule *rule, enum pp_family family,
		      const union pp_address *addr)
{
	const struct pp_from *from = rule->from, *end = from + rule->from_count;
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
 * The rule gets its id here. On error nothing has changed.
 *
 * Return: 0; -EEXIST: another rule has the same prefix, ports and mark;
 * -ENOSPC: too many rules or marks; -ENOMEM; or an error of the hooks
 */
int pp_rule_add(struct pp_net *pn, struct pp_rules *rules, struct pp_rule *rule,
		struct netlink_ext_ack *extack)
{
	int err;

	lockdep_assert_held(&pn->lock);

	err = pp_rule_index_check(rules, rule, extack);
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
		pp_event_rule(pn, PP_EVENT_RULE_ADDED, rule);
	return 0;

uncount:
	count_families(rules, rule, -1);
	pp_net_unhook_idle(pn);
	xa_erase(&rules->by_id, rule->id);
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
 * Handshakes that it chose go on with the header they have.
 */
void pp_rule_remove(struct pp_net *pn, struct pp_rule *rule)
{
	lockdep_assert_held(&pn->lock);

	pp_event_rule(pn, PP_EVENT_RULE_REMOVED, rule);
	remove_one(pp_rules_in_force(pn), rule);
	pp_net_unhook_idle(pn);
}

/**
 * pp_rule_clear - take all rules out of a set
 * @rules: rules; no other change may be under way
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

	pp_event_rules(pn, PP_EVENT_RULE_REMOVED, pp_rules_in_force(pn));
	pp_rule_clear(pp_rules_in_force(pn));
	pp_net_unhook_idle(pn);
}
