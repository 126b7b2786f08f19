// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink: replacing all rules at once.
 *
 * Owns the tie between a staged set and the socket that began it: the set is dropped
 * when the socket is closed, however its process ends. rule/set.c has the sets.
 */
#include <linux/netlink.h>
#include <linux/notifier.h>
#include "netlink/netlink.h"
#include "rule/rule.h"

int pp_netlink_rules_begin(struct sk_buff *skb, struct genl_info *info)
{
	struct pp_net *pn = pp_net_of(genl_info_net(info));
	int err;

	mutex_lock(&pn->lock);
	err = pp_rule_set_begin(pn, info->snd_portid, info->extack);
	mutex_unlock(&pn->lock);
	return err;
}

/* Return: the id, if the rule has nothing else, or 0 */
static u32 only_id(const struct nlattr *nest)
{
	const struct nlattr *attr;
	u32 id = 0;
	int rem;

	nla_for_each_nested(attr, nest, rem) {
		if (nla_type(attr) != PP_RULE_ATTR_ID || nla_len(attr) != sizeof(u32))
			return 0;
		id = nla_get_u32(attr);
	}
	return id;
}

int pp_netlink_rule_stage(struct sk_buff *skb, struct genl_info *info)
{
	struct pp_net *pn = pp_net_of(genl_info_net(info));
	const struct nlattr *nest = info->attrs[PP_ATTR_RULE];
	struct pp_rule *rule;
	int err = pp_netlink_rule_single(info);

	if (err)
		return err;
	if (nest && only_id(nest)) {
		mutex_lock(&pn->lock);
		err = pp_rule_set_keep(pn, info->snd_portid, only_id(nest), info->extack);
		mutex_unlock(&pn->lock);
		return err;
	}
	rule = pp_netlink_rule_read(nest, true, info->extack);
	if (IS_ERR(rule))
		return PTR_ERR(rule);
	mutex_lock(&pn->lock);
	err = pp_rule_set_stage(pn, info->snd_portid, rule, info->extack);
	mutex_unlock(&pn->lock);
	if (err)
		pp_rule_retire(rule);
	return err;
}

int pp_netlink_rules_commit(struct sk_buff *skb, struct genl_info *info)
{
	struct pp_net *pn = pp_net_of(genl_info_net(info));
	const struct nlattr *limits = info->attrs[PP_ATTR_LIMITS];
	struct nlattr *tb[PP_LIMITS_ATTR_MAX + 1];
	int err = 0;

	if (limits)
		err = pp_netlink_limits_read(limits, tb, info->extack);
	if (err)
		return err;
	mutex_lock(&pn->lock);
	err = pp_rule_set_commit(pn, info->snd_portid, info->extack);
	if (!err && limits)
		pp_netlink_limits_apply(pn, tb);
	mutex_unlock(&pn->lock);
	return err;
}

static int socket_event(struct notifier_block *block, unsigned long event, void *data)
{
	const struct netlink_notify *notify = data;

	if (event == NETLINK_URELEASE && notify->protocol == NETLINK_GENERIC)
		pp_rule_set_drop(pp_net_of(notify->net), notify->portid);
	return NOTIFY_DONE;
}

static struct notifier_block socket_notifier = {
	.notifier_call = socket_event,
};

int __init pp_netlink_stage_init(void)
{
	return netlink_register_notifier(&socket_notifier);
}

void pp_netlink_stage_exit(void)
{
	netlink_unregister_notifier(&socket_notifier);
}
