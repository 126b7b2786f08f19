// SPDX-License-Identifier: GPL-2.0
/*
 * The index of rules: adding and removing a rule.
 *
 * Owns the tables that index.h draws. All changes are under pp_net.lock, while
 * packets search them under RCU. dest.c has the destinations, source.c the sources.
 */
#include <linux/bitops.h>
#include <linux/log2.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include "rule/index.h"

/* A block of ports leaves out 0 to 16 bits */
#define PORT_BITS	16

static const struct pp_ports any_port = { 0, U16_MAX };

static struct pp_block_key block_key(const struct pp_rule *rule, struct pp_dest *dest,
				     u32 port, unsigned int port_bits)
{
	return (struct pp_block_key){
		.dest = dest,
		.mark = rule->mark,
		.mark_mask = rule->mark_mask,
		.port = port,
		.port_bits = port_bits,
	};
}

/* Port bits that the largest aligned block from @port on leaves out, within @last */
static unsigned int block_bits(u32 port, u32 last)
{
	unsigned int aligned = port ? __ffs(port) : PORT_BITS;

	return min_t(unsigned int, aligned, ilog2(last - port + 1));
}

static struct pp_slot *slot_at(struct rb_node *node)
{
	return rb_entry_safe(node, struct pp_slot, node);
}

static u32 range_width(const struct pp_ports *range)
{
	return range->last - range->first + 1;
}

/**
 * pp_rule_slot_before - whether a slot is preferred to another
 * @a: slot
 * @b: another slot that matches the same connection, of the same destination
 *
 * Return: whether @a has the narrower range of ports, then more bits of mark,
 * then the lower id
 */
bool pp_rule_slot_before(const struct pp_slot *a, const struct pp_slot *b)
{
	u32 width_a = range_width(&a->range), width_b = range_width(&b->range);
	unsigned int bits_a = hweight32(a->block->key.mark_mask);
	unsigned int bits_b = hweight32(b->block->key.mark_mask);

	if (width_a != width_b)
		return width_a < width_b;
	if (bits_a != bits_b)
		return bits_a > bits_b;
	return a->rule->id < b->rule->id;
}

static struct pp_block *block_get(struct pp_rules *rules, const struct pp_block_key *key)
{
	struct pp_block *block = rhashtable_lookup_fast(&rules->blocks, key, pp_block_params);
	int err;

	if (block)
		return block;
	block = kzalloc(sizeof(*block), GFP_KERNEL_ACCOUNT);
	if (!block)
		return ERR_PTR(-ENOMEM);
	block->key = *key;
	block->slots = RB_ROOT;
	err = pp_rule_shape_get(key->dest, key);
	if (err)
		goto free_block;
	err = rhashtable_insert_fast(&rules->blocks, &block->node, pp_block_params);
	if (err)
		goto put_shape;
	return block;

put_shape:
	pp_rule_shape_put(key->dest, key);
free_block:
	kfree(block);
	return ERR_PTR(err);
}

static void block_put(struct pp_rules *rules, struct pp_block *block)
{
	if (!RB_EMPTY_ROOT(&block->slots))
		return;
	rhashtable_remove_fast(&rules->blocks, &block->node, pp_block_params);
	pp_rule_shape_put(block->key.dest, &block->key);
	pp_rule_dest_put(rules, block->key.dest);
	kfree_rcu(block, rcu);
}

static void block_enter(struct pp_block *block, struct pp_slot *slot)
{
	struct rb_node **link = &block->slots.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = pp_rule_slot_before(slot, slot_at(parent)) ? &parent->rb_left :
								    &parent->rb_right;
	}
	rb_link_node(&slot->node, parent, link);
	rb_insert_color(&slot->node, &block->slots);
	rcu_assign_pointer(block->best, slot_at(rb_first(&block->slots)));
}

static void block_leave(struct pp_block *block, struct pp_slot *slot)
{
	rb_erase(&slot->node, &block->slots);
	rcu_assign_pointer(block->best, slot_at(rb_first(&block->slots)));
}

static int add_slot(struct pp_rules *rules, struct pp_rule *rule, struct pp_dest *dest,
		    const struct pp_ports *range, struct pp_sources *sources, u32 port,
		    unsigned int port_bits)
{
	struct pp_block_key key = block_key(rule, dest, port, port_bits);
	struct pp_slot *slot = kzalloc(sizeof(*slot), GFP_KERNEL_ACCOUNT);
	struct pp_block *block;

	if (!slot)
		return -ENOMEM;
	block = block_get(rules, &key);
	if (IS_ERR(block)) {
		kfree(slot);
		return PTR_ERR(block);
	}
	slot->block = block;
	slot->range = *range;
	slot->sources = sources;
	slot->rule = rule;
	block_enter(block, slot);
	list_add_tail(&slot->of_rule, &rule->slots[rules->side]);
	return 0;
}

static int add_blocks(struct pp_rules *rules, struct pp_rule *rule, struct pp_dest *dest,
		      const struct pp_ports *range)
{
	struct pp_sources *sources = NULL;
	u32 port = range->first;
	unsigned int bits;
	int err = 0;

	if (rule->direction == PP_DIRECTION_ACCEPT)
		sources = pp_rule_sources_join(rules, rule, dest, range);
	if (IS_ERR(sources))
		return PTR_ERR(sources);
	while (port <= range->last) {
		bits = block_bits(port, range->last);
		err = add_slot(rules, rule, dest, range, sources, port, bits);
		if (err)
			break;
		port += BIT(bits);
	}
	/* With a slot, the rule leaves when that is removed */
	if (err && sources && port == range->first)
		pp_rule_sources_leave(rules, rule, sources);
	return err;
}

static int add_family(struct pp_rules *rules, struct pp_rule *rule, enum pp_family family)
{
	struct pp_dest *dest = pp_rule_dest_get(rules, rule, family);
	unsigned int i;
	int err;

	if (IS_ERR(dest))
		return PTR_ERR(dest);
	err = rule->ports_count ? 0 : add_blocks(rules, rule, dest, &any_port);
	for (i = 0; !err && i < rule->ports_count; i++)
		err = add_blocks(rules, rule, dest, &rule->ports[i]);
	if (err)
		pp_rule_dest_put(rules, dest);
	return err;
}

/**
 * pp_rule_index_add - make a rule findable
 * @rules: rules of the namespace, under pp_net.lock
 * @rule: rule, with its id
 * @extack: says what is wrong
 *
 * Return: 0; -ENOSPC, -EMLINK or -ENOMEM with nothing changed
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
				   PP_MARK_MASKS_MAX);
	if (err == -EMLINK)
		NL_SET_ERR_MSG(extack, "rules with the same destination have too many sources");
	return err;
}

/* Whether a slot is the last one of its rule that refers to its sources, all in a row */
static bool slot_is_last(const struct pp_slot *slot, const struct list_head *slots)
{
	return list_is_last(&slot->of_rule, slots) ||
	       list_next_entry(slot, of_rule)->sources != slot->sources;
}

/**
 * pp_rule_index_remove - make a rule unfindable
 * @rules: rules of the namespace, under pp_net.lock
 * @rule: rule; may be only partly in the index
 */
void pp_rule_index_remove(struct pp_rules *rules, struct pp_rule *rule)
{
	struct pp_slot *slot, *next;
	bool last;

	list_for_each_entry_safe(slot, next, &rule->slots[rules->side], of_rule) {
		last = slot_is_last(slot, &rule->slots[rules->side]);
		list_del(&slot->of_rule);
		block_leave(slot->block, slot);
		if (slot->sources && last)
			pp_rule_sources_leave(rules, rule, slot->sources);
		block_put(rules, slot->block);
		kfree_rcu(slot, rcu);
	}
}

/* The first slot of a block, in its order, whose range is at least @width wide */
static struct pp_slot *first_as_wide(const struct pp_block *block, u32 width)
{
	struct rb_node *node = block->slots.rb_node, *found = NULL;

	while (node) {
		if (range_width(&slot_at(node)->range) < width) {
			node = node->rb_right;
		} else {
			found = node;
			node = node->rb_left;
		}
	}
	return slot_at(found);
}

/* Only the first block is searched: equal ranges begin with the same block */
static int check_range(struct pp_rules *rules, const struct pp_rule *rule,
		       const struct pp_rule *except, struct pp_dest *dest,
		       const struct pp_ports *range, struct netlink_ext_ack *extack)
{
	struct pp_block_key key = block_key(rule, dest, range->first,
					    block_bits(range->first, range->last));
	struct pp_block *block = rhashtable_lookup_fast(&rules->blocks, &key, pp_block_params);
	struct pp_slot *slot = block ? first_as_wide(block, range_width(range)) : NULL;

	if (rule->direction == PP_DIRECTION_ACCEPT)
		return pp_rule_sources_check(rules, rule, except, dest, range, extack);
	while (slot && range_width(&slot->range) == range_width(range)) {
		if (slot->range.first == range->first && slot->rule != except) {
			NL_SET_ERR_MSG_FMT(extack,
					   "rule %u has the same destination, ports and mark",
					   slot->rule->id);
			return -EEXIST;
		}
		slot = slot_at(rb_next(&slot->node));
	}
	return 0;
}

/**
 * pp_rule_index_check - whether a rule would never be found
 * @rules: rules of the namespace, under pp_net.lock
 * @rule: rule that is to be added
 * @except: rule that it replaces, or NULL
 * @extack: names the rule that would always be found instead
 *
 * Return: 0, or -EEXIST: an older rule has the same prefix and mark, one of its port ranges and,
 * if both are accept rules, one of its sources
 */
int pp_rule_index_check(struct pp_rules *rules, const struct pp_rule *rule,
			const struct pp_rule *except, struct netlink_ext_ack *extack)
{
	struct pp_dest *dest;
	unsigned int i;
	int family, err;

	for (family = 0; family < PP_FAMILIES; family++) {
		if (!(rule->families & BIT(family)))
			continue;
		dest = pp_rule_dest_find(rules, rule, family);
		if (!dest)
			continue;
		err = 0;
		if (!rule->ports_count)
			err = check_range(rules, rule, except, dest, &any_port, extack);
		for (i = 0; !err && i < rule->ports_count; i++)
			err = check_range(rules, rule, except, dest, &rule->ports[i], extack);
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
	err = rhashtable_init(&rules->blocks, &pp_block_params);
	if (err)
		goto destroy_dests;
	err = rhashtable_init(&rules->shared, &pp_sources_params);
	if (err)
		goto destroy_blocks;
	err = rhashtable_init(&rules->sources, &pp_source_params);
	if (err)
		goto destroy_shared;
	return 0;

destroy_shared:
	rhashtable_destroy(&rules->shared);
destroy_blocks:
	rhashtable_destroy(&rules->blocks);
destroy_dests:
	rhashtable_destroy(&rules->dests);
	return err;
}

/* The index is empty by now */
void pp_rule_index_exit(struct pp_rules *rules)
{
	rhashtable_destroy(&rules->sources);
	rhashtable_destroy(&rules->shared);
	rhashtable_destroy(&rules->blocks);
	rhashtable_destroy(&rules->dests);
}
