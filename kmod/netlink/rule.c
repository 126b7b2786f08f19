// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink: the commands on rules.
 *
 * Owns how a rule is written to a message (match.c and tlv.c write their parts), and the
 * order in which a command checks, changes and answers. rule_read.c reads rules.
 */
#include <net/sock.h>
#include "netlink/netlink.h"
#include "rule/rule.h"

/* The counters of a direction, in the order of enum pp_rule_count */
static const u8 counter_attrs[PP_DIRECTIONS][PP_RULE_COUNTS] = {
	[PP_DIRECTION_SEND] = {
		PP_RULE_ATTR_TAGGED, PP_RULE_ATTR_ACKED, PP_RULE_ATTR_RESENT
	},
	[PP_DIRECTION_ACCEPT] = {
		PP_RULE_ATTR_ACCEPTED, PP_RULE_ATTR_PASSED, PP_RULE_ATTR_REFUSED
	},
};

/* @sums: get what was counted since the rule was made */
static int put_rule_counters(struct sk_buff *msg, const struct pp_rule *rule, u64 *sums)
{
	int which;

	for (which = 0; which < PP_RULE_COUNTS; which++) {
		sums[which] = pp_rule_sum(rule, which);
		if (nla_put_u64_64bit(msg, counter_attrs[rule->direction][which],
				      sums[which] - rule->base[which], PP_RULE_ATTR_PAD))
			return -EMSGSIZE;
	}
	return 0;
}

static int put_accept_rule(struct sk_buff *msg, const struct pp_rule *rule)
{
	if (nla_put_u8(msg, PP_RULE_ATTR_HEADER, rule->accept.header_need) ||
	    (rule->accept.header_need != PP_HEADER_NONE &&
	     (nla_put_u8(msg, PP_RULE_ATTR_STACKED, rule->accept.stacked) ||
	      nla_put_u32(msg, PP_RULE_ATTR_TIMEOUT, rule->accept.timeout))) ||
	    pp_netlink_map_put(msg, rule))
		return -EMSGSIZE;
	return 0;
}

static int put_send_rule(struct sk_buff *msg, const struct pp_rule *rule)
{
	if (nla_put_u8(msg, PP_RULE_ATTR_VERSION, rule->send.version) ||
	    nla_put_u8(msg, PP_RULE_ATTR_ORIGIN, rule->send.origin) ||
	    pp_netlink_tlv_put(msg, rule))
		return -EMSGSIZE;
	return 0;
}

static int fill_rule(struct sk_buff *msg, const struct pp_rule *rule, u64 *sums)
{
	if (nla_put_u32(msg, PP_RULE_ATTR_ID, rule->id) ||
	    nla_put_u8(msg, PP_RULE_ATTR_DIRECTION, rule->direction) ||
	    pp_netlink_match_put(msg, rule) ||
	    (rule->comment && nla_put_string(msg, PP_RULE_ATTR_COMMENT, rule->comment)) ||
	    (rule->direction == PP_DIRECTION_ACCEPT ? put_accept_rule(msg, rule) :
						      put_send_rule(msg, rule)) ||
	    put_rule_counters(msg, rule, sums))
		return -EMSGSIZE;
	return 0;
}

/**
 * pp_netlink_fill_rule - write a rule to a nest of a message
 * @msg: message
 * @rule: rule, or the policy of a listener
 */
int pp_netlink_fill_rule(struct sk_buff *msg, const struct pp_rule *rule)
{
	u64 sums[PP_RULE_COUNTS];

	return fill_rule(msg, rule, sums);
}

static int put_rule(struct sk_buff *msg, const struct pp_rule *rule, u64 *sums)
{
	struct nlattr *nest = nla_nest_start(msg, PP_ATTR_RULE);

	if (!nest || fill_rule(msg, rule, sums))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

/**
 * pp_netlink_put_rule - write a rule to a message
 * @msg: message
 * @rule: rule
 */
int pp_netlink_put_rule(struct sk_buff *msg, const struct pp_rule *rule)
{
	u64 sums[PP_RULE_COUNTS];

	return put_rule(msg, rule, sums);
}

static int fill_reply(struct sk_buff *msg, struct genl_info *info, u8 cmd,
		      const struct pp_rule *rule)
{
	void *hdr = genlmsg_put_reply(msg, info, &pp_netlink_family, 0, cmd);

	if (!hdr || pp_netlink_put_rule(msg, rule))
		return -EMSGSIZE;
	genlmsg_end(msg, hdr);
	return 0;
}

static int add_or_replace(struct pp_net *pn, struct pp_rule *rule, struct netlink_ext_ack *extack)
{
	return rule->id ? pp_rule_replace(pn, rule, extack) :
			  pp_rule_add(pn, pp_rule_set_in_force(pn), rule, extack);
}

/* Adds and replies under one lock, so that the reply shows the rule as it was added */
static int add_with_reply(struct pp_net *pn, struct pp_rule *rule, struct sk_buff *msg,
			  struct genl_info *info)
{
	int err;

	mutex_lock(&pn->lock);
	err = add_or_replace(pn, rule, info->extack);
	if (!err) {
		err = fill_reply(msg, info, info->genlhdr->cmd, rule);
		if (WARN_ON_ONCE(err))
			pp_rule_remove(pn, rule);
	} else {
		pp_rule_retire(rule);
	}
	mutex_unlock(&pn->lock);
	return err;
}

/**
 * pp_netlink_rule_single - refuse a message of several rules
 * @info: message
 *
 * If a command takes one rule, the parser would take the last one and ignore the others.
 */
int pp_netlink_rule_single(struct genl_info *info)
{
	const struct nlattr *attr;
	int rem, count = 0;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != PP_ATTR_RULE || !count++)
			continue;
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "only one rule at a time");
		return -EINVAL;
	}
	return 0;
}

static int check_replacement(const struct pp_rule *rule, bool replace,
			     struct netlink_ext_ack *extack)
{
	if (!replace || rule->id)
		return 0;
	NL_SET_ERR_MSG(extack, "the id of the rule is missing");
	return -EINVAL;
}

static int add_from_message(struct genl_info *info, bool replace)
{
	struct pp_rule *rule;
	struct sk_buff *msg;
	int err = pp_netlink_rule_single(info);

	if (err)
		return err;
	msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	rule = pp_netlink_rule_read(info->attrs[PP_ATTR_RULE], replace, info->extack);
	err = PTR_ERR_OR_ZERO(rule);
	if (!err) {
		err = check_replacement(rule, replace, info->extack);
		if (err)
			pp_rule_retire(rule);
	}
	if (!err)
		err = add_with_reply(pp_net_of(genl_info_net(info)), rule, msg, info);
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	return genlmsg_reply(msg, info);
}

int pp_netlink_rule_add(struct sk_buff *skb, struct genl_info *info)
{
	return add_from_message(info, false);
}

int pp_netlink_rule_replace(struct sk_buff *skb, struct genl_info *info)
{
	return add_from_message(info, true);
}

static struct pp_rule *find_rule_by_id(struct pp_net *pn, const struct nlattr *nest,
				       struct netlink_ext_ack *extack)
{
	struct nlattr *tb[PP_RULE_ATTR_MAX + 1];
	struct pp_rule *rule;
	int err;

	lockdep_assert_held(&pn->lock);

	err = pp_netlink_rule_parse(nest, tb, extack);
	if (err)
		return ERR_PTR(err);
	if (!tb[PP_RULE_ATTR_ID]) {
		NL_SET_ERR_MSG(extack, "the id of the rule is missing");
		return ERR_PTR(-EINVAL);
	}
	rule = xa_load(&pp_rule_set_in_force(pn)->by_id, nla_get_u32(tb[PP_RULE_ATTR_ID]));
	if (!rule) {
		NL_SET_ERR_MSG_FMT(extack, "there is no rule %u",
				   nla_get_u32(tb[PP_RULE_ATTR_ID]));
		return ERR_PTR(-ENOENT);
	}
	return rule;
}

static int check_named(struct pp_net *pn, struct genl_info *info)
{
	const struct nlattr *attr;
	struct pp_rule *rule;
	int rem;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != PP_ATTR_RULE)
			continue;
		rule = find_rule_by_id(pn, attr, info->extack);
		if (IS_ERR(rule))
			return PTR_ERR(rule);
	}
	return 0;
}

static void remove_named(struct pp_net *pn, struct genl_info *info)
{
	const struct nlattr *attr;
	struct pp_rule *rule;
	int rem;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != PP_ATTR_RULE)
			continue;
		rule = find_rule_by_id(pn, attr, NULL);
		if (!IS_ERR(rule)) /* A rule that is named twice is already removed */
			pp_rule_remove(pn, rule);
	}
}

int pp_netlink_rule_del(struct sk_buff *skb, struct genl_info *info)
{
	struct pp_net *pn = pp_net_of(genl_info_net(info));
	int err;

	if (!info->attrs[PP_ATTR_RULE]) {
		NL_SET_ERR_MSG(info->extack, "a rule is missing");
		return -EINVAL;
	}
	mutex_lock(&pn->lock);
	err = check_named(pn, info);
	if (!err)
		remove_named(pn, info);
	mutex_unlock(&pn->lock);
	return err;
}

int pp_netlink_rule_get(struct sk_buff *skb, struct genl_info *info)
{
	struct pp_net *pn = pp_net_of(genl_info_net(info));
	struct pp_rule *rule;
	struct sk_buff *msg;
	int err = pp_netlink_rule_single(info);

	if (err)
		return err;
	msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	mutex_lock(&pn->lock);
	rule = find_rule_by_id(pn, info->attrs[PP_ATTR_RULE], info->extack);
	err = PTR_ERR_OR_ZERO(rule);
	if (!err)
		err = fill_reply(msg, info, PP_CMD_RULE_GET, rule);
	mutex_unlock(&pn->lock);
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	return genlmsg_reply(msg, info);
}

/* With @reset, the counters that are shown begin at 0 again */
static int dump_rule(struct sk_buff *skb, struct netlink_callback *cb, struct pp_rule *rule,
		     bool reset)
{
	void *hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				&pp_netlink_family, NLM_F_MULTI,
				reset ? PP_CMD_RULE_RESET : PP_CMD_RULE_GET);
	u64 sums[PP_RULE_COUNTS];

	if (!hdr)
		return -EMSGSIZE;
	genl_dump_check_consistent(cb, hdr);
	if (put_rule(skb, rule, sums)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	if (reset)
		memcpy(rule->base, sums, sizeof(sums));
	return 0;
}

/* cb->args[0]: id of the last rule that was written */
static int dump_rules(struct sk_buff *skb, struct netlink_callback *cb, bool reset)
{
	struct pp_net *pn = pp_net_of(sock_net(skb->sk));
	struct pp_rules *rules;
	struct pp_rule *rule;
	unsigned long id;

	mutex_lock(&pn->lock);
	rules = pp_rule_set_in_force(pn);
	cb->seq = rules->generation;
	xa_for_each_start(&rules->by_id, id, rule, cb->args[0] + 1) {
		if (dump_rule(skb, cb, rule, reset))
			break;
		cb->args[0] = id;
	}
	mutex_unlock(&pn->lock);
	return skb->len;
}

/*
 * The policy is that of RULE_GET for one rule, which takes a rule. 5.10 loses the text, since it
 * has no extack here.
 */
int pp_netlink_rule_start(struct netlink_callback *cb)
{
	if (!nlmsg_attrlen(cb->nlh, GENL_HDRLEN))
		return 0;
	NL_SET_ERR_MSG(cb->extack, "this list takes no attribute");
	return -EINVAL;
}

int pp_netlink_rule_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump_rules(skb, cb, false);
}

int pp_netlink_rule_reset_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump_rules(skb, cb, true);
}

int pp_netlink_rule_flush(struct sk_buff *skb, struct genl_info *info)
{
	struct pp_net *pn = pp_net_of(genl_info_net(info));

	mutex_lock(&pn->lock);
	pp_rule_flush(pn);
	mutex_unlock(&pn->lock);
	return 0;
}
