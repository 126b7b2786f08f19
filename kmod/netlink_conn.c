// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink: the list of connections.
 *
 * Owns how a handshake in progress and an accepted connection are written to a
 * message. The tables are walked while packets change them: an entry can be
 * missed or, when a table is resized, shown twice, and then the dump is flagged
 * as interrupted.
 */
#include <linux/slab.h>
#include <net/sock.h>
#include "accept.h"
#include "flow.h"
#include "netlink.h"

/* A connection with the longest TLVs fits a message */
#define MESSAGE_ROOM	8192

static int put_address(struct sk_buff *msg, int attr, enum pp_family family,
		       const void *addr)
{
	return nla_put(msg, attr,
		       family == PP_IPV6 ? sizeof(struct in6_addr) : sizeof(__be32), addr);
}

/* An address and the port that follows it in enum pp_conn_attr */
static int put_end(struct sk_buff *msg, int attr, enum pp_family family, const void *addr,
		   __be16 port)
{
	if (put_address(msg, attr, family, addr) || nla_put_u16(msg, attr + 1, ntohs(port)))
		return -EMSGSIZE;
	return 0;
}

static int put_endpoint(struct sk_buff *msg, int attr, const struct pp_endpoint *end)
{
	return put_end(msg, attr, end->family == AF_INET6 ? PP_IPV6 : PP_IPV4, &end->addr,
		       end->port);
}

static int put_age(struct sk_buff *msg, unsigned long created)
{
	return nla_put_u64_64bit(msg, PP_CONN_ATTR_AGE, jiffies_to_msecs(jiffies - created),
				 PP_CONN_ATTR_PAD);
}

static int put_unique_id(struct sk_buff *msg, const struct pp_flow *flow)
{
	char text[PP_UNIQUE_ID_LEN + 1] = {};

	if (!flow->unique_id)
		return 0;
	memcpy(text, flow->header + flow->unique_id, PP_UNIQUE_ID_LEN);
	return nla_put_string(msg, PP_CONN_ATTR_UNIQUE_ID, text);
}

static int put_send(struct sk_buff *msg, struct pp_flow *flow)
{
	u32 sent = READ_ONCE(flow->sent);

	if (nla_put_u8(msg, PP_CONN_ATTR_DIRECTION, PP_DIRECTION_SEND) ||
	    nla_put_u8(msg, PP_CONN_ATTR_STATE, pp_flow_state(flow)) ||
	    nla_put_u32(msg, PP_CONN_ATTR_RULE_ID, flow->rule_id) ||
	    put_age(msg, flow->created) ||
	    put_endpoint(msg, PP_CONN_ATTR_CLIENT, &flow->client) ||
	    put_endpoint(msg, PP_CONN_ATTR_ORIG_DST, &flow->orig_dst) ||
	    put_end(msg, PP_CONN_ATTR_LOCAL, flow->key.family, &flow->key.src, flow->key.sport) ||
	    put_end(msg, PP_CONN_ATTR_BACKEND, flow->key.family, &flow->key.dst,
		    flow->key.dport) ||
	    nla_put_u16(msg, PP_CONN_ATTR_HEADER_LEN, flow->header_len) ||
	    nla_put_u32(msg, PP_CONN_ATTR_RESENT, sent ? sent - 1 : 0) ||
	    put_unique_id(msg, flow))
		return -EMSGSIZE;
	return 0;
}

static enum pp_conn_state accept_state(u8 state)
{
	switch (state) {
	case PP_ACCEPT_SYN:
		return PP_CONN_STATE_ANSWERED;
	case PP_ACCEPT_HEADER:
		return PP_CONN_STATE_HEADER_AWAITED;
	case PP_ACCEPT_REPLAY:
	case PP_ACCEPT_CONFIRM:
		return PP_CONN_STATE_REPLAYED;
	case PP_ACCEPT_ESTABLISHED:
		return PP_CONN_STATE_ACCEPTED;
	default:
		return PP_CONN_STATE_CLOSED;
	}
}

/* What the header said, once it has come */
static int put_accept_client(struct sk_buff *msg, const struct pp_accept *entry, u8 state)
{
	const u8 *tlvs = state == PP_ACCEPT_ESTABLISHED ? pp_accept_tlvs(entry) : NULL;
	const struct pp_flow_key *inner = &entry->inner;

	if (put_end(msg, PP_CONN_ATTR_CLIENT, inner->family, &inner->src, entry->client_port) ||
	    nla_put_u16(msg, PP_CONN_ATTR_HEADER_LEN, entry->header_len) ||
	    nla_put_u16(msg, PP_CONN_ATTR_TLV_LEN, entry->tlv_len))
		return -EMSGSIZE;
	if (entry->orig_dst.family != AF_UNSPEC &&
	    put_endpoint(msg, PP_CONN_ATTR_ORIG_DST, &entry->orig_dst))
		return -EMSGSIZE;
	if (tlvs && nla_put(msg, PP_CONN_ATTR_TLVS, entry->tlv_len, tlvs))
		return -EMSGSIZE;
	if (entry->client_port != inner->sport &&
	    nla_put_u16(msg, PP_CONN_ATTR_SEEN_PORT, ntohs(inner->sport)))
		return -EMSGSIZE;
	return 0;
}

static int put_accept(struct sk_buff *msg, const struct pp_accept *entry)
{
	const struct pp_flow_key *wire = &entry->wire;
	/* Pairs with the release of pp_accept_established() */
	u8 state = smp_load_acquire(&entry->state);

	if (nla_put_u8(msg, PP_CONN_ATTR_DIRECTION, PP_DIRECTION_ACCEPT) ||
	    nla_put_u8(msg, PP_CONN_ATTR_STATE, accept_state(state)) ||
	    nla_put_u32(msg, PP_CONN_ATTR_RULE_ID, entry->rule_id) ||
	    put_age(msg, entry->created) ||
	    put_end(msg, PP_CONN_ATTR_PROXY, wire->family, &wire->src, wire->sport) ||
	    put_end(msg, PP_CONN_ATTR_LOCAL, wire->family, &wire->dst, wire->dport) ||
	    (state >= PP_ACCEPT_REPLAY && entry->has_inner &&
	     put_accept_client(msg, entry, state)))
		return -EMSGSIZE;
	return 0;
}

static int put_conn(struct sk_buff *msg, void *conn, bool accept)
{
	struct nlattr *nest = nla_nest_start(msg, PP_ATTR_CONN);

	if (!nest || (accept ? put_accept(msg, conn) : put_send(msg, conn)))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

/**
 * pp_netlink_put_flow - write a handshake in progress to a message
 * @msg: message
 * @flow: handshake, under RCU, not locked
 */
int pp_netlink_put_flow(struct sk_buff *msg, struct pp_flow *flow)
{
	return put_conn(msg, flow, false);
}

/**
 * pp_netlink_put_accept - write a connection of an accept rule to a message
 * @msg: message
 * @entry: connection, under RCU
 */
int pp_netlink_put_accept(struct sk_buff *msg, const struct pp_accept *entry)
{
	return put_conn(msg, (void *)entry, true);
}

static int dump_one(struct sk_buff *skb, struct netlink_callback *cb, void *conn, bool accept)
{
	void *hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				&pp_netlink_family, NLM_F_MULTI, PP_CMD_CONN_GET);

	if (!hdr)
		return -EMSGSIZE;
	genl_dump_check_consistent(cb, hdr);
	if (put_conn(skb, conn, accept)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/**
 * struct walk - position of a dump
 * @iter: in the table
 * @accept: which table: that of accepted connections comes second
 */
struct walk {
	struct rhashtable_iter iter;
	bool accept;
};

/* The position in the tables is kept from one call of a dump to the next */
static struct walk *walk_of(struct netlink_callback *cb)
{
	return (struct walk *)cb->args[0];
}

int pp_netlink_conn_start(struct netlink_callback *cb)
{
	struct pp_net *pn = pp_net(sock_net(cb->skb->sk));
	struct walk *walk = kzalloc(sizeof(*walk), GFP_KERNEL);

	if (!walk)
		return -ENOMEM;
	rhashtable_walk_enter(&pn->flows.table, &walk->iter);
	cb->args[0] = (long)walk;
	cb->min_dump_alloc = MESSAGE_ROOM;
	cb->seq = 1;
	return 0;
}

/* Return: whether the table has been seen to its end */
static bool dump_table(struct sk_buff *skb, struct netlink_callback *cb, struct walk *walk)
{
	void *conn;

	if (rhashtable_walk_start_check(&walk->iter) == -EAGAIN)
		cb->seq++;
	/* What did not fit into the last message is what a peek gives */
	conn = rhashtable_walk_peek(&walk->iter);
	while (conn) {
		if (IS_ERR(conn))
			cb->seq++;
		else if (dump_one(skb, cb, conn, walk->accept))
			break;
		conn = rhashtable_walk_next(&walk->iter);
	}
	rhashtable_walk_stop(&walk->iter);
	return !conn;
}

int pp_netlink_conn_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct pp_net *pn = pp_net(sock_net(skb->sk));
	struct walk *walk = walk_of(cb);

	if (dump_table(skb, cb, walk) && !walk->accept) {
		rhashtable_walk_exit(&walk->iter);
		rhashtable_walk_enter(&pn->accepts.by_wire, &walk->iter);
		walk->accept = true;
		dump_table(skb, cb, walk);
	}
	return skb->len;
}

int pp_netlink_conn_done(struct netlink_callback *cb)
{
	rhashtable_walk_exit(&walk_of(cb)->iter);
	kfree(walk_of(cb));
	return 0;
}
