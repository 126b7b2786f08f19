/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: what becomes of a connection, one event for each change of its state. For send/,
 * accept/ and ulp/.
 *
 *	proxyproto:pp_send_state    a handshake to a tagged backend
 *	proxyproto:pp_accept_state  a connection of an accept rule
 *	proxyproto:pp_ulp_state     a connection of a listener with the ULP
 *
 * Addresses are always those of IPv6: IPv4 ones are mapped (::ffff:a.b.c.d).
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM proxyproto

#if !defined(_PP_TRACE_STATE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PP_TRACE_STATE_H

#include <linux/tracepoint.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include "key.h"
#include "pernet.h"
#include "proto/header.h"

#ifndef _PP_TRACE_STATE_ONCE
#define _PP_TRACE_STATE_ONCE

/* The connection is over; its states while it lasts are those of enum pp_conn_state */
#define PP_TRACE_ENDED	0

static inline void pp_trace_put_address(struct in6_addr *to, bool is_ipv6, const void *addr)
{
	if (is_ipv6)
		memcpy(to, addr, sizeof(*to));
	else
		ipv6_addr_set_v4mapped(*(const __be32 *)addr, to);
}

/* @client: AF_UNSPEC while it is not known */
static inline void pp_trace_put_client(struct in6_addr *to, const struct pp_endpoint *client)
{
	if (client->family == AF_UNSPEC)
		*to = in6addr_any;
	else
		pp_trace_put_address(to, client->family == AF_INET6, &client->addr);
}

#endif /* _PP_TRACE_STATE_ONCE */

#define pp_trace_states						\
	{ PP_TRACE_ENDED,		"ended" },		\
	{ PP_CONN_STATE_SYN_SENT,	"syn-sent" },		\
	{ PP_CONN_STATE_SYN_RECV,	"syn-recv" },		\
	{ PP_CONN_STATE_HEADER_SENT,	"header-sent" },	\
	{ PP_CONN_STATE_CLOSED,		"closed" },		\
	{ PP_CONN_STATE_ANSWERED,	"answered" },		\
	{ PP_CONN_STATE_HEADER_AWAITED,	"header-awaited" },	\
	{ PP_CONN_STATE_REPLAYED,	"replayed" },		\
	{ PP_CONN_STATE_ACCEPTED,	"accepted" }

/* Counters that can be the reason of a change; the file of a tracepoint needs their numbers */
#define pp_trace_reasons					\
	pp_trace_reason(ACKED, "acked")				\
	pp_trace_reason(RESENT, "resent")			\
	pp_trace_reason(REPLACED, "replaced")			\
	pp_trace_reason(RESET, "reset")				\
	pp_trace_reason(EXPIRED, "expired")			\
	pp_trace_reason(UNTAGGED, "untagged")			\
	pp_trace_reason(EVICTED, "evicted")			\
	pp_trace_reason(ACCEPTED, "accepted")			\
	pp_trace_reason(ACCEPTED_OWN, "accepted_own")		\
	pp_trace_reason(MISMATCH, "mismatch")			\
	pp_trace_reason(PASSED, "passed")			\
	pp_trace_reason(BAD_HEADER, "bad_header")		\
	pp_trace_reason(BAD_CRC, "bad_crc")			\
	pp_trace_reason(TIMEOUT, "timeout")			\
	pp_trace_reason(ABANDONED, "abandoned")			\
	pp_trace_reason(REJECTED, "rejected")			\
	pp_trace_reason(TAKEN_OVER, "taken_over")		\
	pp_trace_reason(ACCEPT_EVICTED, "accept_evicted")	\
	pp_trace_reason_last(DENIED, "denied")

#undef pp_trace_reason
#undef pp_trace_reason_last
#define pp_trace_reason(name, text)		TRACE_DEFINE_ENUM(PP_STATS_ATTR_##name);
#define pp_trace_reason_last(name, text)	TRACE_DEFINE_ENUM(PP_STATS_ATTR_##name);
pp_trace_reasons
TRACE_DEFINE_ENUM(PP_CONN_STATE_SYN_SENT);
TRACE_DEFINE_ENUM(PP_CONN_STATE_SYN_RECV);
TRACE_DEFINE_ENUM(PP_CONN_STATE_HEADER_SENT);
TRACE_DEFINE_ENUM(PP_CONN_STATE_CLOSED);
TRACE_DEFINE_ENUM(PP_CONN_STATE_ANSWERED);
TRACE_DEFINE_ENUM(PP_CONN_STATE_HEADER_AWAITED);
TRACE_DEFINE_ENUM(PP_CONN_STATE_REPLAYED);
TRACE_DEFINE_ENUM(PP_CONN_STATE_ACCEPTED);

#undef pp_trace_reason
#undef pp_trace_reason_last
#define pp_trace_reason(name, text)		{ PP_STATS_ATTR_##name, text },
#define pp_trace_reason_last(name, text)	{ PP_STATS_ATTR_##name, text }

DECLARE_EVENT_CLASS(pp_conn_state,
	TP_PROTO(const struct pp_net *pn, const struct pp_conn_key *wire,
		 const struct pp_endpoint *client, u32 rule, u8 state, u16 reason),

	TP_ARGS(pn, wire, client, rule, state, reason),

	TP_STRUCT__entry(
		__field(u32, netns)
		__field(u32, rule)
		__field(u8, state)
		__field(u16, reason)
		__array(u8, saddr, sizeof(struct in6_addr))
		__array(u8, daddr, sizeof(struct in6_addr))
		__array(u8, client, sizeof(struct in6_addr))
		__field(u16, sport)
		__field(u16, dport)
		__field(u16, client_port)
	),

	TP_fast_assign(
		__entry->netns = pn->net->ns.inum;
		__entry->rule = rule;
		__entry->state = state;
		__entry->reason = reason;
		pp_trace_put_address((struct in6_addr *)__entry->saddr,
				     wire->family == PP_IPV6, &wire->src);
		pp_trace_put_address((struct in6_addr *)__entry->daddr,
				     wire->family == PP_IPV6, &wire->dst);
		pp_trace_put_client((struct in6_addr *)__entry->client, client);
		__entry->sport = ntohs(wire->sport);
		__entry->dport = ntohs(wire->dport);
		__entry->client_port = ntohs(client->port);
	),

	TP_printk("netns=%u rule=%u state=%s reason=%s src=[%pI6c]:%u dst=[%pI6c]:%u client=[%pI6c]:%u",
		  __entry->netns, __entry->rule,
		  __print_symbolic(__entry->state, pp_trace_states),
		  __print_symbolic(__entry->reason, { PP_STATS_ATTR_UNSPEC, "-" },
				   pp_trace_reasons),
		  __entry->saddr, __entry->sport, __entry->daddr, __entry->dport,
		  __entry->client, __entry->client_port)
);

DEFINE_EVENT(pp_conn_state, pp_send_state,
	TP_PROTO(const struct pp_net *pn, const struct pp_conn_key *wire,
		 const struct pp_endpoint *client, u32 rule, u8 state, u16 reason),
	TP_ARGS(pn, wire, client, rule, state, reason)
);

DEFINE_EVENT(pp_conn_state, pp_accept_state,
	TP_PROTO(const struct pp_net *pn, const struct pp_conn_key *wire,
		 const struct pp_endpoint *client, u32 rule, u8 state, u16 reason),
	TP_ARGS(pn, wire, client, rule, state, reason)
);

DEFINE_EVENT(pp_conn_state, pp_ulp_state,
	TP_PROTO(const struct pp_net *pn, const struct pp_conn_key *wire,
		 const struct pp_endpoint *client, u32 rule, u8 state, u16 reason),
	TP_ARGS(pn, wire, client, rule, state, reason)
);

#endif /* _PP_TRACE_STATE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH trace
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE state
#include <trace/define_trace.h>
