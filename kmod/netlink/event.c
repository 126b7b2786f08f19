// SPDX-License-Identifier: GPL-2.0
/*
 * Events: what happens to connections and rules, as it happens.
 *
 * Owns the messages of the multicast group. Without a listener in the namespace no
 * message is made. A listener that is too slow learns that events were lost. An event that a
 * connection has ended is sent with the lock of the connection held, so that no other event of it
 * can follow.
 */
#include <linux/ktime.h>
#include "accept/conn.h"
#include "netlink/event.h"
#include "netlink/netlink.h"
#include "pernet.h"
#include "rule/rule.h"
#include "send/flow.h"
#include "ulp/ulp.h"

/* Time between two events that a rule meets a limit */
#define LIMIT_INTERVAL	HZ

static int event_put(struct sk_buff *msg, enum pp_event_kind kind, enum pp_stats_attr reason,
		     const u32 *suppressed)
{
	struct nlattr *nest = nla_nest_start(msg, PP_ATTR_EVENT);

	if (!nest ||
	    nla_put_u8(msg, PP_EVENT_ATTR_KIND, kind) ||
	    nla_put_u64_64bit(msg, PP_EVENT_ATTR_TIME, ktime_get_real_ns(),
			      PP_EVENT_ATTR_PAD) ||
	    (reason && nla_put_u16(msg, PP_EVENT_ATTR_REASON, reason)) ||
	    (suppressed && nla_put_u32(msg, PP_EVENT_ATTR_SUPPRESSED, *suppressed)))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

/* Tells the listeners that an event is lost */
static void event_lose(struct pp_net *pn, struct sk_buff *msg)
{
	nlmsg_free(msg);
	genl_set_err(&pp_netlink_family, pn->net, 0, PP_NETLINK_EVENTS, -ENOBUFS);
}

/* The family goes, and the number of its group may soon be that of another family's */
static bool event_is_stopped;

/**
 * pp_netlink_event_stop - send no event any more
 *
 * Context: module exit; the family is still registered.
 */
void pp_netlink_event_stop(void)
{
	WRITE_ONCE(event_is_stopped, true);
	/* Packets and the garbage collection send events under RCU */
	synchronize_rcu();
}

/* A kernel that cannot close a group to unprivileged listeners has no group */
static bool event_has_listeners(struct pp_net *pn)
{
	return pp_netlink_family.n_mcgrps && !READ_ONCE(event_is_stopped) &&
	       genl_has_listeners(&pp_netlink_family, pn->net, PP_NETLINK_EVENTS);
}

/* @more: bytes by which a connection or rule may exceed the default size */
static struct sk_buff *event_make(struct pp_net *pn, enum pp_event_kind kind,
				  enum pp_stats_attr reason, const u32 *suppressed, size_t more,
				  void **hdr)
{
	struct sk_buff *msg;

	msg = genlmsg_new(GENLMSG_DEFAULT_SIZE + more, GFP_ATOMIC);
	*hdr = msg ? genlmsg_put(msg, 0, 0, &pp_netlink_family, 0, PP_CMD_EVENT) : NULL;
	if (*hdr && !event_put(msg, kind, reason, suppressed))
		return msg;
	event_lose(pn, msg);
	return NULL;
}

static struct sk_buff *event_begin(struct pp_net *pn, enum pp_event_kind kind,
				   enum pp_stats_attr reason, size_t more, void **hdr)
{
	if (!event_has_listeners(pn))
		return NULL;
	return event_make(pn, kind, reason, NULL, more, hdr);
}

static void event_finish(struct pp_net *pn, struct sk_buff *msg, void *hdr, int err)
{
	if (err) {
		event_lose(pn, msg);
		return;
	}
	genlmsg_end(msg, hdr);
	genlmsg_multicast_netns(&pp_netlink_family, pn->net, msg, 0, PP_NETLINK_EVENTS,
				GFP_ATOMIC);
}

/**
 * pp_netlink_event_tagged - a connection is given a header
 * @flow: its handshake, under RCU, not locked
 */
void pp_netlink_event_tagged(struct pp_flow *flow)
{
	struct sk_buff *msg;
	void *hdr;

	msg = event_begin(flow->net, PP_EVENT_TAGGED, PP_STATS_ATTR_UNSPEC, 0, &hdr);
	if (msg)
		event_finish(flow->net, msg, hdr, pp_netlink_put_flow(msg, flow));
}

/**
 * pp_netlink_event_accepted - the application has a connection
 * @entry: connection, under RCU, not locked
 */
void pp_netlink_event_accepted(const struct pp_accept *entry)
{
	struct sk_buff *msg;
	void *hdr;

	msg = event_begin(entry->net, PP_EVENT_ACCEPTED, PP_STATS_ATTR_UNSPEC, entry->tlv_len,
			  &hdr);
	if (msg)
		event_finish(entry->net, msg, hdr, pp_netlink_put_accept(msg, entry));
}

/**
 * pp_netlink_event_accept_ended - a connection is over, or was not given to the application
 * @entry: connection, with its lock held; its pending part is still there if it has one
 * @reason: counter that counts it, or PP_STATS_ATTR_UNSPEC
 */
void pp_netlink_event_accept_ended(const struct pp_accept *entry, enum pp_stats_attr reason)
{
	bool refused = entry->pending && reason != PP_STATS_ATTR_REPLACED;
	struct sk_buff *msg;
	void *hdr;

	msg = event_begin(entry->net, refused ? PP_EVENT_REFUSED : PP_EVENT_CLOSED, reason,
			  entry->tlv_len, &hdr);
	if (msg)
		event_finish(entry->net, msg, hdr, pp_netlink_put_accept(msg, entry));
}

/**
 * pp_netlink_event_flow_ended - a header is acknowledged, or a handshake ends without that
 * @flow: handshake, with its lock held
 * @reason: counter that counts it
 */
void pp_netlink_event_flow_ended(const struct pp_flow *flow, enum pp_stats_attr reason)
{
	bool acked = reason == PP_STATS_ATTR_ACKED;
	struct sk_buff *msg;
	void *hdr;

	msg = event_begin(flow->net, acked ? PP_EVENT_ACKED : PP_EVENT_CLOSED,
			  acked ? PP_STATS_ATTR_UNSPEC : reason, 0, &hdr);
	if (msg)
		event_finish(flow->net, msg, hdr, __pp_netlink_put_flow(msg, flow));
}

/* Whether an event of this rule may be sent now; if not, it is counted */
static bool limit_is_due(struct pp_rule *rule)
{
	u32 told = READ_ONCE(rule->limit_told), now = (u32)jiffies ?: 1;

	if ((!told || now - told >= LIMIT_INTERVAL) &&
	    cmpxchg(&rule->limit_told, told, now) == told)
		return true;
	atomic_inc(&rule->limit_untold);
	return false;
}

/**
 * pp_netlink_event_limit - a SYN is dropped at a limit
 * @pn: namespace
 * @rule: its rule; tells at most one of them a second
 * @key: its connection
 * @reason: counter that counts it
 *
 * Context: under RCU.
 */
void pp_netlink_event_limit(struct pp_net *pn, struct pp_rule *rule, const struct pp_conn_key *key,
			    enum pp_stats_attr reason)
{
	struct sk_buff *msg;
	u32 suppressed;
	void *hdr;

	if (!event_has_listeners(pn) || !limit_is_due(rule))
		return;
	suppressed = atomic_xchg(&rule->limit_untold, 0);
	msg = event_make(pn, PP_EVENT_LIMIT, reason, &suppressed, 0, &hdr);
	if (msg)
		event_finish(pn, msg, hdr, pp_netlink_put_syn(msg, rule, key));
}

static void event_of_socket(const struct pp_ulp_conn *conn, enum pp_event_kind kind,
			    enum pp_stats_attr reason)
{
	struct sk_buff *msg;
	void *hdr;

	msg = event_begin(conn->pn, kind, reason, conn->ends.tlv_len, &hdr);
	if (msg)
		event_finish(conn->pn, msg, hdr, pp_netlink_put_socket_conn(msg, conn));
}

/**
 * pp_netlink_event_socket_accepted - a listener with the ULP has a connection
 * @conn: connection
 */
void pp_netlink_event_socket_accepted(const struct pp_ulp_conn *conn)
{
	event_of_socket(conn, PP_EVENT_ACCEPTED, PP_STATS_ATTR_UNSPEC);
}

/**
 * pp_netlink_event_socket_refused - a listener with the ULP has refused a connection
 * @conn: connection
 * @reason: counter that counts it
 */
void pp_netlink_event_socket_refused(const struct pp_ulp_conn *conn, enum pp_stats_attr reason)
{
	event_of_socket(conn, PP_EVENT_REFUSED, reason);
}

/**
 * pp_netlink_event_socket_closed - the socket of such a connection is destroyed
 * @conn: connection
 */
void pp_netlink_event_socket_closed(const struct pp_ulp_conn *conn)
{
	event_of_socket(conn, PP_EVENT_CLOSED, PP_STATS_ATTR_UNSPEC);
}

/**
 * pp_netlink_event_socket_sent - a socket has put its own header before its data
 * @sent: connection
 */
void pp_netlink_event_socket_sent(const struct pp_ulp_sent *sent)
{
	struct sk_buff *msg;
	void *hdr;

	msg = event_begin(sent->pn, PP_EVENT_TAGGED, PP_STATS_ATTR_UNSPEC, 0, &hdr);
	if (msg)
		event_finish(sent->pn, msg, hdr, pp_netlink_put_sent(msg, sent));
}

/**
 * pp_netlink_event_rule - a rule comes into force, or is removed
 * @pn: namespace, with its lock held
 * @kind: PP_EVENT_RULE_ADDED or PP_EVENT_RULE_REMOVED
 * @rule: rule
 */
void pp_netlink_event_rule(struct pp_net *pn, enum pp_event_kind kind, const struct pp_rule *rule)
{
	struct sk_buff *msg;
	void *hdr;

	msg = event_begin(pn, kind, PP_STATS_ATTR_UNSPEC, 0, &hdr);
	if (msg)
		event_finish(pn, msg, hdr, pp_netlink_put_rule(msg, rule));
}

/**
 * pp_netlink_event_rules - all rules of a set come into force, or are removed
 * @pn: namespace, with its lock held
 * @kind: PP_EVENT_RULE_ADDED or PP_EVENT_RULE_REMOVED
 * @rules: rules
 * @other: a set whose rules are left out, or NULL
 */
void pp_netlink_event_rules(struct pp_net *pn, enum pp_event_kind kind, struct pp_rules *rules,
			    struct pp_rules *other)
{
	const struct pp_rule *rule;
	unsigned long id;

	if (!event_has_listeners(pn))
		return;
	xa_for_each(&rules->by_id, id, rule) {
		if (!other || xa_load(&other->by_id, id) != rule)
			pp_netlink_event_rule(pn, kind, rule);
		cond_resched();
	}
}
