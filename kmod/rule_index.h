/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The index that finds the rule of a new connection: its tables.
 *
 *   prefix ----> destination ----> shapes: { bits of port left out, mark mask }
 *                                     |
 *                                     v  masked port, masked mark
 *                                   slot ----> rule
 *
 * A range of ports is cut into aligned blocks of a power of two, as a range of
 * addresses is cut into prefixes, and each block is one slot. rule_index.c
 * changes the tables, rule_find.c searches them.
 */
#ifndef _PP_RULE_INDEX_H
#define _PP_RULE_INDEX_H

#include "rule.h"

struct pp_dest_key {
	union pp_address prefix;
	u8 family;
	u8 len;
	u16 zero;
};

/**
 * struct pp_shape - form of the slots of a destination
 * @mark_mask: bits of the mark that the slots name
 * @port_bits: low bits of the port that they leave out
 * @slots: how many there are; pp_net.lock
 */
struct pp_shape {
	u32 mark_mask;
	u32 port_bits;
	u32 slots;
};

struct pp_shapes {
	struct rcu_head rcu;
	unsigned int count;
	struct pp_shape shape[];
};

/**
 * struct pp_dest - a destination prefix that has rules
 * @node: in pp_rules.dests
 * @key: family, prefix, length
 * @shapes: replaced as a whole; written under pp_net.lock
 * @rcu: for freeing
 */
struct pp_dest {
	struct rhash_head node;
	struct pp_dest_key key;
	struct pp_shapes __rcu *shapes;
	struct rcu_head rcu;
};

struct pp_slot_key {
	const struct pp_dest *dest;
	u32 mark;
	u32 mark_mask;
	u16 port;
	u16 port_bits;
};

/**
 * struct pp_slot - one block of ports of a rule
 * @node: in pp_rules.slots
 * @key: what it matches
 * @range: the range of the rule that it is a block of
 * @rule: its rule, which outlives it by an RCU grace period
 * @dest: its destination
 * @of_rule: in pp_rule.slots; pp_net.lock
 * @rcu: for freeing
 */
struct pp_slot {
	struct rhlist_head node;
	struct pp_slot_key key;
	struct pp_ports range;
	struct pp_rule *rule;
	struct pp_dest *dest;
	struct list_head of_rule;
	struct rcu_head rcu;
};

/* Constants, so that the functions of <linux/rhashtable.h> are compiled for them */
static const struct rhashtable_params pp_dest_params __maybe_unused = {
	.head_offset = offsetof(struct pp_dest, node),
	.key_offset = offsetof(struct pp_dest, key),
	.key_len = sizeof(struct pp_dest_key),
	.automatic_shrinking = true,
};

static const struct rhashtable_params pp_slot_params __maybe_unused = {
	.head_offset = offsetof(struct pp_slot, node),
	.key_offset = offsetof(struct pp_slot, key),
	.key_len = offsetofend(struct pp_slot_key, port_bits),
	.automatic_shrinking = true,
};

struct pp_dest_key pp_rule_dest_key(enum pp_family family, const union pp_address *to,
				    unsigned int len);
int pp_rule_index_check(struct pp_rules *rules, const struct pp_rule *rule,
			struct netlink_ext_ack *extack);
int pp_rule_index_add(struct pp_rules *rules, struct pp_rule *rule,
		      struct netlink_ext_ack *extack);
void pp_rule_index_remove(struct pp_rules *rules, struct pp_rule *rule);
int pp_rule_index_init(struct pp_rules *rules);
void pp_rule_index_exit(struct pp_rules *rules);

#endif /* _PP_RULE_INDEX_H */
