// SPDX-License-Identifier: GPL-2.0
/*
 * In place of tools/ppctl/nl.c: a kernel that keeps rules, in memory, so that
 * the commands run as they are. It takes every rule that is put to it, but for
 * a staged one that is there already, byte by byte.
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

/* With room as the original has it, and nothing in it that changes */
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

/* Returns an errno, or 0 */
static int handle(struct nlmsghdr *nlh, struct replies *replies)
{
	switch (genlmsg_hdr(nlh)->cmd) {
	case PP_CMD_RULES_BEGIN:
		replies_free(&staged);
		return 0;
	case PP_CMD_RULE_STAGE:
		if (is_staged(nlh))
			return EEXIST;
		replies_append(&staged, nlh);
		return 0;
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
	case PP_CMD_LIMITS_SET:
	case PP_CMD_RULE_DEL:
		return 0;
	default:
		disagree("a command that there is not: %d", genlmsg_hdr(nlh)->cmd);
	}
}

int ppnl_do_unless(struct nl_msg *request, int error, bool *failed)
{
	int err = handle(nlmsg_hdr(request), NULL);

	nlmsg_free(request);
	*failed = err && err == error;
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
	(void)kind;
	agree(command == PP_CMD_RULE_GET);
	if (fake_rules.len)
		replies->data = malloc(fake_rules.len);
	if (fake_rules.len && !replies->data)
		out_of_memory();
	if (fake_rules.len)
		memcpy(replies->data, fake_rules.data, fake_rules.len);
	replies->len = fake_rules.len;
	replies->room = fake_rules.len;
	return STATUS_OK;
}
