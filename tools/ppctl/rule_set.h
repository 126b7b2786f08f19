/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rules in force, to be compared with other rules.
 */
#ifndef _PPCTL_RULE_SET_H
#define _PPCTL_RULE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rule.h"

/**
 * enum rule_match - what the rules in force have in the place of a rule
 * @RULE_NEW: nothing
 * @RULE_CHANGED: the same rule with other values
 * @RULE_SAME: the same rule
 */
enum rule_match {
	RULE_NEW,
	RULE_CHANGED,
	RULE_SAME,
};

/**
 * struct rule_member - a rule in force
 * @id: its id
 * @bytes: of rule_encode()
 * @len: number of @bytes
 * @key_len: how many of them say which rule it is
 * @nest: the rule as the kernel showed it
 * @is_met: another rule was found to match it
 */
struct rule_member {
	uint32_t id;
	void *bytes;
	size_t len;
	size_t key_len;
	struct nlattr *nest;
	bool is_met;
};

/**
 * struct rule_set - the rules in force
 * @members: in the order of their keys
 * @count: number of @members
 */
struct rule_set {
	struct rule_member *members;
	size_t count;
};

struct replies;

int rule_set_fill(struct rule_set *set, const struct replies *replies);
void rule_set_free(struct rule_set *set);
enum rule_match rule_set_match(struct rule_set *set, struct rule *rule,
			       struct rule_member **member);

#endif /* _PPCTL_RULE_SET_H */
