// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl delete-rule: deletes rules by id. All ids go in one request, so that
 * either all of the rules are deleted or none.
 */
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "nl.h"
#include "parse.h"
#include "ppctl.h"
#include "replies.h"
#include "rule.h"

/* More than the id of a rule needs */
#define ID_ROOM		16

/**
 * struct ids - what is to be deleted
 * @ids: ids
 * @count: number of @ids
 * @first: lowest id of the range whose rules are being collected
 * @last: highest id of it
 */
struct ids {
	uint32_t *ids;
	size_t count;
	uint32_t first;
	uint32_t last;
};

static void append(struct ids *ids, uint32_t id)
{
	/* Twice the room at each power of two */
	if (!(ids->count & (ids->count - 1))) {
		ids->ids = reallocarray(ids->ids, ids->count ? 2 * ids->count : 1,
					sizeof(*ids->ids));
		if (!ids->ids)
			out_of_memory();
	}
	ids->ids[ids->count++] = id;
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static int check_twice(struct ids *ids)
{
	size_t i;

	qsort(ids->ids, ids->count, sizeof(*ids->ids), compare_ids);
	for (i = 1; i < ids->count; i++) {
		if (ids->ids[i] == ids->ids[i - 1])
			return usage_error("id %u is given twice", ids->ids[i]);
	}
	return STATUS_OK;
}

/* Sets @has_range if one of the words is a range, whose rules only the kernel knows */
static int read_words(char **args, struct ids *ids, bool *has_range)
{
	uint32_t first, last;
	int status;

	for (*has_range = false; *args; args++) {
		status = parse_ids(*args, &first, &last);
		if (status)
			return status;
		if (strchr(*args, '-'))
			*has_range = true;
		else
			append(ids, first);
	}
	return check_twice(ids);
}

static int append_rule(struct nlattr *nest, void *data)
{
	struct ids *ids = data;
	struct rule rule;

	if (!rule_read(nest, &rule))
		return reply_bad();
	if (rule.id >= ids->first && rule.id <= ids->last)
		append(ids, rule.id);
	return STATUS_OK;
}

/* The ids of the rules in each range. A range without a rule is an error */
static int read_ranges(char **args, struct ids *ids)
{
	struct replies rules = { 0 };
	size_t before;
	int status;

	status = ppnl_dump(PP_CMD_RULE_GET, DUMP_SNAPSHOT, &rules);
	for (; !status && *args; args++) {
		if (!strchr(*args, '-'))
			continue;
		before = ids->count;
		status = parse_ids(*args, &ids->first, &ids->last);
		if (!status)
			status = replies_each(&rules, PP_ATTR_RULE, append_rule, ids);
		if (!status && ids->count == before)
			status = failure("there is no rule from %u to %u", ids->first, ids->last);
	}
	replies_free(&rules);
	return status ? status : check_twice(ids);
}

static int delete_ids(const struct ids *ids)
{
	struct nl_msg *request;
	size_t i;

	request = ppnl_request(PP_CMD_RULE_DEL, ids->count * ID_ROOM);
	for (i = 0; i < ids->count; i++) {
		if (rule_put_id(request, ids->ids[i])) {
			nlmsg_free(request);
			return failure("too many rules at once");
		}
	}
	return ppnl_do(request, NULL);
}

int cmd_delete_rule(char **args)
{
	struct ids ids = { 0 };
	bool has_range;
	int status;

	if (!args[0])
		return usage_error("delete-rule needs the id of a rule, or 'all'");
	if (!strcmp(args[0], "all") && !args[1])
		return ppnl_do(ppnl_request(PP_CMD_RULE_FLUSH, 0), NULL);

	status = read_words(args, &ids, &has_range);
	if (!status && has_range)
		status = read_ranges(args, &ids);
	if (!status)
		status = delete_ids(&ids);
	free(ids.ids);
	return status;
}
