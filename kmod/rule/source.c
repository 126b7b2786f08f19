// SPDX-License-Identifier: GPL-2.0
/*
 * The index of rules: accept rules with the same destination and ports.
 *
 * Owns the choice between them, by the longest prefix of the source. A rule that has its
 * destination and ports for itself costs nothing here: its few sources are compared one after
 * another. The sources of several rules are in a table, with one lookup for each prefix length in
 * use, so that the cost does not grow with the number of rules.
 */
#include <linux/bitops.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include "rule/index.h"

/* Sources in the table of one namespace: as many as its rules can have for one destination */
#define SOURCES_MAX	(PP_RULES_MAX * PP_FROM_MAX)

static struct pp_source_key source_key(const struct pp_sources *sources,
				       const union pp_address *addr, unsigned int len)
{
	struct pp_source_key key = { .sources = sources, .len = len };
	enum pp_family family = sources->key.dest->key.family;

	if (family == PP_IPV6)
		key.prefix.in6 = addr->in6;
	else
		key.prefix.ip = addr->ip;
	pp_rule_mask_prefix(family, &key.prefix, len);
	return key;
}

static bool is_of_family(const struct pp_from *from, const struct pp_sources *sources)
{
	return from->families & BIT(sources->key.dest->key.family);
}

/* The sources of a rule that are of the family of its destination */
#define for_each_from(pos, rule, sources)						\
	for (pos = (rule)->accept.from;							\
	     pos < (rule)->accept.from + (rule)->accept.from_count; pos++)		\
		if (is_of_family(pos, sources))

static struct pp_source *find_source(struct pp_rules *rules, const struct pp_sources *sources,
				     const union pp_address *addr, unsigned int len)
{
	struct pp_source_key key = source_key(sources, addr, len);

	return rhashtable_lookup(&rules->sources, &key, pp_source_params);
}

/**
 * pp_rule_by_source - choose between accept rules with the same destination and ports
 * @rules: rules of the namespace
 * @slot: the slot that was found for destination and port
 * @source: source of the connection
 *
 * Context: under RCU.
 * Return: the rule with the longest prefix that @source is in, or NULL
 */
struct pp_rule *pp_rule_by_source(struct pp_rules *rules, const struct pp_slot *slot,
				  const union pp_address *source)
{
	const struct pp_sources *sources = slot->sources;
	const struct pp_source_lengths *in_use = rcu_dereference(sources->in_use);
	const struct pp_source *found;
	unsigned int word, bit;
	unsigned long left;

	if (!in_use)
		return pp_rule_believes(slot->rule, sources->key.dest->key.family, source) ?
		       slot->rule : NULL;
	for (word = 0; word < BITS_TO_LONGS(PP_PREFIX_LENGTHS); word++) {
		for (left = READ_ONCE(in_use->bits[word]); left; left &= left - 1) {
			bit = word * BITS_PER_LONG + __ffs(left);
			found = find_source(rules, sources, source, PP_PREFIX_LENGTHS - 1 - bit);
			if (found)
				return READ_ONCE(found->rule);
		}
	}
	return NULL;
}

/* Under pp_net.lock */
static struct pp_source_lengths *lengths_of(const struct pp_sources *sources)
{
	return rcu_dereference_protected(sources->in_use, true);
}

static struct pp_sources *find_sources(struct pp_rules *rules, struct pp_dest *dest,
				       const struct pp_ports *range)
{
	struct pp_sources_key key = { .dest = dest, .range = *range };

	return rhashtable_lookup_fast(&rules->shared, &key, pp_sources_params);
}

static struct pp_sources *get_sources(struct pp_rules *rules, struct pp_dest *dest,
				      const struct pp_ports *range)
{
	struct pp_sources *sources = find_sources(rules, dest, range);
	int err;

	if (sources)
		return sources;
	sources = kzalloc(sizeof(*sources), GFP_KERNEL_ACCOUNT);
	if (!sources)
		return ERR_PTR(-ENOMEM);
	sources->key = (struct pp_sources_key){ .dest = dest, .range = *range };
	err = rhashtable_insert_fast(&rules->shared, &sources->node, pp_sources_params);
	if (err) {
		kfree(sources);
		return ERR_PTR(err);
	}
	return sources;
}

static int add_source(struct pp_rules *rules, struct pp_sources *sources,
		      struct pp_source_lengths *in_use, struct pp_rule *rule,
		      const struct pp_from *from)
{
	struct pp_source *source;
	int err;

	rcu_read_lock();
	source = find_source(rules, sources, &from->prefix, from->len);
	rcu_read_unlock();
	if (source) {
		/*
		 * The rule names it twice, or replaces the other one, which is found until it
		 * goes
		 */
		if (source->rule != rule)
			source->next = rule;
		return 0;
	}
	if (atomic_read(&rules->sources.nelems) >= SOURCES_MAX)
		return -EMLINK;
	source = kzalloc(sizeof(*source), GFP_KERNEL_ACCOUNT);
	if (!source)
		return -ENOMEM;
	source->key = source_key(sources, &from->prefix, from->len);
	source->rule = rule;
	err = rhashtable_insert_fast(&rules->sources, &source->node, pp_source_params);
	if (err) {
		kfree(source);
		return err;
	}
	if (!in_use->count[from->len]++)
		set_bit(PP_PREFIX_LENGTHS - 1 - from->len, in_use->bits);
	return 0;
}

static void remove_source(struct pp_rules *rules, struct pp_sources *sources,
			  struct pp_source_lengths *in_use, const struct pp_rule *rule,
			  const struct pp_from *from)
{
	struct pp_source *source;

	rcu_read_lock();
	source = find_source(rules, sources, &from->prefix, from->len);
	rcu_read_unlock();
	if (!source)
		return;
	if (source->next == rule) {
		source->next = NULL;
		return;
	}
	if (source->rule != rule)
		return;
	if (source->next) {
		WRITE_ONCE(source->rule, source->next);
		source->next = NULL;
		return;
	}
	rhashtable_remove_fast(&rules->sources, &source->node, pp_source_params);
	if (!--in_use->count[from->len])
		clear_bit(PP_PREFIX_LENGTHS - 1 - from->len, in_use->bits);
	kfree_rcu(source, rcu);
}

static void remove_all(struct pp_rules *rules, struct pp_sources *sources,
		       struct pp_source_lengths *in_use, const struct pp_rule *rule)
{
	const struct pp_from *from;

	for_each_from(from, rule, sources)
		remove_source(rules, sources, in_use, rule, from);
}

static int add_all(struct pp_rules *rules, struct pp_sources *sources,
		   struct pp_source_lengths *in_use, struct pp_rule *rule)
{
	const struct pp_from *from;
	int err = 0;

	for_each_from(from, rule, sources) {
		err = add_source(rules, sources, in_use, rule, from);
		if (err)
			break;
		cond_resched();
	}
	if (err)
		remove_all(rules, sources, in_use, rule);
	return err;
}

/* The sources of the rule that is alone so far enter the table, before packets search it there */
static int begin_table(struct pp_rules *rules, struct pp_sources *sources)
{
	struct pp_source_lengths *in_use = kzalloc(sizeof(*in_use), GFP_KERNEL_ACCOUNT);
	int err;

	if (!in_use)
		return -ENOMEM;
	err = add_all(rules, sources, in_use, sources->first);
	if (err) {
		kfree(in_use);
		return err;
	}
	rcu_assign_pointer(sources->in_use, in_use);
	return 0;
}

/**
 * pp_rule_sources_join - a rule is about to get slots for a range of ports
 * @rules: rules of the namespace, under pp_net.lock
 * @rule: accept rule
 * @dest: its destination
 * @range: the range
 *
 * Return: what the slots are to refer to; ERR_PTR(-ENOMEM), ERR_PTR(-EMLINK): too many sources
 */
struct pp_sources *pp_rule_sources_join(struct pp_rules *rules, struct pp_rule *rule,
					struct pp_dest *dest, const struct pp_ports *range)
{
	struct pp_sources *sources = get_sources(rules, dest, range);
	int err = 0;

	if (IS_ERR(sources))
		return sources;
	if (!sources->count) {
		sources->first = rule;
	} else {
		if (!lengths_of(sources))
			err = begin_table(rules, sources);
		if (!err)
			err = add_all(rules, sources, lengths_of(sources), rule);
	}
	if (err)
		return ERR_PTR(err);
	sources->count++;
	return sources;
}

/**
 * pp_rule_sources_leave - a rule has lost its slots for a range of ports
 * @rules: rules of the namespace, under pp_net.lock
 * @rule: accept rule
 * @sources: what the slots referred to
 */
void pp_rule_sources_leave(struct pp_rules *rules, struct pp_rule *rule,
			   struct pp_sources *sources)
{
	struct pp_source_lengths *in_use = lengths_of(sources);

	if (in_use)
		remove_all(rules, sources, in_use, rule);
	if (sources->first == rule)
		sources->first = NULL;
	if (--sources->count)
		return;
	rhashtable_remove_fast(&rules->shared, &sources->node, pp_sources_params);
	if (in_use)
		kfree_rcu(in_use, rcu);
	kfree_rcu(sources, rcu);
}

static const struct pp_rule *find_same(struct pp_rules *rules, const struct pp_sources *sources,
				       const struct pp_from *from)
{
	const struct pp_source *source;
	const struct pp_from *other;

	if (lengths_of(sources)) {
		source = find_source(rules, sources, &from->prefix, from->len);
		return source ? source->rule : NULL;
	}
	for_each_from(other, sources->first, sources)
		if (other->len == from->len &&
		    !memcmp(&other->prefix, &from->prefix, sizeof(from->prefix)))
			return sources->first;
	return NULL;
}

/**
 * pp_rule_sources_check - whether another rule has a source of a rule
 * @rules: rules of the namespace, under pp_net.lock
 * @rule: accept rule that is to be added
 * @except: rule that it replaces, or NULL
 * @dest: its destination
 * @range: one of its ranges of ports
 * @extack: names the other rule
 *
 * Return: 0 or -EEXIST
 */
int pp_rule_sources_check(struct pp_rules *rules, const struct pp_rule *rule,
			  const struct pp_rule *except, struct pp_dest *dest,
			  const struct pp_ports *range, struct netlink_ext_ack *extack)
{
	const struct pp_sources *sources = find_sources(rules, dest, range);
	const struct pp_rule *same = NULL;
	const struct pp_from *from;

	if (!sources)
		return 0;
	rcu_read_lock();
	for_each_from(from, rule, sources) {
		same = find_same(rules, sources, from);
		if (same == except)
			same = NULL;
		if (same)
			break;
	}
	rcu_read_unlock();
	if (!same)
		return 0;
	NL_SET_ERR_MSG_FMT(extack, "rule %u has the same destination, ports and source", same->id);
	return -EEXIST;
}
