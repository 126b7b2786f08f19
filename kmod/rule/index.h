/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The index that finds the rule of a new connection: its tables.
 *
 *   prefix ----> destination ----> shapes: { bits of port left out, mark mask }
 *                                     |
 *                                     v  masked port, masked mark
 *                                   block ----> slots ----> rules
 *
 * A range of ports is cut into aligned blocks of a power of two, as a range of
 * addresses is cut into prefixes. It has a slot in each of its blocks. A block has
 * several slots only if ranges overlap. They are in a tree, in the order of
 * preference, and the block points at the first slot: a search never looks at
 * another. Slots of accept rules with the same destination and range lead to their
 * sources, which choose between these rules. dest.c, index.c and source.c change the
 * tables, find.c and source.c search them.
 */
#ifndef _PP_RULE_INDEX_H
#define _PP_RULE_INDEX_H

#include <linux/rbtree.h>
#include "rule/rule.h"

struct pp_dest_key {
	union pp_address prefix;
	u8 direction;
	u8 family;
	u8 len;
	u8 zero;
};

/**
 * pp_rule_dest_key - name of a destination
 * @direction: of its rules
 * @family: family of @to
 * @to: an address in the prefix
 * @len: length of the prefix in bits
 */
static inline struct pp_dest_key pp_rule_dest_key(enum pp_direction direction,
						  enum pp_family family,
						  const union pp_address *to, unsigned int len)
{
	struct pp_dest_key key = { .direction = direction, .family = family, .len = len };

	if (family == PP_IPV6)
		key.prefix.in6 = to->in6;
	else
		key.prefix.ip = to->ip;
	pp_rule_mask_prefix(family, &key.prefix, len);
	return key;
}

/**
 * struct pp_shape - form of the blocks of a destination
 * @mark_mask: bits of the mark that the blocks name
 * @port_bits: low bits of the port that they leave out
 * @blocks: how many there are; pp_net.lock
 */
struct pp_shape {
	u32 mark_mask;
	u32 port_bits;
	u32 blocks;
};

struct pp_shapes {
	struct rcu_head rcu;
	unsigned int count;
	struct pp_shape shape[];
};

/**
 * struct pp_dest - a destination prefix that has rules
 * @node: in pp_rules.dests
 * @key: direction, family, prefix, length
 * @shapes: replaced as a whole; written under pp_net.lock
 * @rcu: for freeing
 */
struct pp_dest {
	struct rhash_head node;
	struct pp_dest_key key;
	struct pp_shapes __rcu *shapes;
	struct rcu_head rcu;
};

struct pp_block_key {
	struct pp_dest *dest;
	u32 mark;
	u32 mark_mask;
	u16 port;
	u16 port_bits;
};

/**
 * struct pp_block - an aligned block of ports, for one destination and mark
 * @node: in pp_rules.blocks
 * @key: what it matches
 * @slots: struct pp_slot, in the order of preference; pp_net.lock
 * @best: the first of @slots; written under pp_net.lock
 * @rcu: for freeing
 */
struct pp_block {
	struct rhash_head node;
	struct pp_block_key key;
	struct rb_root slots;
	struct pp_slot __rcu *best;
	struct rcu_head rcu;
};

struct pp_sources_key {
	struct pp_dest *dest;
	struct pp_ports range;
};

/**
 * struct pp_source_lengths - prefix lengths in use, for sources
 * @rcu: for freeing
 * @bits: bit 128 - length, so that the first bit is the longest; read under RCU
 * @count: sources of each length
 */
struct pp_source_lengths {
	struct rcu_head rcu;
	DECLARE_BITMAP(bits, PP_PREFIX_LENGTHS);
	u32 count[PP_PREFIX_LENGTHS];
};

/**
 * struct pp_sources - the accept rules with one destination and range of ports
 * @node: in pp_rules.shared
 * @key: destination and range
 * @count: how many rules
 * @first: the rule that came when there was no other, while it is one of them
 * @in_use: lengths of their sources in pp_rules.sources; NULL: @first has been alone
 * @rcu: for freeing
 *
 * Written under pp_net.lock.
 */
struct pp_sources {
	struct rhash_head node;
	struct pp_sources_key key;
	u32 count;
	struct pp_rule *first;
	struct pp_source_lengths __rcu *in_use;
	struct rcu_head rcu;
};

struct pp_source_key {
	const struct pp_sources *sources;
	union pp_address prefix;
	u32 len;
};

/**
 * struct pp_source - a source of one of several rules with the same destination and ports
 * @node: in pp_rules.sources
 * @key: which source of which rules
 * @rule: the rule
 * @next: the rule that is about to replace it, or NULL; pp_net.lock
 * @rcu: for freeing
 */
struct pp_source {
	struct rhash_head node;
	struct pp_source_key key;
	struct pp_rule *rule;
	struct pp_rule *next;
	struct rcu_head rcu;
};

/**
 * struct pp_slot - a rule's share in a block of ports
 * @node: in pp_block.slots
 * @block: the block
 * @range: the range of the rule that the block is a part of
 * @sources: of accept rules: all rules with this destination and range
 * @rule: its rule, valid for an RCU grace period after the slot is removed
 * @of_rule: in pp_rule.slots; pp_net.lock
 * @rcu: for freeing
 */
struct pp_slot {
	struct rb_node node;
	struct pp_block *block;
	struct pp_ports range;
	struct pp_sources *sources;
	struct pp_rule *rule;
	struct list_head of_rule;
	struct rcu_head rcu;
};

/* Constants, so that the inline functions of <linux/rhashtable.h> are specialised */
static const struct rhashtable_params pp_dest_params __maybe_unused = {
	.head_offset = offsetof(struct pp_dest, node),
	.key_offset = offsetof(struct pp_dest, key),
	.key_len = sizeof(struct pp_dest_key),
	.automatic_shrinking = true,
};

static const struct rhashtable_params pp_block_params __maybe_unused = {
	.head_offset = offsetof(struct pp_block, node),
	.key_offset = offsetof(struct pp_block, key),
	.key_len = offsetofend(struct pp_block_key, port_bits),
	.automatic_shrinking = true,
};

static const struct rhashtable_params pp_sources_params __maybe_unused = {
	.head_offset = offsetof(struct pp_sources, node),
	.key_offset = offsetof(struct pp_sources, key),
	.key_len = offsetofend(struct pp_sources_key, range),
	.automatic_shrinking = true,
};

static const struct rhashtable_params pp_source_params __maybe_unused = {
	.head_offset = offsetof(struct pp_source, node),
	.key_offset = offsetof(struct pp_source, key),
	.key_len = offsetofend(struct pp_source_key, len),
	.automatic_shrinking = true,
};

/* Different mark masks that the rules of one destination may have */
#define PP_MARK_MASKS_MAX	16

struct pp_dest *pp_rule_dest_find(struct pp_rules *rules, const struct pp_rule *rule,
				  enum pp_family family);
struct pp_dest *pp_rule_dest_get(struct pp_rules *rules, const struct pp_rule *rule,
				 enum pp_family family);
void pp_rule_dest_put(struct pp_rules *rules, struct pp_dest *dest);
int pp_rule_shape_get(struct pp_dest *dest, const struct pp_block_key *key);
void pp_rule_shape_put(struct pp_dest *dest, const struct pp_block_key *key);
struct pp_sources *pp_rule_sources_join(struct pp_rules *rules, struct pp_rule *rule,
					struct pp_dest *dest, const struct pp_ports *range);
void pp_rule_sources_leave(struct pp_rules *rules, struct pp_rule *rule,
			   struct pp_sources *sources);
int pp_rule_sources_check(struct pp_rules *rules, const struct pp_rule *rule,
			  const struct pp_rule *except, struct pp_dest *dest,
			  const struct pp_ports *range, struct netlink_ext_ack *extack);
struct pp_rule *pp_rule_by_source(struct pp_rules *rules, const struct pp_slot *slot,
				  const union pp_address *source);
bool pp_rule_slot_before(const struct pp_slot *a, const struct pp_slot *b);
int pp_rule_index_check(struct pp_rules *rules, const struct pp_rule *rule,
			const struct pp_rule *except, struct netlink_ext_ack *extack);
int pp_rule_index_add(struct pp_rules *rules, struct pp_rule *rule,
		      struct netlink_ext_ack *extack);
void pp_rule_index_remove(struct pp_rules *rules, struct pp_rule *rule);
int pp_rule_index_init(struct pp_rules *rules);
void pp_rule_index_exit(struct pp_rules *rules);

#endif /* _PP_RULE_INDEX_H */
