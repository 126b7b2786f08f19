// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl replace-rule: puts a rule into force in the place of another: of the rule with an id,
 * or of the rule that has the same destination, ports and mark. The kernel does it at once.
 */
#include <netlink/msg.h>
#include <string.h>

#include "nl.h"
#include "out.h"
#include "parse.h"
#include "ppctl.h"
#include "replies.h"
#include "rule_set.h"

static int replace_one(const struct rule *rule, struct replies *replies)
{
	struct nl_msg *request = ppnl_request(PP_CMD_RULE_REPLACE, RULE_ROOM);

	if (rule_put(request, rule)) {
		nlmsg_free(request);
		return failure("the rule is too long");
	}
	return ppnl_do(request, replies);
}

static int find_id(struct rule *rule)
{
	struct replies replies = { 0 };
	struct rule_member *member = NULL;
	struct rule_set set = { 0 };
	int status;

	status = ppnl_dump(PP_CMD_RULE_GET, DUMP_SNAPSHOT, &replies);
	if (!status)
		status = rule_set_fill(&set, &replies);
	if (!status) {
		rule_set_match(&set, rule, &member);
		if (member)
			rule->id = member->id;
		else
			status = failure("there is no rule with this destination, ports and mark: see add-rule");
	}
	rule_set_free(&set);
	replies_free(&replies);
	return status;
}

static int print_answer(const struct replies *replies)
{
	int status;

	if (!replies->len)
		return reply_bad();
	out_open_array(NULL);
	status = replies_each(replies, PP_ATTR_RULE, rule_print, NULL);
	out_close_array();
	return status;
}

static int read_words(char **args, struct rule *rule)
{
	uint32_t first = 0, last = 0;
	bool has_id = args[0] && strspn(args[0], "0123456789-") == strlen(args[0]) && *args[0];
	int status = STATUS_OK;

	if (has_id)
		status = parse_ids(args[0], &first, &last);
	if (!status && first != last)
		status = usage_error("replace-rule takes one id: '%s'", args[0]);
	if (!status)
		status = rule_parse(args + has_id, rule);
	if (!status && rule->n_to > 1)
		status = usage_error("replace-rule takes one destination");
	rule->id = first;
	return status;
}

int cmd_replace_rule(char **args)
{
	struct replies replies = { 0 };
	struct rule rule;
	int status;

	status = read_words(args, &rule);
	if (!status && !rule.id)
		status = find_id(&rule);
	if (!status)
		status = replace_one(&rule, &replies);
	if (!status)
		status = print_answer(&replies);
	replies_free(&replies);
	return status;
}
