// SPDX-License-Identifier: GPL-2.0
/*
 * In place of tools/ppctl/nl.c: a kernel that keeps rules, in memory, so that
 * the commands run as they are. It takes every rule that is put to it, but for
 * a staged one that is there already, byte by byte. The id of a rule is its place.
 */
#include <errno.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <string.h>

#include <linux/proxyproto.h>

#include "fake_nl.h"
#include "fuzz.h"
#include "nl.h"
#include "ppctl.h"
#include "rule.h"

struct replies fake_rules;
static struct replies staged;

void fake_reset(void)
{
	replies_free(&fake_rules);
	replies_free(&staged);
}

int ppnl_open(void)
{
	return failure("there is no kernel here");
}

/* With the original's room, and without fields that change */
struct nl_msg *ppnl_request(uint8_t command, size_t room)
{
	struct nl_msg *msg = nlmsg_alloc_size(NLMSG_ALIGN(NLMSG_HDRLEN + GENL_HDRLEN + room));

	if (!msg || !genlmsg_put(msg, 1, 1, GENL_ID_CTRL, 0, 0, command, PP_GENL_VERSION))
		out_of_memory();
	return msg;
}

static bool is_staged(const struct nlmsghdr *nlh)
{
	const struct nlmsghdr *other;
	size_t at;

	for (at = 0; at < staged.len; at += NLMSG_ALIGN(other->nlmsg_len)) {
		other = (const struct nlmsghdr *)(staged.data + at);
		if (other->nlmsg_len == nlh->nlmsg_len && !memcmp(other, nlh, nlh->nlmsg_len))
			return true;
	}
	return false;
}

static struct rule rule_of(const struct nlmsghdr *nlh)
{
	struct nlattr *nest = nlmsg_find_attr((struct nlmsghdr *)nlh, GENL_HDRLEN, PP_ATTR_RULE);
	struct rule rule;

	agree(nest);
	rule_read(nest, &rule);
	return rule;
}

static void append_rule(struct replies *replies, const struct rule *rule)
{
	struct nl_msg *msg = ppnl_request(PP_CMD_RULE_GET, RULE_ROOM);

	agree(!rule_put(msg, rule));
	replies_append(replies, nlmsg_hdr(msg));
	nlmsg_free(msg);
}

static const struct nlmsghdr *rule_at(uint32_t place)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)fake_rules.data;

	while (--place)
		nlh = (const struct nlmsghdr *)((const char *)nlh + NLMSG_ALIGN(nlh->nlmsg_len));
	agree((const char *)nlh < fake_rules.data + fake_rules.len);
	return nlh;
}

/* A rule with nothing but an id is the rule in that place. The id itself is not kept */
static int stage(struct nlmsghdr *nlh)
{
	struct rule rule = rule_of(nlh);
	struct nl_msg *msg;
	int err = 0;

	if (rule.id && !rule.direction)
		rule = rule_of(rule_at(rule.id));
	rule.id = 0;
	msg = ppnl_request(PP_CMD_RULE_STAGE, RULE_ROOM);
	agree(!rule_put(msg, &rule));
	if (is_staged(nlmsg_hdr(msg)))
		err = EEXIST;
	else
		replies_append(&staged, nlmsg_hdr(msg));
	nlmsg_free(msg);
	return err;
}

static void put_limits(struct replies *replies)
{
	struct nl_msg *msg = ppnl_request(PP_CMD_LIMITS_GET, 64);
	struct nlattr *nest = nla_nest_start(msg, PP_ATTR_LIMITS);

	agree(nest && !nla_put_u32(msg, PP_LIMITS_ATTR_PENDING, PP_PENDING_MAX));
	nla_nest_end(msg, nest);
	replies_append(replies, nlmsg_hdr(msg));
	nlmsg_free(msg);
}

/* Returns an errno, or 0 */
static int handle(struct nlmsghdr *nlh, struct replies *replies)
{
	switch (genlmsg_hdr(nlh)->cmd) {
	case PP_CMD_RULES_BEGIN:
		replies_free(&staged);
		return 0;
	case PP_CMD_RULE_STAGE:
		return stage(nlh);
	case PP_CMD_RULES_COMMIT:
		replies_free(&fake_rules);
		fake_rules = staged;
		memset(&staged, 0, sizeof(staged));
		return 0;
	case PP_CMD_RULE_ADD:
		replies_append(&fake_rules, nlh);
		if (replies)
			replies_append(replies, nlh);
		return 0;
	case PP_CMD_LIMITS_GET:
		put_limits(replies);
		return 0;
	case PP_CMD_RULE_FLUSH:
	case PP_CMD_LIMITS_SET:
	case PP_CMD_RULE_DEL:
		return 0;
	default:
		disagree("a command that there is not: %d", genlmsg_hdr(nlh)->cmd);
	}
}

int ppnl_do_unless(struct nl_msg *request, struct replies *replies,
		   const int expected[2], int *failed)
{
	int err = handle(nlmsg_hdr(request), replies);

	nlmsg_free(request);
	*failed = err == expected[0] || err == expected[1] ? err : 0;
	return err && !*failed ? failure("%s", strerror(err)) : STATUS_OK;
}

int ppnl_do(struct nl_msg *request, struct replies *replies)
{
	int err = handle(nlmsg_hdr(request), replies);

	nlmsg_free(request);
	return err ? failure("%s", strerror(err)) : STATUS_OK;
}

int ppnl_dump(uint8_t command, enum dump_kind kind, struct replies *replies)
{
	const struct nlmsghdr *nlh;
	struct rule rule;
	uint32_t place = 0;
	size_t at;

	(void)kind;
	agree(command == PP_CMD_RULE_GET);
	for (at = 0; at < fake_rules.len; at += NLMSG_ALIGN(nlh->nlmsg_len)) {
		nlh = (const struct nlmsghdr *)(fake_rules.data + at);
		rule = rule_of(nlh);
		rule.id = ++place;
		append_rule(replies, &rule);
	}
	return STATUS_OK;
}
