// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl add-rule: adds a rule, or one for each destination of a list, and prints them with
 * the ids that they got. If the kernel refuses one of them, the others are deleted again.
 * With --if-missing a rule that is there already is no error.
 */
#include <errno.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "nl.h"
#include "options.h"
#include "out.h"
#include "ppctl.h"
#include "replies.h"
#include "rule_set.h"

/**
 * struct addition - what is added
 * @added: answers of the kernel
 * @present: all rules, read when one of them turned out to be there already
 * @set: of @present
 * @kept: rules that were there already
 * @n_kept: number of @kept
 */
struct addition {
	struct replies added;
	struct replies present;
	struct rule_set set;
	struct rule kept[PP_FROM_MAX];
	unsigned int n_kept;
};

static struct nl_msg *add_request(const struct rule *rule)
{
	struct nl_msg *request = ppnl_request(PP_CMD_RULE_ADD, RULE_ROOM);

	if (!rule_put(request, rule))
		return request;
	nlmsg_free(request);
	return NULL;
}

/* The rule in force that is the same in all its words, or NULL */
static const struct rule_member *find_same(struct addition *addition, const struct rule *rule)
{
	struct rule_member *member;
	struct rule words = *rule;

	replies_free(&addition->present);
	rule_set_free(&addition->set);
	if (ppnl_dump(PP_CMD_RULE_GET, DUMP_SNAPSHOT, &addition->present) ||
	    rule_set_fill(&addition->set, &addition->present) ||
	    rule_set_match(&addition->set, &words, &member) != RULE_SAME)
		return NULL;
	return member;
}

static int add_one(const struct rule *rule, struct addition *addition)
{
	static const int expected[] = { EEXIST, EEXIST };
	struct nl_msg *request = add_request(rule);
	const struct rule_member *same;
	int status, failed;

	if (!request)
		return failure("the rule is too long");
	status = ppnl_do_unless(request, &addition->added, expected, &failed);
	if (!failed)
		return status;
	same = find_same(addition, rule);
	if (!same)
		return ppnl_do(add_request(rule), &addition->added);
	if (!option_given(OPTION_IF_MISSING))
		return failure("rule %u is this rule already: see --if-missing", same->id);
	warning("rule %u is this rule already", same->id);
	if (!rule_read(same->nest, &addition->kept[addition->n_kept++]))
		return reply_bad();
	return STATUS_OK;
}

static int delete_one(struct nlattr *nest, void *unused)
{
	struct nl_msg *request = ppnl_request(PP_CMD_RULE_DEL, RULE_ROOM);
	struct rule rule;

	(void)unused;
	if (!rule_read(nest, &rule) || rule_put_id(request, rule.id)) {
		nlmsg_free(request);
		return reply_bad();
	}
	return ppnl_do(request, NULL);
}

static int add_all(struct rule *rule, struct addition *addition)
{
	unsigned int i;
	int status = STATUS_OK;

	for (i = 0; !status && i < rule->n_to; i++) {
		rule->to = rule->to_list[i];
		status = add_one(rule, addition);
	}
	if (status)
		replies_each(&addition->added, PP_ATTR_RULE, delete_one, NULL);
	return status;
}

static int print_added(const struct addition *addition)
{
	unsigned int i;
	int status;

	if (!addition->added.len && !addition->n_kept)
		return reply_bad();
	out_open_array(NULL);
	for (i = 0; i < addition->n_kept; i++)
		rule_print_line(&addition->kept[i], NULL);
	status = replies_each(&addition->added, PP_ATTR_RULE, rule_print, NULL);
	out_close_array();
	return status;
}

int cmd_add_rule(char **args)
{
	static struct addition addition;
	struct rule rule;
	int status;

	memset(&addition, 0, sizeof(addition));
	status = rule_parse(args, &rule);
	if (status)
		return status;
	status = add_all(&rule, &addition);
	if (!status)
		status = print_added(&addition);
	rule_set_free(&addition.set);
	replies_free(&addition.present);
	replies_free(&addition.added);
	return status;
}
