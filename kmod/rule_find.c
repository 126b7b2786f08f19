// SPDX-License-Identifier: GPL-2.0
/*
 * Rules: from a new connection's destination and marks to its rule.
 *
 * Owns the search order: longest prefix, then narrowest range of ports, then
 * most bits of mark, then lowest id. Its cost does not grow with the rules:
 * one hash lookup for each prefix length in use, and for a destination found
 * one for each shape that its rules have. rule_index.h draws the tables.
 */
#include <linux/bitops.h>
#include "rule_index.h"

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

/**
 * pp_rule_find - the rule for a new connection
 * @pn: namespace
 * @query: the connection
 *
 * Context: under RCU.
 * Return: the most specific rule, or NULL
 */
struct pp_rule *pp_rule_find(struct pp_net *pn, const struct pp_rule_query *query)
{
	struct pp_rules *rules = rcu_dereference(pn->rules);
	const unsigned long *lengths = rules->lengths[query->direction][query->family];
	const struct pp_slot *best;
	struct pp_dest *dest;
	struct pp_dest_key key;
	unsigned int bit;

	for_each_set_bit(bit, lengths, PP_PREFIX_LENGTHS) {
		key = pp_rule_dest_key(query->direction, query->family, &query->to,
				       PP_PREFIX_LENGTHS - 1 - bit);
		dest = rhashtable_lookup(&rules->dests, &key, pp_dest_params);
		if (!dest)
			continue;
		best = best_of_dest(rules, dest, query);
		if (best)
			return best->rule;
	}
	return NULL;
}
