// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family: its commands, its policy, counters and limits.
 *
 * The contract is include/uapi/linux/proxyproto.h. netlink_rule.c and
 * netlink_conn.c have the commands on rules and connections.
 */
#include <linux/module.h>
#include "netlink.h"
#include "rule.h"

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

static const struct nla_policy policy[PP_ATTR_MAX + 1] = {
	[PP_ATTR_RULE] = { .type = NLA_NESTED },
	[PP_ATTR_LIMITS] = NLA_POLICY_NESTED(limits_policy),
};

static int start_reply(struct genl_info *info, u8 cmd, struct sk_buff **msg, void **hdr)
{
	*msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!*msg)
		return -ENOMEM;
	*hdr = genlmsg_put_reply(*msg, info, &pp_netlink_family, 0, cmd);
	return *hdr ? 0 : -EMSGSIZE;
}

static u64 stats_value(struct pp_net *pn, enum pp_stats_attr attr)
{
	switch (attr) {
	case PP_STATS_ATTR_RULES:
		return pp_rules_count(pn);
	case PP_STATS_ATTR_HANDSHAKES:
		return atomic_read(&pn->flows.count);
	case PP_STATS_ATTR_PENDING:
		return atomic_read(&pn->accepts.pending_count);
	case PP_STATS_ATTR_ESTABLISHED:
		return max(atomic_read(&pn->accepts.count) -
			   atomic_read(&pn->accepts.pending_count), 0);
	default:
		return pp_stats_sum(pn->stats, attr);
	}
}

static int put_stats(struct sk_buff *msg, struct pp_net *pn)
{
	struct nlattr *nest = nla_nest_start(msg, PP_ATTR_STATS);
	int attr;

	if (!nest)
		return -EMSGSIZE;
	for (attr = PP_STATS_ATTR_RULES; attr <= PP_STATS_ATTR_MAX; attr++)
		if (nla_put_u64_64bit(msg, attr, stats_value(pn, attr), PP_STATS_ATTR_PAD))
			return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

/* Return: where a limit is kept */
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

static int reply_with(struct genl_info *info, u8 cmd,
		      int (*put)(struct sk_buff *msg, struct pp_net *pn))
{
	struct sk_buff *msg;
	void *hdr;
	int err;

	err = start_reply(info, cmd, &msg, &hdr);
	if (!err)
		err = put(msg, pp_net(genl_info_net(info)));
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);
}

static int stats_get(struct sk_buff *skb, struct genl_info *info)
{
	return reply_with(info, PP_CMD_STATS_GET, put_stats);
}

static int limits_get(struct sk_buff *skb, struct genl_info *info)
{
	return reply_with(info, PP_CMD_LIMITS_GET, put_limits);
}

static int limits_set(struct sk_buff *skb, struct genl_info *info)
{
	struct pp_net *pn = pp_net(genl_info_net(info));
	struct nlattr *tb[PP_LIMITS_ATTR_MAX + 1];
	int attr, err;

	if (!info->attrs[PP_ATTR_LIMITS]) {
		NL_SET_ERR_MSG(info->extack, "a limit is missing");
		return -EINVAL;
	}
	err = nla_parse_nested(tb, PP_LIMITS_ATTR_MAX, info->attrs[PP_ATTR_LIMITS],
			       limits_policy, info->extack);
	if (err)
		return err;
	for (attr = PP_LIMITS_ATTR_HANDSHAKES; attr <= PP_LIMITS_ATTR_MAX; attr++)
		if (tb[attr])
			WRITE_ONCE(*limit_of(pn, attr), nla_get_u32(tb[attr]));
	return 0;
}

static const struct genl_ops ops[] = {
	{
		.cmd = PP_CMD_RULE_ADD,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = pp_netlink_rule_add,
	}, {
		.cmd = PP_CMD_RULE_DEL,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = pp_netlink_rule_del,
	}, {
		.cmd = PP_CMD_RULE_GET,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = pp_netlink_rule_get,
		.dumpit = pp_netlink_rule_dump,
	}, {
		.cmd = PP_CMD_RULE_FLUSH,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = pp_netlink_rule_flush,
	}, {
		.cmd = PP_CMD_CONN_GET,
		.flags = GENL_UNS_ADMIN_PERM,
		.start = pp_netlink_conn_start,
		.dumpit = pp_netlink_conn_dump,
		.done = pp_netlink_conn_done,
	}, {
		.cmd = PP_CMD_STATS_GET,
		.doit = stats_get,
	}, {
		.cmd = PP_CMD_LIMITS_GET,
		.doit = limits_get,
	}, {
		.cmd = PP_CMD_LIMITS_SET,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = limits_set,
	}, {
		.cmd = PP_CMD_RULES_BEGIN,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = pp_netlink_rules_begin,
	}, {
		.cmd = PP_CMD_RULE_STAGE,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = pp_netlink_rule_stage,
	}, {
		.cmd = PP_CMD_RULES_COMMIT,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = pp_netlink_rules_commit,
	},
};

/* Where the kernel cannot keep others from listening, there are no events */
#ifdef GENL_MCAST_CAP_NET_ADMIN
static const struct genl_multicast_group groups[] = {
	[PP_NETLINK_EVENTS] = {
		.name = PP_GENL_GROUP_EVENTS,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};
#endif

struct genl_family pp_netlink_family __ro_after_init = {
	.name = PP_GENL_NAME,
	.version = PP_GENL_VERSION,
	.maxattr = ARRAY_SIZE(policy) - 1,
	.policy = policy,
	.netnsok = true,
	.module = THIS_MODULE,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
#ifdef GENL_MCAST_CAP_NET_ADMIN
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
#endif
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
	genl_unregister_family(&pp_netlink_family);
	pp_netlink_stage_exit();
}
