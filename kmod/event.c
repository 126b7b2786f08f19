// SPDX-License-Identifier: GPL-2.0
/*
 * Events: what happens to connections and rules, as it happens.
 *
 * Owns the messages of the multicast group. Nothing is made while nobody
 * listens in the namespace; a listener that is too slow learns that it has lost
 * some. None is sent with a lock of a connection held.
 */
#include <linux/ktime.h>
#include "accept.h"
#include "event.h"
#include "flow.h"
#include "netlink.h"
#include "rule.h"

static int put_event(struct sk_buff *msg, enum pp_event_kind kind, enum pp_stats_attr reason)
{
	struct nlattr *nest = nla_nest_start(msg, PP_ATTR_EVENT);

	if (!nest ||
	    nla_put_u8(msg, PP_EVENT_ATTR_KIND, kind) ||
	    nla_put_u64_64bit(msg, PP_EVENT_ATTR_TIME, ktime_get_real_ns(),
			      PP_EVENT_ATTR_PAD) ||
	    (reason && nla_put_u16(msg, PP_EVENT_ATTR_REASON, reason)))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

/* The listeners learn that an event is lost */
static void lose(struct pp_net *pn, struct sk_buff *msg)
{
	nlmsg_free(msg);
	genl_set_err(&pp_netlink_family, pn->net, 0, PP_NETLINK_EVENTS, -ENOBUFS);
}

/* Where the kernel cannot keep others from listening, there is no group */
static bool listened(struct pp_net *pn)
{
	return pp_netlink_family.n_mcgrps &&
	       genl_has_listeners(&pp_netlink_family, pn->net, PP_NETLINK_EVENTS);
}

/* What a connection or rule takes fits the default size, but for @more */
static struct sk_buff *begin(struct pp_net *pn, enum pp_event_kind kind,
			     enum pp_stats_attr reason, size_t more, void **hdr)
{
	struct sk_buff *msg;

	if (!listened(pn))
		return NULL;
	msg = genlmsg_new(GENLMSG_DEFAULT_SIZE + more, GFP_ATOMIC);
	*hdr = msg ? genlmsg_put(msg, 0, 0, &pp_netlink_family, 0, PP_CMD_EVENT) : NULL;
	if (*hdr && !put_event(msg, kind, reason))
		return msg;
	lose(pn, msg);
	return NULL;
}

static void finish(struct pp_net *pn, struct sk_buff *msg, void *hdr, int err)
{
	if (err) {
		lose(pn, msg);
		return;
	}
	genlmsg_end(msg, hdr);
	genlmsg_multicast_netns(&pp_netlink_family, pn->net, msg, 0, PP_NETLINK_EVENTS,
				GFP_ATOMIC);
}

/**
 * pp_event_tagged - a connection is given a header
 * @flow: its handshake, under RCU, not locked
 */
void pp_event_tagged(struct pp_flow *flow)
{
	struct sk_buff *msg;
	void *hdr;

	msg = begin(flow->net, PP_EVENT_TAGGED, PP_STATS_ATTR_UNSPEC, 0, &hdr);
	if (msg)
		finish(flow->net, msg, hdr, pp_netlink_put_flow(msg, flow));
}

/**
 * pp_event_accepted - the application has a connection
 * @entry: connection, under RCU, not locked
 */
void pp_event_accepted(const struct pp_accept *entry)
{
	struct sk_buff *msg;
	void *hdr;

	msg = begin(entry->net, PP_EVENT_ACCEPTED, PP_STATS_ATTR_UNSPEC, entry->tlv_len, &hdr);
	if (msg)
		finish(entry->net, msg, hdr, pp_netlink_put_accept(msg, entry));
}

/**
 * pp_event_refused - a connection is not given to the application
 * @entry: connection, under RCU, not locked
 * @reason: counter that counts it
 */
void pp_event_refused(const struct pp_accept *entry, enum pp_stats_attr reason)
{
	struct sk_buff *msg;
	void *hdr;

	msg = begin(entry->net, PP_EVENT_REFUSED, reason, entry->tlv_len, &hdr);
	if (msg)
		finish(entry->net, msg, hdr, pp_netlink_put_accept(msg, entry));
}

/**
 * pp_event_rule - a rule comes into force, or goes
 * @pn: namespace, with its lock held
 * @kind: PP_EVENT_RULE_ADDED or PP_EVENT_RULE_REMOVED
 * @rule: rule
 */
void pp_event_rule(struct pp_net *pn, enum pp_event_kind kind, const struct pp_rule *rule)
{
	struct sk_buff *msg;
	void *hdr;

	msg = begin(pn, kind, PP_STATS_ATTR_UNSPEC, 0, &hdr);
	if (msg)
		finish(pn, msg, hdr, pp_netlink_put_rule(msg, rule));
}

/**
 * pp_event_rules - the same of all rules of a set
 * @pn: namespace, with its lock held
 * @kind: PP_EVENT_RULE_ADDED or PP_EVENT_RULE_REMOVED
 * @rules: rules
 */
void pp_event_rules(struct pp_net *pn, enum pp_event_kind kind, struct pp_rules *rules)
{
	const struct pp_rule *rule;
	unsigned long id;

	if (!listened(pn))
		return;
	xa_for_each(&rules->by_id, id, rule) {
		pp_event_rule(pn, kind, rule);
		cond_resched();
	}
}
