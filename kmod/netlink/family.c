// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family: its commands, its policy, and limits.
 *
 * The contract is include/uapi/linux/proxyproto.h. rule.c, conn.c and stats.c have the commands
 * on rules, connections and counters.
 */
#include <linux/module.h>
#include "netlink/netlink.h"

static struct netlink_range_validation handshakes_range = {
	.min = 1,
	.max = PP_HANDSHAKES_MAX,
};

static struct netlink_range_validation pending_range = {
	.min = 1,
	.max = PP_PENDING_MAX,
};

static struct netlink_range_validation accepted_range = {
	.min = 1,
	.max = PP_ACCEPTED_MAX,
};

static const struct nla_policy limits_policy[PP_LIMITS_ATTR_MAX + 1] = {
	[PP_LIMITS_ATTR_HANDSHAKES] = NLA_POLICY_FULL_RANGE(NLA_U32, &handshakes_range),
	[PP_LIMITS_ATTR_PENDING] = NLA_POLICY_FULL_RANGE(NLA_U32, &pending_range),
	[PP_LIMITS_ATTR_ACCEPTED] = NLA_POLICY_FULL_RANGE(NLA_U32, &accepted_range),
};

/* Netlink refuses every attribute that the policy of a command leaves out */
static const struct nla_policy takes_nothing[PP_ATTR_MAX + 1];

static const struct nla_policy takes_rule[PP_ATTR_MAX + 1] = {
	[PP_ATTR_RULE] = NLA_POLICY_NESTED(pp_netlink_rule_policy),
};

static const struct nla_policy takes_limits[PP_ATTR_MAX + 1] = {
	[PP_ATTR_LIMITS] = NLA_POLICY_NESTED(limits_policy),
};

#define OP_TAKES(policy_)	.policy = (policy_), .maxattr = PP_ATTR_MAX

/* Return: the place of a limit */
static u32 *limit_of(struct pp_net *pn, enum pp_limits_attr attr)
{
	switch (attr) {
	case PP_LIMITS_ATTR_PENDING:
		return &pn->accepts.pending_limit;
	case PP_LIMITS_ATTR_ACCEPTED:
		return &pn->accepts.limit;
	default:
		return &pn->flows.limit;
	}
}

static int put_limits(struct sk_buff *msg, struct pp_net *pn)
{
	struct nlattr *nest = nla_nest_start(msg, PP_ATTR_LIMITS);
	int attr;

	if (!nest)
		return -EMSGSIZE;
	for (attr = PP_LIMITS_ATTR_HANDSHAKES; attr <= PP_LIMITS_ATTR_MAX; attr++)
		if (nla_put_u32(msg, attr, READ_ONCE(*limit_of(pn, attr))))
			return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int limits_get(struct sk_buff *skb, struct genl_info *info)
{
	return pp_netlink_reply_with(info, put_limits);
}

/**
 * pp_netlink_limits_read - read limits from a message
 * @nest: PP_ATTR_LIMITS
 * @tb: result, PP_LIMITS_ATTR_MAX + 1 attributes
 * @extack: says what is wrong
 */
int pp_netlink_limits_read(const struct nlattr *nest, struct nlattr **tb,
			   struct netlink_ext_ack *extack)
{
	return nla_parse_nested(tb, PP_LIMITS_ATTR_MAX, nest, limits_policy, extack);
}

/**
 * pp_netlink_limits_apply - set limits
 * @pn: namespace
 * @tb: of pp_netlink_limits_read(); a limit that is missing stays
 */
void pp_netlink_limits_apply(struct pp_net *pn, struct nlattr **tb)
{
	int attr;

	for (attr = PP_LIMITS_ATTR_HANDSHAKES; attr <= PP_LIMITS_ATTR_MAX; attr++)
		if (tb[attr])
			WRITE_ONCE(*limit_of(pn, attr), nla_get_u32(tb[attr]));
}

static int limits_set(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[PP_LIMITS_ATTR_MAX + 1];
	int err;

	if (!info->attrs[PP_ATTR_LIMITS]) {
		NL_SET_ERR_MSG(info->extack, "a limit is missing");
		return -EINVAL;
	}
	err = pp_netlink_limits_read(info->attrs[PP_ATTR_LIMITS], tb, info->extack);
	if (!err)
		pp_netlink_limits_apply(pp_net_of(genl_info_net(info)), tb);
	return err;
}

static const struct genl_ops ops[] = {
	{
		.cmd = PP_CMD_RULE_ADD,
		OP_TAKES(takes_rule),
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = pp_netlink_rule_add,
	}, {
		.cmd = PP_CMD_RULE_DEL,
		OP_TAKES(takes_rule),
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = pp_netlink_rule_del,
	}, {
		.cmd = PP_CMD_RULE_GET,
		OP_TAKES(takes_rule),
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = pp_netlink_rule_get,
		.start = pp_netlink_rule_start,
		.dumpit = pp_netlink_rule_dump,
	}, {
		.cmd = PP_CMD_RULE_FLUSH,
		OP_TAKES(takes_nothing),
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = pp_netlink_rule_flush,
	}, {
		.cmd = PP_CMD_CONN_GET,
		OP_TAKES(takes_nothing),
		.flags = GENL_UNS_ADMIN_PERM,
		.start = pp_netlink_conn_start,
		.dumpit = pp_netlink_conn_dump,
		.done = pp_netlink_conn_done,
	}, {
		.cmd = PP_CMD_STATS_GET,
		OP_TAKES(takes_nothing),
		.doit = pp_netlink_stats_get,
	}, {
		.cmd = PP_CMD_LIMITS_GET,
		OP_TAKES(takes_nothing),
		.doit = limits_get,
	}, {
		.cmd = PP_CMD_LIMITS_SET,
		OP_TAKES(takes_limits),
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = limits_set,
	}, {
		.cmd = PP_CMD_RULES_BEGIN,
		OP_TAKES(takes_nothing),
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = pp_netlink_rules_begin,
	}, {
		.cmd = PP_CMD_RULE_STAGE,
		OP_TAKES(takes_rule),
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = pp_netlink_rule_stage,
	}, {
		.cmd = PP_CMD_RULES_COMMIT,
		OP_TAKES(takes_limits),
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = pp_netlink_rules_commit,
	}, {
		.cmd = PP_CMD_RULE_REPLACE,
		OP_TAKES(takes_rule),
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = pp_netlink_rule_replace,
	}, {
		.cmd = PP_CMD_SOCKET_GET,
		OP_TAKES(takes_nothing),
		.flags = GENL_UNS_ADMIN_PERM,
		.dumpit = pp_netlink_socket_dump,
	}, {
		.cmd = PP_CMD_RULE_FIND,
		OP_TAKES(takes_rule),
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = pp_netlink_rule_find,
	}, {
		.cmd = PP_CMD_STATS_RESET,
		OP_TAKES(takes_nothing),
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = pp_netlink_stats_reset,
	}, {
		.cmd = PP_CMD_RULE_RESET,
		OP_TAKES(takes_nothing),
		.flags = GENL_UNS_ADMIN_PERM,
		.dumpit = pp_netlink_rule_reset_dump,
	},
};

/* A kernel that cannot close a group to unprivileged listeners has no events */
static const struct genl_multicast_group groups[] = {
	[PP_NETLINK_EVENTS] = PP_GENL_ADMIN_GROUP(PP_GENL_GROUP_EVENTS),
};

struct genl_family pp_netlink_family __ro_after_init = {
	.name = PP_GENL_NAME,
	.version = PP_GENL_VERSION,
	.netnsok = true,
	/* Each namespace has locks of its own; a long list of rules delays no other family */
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	.mcgrps = groups,
	.n_mcgrps = PP_GENL_ADMIN_GROUPS(groups),
};

int __init pp_netlink_init(void)
{
	int err;

	err = pp_netlink_stage_init();
	if (err)
		return err;
	err = genl_register_family(&pp_netlink_family);
	if (err)
		pp_netlink_stage_exit();
	return err;
}

void pp_netlink_exit(void)
{
	pp_netlink_event_stop();
	genl_unregister_family(&pp_netlink_family);
	pp_netlink_stage_exit();
}
