// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl check: what the rules want of the host, and whether a backend is one of
 * its own addresses.
 */
#include <string.h>

#include "check.h"
#include "nl.h"
#include "ppctl.h"
#include "replies.h"
#include "rule.h"

/* Backends of so many rules are looked at, lest it take long */
#define BACKENDS_MAX	1000

/* The part of an address family, or NULL for any */
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

/* Whole addresses alone, since others are hardly all of this host */
static void check_backend(struct check_rules *rules, const struct rule *rule)
{
	char text[PREFIX_TEXT_MAX];

	if (rules->backends >= BACKENDS_MAX)
		return;
	rules->backends++;
	if (rule->to.len != 8 * address_bytes(rule->to.family) ||
	    !check_is_local(&rule->to))
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
		if (!family)
			continue;
		family->accepts = true;
		if (rule->from[i].len)
			family->source = rule->from[i];
	}
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
 * Returns false if they cannot be read, which is said.
 */
bool check_rules(struct check_rules *rules)
{
	struct replies replies = { 0 };
	int status;

	memset(rules, 0, sizeof(*rules));
	errors_mute(true);
	status = ppnl_dump(PP_CMD_RULE_GET, DUMP_SNAPSHOT, &replies);
	if (!status)
		status = replies_each(&replies, PP_ATTR_RULE, take_rule, rules);
	errors_mute(false);
	replies_free(&replies);

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
