// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl delete-rule: deletes rules by id. All ids go in one request, so that
 * either all of the rules are deleted or none.
 */
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "nl.h"
#include "parse.h"
#include "ppctl.h"

static int compare_ids(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static int read_ids(char **args, uint32_t *ids, size_t count)
{
	size_t i;
	int status;

	for (i = 0; i < count; i++) {
		status = parse_id(args[i], &ids[i]);
		if (status)
			return status;
	}
	qsort(ids, count, sizeof(*ids), compare_ids);
	for (i = 1; i < count; i++) {
		if (ids[i] == ids[i - 1])
			return usage_error("id %u is given twice", ids[i]);
	}
	return STATUS_OK;
}

static int put_id(struct nl_msg *msg, uint32_t id)
{
	struct nlattr *nest;

	nest = nla_nest_start(msg, PP_ATTR_RULE | NLA_F_NESTED);
	if (!nest || nla_put_u32(msg, PP_RULE_ATTR_ID, id))
		return -1;
	return nla_nest_end(msg, nest);
}

static int delete_ids(const uint32_t *ids, size_t count)
{
	size_t room = (size_t)nla_total_size(nla_total_size(sizeof(*ids)));
	struct nl_msg *request;
	size_t i;

	request = ppnl_request(PP_CMD_RULE_DEL, count * room);
	for (i = 0; i < count; i++) {
		if (put_id(request, ids[i])) {
			nlmsg_free(request);
			return failure("too many rules at once");
		}
	}
	return ppnl_do(request, NULL);
}

int cmd_delete_rule(char **args)
{
	size_t count = 0;
	uint32_t *ids;
	int status;

	while (args[count])
		count++;
	if (!count)
		return usage_error("delete-rule needs the id of a rule");
	ids = calloc(count, sizeof(*ids));
	if (!ids)
		out_of_memory();

	status = read_ids(args, ids, count);
	if (!status)
		status = delete_ids(ids, count);
	free(ids);
	return status;
}
