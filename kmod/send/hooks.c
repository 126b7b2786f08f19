// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: the netfilter hooks.
 *
 * Owns where the packets of tagged connections are handled: the client's after NAT, in
 * POST_ROUTING or, for a backend on this host, in LOCAL_IN; the backend's before conntrack, in
 * PRE_ROUTING or LOCAL_OUT. Between these hooks the host sees an ordinary connection.
 *
 *   syn.c        the SYN: chooses the rule, borrows sequence space
 *   attempt.c    which SYN of a client the connection uses
 *   header.c     the header's addresses; tlv.c its TLVs
 *   client.c     the client's further packets: sends the header with them
 *   put.c        how the header is put into the stream
 *   believe.c    which packets the receiving TCP would accept
 *   hold.c       the handshake's last ACK waits for data; habit.c whether it does
 *   flow.c       the entry and its table; gc.c expires entries
 *   track.c      the conntrack entry of a handshake
 *   half_open.c  which half-open handshake is evicted at the limit; places.c counts the limit
 *   evicted.c    what is left of it, if conntrack does not know it
 *   remake.c     makes the entry of an evicted or failed-over handshake again
 *   guard.c      keeps the client's bytes out of the header's place
 *   reply.c      the backend's packets: hides the borrowed space
 *   icmp.c       errors that quote a packet with a moved sequence number
 *   filter.c     lets most packets pass without being parsed
 */
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/l3mdev.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include "send/internal.h"

/* Before conntrack, and after the rules that set notrack or a conntrack zone */
#define PRIORITY_REPLY	(NF_IP_PRI_CONNTRACK - 1)
/* After source NAT, which has the same priority in LOCAL_IN */
#define PRIORITY_CLIENT	(NF_IP_PRI_NAT_SRC + 50)

/**
 * pp_send_set_scope - tell connections with equal addresses and ports apart
 * @key: addresses and ports of a connection; its zone and VRF are set
 * @skb: packet of the connection, to or from the backend
 * @dev: device by which the packet leaves to the backend, or came from it
 *
 * A packet to the backend has its conntrack entry. A packet from the backend has not passed
 * conntrack yet: it has at most a template, which names the zone.
 *
 * Context: under RCU.
 */
void pp_send_set_scope(struct pp_conn_key *key, const struct sk_buff *skb,
		       const struct net_device *dev)
{
	const struct nf_conntrack_zone *zone = &nf_ct_zone_dflt;
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct = nf_ct_get(skb, &ctinfo);
	struct nf_conntrack_zone buf;

	if (ct)
		zone = nf_ct_is_template(ct) ? nf_ct_zone_tmpl(ct, skb, &buf) : nf_ct_zone(ct);
	key->zone = nf_ct_zone_id(zone, IP_CT_DIR_REPLY);
	key->vrf = l3mdev_master_ifindex_rcu(dev);
}

/* Whether a client's packet that is not a SYN may belong to a handshake in progress */
static noinline bool may_be_tagged(const struct pp_net *pn, const struct sk_buff *skb,
				   enum pp_family family)
{
	return pp_send_may_have_flow(pn, skb, family) && !pp_send_guard_is_past(pn, skb);
}

/* Not inlined: its stack frame would slow down the packets that need no parsing */
static noinline unsigned int send_from_client(struct pp_net *pn, struct sk_buff *skb,
					      const struct nf_hook_state *state,
					      const struct net_device *dev)
{
	struct pp_conn_key key __uninitialized;
	struct pp_packet pkt __uninitialized;
	struct pp_flow *flow;
	bool is_syn;

	if (!pp_packet_parse(&pkt, skb, pp_packet_family(state), dev))
		return NF_ACCEPT;
	is_syn = pkt.th.syn && !pkt.th.ack;
	pp_packet_get_key(&pkt, &key, false);
	pp_send_set_scope(&key, skb, dev);
	if (is_syn)
		return pp_send_handle_syn(pn, &pkt, &key, state);
	flow = may_be_tagged(pn, skb, pp_packet_family(state)) ? pp_send_flow_find(pn, &key) : NULL;
	return flow ? pp_send_handle_client(flow, &pkt, state) :
		      pp_send_guard_client(pn, &pkt, &key, state, true);
}

static inline bool may_be_client(const struct pp_net *pn, const struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	return pp_packet_may_be_syn(skb, pp_packet_family(state)) || pp_send_guard_is_needed(skb) ||
	       pp_send_evicted_any(pn) || may_be_tagged(pn, skb, pp_packet_family(state));
}

/* In a VRF, POST_ROUTING sees a packet twice: handle it with the real device, not with the VRF's */
static unsigned int send_hook_client_out(void *priv, struct sk_buff *skb,
					 const struct nf_hook_state *state)
{
	if (!may_be_client(priv, skb, state) || netif_is_l3_master(state->out))
		return NF_ACCEPT;
	return send_from_client(priv, skb, state, state->out);
}

/* Packets from this host itself (loopback) were handled in POST_ROUTING */
static unsigned int send_hook_client_in(void *priv, struct sk_buff *skb,
					const struct nf_hook_state *state)
{
	if (!may_be_client(priv, skb, state) || state->in->flags & IFF_LOOPBACK)
		return NF_ACCEPT;
	return send_from_client(priv, skb, state, state->in);
}

/*
 * Replies of a backend on this host are handled in LOCAL_OUT, others in PRE_ROUTING. If the
 * backend is elsewhere, a packet in LOCAL_OUT with its address is SYNPROXY's, not a reply.
 */
static noinline unsigned int send_from_backend(struct pp_net *pn, struct sk_buff *skb,
					       const struct nf_hook_state *state,
					       const struct net_device *dev)
{
	enum pp_family family = pp_packet_family(state);
	struct pp_conn_key key __uninitialized;
	struct pp_packet pkt __uninitialized;
	struct pp_flow *flow;

	if (!pp_packet_parse(&pkt, skb, family, dev)) {
		pp_send_handle_icmp(pn, skb, family, dev);
		return NF_ACCEPT;
	}
	pp_packet_get_key(&pkt, &key, true);
	pp_send_set_scope(&key, skb, dev);
	flow = pp_send_flow_find(pn, &key);
	if (!flow && pp_send_evicted_any(pn))
		return pp_send_evicted_hides(pn, &pkt, &key) ? NF_DROP : NF_ACCEPT;
	if (!flow || flow->is_here != (state->hook == NF_INET_LOCAL_OUT))
		return NF_ACCEPT;
	return pp_send_handle_reply(flow, &pkt);
}

static inline bool may_be_reply(const struct pp_net *pn, const struct sk_buff *skb,
				enum pp_family family)
{
	return pp_send_may_have_flow(pn, skb, family) || pp_send_evicted_any(pn);
}

/*
 * Each reply must be handled once: a clamped reply looks like the acknowledgement of the header.
 * Packets from this host itself (loopback) were handled in LOCAL_OUT. In a VRF, each hook sees a
 * packet a second time, with the VRF as its device.
 */
static unsigned int send_hook_reply_in(void *priv, struct sk_buff *skb,
				       const struct nf_hook_state *state)
{
	const struct pp_net *pn = priv;

	if (!may_be_reply(pn, skb, pp_packet_family(state)) || state->in->flags & IFF_LOOPBACK ||
	    netif_is_l3_master(state->in))
		return NF_ACCEPT;
	return send_from_backend(priv, skb, state, state->in);
}

static unsigned int send_hook_reply_out(void *priv, struct sk_buff *skb,
					const struct nf_hook_state *state)
{
	const struct pp_net *pn = priv;

	if (!may_be_reply(pn, skb, pp_packet_family(state)) || netif_is_l3_master(state->out))
		return NF_ACCEPT;
	return send_from_backend(priv, skb, state, state->out);
}

static noinline unsigned int send_local_reply(struct pp_net *pn, struct sk_buff *skb,
					      enum pp_family family)
{
	struct pp_conn_key key __uninitialized;
	struct pp_packet pkt __uninitialized;
	struct pp_flow *flow;

	if (!pp_packet_parse(&pkt, skb, family, skb_dst(skb)->dev))
		return NF_ACCEPT;
	pp_packet_get_key(&pkt, &key, true);
	pp_send_set_scope(&key, skb, skb_dst(skb)->dev);
	flow = pp_send_flow_find(pn, &key);
	if (!flow)
		return pp_send_evicted_hides(pn, &pkt, &key) ? NF_DROP : NF_ACCEPT;
	return pp_send_handle_reply(flow, &pkt);
}

/**
 * pp_send_handle_local_reply - an accepted connection answers a load balancer
 * @pn: namespace
 * @skb: packet about to leave, with its route
 * @family: enum pp_family
 *
 * If the load balancer is on this host, the packet may be the reply of a connection that was
 * tagged here. The send hooks do not see that reply.
 *
 * Context: under RCU.
 * Return: verdict; with NF_STOLEN, the packet is freed
 */
unsigned int pp_send_handle_local_reply(struct pp_net *pn, struct sk_buff *skb,
					enum pp_family family)
{
	if (!(skb_dst(skb)->dev->flags & IFF_LOOPBACK) || !may_be_reply(pn, skb, family))
		return NF_ACCEPT;
	return send_local_reply(pn, skb, family);
}

#define HOOKS(family) {						\
	{							\
		.hook = send_hook_reply_in,			\
		.pf = family,					\
		.hooknum = NF_INET_PRE_ROUTING,			\
		.priority = PRIORITY_REPLY,			\
	}, {							\
		.hook = send_hook_reply_out,			\
		.pf = family,					\
		.hooknum = NF_INET_LOCAL_OUT,			\
		.priority = PRIORITY_REPLY,			\
	}, {							\
		.hook = send_hook_client_out,			\
		.pf = family,					\
		.hooknum = NF_INET_POST_ROUTING,		\
		.priority = PRIORITY_CLIENT,			\
	}, {							\
		.hook = send_hook_client_in,			\
		.pf = family,					\
		.hooknum = NF_INET_LOCAL_IN,			\
		.priority = PRIORITY_CLIENT,			\
	},							\
}

static const struct nf_hook_ops send_hooks[PP_FAMILIES][4] = {
	[PP_IPV4] = HOOKS(NFPROTO_IPV4),
	[PP_IPV6] = HOOKS(NFPROTO_IPV6),
};

static int count_flows(const struct pp_net *pn)
{
	return pp_send_count(pn) + !!rcu_access_pointer(pn->flows.evicted);
}

const struct pp_direction_ops pp_send_ops = {
	.hooks = { send_hooks[PP_IPV4], send_hooks[PP_IPV6] },
	.hook_count = ARRAY_SIZE(send_hooks[PP_IPV4]),
	.prepare = pp_send_prepare,
	.count_connections = count_flows,
	.net_init = pp_send_net_init,
	.net_exit = pp_send_net_exit,
};
