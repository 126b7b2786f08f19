// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink: the list of connections.
 *
 * Owns how a handshake in progress is written to a message. The table is
 * walked while packets change it: an entry can be missed or, when the table is
 * resized, shown twice, and then the dump is flagged as interrupted.
 */
#include <linux/slab.h>
#include <net/sock.h>
#include "flow.h"
#include "netlink.h"

static int put_address(struct sk_buff *msg, int attr, enum pp_family family,
		       const void *addr)
{
	return nla_put(msg, attr,
		       family == PP_IPV6 ? sizeof(struct in6_addr) : sizeof(__be32), addr);
}

static int put_header_endpoints(struct sk_buff *msg, const struct pp_flow *flow)
{
	enum pp_family family = flow->key.family;

	if (put_address(msg, PP_CONN_ATTR_CLIENT, family, &flow->client.addr) ||
	    nla_put_u16(msg, PP_CONN_ATTR_CLIENT_PORT, ntohs(flow->client.port)) ||
	    put_address(msg, PP_CONN_ATTR_ORIG_DST, family, &flow->orig_dst.addr) ||
	    nla_put_u16(msg, PP_CONN_ATTR_ORIG_DST_PORT, ntohs(flow->orig_dst.port)))
		return -EMSGSIZE;
	return 0;
}

static int put_wire_endpoints(struct sk_buff *msg, const struct pp_flow_key *key)
{
	if (put_address(msg, PP_CONN_ATTR_LOCAL, key->family, &key->src) ||
	    nla_put_u16(msg, PP_CONN_ATTR_LOCAL_PORT, ntohs(key->sport)) ||
	    put_address(msg, PP_CONN_ATTR_BACKEND, key->family, &key->dst) ||
	    nla_put_u16(msg, PP_CONN_ATTR_BACKEND_PORT, ntohs(key->dport)))
		return -EMSGSIZE;
	return 0;
}

static int put_conn(struct sk_buff *msg, struct pp_flow *flow)
{
	struct nlattr *nest = nla_nest_start(msg, PP_ATTR_CONN);
	u32 sent = READ_ONCE(flow->sent);

	if (!nest ||
	    nla_put_u8(msg, PP_CONN_ATTR_DIRECTION, PP_DIRECTION_SEND) ||
	    nla_put_u8(msg, PP_CONN_ATTR_STATE, pp_flow_state(flow)) ||
	    nla_put_u32(msg, PP_CONN_ATTR_RULE_ID, flow->rule_id) ||
	    nla_put_u64_64bit(msg, PP_CONN_ATTR_AGE,
			      jiffies_to_msecs(jiffies - flow->created), PP_CONN_ATTR_PAD) ||
	    put_header_endpoints(msg, flow) || put_wire_endpoints(msg, &flow->key) ||
	    nla_put_u16(msg, PP_CONN_ATTR_HEADER_LEN, flow->header_len) ||
	    nla_put_u32(msg, PP_CONN_ATTR_RESENT, sent ? sent - 1 : 0))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int dump_one(struct sk_buff *skb, struct netlink_callback *cb, struct pp_flow *flow)
{
	void *hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				&pp_netlink_family, NLM_F_MULTI, PP_CMD_CONN_GET);

	if (!hdr)
		return -EMSGSIZE;
	genl_dump_check_consistent(cb, hdr);
	if (put_conn(skb, flow)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/* The position in the table is kept from one call of a dump to the next */
static struct rhashtable_iter *iter_of(struct netlink_callback *cb)
{
	return (struct rhashtable_iter *)cb->args[0];
}

int pp_netlink_conn_start(struct netlink_callback *cb)
{
	struct pp_net *pn = pp_net(sock_net(cb->skb->sk));
	struct rhashtable_iter *iter = kmalloc(sizeof(*iter), GFP_KERNEL);

	if (!iter)
		return -ENOMEM;
	rhashtable_walk_enter(&pn->flows.table, iter);
	cb->args[0] = (long)iter;
	cb->seq = 1;
	return 0;
}

int pp_netlink_conn_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct rhashtable_iter *iter = iter_of(cb);
	struct pp_flow *flow;

	if (rhashtable_walk_start_check(iter) == -EAGAIN)
		cb->seq++;
	/* What did not fit into the last message is what a peek gives */
	flow = rhashtable_walk_peek(iter);
	while (flow) {
		if (IS_ERR(flow))
			cb->seq++;
		else if (dump_one(skb, cb, flow))
			break;
		flow = rhashtable_walk_next(iter);
	}
	rhashtable_walk_stop(iter);
	return skb->len;
}

int pp_netlink_conn_done(struct netlink_callback *cb)
{
	rhashtable_walk_exit(iter_of(cb));
	kfree(iter_of(cb));
	return 0;
}
