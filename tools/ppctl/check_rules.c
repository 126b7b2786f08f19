// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl check: what the rules need of the host, and whether a backend's address is one
 * of its own.
 */
#include <linux/rtnetlink.h>
#include <string.h>

#include "check.h"
#include "nl.h"
#include "ppctl.h"
#include "replies.h"
#include "rule.h"

/* Only so many backends are checked, since each takes a request to the kernel */
#define BACKENDS_MAX	1000
/* The same of accept rules, which take some more */
#define LISTENERS_MAX	1000

/* The part of @rules for an address family, or NULL for any family */
static struct check_family *family_of(struct check_rules *rules, int family)
{
	switch (family) {
	case AF_INET:
		return &rules->ipv4;
	case AF_INET6:
		return &rules->ipv6;
	default:
		return NULL;
	}
}

/* Only whole addresses: a shorter prefix is rarely all on this host */
static void check_backend(struct check_rules *rules, const struct rule *rule)
{
	char text[PREFIX_TEXT_MAX];
	struct check_path path;

	if (rules->backends >= BACKENDS_MAX)
		return;
	rules->backends++;
	path = check_find_path(&rule->to);
	check_programs_on(&path);
	if (!prefix_is_whole(&rule->to) || path.type != RTN_LOCAL)
		return;
	prefix_format(&rule->to, text);
	check_say("backend", CHECK_WARNING, NULL,
		  "the backend of rule %u, %s, is this host: of connections from outside, only those that NAT leads to it get a header",
		  rule->id, text);
}

static void take_send(struct check_rules *rules, const struct rule *rule)
{
	struct check_family *family = family_of(rules, rule->to.family);

	rules->sends = true;
	check_flows_of(rule);
	if (!family) {
		rules->sends_any = true;
		return;
	}
	family->sends = true;
	check_backend(rules, rule);
}

static void take_accept(struct check_rules *rules, const struct rule *rule)
{
	struct check_family *family = family_of(rules, rule->to.family);
	unsigned int i;

	rules->accepts = true;
	if (family)
		family->accepts = true;
	for (i = 0; i < rule->n_from; i++) {
		family = family_of(rules, rule->from[i].family);
		if (family)
			family->accepts = true;
	}
	if (rules->listeners++ >= LISTENERS_MAX)
		return;
	check_filters_of(rule);
	check_pools(rule);
	check_listeners(rule);
}

static int take_rule(struct nlattr *nest, void *rules)
{
	struct rule rule;

	if (!rule_read(nest, &rule))
		return reply_bad();
	if (rule.direction == PP_DIRECTION_SEND)
		take_send(rules, &rule);
	else if (rule.direction == PP_DIRECTION_ACCEPT)
		take_accept(rules, &rule);
	return STATUS_OK;
}

/**
 * check_rules - read the rules
 * @rules: is filled
 *
 * Returns false, and says so, if the rules cannot be read.
 */
bool check_rules(struct check_rules *rules)
{
	struct replies replies = { 0 };
	int status;

	memset(rules, 0, sizeof(*rules));
	check_listeners_begin();
	errors_mute(true);
	status = ppnl_dump(PP_CMD_RULE_GET, DUMP_SNAPSHOT, &replies);
	if (!status)
		status = replies_each(&replies, PP_ATTR_RULE, take_rule, rules);
	errors_mute(false);
	replies_free(&replies);
	check_listeners_end();

	if (status)
		check_say("rules", CHECK_NOTE, NULL,
			  "the rules could not be read, which needs CAP_NET_ADMIN: what depends on them was not looked at");
	else if (!rules->sends && !rules->accepts)
		check_say("rules", CHECK_NOTE, NULL,
			  "there are no rules here: connections stay as they are");
	else
		check_say("rules", CHECK_OK, NULL, "there are rules that %s",
			  !rules->accepts ? "send" :
			  !rules->sends ? "accept" : "send and accept");
	return !status;
}
