/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events for listeners of the multicast group. For rule/, send/, accept/ and ulp/.
 */
#ifndef _PP_EVENT_H
#define _PP_EVENT_H

#include "pernet.h"

struct pp_accept;
struct pp_conn_key;
struct pp_flow;
struct pp_rule;
struct pp_ulp_conn;
struct pp_ulp_sent;

void pp_netlink_event_tagged(struct pp_flow *flow);
void pp_netlink_event_accepted(const struct pp_accept *entry);
void pp_netlink_event_accept_ended(const struct pp_accept *entry, enum pp_stats_attr reason);
void pp_netlink_event_flow_ended(const struct pp_flow *flow, enum pp_stats_attr reason);
void pp_netlink_event_socket_accepted(const struct pp_ulp_conn *conn);
void pp_netlink_event_socket_refused(const struct pp_ulp_conn *conn, enum pp_stats_attr reason);
void pp_netlink_event_socket_closed(const struct pp_ulp_conn *conn);
void pp_netlink_event_limit(struct pp_net *pn, struct pp_rule *rule, const struct pp_conn_key *key,
			    enum pp_stats_attr reason);
void pp_netlink_event_socket_sent(const struct pp_ulp_sent *sent);
void pp_netlink_event_rule(struct pp_net *pn, enum pp_event_kind kind, const struct pp_rule *rule);
void pp_netlink_event_rules(struct pp_net *pn, enum pp_event_kind kind, struct pp_rules *rules,
			    struct pp_rules *other);

#endif /* _PP_EVENT_H */
