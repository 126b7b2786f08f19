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

static inline const struct pp_slot *best_of_length(struct pp_rules *rules,
						   const struct pp_rule_query *query,
						   unsigned int len)
{
	struct pp_dest_key key = pp_rule_dest_key(query->direction, query->family, &query->to,
						  len);
	struct pp_dest *dest = rhashtable_lookup(&rules->dests, &key, pp_dest_params);

	return dest ? best_of_dest(rules, dest, query) : NULL;
}

/**
 * pp_rule_find - the rule for a new connection
 * @pn: namespace
 * @query: the connection
 *
 * Each SYN of others comes here, mostly for one length: for_each_set_bit() has two calls
 * for that.
 *
 * Context: under RCU.
 * Return: the most specific rule, or NULL
 */
struct pp_rule *pp_rule_find(struct pp_net *pn, const struct pp_rule_query *query)
{
	struct pp_rules *rules = rcu_dereference(pn->rules);
	const unsigned long *lengths = rules->lengths[query->direction][query->family];
	const struct pp_slot *best;
	unsigned int word, bit;
	unsigned long left;

	for (word = 0; word < BITS_TO_LONGS(PP_PREFIX_LENGTHS); word++) {
		for (left = READ_ONCE(lengths[word]); left; left &= left - 1) {
			bit = word * BITS_PER_LONG + __ffs(left);
			best = best_of_length(rules, query, PP_PREFIX_LENGTHS - 1 - bit);
			if (best)
				return best->rule;
		}
	}
	return NULL;
}
