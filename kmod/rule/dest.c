// SPDX-License-Identifier: GPL-2.0
/*
 * The index of rules: destinations, and the shapes of their blocks.
 *
 * Owns the life of a destination: it exists while it has a block.
 */
#include <linux/bitops.h>
#include <linux/slab.h>
#include "rule/index.h"

/**
 * pp_rule_dest_find - the destination of a rule, if it is in the table
 * @rules: rules of the namespace, under pp_net.lock
 * @rule: rule
 * @family: one of the rule's families
 */
struct pp_dest *pp_rule_dest_find(struct pp_rules *rules, const struct pp_rule *rule,
				  enum pp_family family)
{
	struct pp_dest_key key = pp_rule_dest_key(rule->direction, family, &rule->to,
						  rule->to_len);

	return rhashtable_lookup_fast(&rules->dests, &key, pp_dest_params);
}

static struct pp_shape *find_shape(struct pp_shapes *shapes, const struct pp_block_key *key)
{
	unsigned int i;

	for (i = 0; shapes && i < shapes->count; i++)
		if (shapes->shape[i].mark_mask == key->mark_mask &&
		    shapes->shape[i].port_bits == key->port_bits)
			return &shapes->shape[i];
	return NULL;
}

static bool mark_mask_fits(const struct pp_shapes *shapes, u32 mark_mask)
{
	u32 seen[PP_MARK_MASKS_MAX];
	unsigned int i, j, count = 0;

	for (i = 0; shapes && i < shapes->count; i++) {
		if (shapes->shape[i].mark_mask == mark_mask)
			return true;
		for (j = 0; j < count; j++)
			if (seen[j] == shapes->shape[i].mark_mask)
				break;
		if (j == count)
			seen[count++] = shapes->shape[i].mark_mask;
		if (count == PP_MARK_MASKS_MAX)
			return false;
	}
	return true;
}

/**
 * pp_rule_shape_get - count a new block of a destination
 * @dest: destination
 * @key: key of the block
 *
 * Return: 0; -ENOSPC: too many mark masks; -ENOMEM
 */
int pp_rule_shape_get(struct pp_dest *dest, const struct pp_block_key *key)
{
	struct pp_shapes *old = rcu_dereference_protected(dest->shapes, true);
	struct pp_shape *shape = find_shape(old, key);
	unsigned int count = old ? old->count : 0;
	struct pp_shapes *new;

	if (shape) {
		shape->blocks++;
		return 0;
	}
	if (!mark_mask_fits(old, key->mark_mask))
		return -ENOSPC;
	new = kzalloc(struct_size(new, shape, count + 1), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	if (old)
		memcpy(new->shape, old->shape, count * sizeof(old->shape[0]));
	new->shape[count] = (struct pp_shape){ key->mark_mask, key->port_bits, 1 };
	new->count = count + 1;
	rcu_assign_pointer(dest->shapes, new);
	if (old)
		kfree_rcu(old, rcu);
	return 0;
}

/**
 * pp_rule_shape_put - count a block of a destination that is freed
 * @dest: its destination
 * @key: its key
 *
 * If memory fails, a shape without blocks stays until its destination is freed.
 */
void pp_rule_shape_put(struct pp_dest *dest, const struct pp_block_key *key)
{
	struct pp_shapes *old = rcu_dereference_protected(dest->shapes, true);
	struct pp_shape *shape = find_shape(old, key);
	struct pp_shapes *new;
	unsigned int i;

	if (--shape->blocks || old->count == 1)
		return;
	new = kzalloc(struct_size(new, shape, old->count - 1), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!new)
		return;
	for (i = 0; i < old->count; i++)
		if (&old->shape[i] != shape)
			new->shape[new->count++] = old->shape[i];
	rcu_assign_pointer(dest->shapes, new);
	kfree_rcu(old, rcu);
}

static bool dest_is_empty(const struct pp_dest *dest)
{
	const struct pp_shapes *shapes = rcu_dereference_protected(dest->shapes, true);
	unsigned int i;

	for (i = 0; shapes && i < shapes->count; i++)
		if (shapes->shape[i].blocks)
			return false;
	return true;
}

/**
 * pp_rule_dest_put - free a destination unless it has a block
 * @rules: rules of the namespace, under pp_net.lock
 * @dest: destination
 */
void pp_rule_dest_put(struct pp_rules *rules, struct pp_dest *dest)
{
	struct pp_shapes *shapes = rcu_dereference_protected(dest->shapes, true);
	u8 direction = dest->key.direction, family = dest->key.family, len = dest->key.len;

	if (!dest_is_empty(dest))
		return;
	if (!--rules->dests_of_length[direction][family][len])
		clear_bit(PP_PREFIX_LENGTHS - 1 - len, rules->lengths[direction][family]);
	rhashtable_remove_fast(&rules->dests, &dest->node, pp_dest_params);
	if (shapes)
		kfree_rcu(shapes, rcu);
	kfree_rcu(dest, rcu);
}

/**
 * pp_rule_dest_get - find or make the destination of a rule
 * @rules: rules of the namespace, under pp_net.lock
 * @rule: rule
 * @family: one of the rule's families
 *
 * Return: the destination or ERR_PTR(-ENOMEM)
 */
struct pp_dest *pp_rule_dest_get(struct pp_rules *rules, const struct pp_rule *rule,
				 enum pp_family family)
{
	struct pp_dest *dest = pp_rule_dest_find(rules, rule, family);
	int err;

	if (dest)
		return dest;
	dest = kzalloc(sizeof(*dest), GFP_KERNEL_ACCOUNT);
	if (!dest)
		return ERR_PTR(-ENOMEM);
	dest->key = pp_rule_dest_key(rule->direction, family, &rule->to, rule->to_len);
	err = rhashtable_insert_fast(&rules->dests, &dest->node, pp_dest_params);
	if (err) {
		kfree(dest);
		return ERR_PTR(err);
	}
	if (!rules->dests_of_length[rule->direction][family][rule->to_len]++)
		set_bit(PP_PREFIX_LENGTHS - 1 - rule->to_len,
			rules->lengths[rule->direction][family]);
	return dest;
}
