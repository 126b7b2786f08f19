// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink: which rule a connection would meet.
 *
 * Owns the question, which names a connection by the attributes of a rule, and the answer. The
 * search is that of packets.
 */
#include "netlink/netlink.h"
#include "rule/rule.h"

static int check_attributes(struct nlattr **tb, struct netlink_ext_ack *extack)
{
	static const u8 known[] = {
		PP_RULE_ATTR_DIRECTION, PP_RULE_ATTR_TO, PP_RULE_ATTR_TO_LEN, PP_RULE_ATTR_PORTS,
		PP_RULE_ATTR_MARK, PP_RULE_ATTR_FROM, PP_RULE_ATTR_DEV
	};
	bool accept;
	int attr;

	for (attr = 1; attr <= PP_RULE_ATTR_MAX; attr++) {
		if (!tb[attr] || memchr(known, attr, sizeof(known)))
			continue;
		NL_SET_ERR_MSG_ATTR(extack, tb[attr], "this attribute says nothing of a connection");
		return -EINVAL;
	}
	if (!tb[PP_RULE_ATTR_DIRECTION]) {
		NL_SET_ERR_MSG(extack, "the direction is missing");
		return -EINVAL;
	}
	accept = nla_get_u8(tb[PP_RULE_ATTR_DIRECTION]) == PP_DIRECTION_ACCEPT;
	if (!tb[PP_RULE_ATTR_TO] || !tb[PP_RULE_ATTR_PORTS]) {
		NL_SET_ERR_MSG(extack, "a connection has a destination and a port");
		return -EINVAL;
	}
	if (accept == !tb[PP_RULE_ATTR_FROM] || (accept && tb[PP_RULE_ATTR_MARK]) ||
	    (!accept && tb[PP_RULE_ATTR_DEV])) {
		NL_SET_ERR_MSG(extack,
			       "source and device belong to accept rules, a mark to send rules");
		return -EINVAL;
	}
	return 0;
}

/* Whether a rule is as narrow as one connection */
static bool is_one_connection(const struct pp_rule *rule)
{
	unsigned int bits = rule->families == BIT(PP_IPV6) ? 128 : 32;
	bool accept = rule->direction == PP_DIRECTION_ACCEPT;

	return rule->to_len == bits && rule->ports[0].first == rule->ports[0].last &&
	       (!accept || (rule->accept.from[0].families == rule->families &&
			    rule->accept.from[0].len == bits));
}

/* @rule: gets the attributes; the query refers to it */
static int read_query(struct pp_rule_query *query, const struct nlattr *nest, struct nlattr **tb,
		      struct pp_rule *rule, struct netlink_ext_ack *extack)
{
	int err;

	rule->direction = nla_get_u8(tb[PP_RULE_ATTR_DIRECTION]);
	err = pp_netlink_match_read(rule, nest, tb, extack);
	if (err)
		return err;
	if (!is_one_connection(rule)) {
		NL_SET_ERR_MSG(extack, "a connection has whole addresses and one port");
		return -EINVAL;
	}
	*query = (struct pp_rule_query){
		.direction = rule->direction,
		.family = rule->families == BIT(PP_IPV6) ? PP_IPV6 : PP_IPV4,
		.to = rule->to,
		.from = rule->accept.from[0].prefix,
		.dev = *rule->accept.dev ? rule->accept.dev : NULL,
		.port = rule->ports[0].first,
		.marks = { rule->mark, rule->mark },
	};
	return 0;
}

/* Return: how many attributes of this type there are */
static unsigned int count_attributes(const struct nlattr *nest, int type)
{
	const struct nlattr *attr;
	unsigned int count = 0;
	int rem;

	nla_for_each_nested(attr, nest, rem)
		count += nla_type(attr) == type;
	return count;
}

/* Return: a rule for the one connection, which the query refers to, or ERR_PTR() */
static struct pp_rule *parse_query(struct pp_rule_query *query, const struct nlattr *nest,
				   struct netlink_ext_ack *extack)
{
	struct nlattr *tb[PP_RULE_ATTR_MAX + 1];
	struct pp_rule *rule;
	int err;

	err = pp_netlink_rule_parse(nest, tb, extack);
	if (!err)
		err = check_attributes(tb, extack);
	if (err)
		return ERR_PTR(err);
	if (count_attributes(nest, PP_RULE_ATTR_PORTS) > 1 ||
	    count_attributes(nest, PP_RULE_ATTR_FROM) > 1) {
		NL_SET_ERR_MSG(extack, "a connection has one source and one port");
		return ERR_PTR(-EINVAL);
	}
	rule = pp_rule_alloc(1, 1, 0, 0);
	if (!rule)
		return ERR_PTR(-ENOMEM);
	err = read_query(query, nest, tb, rule, extack);
	if (err) {
		pp_rule_retire(rule);
		return ERR_PTR(err);
	}
	return rule;
}

static int put_match(struct sk_buff *msg, enum pp_match match)
{
	struct nlattr *nest = nla_nest_start(msg, PP_ATTR_MATCH);

	if (!nest || nla_put_u8(msg, PP_MATCH_ATTR_VERDICT, match))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int fill_answer(struct sk_buff *msg, struct genl_info *info, struct pp_net *pn,
		       const struct pp_rule_query *query)
{
	void *hdr = genlmsg_put_reply(msg, info, &pp_netlink_family, 0, PP_CMD_RULE_FIND);
	const struct pp_rule *rule;
	enum pp_match match;
	int err;

	/* With the lock, the rule stays */
	mutex_lock(&pn->lock);
	rcu_read_lock();
	rule = pp_rule_explain(pn, query, &match);
	rcu_read_unlock();
	err = !hdr || put_match(msg, match) || (rule && pp_netlink_put_rule(msg, rule));
	mutex_unlock(&pn->lock);
	if (err)
		return -EMSGSIZE;
	genlmsg_end(msg, hdr);
	return 0;
}

int pp_netlink_rule_find(struct sk_buff *skb, struct genl_info *info)
{
	int err = pp_netlink_rule_single(info);
	struct pp_rule_query query;
	struct pp_rule *connection;
	struct sk_buff *msg;

	if (err)
		return err;
	connection = parse_query(&query, info->attrs[PP_ATTR_RULE], info->extack);
	if (IS_ERR(connection))
		return PTR_ERR(connection);
	msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	err = msg ? fill_answer(msg, info, pp_net_of(genl_info_net(info)), &query) : -ENOMEM;
	pp_rule_retire(connection);
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	return genlmsg_reply(msg, info);
}
