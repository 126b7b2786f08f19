// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink: the commands on rules.
 *
 * Owns how a rule is written to a message and in which order a command checks,
 * changes and answers. netlink_rule_read.c reads the rules that come.
 */
#include <net/sock.h>
#include "netlink.h"
#include "rule.h"

static int put_ports(struct sk_buff *msg, const struct pp_rule *rule)
{
	struct nlattr *nest;
	unsigned int i;

	for (i = 0; i < rule->ports_count; i++) {
		nest = nla_nest_start(msg, PP_RULE_ATTR_PORTS);
		if (!nest ||
		    nla_put_u16(msg, PP_PORTS_ATTR_FIRST, rule->ports[i].first) ||
		    nla_put_u16(msg, PP_PORTS_ATTR_LAST, rule->ports[i].last))
			return -EMSGSIZE;
		nla_nest_end(msg, nest);
	}
	return 0;
}

static int put_from(struct sk_buff *msg, const struct pp_rule *rule)
{
	const struct pp_from *from = rule->from, *end = from + rule->from_count;
	struct nlattr *nest;
	size_t size;

	for (; from < end; from++) {
		size = from->families == BIT(PP_IPV4) ? sizeof(__be32) : sizeof(struct in6_addr);
		nest = nla_nest_start(msg, PP_RULE_ATTR_FROM);
		if (!nest)
			return -EMSGSIZE;
		if (from->families != (BIT(PP_IPV4) | BIT(PP_IPV6)) &&
		    (nla_put(msg, PP_FROM_ATTR_PREFIX, size, &from->prefix) ||
		     nla_put_u8(msg, PP_FROM_ATTR_LEN, from->len)))
			return -EMSGSIZE;
		nla_nest_end(msg, nest);
	}
	return 0;
}

static int put_prefix(struct sk_buff *msg, const struct pp_rule *rule)
{
	size_t size = rule->families == BIT(PP_IPV4) ? sizeof(__be32) : sizeof(struct in6_addr);

	if (rule->families == (BIT(PP_IPV4) | BIT(PP_IPV6)))
		return 0;
	if (nla_put(msg, PP_RULE_ATTR_TO, size, &rule->to) ||
	    nla_put_u8(msg, PP_RULE_ATTR_TO_LEN, rule->to_len))
		return -EMSGSIZE;
	return 0;
}

static int put_mark(struct sk_buff *msg, const struct pp_rule *rule)
{
	if (!rule->mark_mask)
		return 0;
	if (nla_put_u32(msg, PP_RULE_ATTR_MARK, rule->mark) ||
	    nla_put_u32(msg, PP_RULE_ATTR_MARK_MASK, rule->mark_mask))
		return -EMSGSIZE;
	return 0;
}

static int put_counter(struct sk_buff *msg, int attr, const atomic64_t *counter)
{
	return nla_put_u64_64bit(msg, attr, atomic64_read(counter), PP_RULE_ATTR_PAD);
}

static int put_accept(struct sk_buff *msg, const struct pp_rule *rule)
{
	if (put_from(msg, rule) ||
	    nla_put_u8(msg, PP_RULE_ATTR_HEADER, rule->header_need) ||
	    nla_put_u32(msg, PP_RULE_ATTR_TIMEOUT, rule->timeout) ||
	    put_counter(msg, PP_RULE_ATTR_ACCEPTED, &rule->accepted) ||
	    put_counter(msg, PP_RULE_ATTR_PASSED, &rule->passed) ||
	    put_counter(msg, PP_RULE_ATTR_REFUSED, &rule->refused))
		return -EMSGSIZE;
	return 0;
}

static int put_send(struct sk_buff *msg, const struct pp_rule *rule)
{
	if (put_mark(msg, rule) ||
	    nla_put_u8(msg, PP_RULE_ATTR_VERSION, rule->version) ||
	    nla_put_u8(msg, PP_RULE_ATTR_ORIGIN, rule->origin) ||
	    pp_netlink_tlv_put(msg, rule) ||
	    put_counter(msg, PP_RULE_ATTR_TAGGED, &rule->tagged) ||
	    put_counter(msg, PP_RULE_ATTR_ACKED, &rule->acked) ||
	    put_counter(msg, PP_RULE_ATTR_RESENT, &rule->resent))
		return -EMSGSIZE;
	return 0;
}

/**
 * pp_netlink_put_rule - write a rule to a message
 * @msg: message
 * @rule: rule
 */
int pp_netlink_put_rule(struct sk_buff *msg, const struct pp_rule *rule)
{
	struct nlattr *nest = nla_nest_start(msg, PP_ATTR_RULE);

	if (!nest ||
	    nla_put_u32(msg, PP_RULE_ATTR_ID, rule->id) ||
	    nla_put_u8(msg, PP_RULE_ATTR_DIRECTION, rule->direction) ||
	    put_prefix(msg, rule) || put_ports(msg, rule) ||
	    (rule->comment && nla_put_string(msg, PP_RULE_ATTR_COMMENT, rule->comment)) ||
	    (rule->direction == PP_DIRECTION_ACCEPT ? put_accept(msg, rule) :
						      put_send(msg, rule)))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
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

/* The reply is made before the rule is seen by a packet: then all its counters are 0 */
static int add_with_reply(struct pp_net *pn, struct pp_rule *rule, struct sk_buff *msg,
			  struct genl_info *info)
{
	int err;

	mutex_lock(&pn->lock);
	err = pp_rule_add(pn, pp_rules_in_force(pn), rule, info->extack);
	if (!err) {
		err = fill_reply(msg, info, PP_CMD_RULE_ADD, rule);
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
 * Where one rule is meant, the parser would take the last and drop the others.
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

int pp_netlink_rule_add(struct sk_buff *skb, struct genl_info *info)
{
	struct pp_rule *rule;
	struct sk_buff *msg;
	int err = pp_netlink_rule_single(info);

	if (err)
		return err;
	msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	rule = pp_netlink_rule_read(info->attrs[PP_ATTR_RULE], info->extack);
	err = PTR_ERR_OR_ZERO(rule);
	if (!err)
		err = add_with_reply(pp_net(genl_info_net(info)), rule, msg, info);
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	return genlmsg_reply(msg, info);
}

static struct pp_rule *find_rule(struct pp_net *pn, const struct nlattr *nest,
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
	rule = xa_load(&pp_rules_in_force(pn)->by_id, nla_get_u32(tb[PP_RULE_ATTR_ID]));
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
		rule = find_rule(pn, attr, info->extack);
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
		rule = find_rule(pn, attr, NULL);
		if (!IS_ERR(rule)) /* named twice, it is gone by now */
			pp_rule_remove(pn, rule);
	}
}

int pp_netlink_rule_del(struct sk_buff *skb, struct genl_info *info)
{
	struct pp_net *pn = pp_net(genl_info_net(info));
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
	struct pp_net *pn = pp_net(genl_info_net(info));
	struct pp_rule *rule;
	struct sk_buff *msg;
	int err = pp_netlink_rule_single(info);

	if (err)
		return err;
	msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	mutex_lock(&pn->lock);
	rule = find_rule(pn, info->attrs[PP_ATTR_RULE], info->extack);
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

static int dump_one(struct sk_buff *skb, struct netlink_callback *cb,
		    const struct pp_rule *rule)
{
	void *hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				&pp_netlink_family, NLM_F_MULTI, PP_CMD_RULE_GET);

	if (!hdr)
		return -EMSGSIZE;
	genl_dump_check_consistent(cb, hdr);
	if (pp_netlink_put_rule(skb, rule)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/* cb->args[0]: id of the last rule that was written */
int pp_netlink_rule_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct pp_net *pn = pp_net(sock_net(skb->sk));
	struct pp_rules *rules;
	struct pp_rule *rule;
	unsigned long id;

	mutex_lock(&pn->lock);
	rules = pp_rules_in_force(pn);
	cb->seq = rules->generation;
	xa_for_each_start(&rules->by_id, id, rule, cb->args[0] + 1) {
		if (dump_one(skb, cb, rule))
			break;
		cb->args[0] = id;
	}
	mutex_unlock(&pn->lock);
	return skb->len;
}

int pp_netlink_rule_flush(struct sk_buff *skb, struct genl_info *info)
{
	struct pp_net *pn = pp_net(genl_info_net(info));

	if (info->attrs[PP_ATTR_RULE]) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[PP_ATTR_RULE],
				    "flushing takes no rule: it would remove all of them");
		return -EINVAL;
	}
	mutex_lock(&pn->lock);
	pp_rule_flush(pn);
	mutex_unlock(&pn->lock);
	return 0;
}
