// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink: the counters of a namespace.
 *
 * Owns how they are written to a message, and how they are set to 0. What counts never learns of
 * that: the values of the last reset are kept, and subtracted from what is shown. So nothing is
 * lost between reading and resetting.
 */
#include <linux/slab.h>
#include "accept/accept.h"
#include "netlink/netlink.h"
#include "rule/rule.h"
#include "send/send.h"

/* Numbers of what exists now, which no reset changes. Return: whether @attr is one */
static bool stats_is_gauge(struct pp_net *pn, enum pp_stats_attr attr, u64 *value)
{
	switch (attr) {
	case PP_STATS_ATTR_RULES:
		*value = pp_rule_set_count(pn);
		return true;
	case PP_STATS_ATTR_HANDSHAKES:
		*value = pp_send_count(pn);
		return true;
	case PP_STATS_ATTR_PENDING:
		*value = atomic_read(&pn->accepts.pending_count) + atomic_read(&pn->ulp.parts);
		return true;
	case PP_STATS_ATTR_ESTABLISHED:
		*value = max(atomic_read(&pn->accepts.count) -
			     atomic_read(&pn->accepts.pending_count), 0) +
			 atomic_read(&pn->ulp.clients);
		return true;
	default:
		return false;
	}
}

/*
 * @taken: NULL, or gets the sums that were shown
 *
 * With pp_net.stats_lock, so that no reset comes between a sum and its base
 */
static int put_counters(struct sk_buff *msg, struct pp_net *pn, u64 *taken)
{
	struct nlattr *nest = nla_nest_start(msg, PP_ATTR_STATS);
	u64 value;
	int attr;

	lockdep_assert_held(&pn->stats_lock);

	if (!nest)
		return -EMSGSIZE;
	for (attr = PP_STATS_ATTR_RULES; attr <= PP_STATS_ATTR_MAX; attr++) {
		if (!stats_is_gauge(pn, attr, &value)) {
			value = pp_stats_sum(pn->stats, attr);
			if (taken)
				taken[attr] = value;
			if (pn->stats_base)
				value -= pn->stats_base[attr];
		}
		if (nla_put_u64_64bit(msg, attr, value, PP_STATS_ATTR_PAD))
			return -EMSGSIZE;
	}
	nla_nest_end(msg, nest);
	return 0;
}

static int put_stats(struct sk_buff *msg, struct pp_net *pn)
{
	int err;

	mutex_lock(&pn->stats_lock);
	err = put_counters(msg, pn, NULL);
	mutex_unlock(&pn->stats_lock);
	return err;
}

static int put_and_reset(struct sk_buff *msg, struct pp_net *pn)
{
	u64 *taken = kcalloc(__PP_STATS_ATTR_MAX, sizeof(*taken), GFP_KERNEL_ACCOUNT);
	int err;

	if (!taken)
		return -ENOMEM;
	mutex_lock(&pn->stats_lock);
	err = put_counters(msg, pn, taken);
	if (!err)
		swap(pn->stats_base, taken);
	mutex_unlock(&pn->stats_lock);
	kfree(taken);
	return err;
}

/**
 * pp_netlink_reply_with - reply to a request
 * @info: request
 * @put: writes the reply; on failure nothing may have changed
 */
int pp_netlink_reply_with(struct genl_info *info,
			  int (*put)(struct sk_buff *msg, struct pp_net *pn))
{
	struct sk_buff *msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	void *hdr;
	int err = -EMSGSIZE;

	if (!msg)
		return -ENOMEM;
	hdr = genlmsg_put_reply(msg, info, &pp_netlink_family, 0, info->genlhdr->cmd);
	if (hdr)
		err = put(msg, pp_net_of(genl_info_net(info)));
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);
}

int pp_netlink_stats_get(struct sk_buff *skb, struct genl_info *info)
{
	return pp_netlink_reply_with(info, put_stats);
}

int pp_netlink_stats_reset(struct sk_buff *skb, struct genl_info *info)
{
	return pp_netlink_reply_with(info, put_and_reset);
}
