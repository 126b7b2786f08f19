// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink: replacing all rules at once.
 *
 * Owns what ties a staged set to the socket that began it: it goes when that
 * socket is closed, however its process ends. rule_set.c has the sets.
 */
#include <linux/netlink.h>
#include <linux/notifier.h>
#include "netlink.h"
#include "rule.h"

static int refuse_attributes(struct genl_info *info)
{
	int attr;

	for (attr = 1; attr <= PP_ATTR_MAX; attr++) {
		if (!info->attrs[attr])
			continue;
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attr],
				    "this command takes no attribute");
		return -EINVAL;
	}
	return 0;
}

int pp_netlink_rules_begin(struct sk_buff *skb, struct genl_info *info)
{
	struct pp_net *pn = pp_net(genl_info_net(info));
	int err = refuse_attributes(info);

	if (err)
		return err;
	mutex_lock(&pn->lock);
	err = pp_rules_begin(pn, info->snd_portid, info->extack);
	mutex_unlock(&pn->lock);
	return err;
}

int pp_netlink_rule_stage(struct sk_buff *skb, struct genl_info *info)
{
	struct pp_net *pn = pp_net(genl_info_net(info));
	struct pp_rule *rule;
	int err = pp_netlink_rule_single(info);

	if (err)
		return err;
	rule = pp_netlink_rule_read(info->attrs[PP_ATTR_RULE], info->extack);
	if (IS_ERR(rule))
		return PTR_ERR(rule);
	mutex_lock(&pn->lock);
	err = pp_rules_stage(pn, info->snd_portid, rule, info->extack);
	mutex_unlock(&pn->lock);
	if (err)
		pp_rule_retire(rule);
	return err;
}

int pp_netlink_rules_commit(struct sk_buff *skb, struct genl_info *info)
{
	struct pp_net *pn = pp_net(genl_info_net(info));
	int err = refuse_attributes(info);

	if (err)
		return err;
	mutex_lock(&pn->lock);
	err = pp_rules_commit(pn, info->snd_portid, info->extack);
	mutex_unlock(&pn->lock);
	return err;
}

static int socket_event(struct notifier_block *block, unsigned long event, void *data)
{
	const struct netlink_notify *notify = data;

	if (event == NETLINK_URELEASE && notify->protocol == NETLINK_GENERIC)
		pp_rules_drop(pp_net(notify->net), notify->portid);
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
