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

static u32 range_width(const struct pp_slot *slot)
{
	return slot->range.last - slot->range.first + 1;
}

static bool more_specific(const struct pp_slot *a, const struct pp_slot *b)
{
	unsigned int bits_a = hweight32(a->key.mark_mask);
	unsigned int bits_b = hweight32(b->key.mark_mask);

	if (range_width(a) != range_width(b))
		return range_width(a) < range_width(b);
	if (bits_a != bits_b)
		return bits_a > bits_b;
	return a->rule->id < b->rule->id;
}

static const struct pp_slot *best_of_key(struct pp_rules *rules, const struct pp_slot_key *key,
					 const struct pp_slot *best)
{
	struct rhlist_head *list, *pos;
	struct pp_slot *slot;

	list = rhltable_lookup(&rules->slots, key, pp_slot_params);
	rhl_for_each_entry_rcu(slot, pos, list, node)
		if (!best || more_specific(slot, best))
			best = slot;
	return best;
}

static const struct pp_slot *best_of_dest(struct pp_rules *rules, const struct pp_dest *dest,
					  const struct pp_rule_query *query)
{
	const struct pp_shapes *shapes = rcu_dereference(dest->shapes);
	const struct pp_slot *best = NULL;
	unsigned int i, m;

	for (i = 0; shapes && i < shapes->count; i++) {
		const struct pp_shape *shape = &shapes->shape[i];
		struct pp_slot_key key = {
			.dest = dest,
			.mark_mask = shape->mark_mask,
			.port = query->port & (~0U << shape->port_bits),
			.port_bits = shape->port_bits,
		};

		for (m = 0; m < ARRAY_SIZE(query->marks); m++) {
			key.mark = query->marks[m] & shape->mark_mask;
			best = best_of_key(rules, &key, best);
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
	struct pp_rules *rules = &pn->rules;
	const unsigned long *lengths = rules->lengths[query->family];
	const struct pp_slot *best;
	struct pp_dest *dest;
	struct pp_dest_key key;
	unsigned int bit;

	for_each_set_bit(bit, lengths, PP_PREFIX_LENGTHS) {
		key = pp_rule_dest_key(query->family, &query->to, PP_PREFIX_LENGTHS - 1 - bit);
		dest = rhashtable_lookup(&rules->dests, &key, pp_dest_params);
		if (!dest)
			continue;
		best = best_of_dest(rules, dest, query);
		if (best)
			return best->rule;
	}
	return NULL;
}
