// SPDX-License-Identifier: GPL-2.0
/*
 * Rules: from a new connection's destination and marks to its rule.
 *
 * Owns the search order: longest prefix, then narrowest range of ports, then most
 * bits of mark, then lowest id. Accept rules with the same destination and range are
 * chosen by the source (source.c). The cost does not grow with the number of rules: one
 * hash lookup for each prefix length in use, and one for each shape of the
 * destination that is found. index.h draws the tables.
 */
#include <linux/bitops.h>
#include "rule/index.h"

static const struct pp_slot *best_of_block(struct pp_rules *rules,
					   const struct pp_block_key *key,
					   const struct pp_slot *best)
{
	const struct pp_block *block = rhashtable_lookup(&rules->blocks, key, pp_block_params);
	const struct pp_slot *slot = block ? rcu_dereference(block->best) : NULL;

	return slot && (!best || pp_rule_slot_before(slot, best)) ? slot : best;
}

static const struct pp_slot *best_of_dest(struct pp_rules *rules, struct pp_dest *dest,
					  const struct pp_rule_query *query)
{
	const struct pp_shapes *shapes = rcu_dereference(dest->shapes);
	const struct pp_slot *best = NULL;
	unsigned int i, m;

	for (i = 0; shapes && i < shapes->count; i++) {
		const struct pp_shape *shape = &shapes->shape[i];
		struct pp_block_key key = {
			.dest = dest,
			.mark_mask = shape->mark_mask,
			.port = query->port & (~0U << shape->port_bits),
			.port_bits = shape->port_bits,
		};

		for (m = 0; m < ARRAY_SIZE(query->marks); m++) {
			key.mark = query->marks[m] & shape->mark_mask;
			best = best_of_block(rules, &key, best);
			if (!shape->mark_mask || query->marks[0] == query->marks[1])
				break;
		}
	}
	return best;
}

static inline const struct pp_slot *best_of_length(struct pp_rules *rules,
						   const struct pp_rule_query *query,
						   unsigned int len)
{
	struct pp_dest_key key = pp_rule_dest_key(query->direction, query->family, &query->to,
						  len);
	struct pp_dest *dest = rhashtable_lookup(&rules->dests, &key, pp_dest_params);

	return dest ? best_of_dest(rules, dest, query) : NULL;
}

static struct pp_rule *rule_of_slot(struct pp_rules *rules, const struct pp_slot *slot,
				    const struct pp_rule_query *query)
{
	return slot->sources ? pp_rule_by_source(rules, slot, &query->from) : slot->rule;
}

/*
 * Every SYN of the namespace comes here, and mostly one prefix length is in use. Hence no
 * for_each_set_bit(), which makes two calls for one bit.
 */
static inline const struct pp_slot *best_of_all(struct pp_rules *rules,
						const struct pp_rule_query *query)
{
	const unsigned long *lengths = rules->lengths[query->direction][query->family];
	const struct pp_slot *best;
	unsigned int word, bit;
	unsigned long left;

	for (word = 0; word < BITS_TO_LONGS(PP_PREFIX_LENGTHS); word++) {
		for (left = READ_ONCE(lengths[word]); left; left &= left - 1) {
			bit = word * BITS_PER_LONG + __ffs(left);
			best = best_of_length(rules, query, PP_PREFIX_LENGTHS - 1 - bit);
			if (best)
				return best;
		}
	}
	return NULL;
}

static bool comes_by_device(const struct pp_rule *rule, const struct pp_rule_query *query)
{
	return rule->direction == PP_DIRECTION_SEND || !*rule->accept.dev || !query->dev ||
	       !strncmp(rule->accept.dev, query->dev, IFNAMSIZ);
}

/**
 * pp_rule_find - the rule for a new connection
 * @pn: namespace
 * @query: the connection
 *
 * Context: under RCU.
 * Return: the most specific rule, or NULL; of accept rules only one that has the source, if it
 * comes by the rule's device
 */
struct pp_rule *pp_rule_find(struct pp_net *pn, const struct pp_rule_query *query)
{
	struct pp_rules *rules = rcu_dereference(pn->rules);
	const struct pp_slot *best = best_of_all(rules, query);
	struct pp_rule *rule = best ? rule_of_slot(rules, best, query) : NULL;

	return rule && comes_by_device(rule, query) ? rule : NULL;
}

/**
 * pp_rule_explain - the rule for a connection, or why it has none
 * @pn: namespace
 * @query: the connection
 * @match: gets whether it meets the rule
 *
 * Context: under RCU.
 * Return: the rule as of pp_rule_find(), or one with its destination and port, or NULL
 */
struct pp_rule *pp_rule_explain(struct pp_net *pn, const struct pp_rule_query *query,
				enum pp_match *match)
{
	struct pp_rules *rules = rcu_dereference(pn->rules);
	const struct pp_slot *best = best_of_all(rules, query);
	struct pp_rule *rule = best ? rule_of_slot(rules, best, query) : NULL;

	if (!best) {
		*match = PP_MATCH_NONE;
		return NULL;
	}
	if (!rule) {
		*match = PP_MATCH_SOURCE;
		return best->rule;
	}
	*match = comes_by_device(rule, query) ? PP_MATCH_RULE : PP_MATCH_DEVICE;
	return rule;
}
