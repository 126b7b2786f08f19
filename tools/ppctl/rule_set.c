// SPDX-License-Identifier: GPL-2.0
/*
 * The rules in force, in the order of what makes a rule the same, so that the counterpart of
 * another rule is found fast among a hundred thousand.
 */
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>

#include "ppctl.h"
#include "replies.h"
#include "rule_set.h"

static int compare_keys(const void *a, const void *b)
{
	const struct rule_member *left = a, *right = b;

	if (left->key_len != right->key_len)
		return left->key_len < right->key_len ? -1 : 1;
	return memcmp(left->bytes, right->bytes, left->key_len);
}

static int append(struct nlattr *nest, void *data)
{
	struct rule_set *set = data;
	struct rule_member *member;
	struct rule rule;

	if (!rule_read(nest, &rule))
		return reply_bad();
	/* Twice the room at each power of two */
	if (!(set->count & (set->count - 1))) {
		set->members = reallocarray(set->members, set->count ? 2 * set->count : 1,
					    sizeof(*set->members));
		if (!set->members)
			out_of_memory();
	}
	member = &set->members[set->count++];
	*member = (struct rule_member){ .id = rule.id, .nest = nest };
	member->len = rule_encode(&rule, &member->bytes, &member->key_len);
	return STATUS_OK;
}

/**
 * rule_set_fill - read the rules of a dump
 * @set: is filled; to be freed
 * @replies: of PP_CMD_RULE_GET; must outlive @set
 */
int rule_set_fill(struct rule_set *set, const struct replies *replies)
{
	int status = replies_each(replies, PP_ATTR_RULE, append, set);

	if (!status && set->count)
		qsort(set->members, set->count, sizeof(*set->members), compare_keys);
	return status;
}

void rule_set_free(struct rule_set *set)
{
	while (set->count)
		free(set->members[--set->count].bytes);
	free(set->members);
	set->members = NULL;
}

static enum rule_match match_words(struct rule_set *set, const struct rule *rule,
				   struct rule_member **member)
{
	struct rule_member wanted = { 0 };
	enum rule_match match = RULE_NEW;

	wanted.len = rule_encode(rule, &wanted.bytes, &wanted.key_len);
	*member = set->count ? bsearch(&wanted, set->members, set->count, sizeof(wanted),
				       compare_keys) : NULL;
	if (*member)
		match = (*member)->len == wanted.len &&
			!memcmp((*member)->bytes, wanted.bytes, wanted.len) ? RULE_SAME :
									      RULE_CHANGED;
	free(wanted.bytes);
	return match;
}

/* Whether @rule has a pool and no key, and its counterpart has both */
static bool take_map6_key(struct rule *rule, const struct rule_member *member)
{
	struct rule other;

	if (!rule->map6.family || rule->has_map6_key || !rule_read(member->nest, &other) ||
	    !other.has_map6_key)
		return false;
	memcpy(rule->map6_key, other.map6_key, sizeof(rule->map6_key));
	rule->has_map6_key = true;
	return true;
}

/**
 * rule_set_match - find the counterpart of a rule
 * @rule: gets the map6 key of its counterpart, if it has none: with another one, clients would be
 *	shown as others
 * @member: is set to it, or to NULL if there is none
 */
enum rule_match rule_set_match(struct rule_set *set, struct rule *rule,
			       struct rule_member **member)
{
	enum rule_match match = match_words(set, rule, member);

	if (match == RULE_CHANGED && take_map6_key(rule, *member))
		match = match_words(set, rule, member);
	return match;
}
