// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl restore: replaces all rules by those of a file. It reads every line before it
 * sends a request. Then it stages the rules in the kernel, which swaps them at once. Rules
 * that stay as they are keep their ids and counters. If ppctl ends before the swap, the
 * kernel drops the staged rules with the socket.
 */
#include <errno.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

#include "nl.h"
#include "options.h"
#include "out.h"
#include "ppctl.h"
#include "replies.h"
#include "rule_set.h"
#include "rules_file.h"

/* How often a restore begins anew because another process has deleted a rule that stays */
#define TRIES		10

/**
 * struct restore - a restore
 * @file: what is restored
 * @set: the rules in force before
 * @counts: rules of the file, by what was in force in their place
 * @again: another process changed the rules meanwhile
 */
struct restore {
	const struct rules_file *file;
	struct rule_set set;
	size_t counts[RULE_SAME + 1];
	bool again;
};

static bool same_prefix(const struct prefix *a, const struct prefix *b)
{
	char text[2][PREFIX_TEXT_MAX];

	prefix_format(a, text[0]);
	prefix_format(b, text[1]);
	return !strcmp(text[0], text[1]);
}

static bool share_ports(const struct rule *a, const struct rule *b)
{
	unsigned int i, j;

	for (i = 0; i < a->n_ports; i++) {
		for (j = 0; j < b->n_ports; j++) {
			if (a->ports[i].first == b->ports[j].first &&
			    a->ports[i].last == b->ports[j].last)
				return true;
		}
	}
	return !a->n_ports && !b->n_ports;
}

static bool share_sources(const struct rule *a, const struct rule *b)
{
	unsigned int i, j;

	for (i = 0; i < a->n_from; i++) {
		for (j = 0; j < b->n_from; j++) {
			if (same_prefix(&a->from[i], &b->from[j]))
				return true;
		}
	}
	return !a->n_from;
}

/* Returns @line, which ends the search, if both rules match the same connections; else 0 */
static int compare_rule(struct rule *rule, unsigned long line, void *data)
{
	const struct rule *other = data;

	if (rule->direction != other->direction || rule->mark != other->mark ||
	    rule->mask != other->mask || !same_prefix(&rule->to, &other->to) ||
	    !share_ports(rule, other) || !share_sources(rule, other))
		return STATUS_OK;
	return (int)line;
}

/* The rule to be staged. A rule that stays is named by its id alone */
static struct nl_msg *stage_request(struct restore *restore, struct rule *rule)
{
	struct nl_msg *request = ppnl_request(PP_CMD_RULE_STAGE, RULE_ROOM);
	struct rule_member *member;
	enum rule_match match;
	int error;

	match = rule_set_match(&restore->set, rule, &member);
	restore->counts[match]++;
	if (member) {
		member->is_met = true;
		rule->id = member->id;
	}
	error = match == RULE_SAME ? rule_put_id(request, rule->id) : rule_put(request, rule);
	if (!error)
		return request;
	nlmsg_free(request);
	return NULL;
}

static int stage_rule(struct rule *rule, unsigned long line, void *data)
{
	static const int expected[] = { EEXIST, ENOENT };
	struct restore *restore = data;
	struct nl_msg *request;
	int status, failed;

	request = stage_request(restore, rule);
	if (!request)
		return failure("the rule is too long");
	status = ppnl_do_unless(request, NULL, expected, &failed);
	restore->again = failed == ENOENT;
	if (failed != EEXIST)
		return status;
	status = rules_file_each(restore->file, compare_rule, rule);
	error_at(restore->file->name, line);
	return failure("line %d has the same destination, ports and %s", status,
		       rule->direction == PP_DIRECTION_SEND ? "mark" : "source");
}

static int commit(struct restore *restore)
{
	static const int expected[] = { EAGAIN, EAGAIN };
	struct nl_msg *request = ppnl_request(PP_CMD_RULES_COMMIT, SETTINGS_ROOM);
	int status, failed;

	if (settings_put(request, &restore->file->settings))
		out_of_memory();
	status = ppnl_do_unless(request, NULL, expected, &failed);
	restore->again = failed;
	return status;
}

static int try_once(struct restore *restore, struct replies *replies)
{
	int status;

	restore->again = false;
	status = ppnl_dump(PP_CMD_RULE_GET, DUMP_SNAPSHOT, replies);
	if (!status)
		status = rule_set_fill(&restore->set, replies);
	if (!status)
		status = ppnl_do(ppnl_request(PP_CMD_RULES_BEGIN, 0), NULL);
	if (!status)
		status = rules_file_each(restore->file, stage_rule, restore);
	if (!status && !option_given(OPTION_CHECK))
		status = commit(restore);
	return status;
}

static void print_change(const char *change, const struct rule *rule)
{
	out_open_object(NULL);
	out_string("change", "", change);
	if (!out_is_text()) {
		rule_print_line(rule, "rule");
	} else {
		if (rule->id)
			out_number(NULL, " ", rule->id);
		out_text(": ", "");
		rule_print_words(rule);
		out_end_line();
	}
	out_close_object();
}

static int print_rule(struct rule *rule, unsigned long line, void *data)
{
	struct restore *restore = data;
	struct rule_member *member;
	enum rule_match match = rule_set_match(&restore->set, rule, &member);

	(void)line;
	if (match == RULE_SAME)
		return STATUS_OK;
	rule->id = member ? member->id : 0;
	print_change(member ? "changed" : "added", rule);
	return STATUS_OK;
}

/* Returns their number */
static size_t print_removed(const struct restore *restore)
{
	const struct rule_member *member = restore->set.members;
	size_t i, count = 0;
	struct rule rule;

	for (i = 0; i < restore->set.count; i++, member++) {
		if (member->is_met)
			continue;
		count++;
		if (rule_read(member->nest, &rule))
			print_change("removed", &rule);
	}
	return count;
}

/* Into an empty namespace every rule is added: in text, their number says it all */
static void print_report(struct restore *restore)
{
	size_t removed;

	out_open_array(NULL);
	if (restore->set.count || !out_is_text())
		rules_file_each(restore->file, print_rule, restore);
	removed = print_removed(restore);
	out_close_array();
	out_text(option_given(OPTION_CHECK) ? "would be restored: " : "restored: ", "");
	out_number_text(restore->counts[RULE_NEW], " added, ");
	out_number_text(restore->counts[RULE_CHANGED], " changed, ");
	out_number_text(removed, " removed, ");
	out_number_text(restore->counts[RULE_SAME], " as before");
	out_end_line();
}

static int restore_file(const struct rules_file *file)
{
	struct restore restore;
	struct replies replies = { 0 };
	int status, try = 0;

	do {
		memset(&restore, 0, sizeof(restore));
		restore.file = file;
		status = try_once(&restore, &replies);
		if (!status)
			print_report(&restore);
		rule_set_free(&restore.set);
		replies_free(&replies);
	} while (restore.again && ++try < TRIES);
	return restore.again ? failure("other processes delete rules all the time: try again") :
			       status;
}

int cmd_restore(char **args)
{
	struct rules_file file = { 0 };
	int status = one_file("restore", args);

	if (status)
		return status;
	status = rules_file_read(args[0], &file);
	if (!status && !file.rules && !option_given(OPTION_ALLOW_EMPTY))
		status = failure("%s has no rule: all rules would be deleted (if that is meant: --allow-empty)",
				 file.name);
	if (!status)
		status = restore_file(&file);
	rules_file_free(&file);
	return status;
}
