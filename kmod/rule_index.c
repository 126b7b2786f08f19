// SPDX-License-Identifier: GPL-2.0
/*
 * The index of rules: entering a rule and taking it out.
 *
 * Owns the tables that rule_index.h draws, all changed under pp_net.lock while
 * packets search them under RCU.
 */
#include <linux/bitops.h>
#include <linux/log2.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include "rule_index.h"

/* Different mark masks that the rules of one destination may have */
#define MARK_MASKS_MAX	16
/* A block of ports leaves out 0 to 16 bits */
#define PORT_BITS	16

static const struct pp_ports any_port = { 0, U16_MAX };

/**
 * pp_rule_mask_prefix - clear the host bits of a prefix
 * @family: family of @addr
 * @addr: prefix
 * @len: its length in bits
 */
void pp_rule_mask_prefix(enum pp_family family, union pp_address *addr, unsigned int len)
{
	struct in6_addr prefix;

	if (family == PP_IPV6) {
		ipv6_addr_prefix(&prefix, &addr->in6, len);
		addr->in6 = prefix;
	} else {
		addr->ip &= len ? htonl(~0U << (32 - len)) : 0;
	}
}

/**
 * pp_rule_dest_key - name of a destination
 * @family: family of @to
 * @to: an address in the prefix
 * @len: length of the prefix in bits
 */
struct pp_dest_key pp_rule_dest_key(enum pp_family family, const union pp_address *to,
				    unsigned int len)
{
	struct pp_dest_key key = { .family = family, .len = len };

	if (family == PP_IPV6)
		key.prefix.in6 = to->in6;
	else
		key.prefix.ip = to->ip;
	pp_rule_mask_prefix(family, &key.prefix, len);
	return key;
}

static struct pp_dest *dest_of_rule(struct pp_rules *rules, const struct pp_rule *rule,
				    enum pp_family family)
{
	struct pp_dest_key key = pp_rule_dest_key(family, &rule->to, rule->to_len);

	return rhashtable_lookup_fast(&rules->dests, &key, pp_dest_params);
}

static struct pp_shape *find_shape(struct pp_shapes *shapes, const struct pp_slot_key *key)
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
	u32 seen[MARK_MASKS_MAX];
	unsigned int i, j, count = 0;

	for (i = 0; shapes && i < shapes->count; i++) {
		if (shapes->shape[i].mark_mask == mark_mask)
			return true;
		for (j = 0; j < count; j++)
			if (seen[j] == shapes->shape[i].mark_mask)
				break;
		if (j == count)
			seen[count++] = shapes->shape[i].mark_mask;
		if (count == MARK_MASKS_MAX)
			return false;
	}
	return true;
}

static int shape_get(struct pp_dest *dest, const struct pp_slot_key *key)
{
	struct pp_shapes *old = rcu_dereference_protected(dest->shapes, true);
	struct pp_shape *shape = find_shape(old, key);
	unsigned int count = old ? old->count : 0;
	struct pp_shapes *new;

	if (shape) {
		shape->slots++;
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

/* A shape without slots stays while its destination lives, should memory fail */
static void shape_put(struct pp_dest *dest, const struct pp_slot_key *key)
{
	struct pp_shapes *old = rcu_dereference_protected(dest->shapes, true);
	struct pp_shape *shape = find_shape(old, key);
	struct pp_shapes *new;
	unsigned int i;

	if (--shape->slots || old->count == 1)
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
		if (shapes->shape[i].slots)
			return false;
	return true;
}

static void dest_put(struct pp_rules *rules, struct pp_dest *dest)
{
	struct pp_shapes *shapes = rcu_dereference_protected(dest->shapes, true);
	u8 family = dest->key.family, len = dest->key.len;

	if (!dest_is_empty(dest))
		return;
	if (!--rules->dests_of_length[family][len])
		clear_bit(PP_PREFIX_LENGTHS - 1 - len, rules->lengths[family]);
	rhashtable_remove_fast(&rules->dests, &dest->node, pp_dest_params);
	if (shapes)
		kfree_rcu(shapes, rcu);
	kfree_rcu(dest, rcu);
}

static struct pp_dest *dest_get(struct pp_rules *rules, const struct pp_rule *rule,
				enum pp_family family)
{
	struct pp_dest *dest = dest_of_rule(rules, rule, family);
	int err;

	if (dest)
		return dest;
	dest = kzalloc(sizeof(*dest), GFP_KERNEL_ACCOUNT);
	if (!dest)
		return ERR_PTR(-ENOMEM);
	dest->key = pp_rule_dest_key(family, &rule->to, rule->to_len);
	err = rhashtable_insert_fast(&rules->dests, &dest->node, pp_dest_params);
	if (err) {
		kfree(dest);
		return ERR_PTR(err);
	}
	if (!rules->dests_of_length[family][rule->to_len]++)
		set_bit(PP_PREFIX_LENGTHS - 1 - rule->to_len, rules->lengths[family]);
	return dest;
}

static struct pp_slot_key slot_key(const struct pp_rule *rule, const struct pp_dest *dest,
				    u32 port, unsigned int port_bits)
{
	return (struct pp_slot_key){
		.dest = dest,
		.mark = rule->mark,
		.mark_mask = rule->mark_mask,
		.port = port,
		.port_bits = port_bits,
	};
}

/* Bits that the largest aligned block leaves out that begins at @port and ends by @last */
static unsigned int block_bits(u32 port, u32 last)
{
	unsigned int aligned = port ? __ffs(port) : PORT_BITS;

	return min_t(unsigned int, aligned, ilog2(last - port + 1));
}

static int add_slot(struct pp_rules *rules, struct pp_rule *rule, struct pp_dest *dest,
		    const struct pp_ports *range, u32 port, unsigned int port_bits)
{
	struct pp_slot *slot = kzalloc(sizeof(*slot), GFP_KERNEL_ACCOUNT);
	int err;

	if (!slot)
		return -ENOMEM;
	slot->key = slot_key(rule, dest, port, port_bits);
	slot->range = *range;
	slot->rule = rule;
	slot->dest = dest;
	err = shape_get(dest, &slot->key);
	if (err)
		goto free_slot;
	err = rhltable_insert(&rules->slots, &slot->node, pp_slot_params);
	if (err)
		goto put_shape;
	list_add_tail(&slot->of_rule, &rule->slots);
	return 0;

put_shape:
	shape_put(dest, &slot->key);
free_slot:
	kfree(slot);
	return err;
}

static int add_blocks(struct pp_rules *rules, struct pp_rule *rule, struct pp_dest *dest,
		      const struct pp_ports *range)
{
	u32 port = range->first;
	unsigned int bits;
	int err = 0;

	while (!err && port <= range->last) {
		bits = block_bits(port, range->last);
		err = add_slot(rules, rule, dest, range, port, bits);
		port += BIT(bits);
	}
	return err;
}

static int add_family(struct pp_rules *rules, struct pp_rule *rule, enum pp_family family)
{
	struct pp_dest *dest = dest_get(rules, rule, family);
	unsigned int i;
	int err;

	if (IS_ERR(dest))
		return PTR_ERR(dest);
	err = rule->ports_count ? 0 : add_blocks(rules, rule, dest, &any_port);
	for (i = 0; !err && i < rule->ports_count; i++)
		err = add_blocks(rules, rule, dest, &rule->ports[i]);
	if (err)
		dest_put(rules, dest);
	return err;
}

/**
 * pp_rule_index_add - make a rule findable
 * @rules: rules of the namespace, under pp_net.lock
 * @rule: rule, with its id
 * @extack: says what is wrong
 *
 * Return: 0; -ENOSPC or -ENOMEM with nothing changed
 */
int pp_rule_index_add(struct pp_rules *rules, struct pp_rule *rule,
		      struct netlink_ext_ack *extack)
{
	int family, err = 0;

	for (family = 0; !err && family < PP_FAMILIES; family++)
		if (rule->families & BIT(family))
			err = add_family(rules, rule, family);
	if (!err)
		return 0;
	pp_rule_index_remove(rules, rule);
	if (err == -ENOSPC)
		NL_SET_ERR_MSG_FMT(extack,
				   "the rules of this destination have %u different mark masks: no more fit",
				   MARK_MASKS_MAX);
	return err;
}

/**
 * pp_rule_index_remove - make a rule unfindable
 * @rules: rules of the namespace, under pp_net.lock
 * @rule: rule; may be in the index in part
 */
void pp_rule_index_remove(struct pp_rules *rules, struct pp_rule *rule)
{
	struct pp_slot *slot, *next;

	list_for_each_entry_safe(slot, next, &rule->slots, of_rule) {
		list_del(&slot->of_rule);
		rhltable_remove(&rules->slots, &slot->node, pp_slot_params);
		shape_put(slot->dest, &slot->key);
		dest_put(rules, slot->dest);
		kfree_rcu(slot, rcu);
	}
}

/* Equal ranges begin with equal blocks */
static int check_range(struct pp_rules *rules, const struct pp_rule *rule,
		       const struct pp_dest *dest, const struct pp_ports *range,
		       struct netlink_ext_ack *extack)
{
	struct pp_slot_key key = slot_key(rule, dest, range->first,
				       block_bits(range->first, range->last));
	struct rhlist_head *list, *pos;
	struct pp_slot *slot;
	int err = 0;

	rcu_read_lock();
	list = rhltable_lookup(&rules->slots, &key, pp_slot_params);
	rhl_for_each_entry_rcu(slot, pos, list, node) {
		if (slot->range.first != range->first || slot->range.last != range->last)
			continue;
		NL_SET_ERR_MSG_FMT(extack, "rule %u has the same destination, ports and mark",
				   slot->rule->id);
		err = -EEXIST;
		break;
	}
	rcu_read_unlock();
	return err;
}

/**
 * pp_rule_index_check - whether a rule would never be found
 * @rules: rules of the namespace, under pp_net.lock
 * @rule: rule that is to be added
 * @extack: names the rule that is in its way
 *
 * Return: 0, or -EEXIST: one of its port ranges stands in an older rule with
 * the same prefix and mark
 */
int pp_rule_index_check(struct pp_rules *rules, const struct pp_rule *rule,
			struct netlink_ext_ack *extack)
{
	struct pp_dest *dest;
	unsigned int i;
	int family, err;

	for (family = 0; family < PP_FAMILIES; family++) {
		if (!(rule->families & BIT(family)))
			continue;
		dest = dest_of_rule(rules, rule, family);
		if (!dest)
			continue;
		err = rule->ports_count ? 0 : check_range(rules, rule, dest, &any_port, extack);
		for (i = 0; !err && i < rule->ports_count; i++)
			err = check_range(rules, rule, dest, &rule->ports[i], extack);
		if (err)
			return err;
	}
	return 0;
}

int pp_rule_index_init(struct pp_rules *rules)
{
	int err;

	err = rhashtable_init(&rules->dests, &pp_dest_params);
	if (err)
		return err;
	err = rhltable_init(&rules->slots, &pp_slot_params);
	if (err)
		rhashtable_destroy(&rules->dests);
	return err;
}

/* All rules are gone by now */
void pp_rule_index_exit(struct pp_rules *rules)
{
	rhltable_destroy(&rules->slots);
	rhashtable_destroy(&rules->dests);
}
