// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink: the list of connections.
 *
 * Owns how a handshake in progress and an accepted connection are written to a
 * message. Packets change the tables during a dump: an entry can be missed. If a table
 * is resized, an entry can be shown twice, and the dump is flagged as interrupted.
 */
#include <linux/slab.h>
#include <net/sock.h>
#include "accept/accept.h"
#include "netlink/netlink.h"
#include "rule/rule.h"
#include "send/flow.h"
#include "ulp/ulp.h"

/* Enough for a connection with the longest TLVs */
#define MESSAGE_ROOM	8192

static int put_conn_address(struct sk_buff *msg, int attr, enum pp_family family,
			    const void *addr)
{
	return nla_put(msg, attr,
		       family == PP_IPV6 ? sizeof(struct in6_addr) : sizeof(__be32), addr);
}

/* An address and the port that follows it in enum pp_conn_attr */
static int put_conn_end(struct sk_buff *msg, int attr, enum pp_family family, const void *addr,
			__be16 port)
{
	if (put_conn_address(msg, attr, family, addr) || nla_put_u16(msg, attr + 1, ntohs(port)))
		return -EMSGSIZE;
	return 0;
}

static int put_conn_endpoint(struct sk_buff *msg, int attr, const struct pp_endpoint *end)
{
	return put_conn_end(msg, attr, end->family == AF_INET6 ? PP_IPV6 : PP_IPV4, &end->addr,
			    end->port);
}

static int put_conn_age(struct sk_buff *msg, unsigned long age)
{
	return nla_put_u64_64bit(msg, PP_CONN_ATTR_AGE, jiffies_to_msecs(age),
				 PP_CONN_ATTR_PAD);
}

/* @id is not terminated; NULL: there is none */
static int put_unique_id(struct sk_buff *msg, const u8 *id)
{
	char text[PP_UNIQUE_ID_LEN + 1] = {};

	if (!id)
		return 0;
	memcpy(text, id, PP_UNIQUE_ID_LEN);
	return nla_put_string(msg, PP_CONN_ATTR_UNIQUE_ID, text);
}

static int put_send_conn(struct sk_buff *msg, const struct pp_flow *flow,
			 enum pp_conn_state state)
{
	u32 sent = READ_ONCE(flow->sent);

	if (nla_put_u8(msg, PP_CONN_ATTR_DIRECTION, PP_DIRECTION_SEND) ||
	    nla_put_u8(msg, PP_CONN_ATTR_STATE, state) ||
	    nla_put_u32(msg, PP_CONN_ATTR_RULE_ID, flow->rule_id) ||
	    put_conn_age(msg, (u32)jiffies - flow->created) ||
	    put_conn_endpoint(msg, PP_CONN_ATTR_CLIENT, &flow->client) ||
	    put_conn_endpoint(msg, PP_CONN_ATTR_ORIG_DST, &flow->orig_dst) ||
	    put_conn_end(msg, PP_CONN_ATTR_LOCAL, flow->key.family, &flow->key.src,
			 flow->key.sport) ||
	    put_conn_end(msg, PP_CONN_ATTR_BACKEND, flow->key.family, &flow->key.dst,
			 flow->key.dport) ||
	    nla_put_u16(msg, PP_CONN_ATTR_HEADER_LEN, flow->header_len) ||
	    nla_put_u32(msg, PP_CONN_ATTR_RESENT, sent ? sent - 1 : 0) ||
	    put_unique_id(msg, flow->unique_id ? flow->header + flow->unique_id : NULL))
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

static int put_stacked_header(struct sk_buff *msg, const struct pp_header *header)
{
	struct nlattr *nest = nla_nest_start(msg, PP_CONN_ATTR_STACKED);

	if (!nest)
		return -EMSGSIZE;
	if (header->src.family != AF_UNSPEC &&
	    (put_conn_endpoint(msg, PP_STACKED_ATTR_CLIENT, &header->src) ||
	     put_conn_endpoint(msg, PP_STACKED_ATTR_ORIG_DST, &header->dst)))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

/* Several headers in a row, each on its own. @bytes: @len bytes of them, or NULL */
static int put_stacked(struct sk_buff *msg, const u8 *bytes, unsigned int len)
{
	struct pp_header header;
	unsigned int at;
	int ret;

	for (at = 0; bytes && at < len; at += ret) {
		ret = pp_proto_header_read(bytes + at, len - at, &header);
		if (WARN_ON_ONCE(ret <= 0))
			break;
		pp_proto_unmap_ends(&header);
		if (put_stacked_header(msg, &header))
			return -EMSGSIZE;
	}
	return 0;
}

/* What the header says */
static int put_accept_client(struct sk_buff *msg, const struct pp_accept *entry, u8 state)
{
	bool accepted = state == PP_ACCEPT_ESTABLISHED || state == PP_ACCEPT_DEAD;
	const u8 *tlvs = accepted ? pp_accept_find_tlvs(entry) : NULL;
	const struct pp_conn_key *inner = &entry->inner;
	struct pp_endpoint client;

	if (pp_accept_read_client(entry, &client) &&
	    put_conn_address(msg, PP_CONN_ATTR_SEEN, inner->family, &inner->src))
		return -EMSGSIZE;
	if (put_conn_endpoint(msg, PP_CONN_ATTR_CLIENT, &client) ||
	    nla_put_u16(msg, PP_CONN_ATTR_HEADER_LEN, entry->header_len) ||
	    nla_put_u16(msg, PP_CONN_ATTR_TLV_LEN, entry->tlv_len))
		return -EMSGSIZE;
	if (entry->orig_dst.family != AF_UNSPEC &&
	    put_conn_endpoint(msg, PP_CONN_ATTR_ORIG_DST, &entry->orig_dst))
		return -EMSGSIZE;
	if (tlvs && nla_put(msg, PP_CONN_ATTR_TLVS, entry->tlv_len, tlvs))
		return -EMSGSIZE;
	if (entry->client_port != inner->sport &&
	    nla_put_u16(msg, PP_CONN_ATTR_SEEN_PORT, ntohs(inner->sport)))
		return -EMSGSIZE;
	return put_stacked(msg, pp_accept_find_stacked(entry), entry->header_len);
}

static int put_accept_conn(struct sk_buff *msg, const struct pp_accept *entry)
{
	const struct pp_conn_key *wire = &entry->wire;
	/* Pairs with the release of pp_accept_set_established() */
	u8 state = smp_load_acquire(&entry->state);

	if (nla_put_u8(msg, PP_CONN_ATTR_DIRECTION, PP_DIRECTION_ACCEPT) ||
	    nla_put_u8(msg, PP_CONN_ATTR_STATE, accept_state(state)) ||
	    nla_put_u32(msg, PP_CONN_ATTR_RULE_ID, entry->rule_id) ||
	    put_conn_age(msg, (u32)jiffies - entry->created) ||
	    put_conn_end(msg, PP_CONN_ATTR_PROXY, wire->family, &wire->src, wire->sport) ||
	    put_conn_end(msg, PP_CONN_ATTR_LOCAL, wire->family, &wire->dst, wire->dport) ||
	    (state >= PP_ACCEPT_REPLAY && entry->has_inner &&
	     put_accept_client(msg, entry, state)))
		return -EMSGSIZE;
	return 0;
}

static int put_flow(struct sk_buff *msg, const struct pp_flow *flow, enum pp_conn_state state)
{
	struct nlattr *nest = nla_nest_start(msg, PP_ATTR_CONN);

	if (!nest || put_send_conn(msg, flow, state))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

/**
 * __pp_netlink_put_flow - write a handshake in progress to a message
 * @msg: message
 * @flow: handshake, with its lock held
 */
int __pp_netlink_put_flow(struct sk_buff *msg, const struct pp_flow *flow)
{
	return put_flow(msg, flow, __pp_send_flow_state(flow));
}

/**
 * pp_netlink_put_flow - write a handshake in progress to a message
 * @msg: message
 * @flow: handshake, under RCU, not locked
 */
int pp_netlink_put_flow(struct sk_buff *msg, struct pp_flow *flow)
{
	return put_flow(msg, flow, pp_send_flow_state(flow));
}

/**
 * pp_netlink_put_syn - write the connection of a SYN that was dropped to a message
 * @msg: message
 * @rule: its rule
 * @key: its ends
 */
int pp_netlink_put_syn(struct sk_buff *msg, const struct pp_rule *rule,
		       const struct pp_conn_key *key)
{
	struct nlattr *nest = nla_nest_start(msg, PP_ATTR_CONN);
	bool accept = rule->direction == PP_DIRECTION_ACCEPT;

	if (!nest || nla_put_u8(msg, PP_CONN_ATTR_DIRECTION, rule->direction) ||
	    nla_put_u32(msg, PP_CONN_ATTR_RULE_ID, rule->id) ||
	    put_conn_end(msg, accept ? PP_CONN_ATTR_PROXY : PP_CONN_ATTR_LOCAL, key->family,
			 &key->src, key->sport) ||
	    put_conn_end(msg, accept ? PP_CONN_ATTR_LOCAL : PP_CONN_ATTR_BACKEND, key->family,
			 &key->dst, key->dport))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

/**
 * pp_netlink_put_accept - write a connection of an accept rule to a message
 * @msg: message
 * @entry: connection, under RCU
 */
int pp_netlink_put_accept(struct sk_buff *msg, const struct pp_accept *entry)
{
	struct nlattr *nest = nla_nest_start(msg, PP_ATTR_CONN);

	if (!nest || put_accept_conn(msg, entry))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int put_socket_client(struct sk_buff *msg, const struct pp_ulp_conn *conn)
{
	const struct pp_header *ends = &conn->ends;

	if (nla_put_u16(msg, PP_CONN_ATTR_HEADER_LEN, conn->header_len) ||
	    nla_put_u16(msg, PP_CONN_ATTR_TLV_LEN, ends->tlv_len))
		return -EMSGSIZE;
	if (ends->src.family != AF_UNSPEC &&
	    (put_conn_endpoint(msg, PP_CONN_ATTR_CLIENT, &ends->src) ||
	     put_conn_endpoint(msg, PP_CONN_ATTR_ORIG_DST, &ends->dst)))
		return -EMSGSIZE;
	if (ends->src.family == AF_UNSPEC &&
	    put_conn_end(msg, PP_CONN_ATTR_CLIENT, conn->wire.family, &conn->wire.src,
			 conn->wire.sport))
		return -EMSGSIZE;
	if (conn->header && ends->tlv_len &&
	    nla_put(msg, PP_CONN_ATTR_TLVS, ends->tlv_len, conn->header + ends->tlv_off))
		return -EMSGSIZE;
	return put_stacked(msg, conn->header_count > 1 ? conn->header : NULL, conn->header_len);
}

/**
 * pp_netlink_put_socket_conn - write a connection that was accepted by socket to a message
 * @msg: message
 * @conn: connection, under RCU; without a header yet, it is refused
 */
int pp_netlink_put_socket_conn(struct sk_buff *msg, const struct pp_ulp_conn *conn)
{
	struct nlattr *nest = nla_nest_start(msg, PP_ATTR_CONN);
	const struct pp_conn_key *wire = &conn->wire;
	u8 state = conn->header_len ? PP_CONN_STATE_ACCEPTED : PP_CONN_STATE_HEADER_AWAITED;

	if (!nest || nla_put_u8(msg, PP_CONN_ATTR_DIRECTION, PP_DIRECTION_ACCEPT) ||
	    nla_put_u8(msg, PP_CONN_ATTR_STATE, state) ||
	    nla_put_flag(msg, PP_CONN_ATTR_BY_SOCKET) ||
	    nla_put_u32(msg, PP_CONN_ATTR_RULE_ID, conn->rule_id) ||
	    put_conn_age(msg, (u32)jiffies - conn->created) ||
	    put_conn_end(msg, PP_CONN_ATTR_PROXY, wire->family, &wire->src, wire->sport) ||
	    put_conn_end(msg, PP_CONN_ATTR_LOCAL, wire->family, &wire->dst, wire->dport) ||
	    (conn->header_len && put_socket_client(msg, conn)))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

/* What the header says; of a LOCAL one, the ends of the connection */
static int put_sent_ends(struct sk_buff *msg, const struct pp_ulp_sent *sent)
{
	const struct pp_conn_key *wire = &sent->wire;

	if (sent->ends->src.family != AF_UNSPEC)
		return put_conn_endpoint(msg, PP_CONN_ATTR_CLIENT, &sent->ends->src) ?:
		       put_conn_endpoint(msg, PP_CONN_ATTR_ORIG_DST, &sent->ends->dst);
	return put_conn_end(msg, PP_CONN_ATTR_CLIENT, wire->family, &wire->src, wire->sport) ?:
	       put_conn_end(msg, PP_CONN_ATTR_ORIG_DST, wire->family, &wire->dst, wire->dport);
}

/**
 * pp_netlink_put_sent - write a connection whose socket sends its own header to a message
 * @msg: message
 * @sent: connection
 */
int pp_netlink_put_sent(struct sk_buff *msg, const struct pp_ulp_sent *sent)
{
	struct nlattr *nest = nla_nest_start(msg, PP_ATTR_CONN);
	const struct pp_conn_key *wire = &sent->wire;

	if (!nest || nla_put_u8(msg, PP_CONN_ATTR_DIRECTION, PP_DIRECTION_SEND) ||
	    nla_put_u8(msg, PP_CONN_ATTR_STATE, sent->state) ||
	    nla_put_flag(msg, PP_CONN_ATTR_BY_SOCKET) ||
	    nla_put_u32(msg, PP_CONN_ATTR_RULE_ID, 0) ||
	    put_conn_age(msg, (u32)jiffies - sent->created) ||
	    put_sent_ends(msg, sent) ||
	    put_conn_end(msg, PP_CONN_ATTR_LOCAL, wire->family, &wire->src, wire->sport) ||
	    put_conn_end(msg, PP_CONN_ATTR_BACKEND, wire->family, &wire->dst, wire->dport) ||
	    nla_put_u16(msg, PP_CONN_ATTR_HEADER_LEN, sent->header_len) ||
	    put_unique_id(msg, sent->unique_id))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int dump_conn(struct sk_buff *skb, struct netlink_callback *cb, void *conn, bool accept)
{
	void *hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				&pp_netlink_family, NLM_F_MULTI, PP_CMD_CONN_GET);

	if (!hdr)
		return -EMSGSIZE;
	genl_dump_check_consistent(cb, hdr);
	if (accept ? pp_netlink_put_accept(skb, conn) : pp_netlink_put_flow(skb, conn)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/* The lists of a dump, one after another */
enum conn_list {
	CONNS_SENT,
	CONNS_ACCEPTED,
	CONNS_OF_SOCKETS,
	CONNS_SENT_BY_SOCKETS,
};

/**
 * struct walk - position of a dump
 * @list: enum conn_list
 * @iter: in the table of the first two
 * @sockets: in the last two
 */
struct walk {
	enum conn_list list;
	struct rhashtable_iter iter;
	struct pp_ulp_walk sockets;
};

/* The position in the lists is kept from one call of a dump to the next */
static struct walk *conn_walk_of(struct netlink_callback *cb)
{
	return (struct walk *)cb->args[0];
}

int pp_netlink_conn_start(struct netlink_callback *cb)
{
	struct pp_net *pn = pp_net_of(sock_net(cb->skb->sk));
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
static bool dump_conns(struct sk_buff *skb, struct netlink_callback *cb, struct walk *walk)
{
	void *conn;

	if (rhashtable_walk_start_check(&walk->iter) == -EAGAIN)
		cb->seq++;
	/* A peek gives the entry that did not fit into the last message */
	conn = rhashtable_walk_peek(&walk->iter);
	while (conn) {
		if (IS_ERR(conn))
			cb->seq++;
		else if (dump_conn(skb, cb, conn, walk->list == CONNS_ACCEPTED))
			break;
		conn = rhashtable_walk_next(&walk->iter);
	}
	rhashtable_walk_stop(&walk->iter);
	return !conn;
}

/**
 * struct dump_target - a dump, for functions that write one entry
 * @skb: message
 * @cb: the dump
 */
struct dump_target {
	struct sk_buff *skb;
	struct netlink_callback *cb;
};

/* @put writes @conn, which no table of the module has */
static int dump_of_socket(struct dump_target *to, const void *conn,
			  int (*put)(struct sk_buff *msg, const void *conn))
{
	void *hdr = genlmsg_put(to->skb, NETLINK_CB(to->cb->skb).portid,
				to->cb->nlh->nlmsg_seq, &pp_netlink_family, NLM_F_MULTI,
				PP_CMD_CONN_GET);

	if (!hdr)
		return -EMSGSIZE;
	genl_dump_check_consistent(to->cb, hdr);
	if (put(to->skb, conn)) {
		genlmsg_cancel(to->skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(to->skb, hdr);
	return 0;
}

static int put_any_accepted(struct sk_buff *msg, const void *conn)
{
	return pp_netlink_put_socket_conn(msg, conn);
}

static int put_any_sent(struct sk_buff *msg, const void *sent)
{
	return pp_netlink_put_sent(msg, sent);
}

static int dump_socket_conn(const struct pp_ulp_conn *conn, void *arg)
{
	return dump_of_socket(arg, conn, put_any_accepted);
}

static int dump_socket_sent(const struct pp_ulp_sent *sent, void *arg)
{
	return dump_of_socket(arg, sent, put_any_sent);
}

int pp_netlink_conn_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct pp_net *pn = pp_net_of(sock_net(skb->sk));
	struct dump_target to = { .skb = skb, .cb = cb };
	struct walk *walk = conn_walk_of(cb);

	if (walk->list == CONNS_SENT && dump_conns(skb, cb, walk)) {
		rhashtable_walk_exit(&walk->iter);
		rhashtable_walk_enter(&pn->accepts.by_wire, &walk->iter);
		walk->list = CONNS_ACCEPTED;
	}
	if (walk->list == CONNS_ACCEPTED && dump_conns(skb, cb, walk))
		walk->list = CONNS_OF_SOCKETS;
	if (walk->list == CONNS_OF_SOCKETS &&
	    !pp_ulp_each_conn(pn, &walk->sockets, dump_socket_conn, &to)) {
		walk->sockets = (struct pp_ulp_walk){};
		walk->list = CONNS_SENT_BY_SOCKETS;
	}
	if (walk->list == CONNS_SENT_BY_SOCKETS)
		pp_ulp_each_sent(pn, &walk->sockets, dump_socket_sent, &to);
	return skb->len;
}

int pp_netlink_conn_done(struct netlink_callback *cb)
{
	rhashtable_walk_exit(&conn_walk_of(cb)->iter);
	kfree(conn_walk_of(cb));
	return 0;
}

static int put_socket(struct sk_buff *msg, const struct pp_ulp_listening *listening)
{
	struct nlattr *nest = nla_nest_start(msg, PP_ATTR_SOCKET), *policy;
	const struct pp_endpoint *local = &listening->local;

	if (!nest ||
	    put_conn_address(msg, PP_SOCKET_ATTR_LOCAL,
			     local->family == AF_INET6 ? PP_IPV6 : PP_IPV4, &local->addr) ||
	    nla_put_u16(msg, PP_SOCKET_ATTR_LOCAL_PORT, ntohs(local->port)))
		return -EMSGSIZE;
	if (listening->policy) {
		policy = nla_nest_start(msg, PP_SOCKET_ATTR_POLICY);
		if (!policy || pp_netlink_fill_rule(msg, listening->policy))
			return -EMSGSIZE;
		nla_nest_end(msg, policy);
	}
	nla_nest_end(msg, nest);
	return 0;
}

static int dump_socket(const struct pp_ulp_listening *listening, void *arg)
{
	struct dump_target *to = arg;
	void *hdr = genlmsg_put(to->skb, NETLINK_CB(to->cb->skb).portid,
				to->cb->nlh->nlmsg_seq, &pp_netlink_family, NLM_F_MULTI,
				PP_CMD_SOCKET_GET);

	if (!hdr)
		return -EMSGSIZE;
	if (put_socket(to->skb, listening)) {
		genlmsg_cancel(to->skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(to->skb, hdr);
	return 0;
}

/* Listeners come and go during a dump: one can be missed, or shown twice */
int pp_netlink_socket_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct pp_ulp_walk walk = { .skip = cb->args[0] };
	struct dump_target to = { .skb = skb, .cb = cb };

	pp_ulp_each_listener(pp_net_of(sock_net(skb->sk)), &walk, dump_socket, &to);
	cb->args[0] = walk.skip;
	return skb->len;
}
