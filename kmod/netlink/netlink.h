/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Generic netlink: what ppctl speaks. For netlink/ and main.c.
 */
#ifndef _PP_NETLINK_H
#define _PP_NETLINK_H

#include <net/genetlink.h>
#include "pernet.h"

struct pp_accept;
struct pp_conn_key;
struct pp_flow;
struct pp_rule;
struct pp_ulp_conn;
struct pp_ulp_sent;

/* Multicast groups */
enum {
	PP_NETLINK_EVENTS,
};

extern struct genl_family pp_netlink_family;

int pp_netlink_rule_parse(const struct nlattr *nest, struct nlattr **tb,
			  struct netlink_ext_ack *extack);
struct pp_rule *pp_netlink_rule_read(const struct nlattr *nest, bool may_have_id,
				     struct netlink_ext_ack *extack);

extern const struct nla_policy pp_netlink_rule_policy[PP_RULE_ATTR_MAX + 1];
extern const struct nla_policy pp_netlink_ports_policy[PP_PORTS_ATTR_MAX + 1];
extern const struct nla_policy pp_netlink_from_policy[PP_FROM_ATTR_MAX + 1];

int pp_netlink_match_read(struct pp_rule *rule, const struct nlattr *nest, struct nlattr **tb,
			  struct netlink_ext_ack *extack);
int pp_netlink_match_put(struct sk_buff *msg, const struct pp_rule *rule);

int pp_netlink_map_read(struct pp_rule *rule, struct nlattr **tb, struct netlink_ext_ack *extack);
int pp_netlink_map_put(struct sk_buff *msg, const struct pp_rule *rule);

extern const struct nla_policy pp_netlink_tlv_policy[PP_TLV_ATTR_MAX + 1];

int pp_netlink_tlv_size(const struct nlattr *rule_nest, struct nlattr **tb,
			struct netlink_ext_ack *extack);
void pp_netlink_tlv_read(struct pp_rule *rule, const struct nlattr *rule_nest,
			 struct nlattr **tb);
int pp_netlink_tlv_put(struct sk_buff *msg, const struct pp_rule *rule);

int pp_netlink_rule_add(struct sk_buff *skb, struct genl_info *info);
int pp_netlink_rule_replace(struct sk_buff *skb, struct genl_info *info);
int pp_netlink_rule_del(struct sk_buff *skb, struct genl_info *info);
int pp_netlink_rule_get(struct sk_buff *skb, struct genl_info *info);
int pp_netlink_rule_start(struct netlink_callback *cb);
int pp_netlink_rule_dump(struct sk_buff *skb, struct netlink_callback *cb);
int pp_netlink_rule_reset_dump(struct sk_buff *skb, struct netlink_callback *cb);
int pp_netlink_rule_flush(struct sk_buff *skb, struct genl_info *info);
int pp_netlink_rule_find(struct sk_buff *skb, struct genl_info *info);
int pp_netlink_rule_single(struct genl_info *info);

int pp_netlink_reply_with(struct genl_info *info,
			  int (*put)(struct sk_buff *msg, struct pp_net *pn));
int pp_netlink_stats_get(struct sk_buff *skb, struct genl_info *info);
int pp_netlink_stats_reset(struct sk_buff *skb, struct genl_info *info);

int pp_netlink_limits_read(const struct nlattr *nest, struct nlattr **tb,
			   struct netlink_ext_ack *extack);
void pp_netlink_limits_apply(struct pp_net *pn, struct nlattr **tb);

int pp_netlink_rules_begin(struct sk_buff *skb, struct genl_info *info);
int pp_netlink_rule_stage(struct sk_buff *skb, struct genl_info *info);
int pp_netlink_rules_commit(struct sk_buff *skb, struct genl_info *info);
int pp_netlink_stage_init(void);
void pp_netlink_stage_exit(void);

int pp_netlink_fill_rule(struct sk_buff *msg, const struct pp_rule *rule);
int pp_netlink_put_rule(struct sk_buff *msg, const struct pp_rule *rule);
int __pp_netlink_put_flow(struct sk_buff *msg, const struct pp_flow *flow);
int pp_netlink_put_flow(struct sk_buff *msg, struct pp_flow *flow);
int pp_netlink_put_syn(struct sk_buff *msg, const struct pp_rule *rule,
		       const struct pp_conn_key *key);
int pp_netlink_put_accept(struct sk_buff *msg, const struct pp_accept *entry);

int pp_netlink_put_sent(struct sk_buff *msg, const struct pp_ulp_sent *sent);
int pp_netlink_put_socket_conn(struct sk_buff *msg, const struct pp_ulp_conn *conn);

int pp_netlink_socket_dump(struct sk_buff *skb, struct netlink_callback *cb);
int pp_netlink_conn_start(struct netlink_callback *cb);
int pp_netlink_conn_dump(struct sk_buff *skb, struct netlink_callback *cb);
int pp_netlink_conn_done(struct netlink_callback *cb);

void pp_netlink_event_stop(void);
int pp_netlink_init(void);
void pp_netlink_exit(void);

#endif /* _PP_NETLINK_H */
