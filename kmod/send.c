// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: the netfilter hooks.
 *
 * Owns where in the host the packets of tagged connections are met: the
 * client's after NAT, in POST_ROUTING or, to a backend on this very host, in
 * LOCAL_IN, and the backend's before conntrack, in PRE_ROUTING or LOCAL_OUT.
 * Between these places the host sees an ordinary connection.
 *
 *   send_syn.c     the SYN: chooses the rule, borrows sequence space
 *   send_header.c  what the header says
 *   send_client.c  the client's further packets: the header goes out
 *   send_hold.c    its first ACK waits for data to go with
 *   send_guard.c   what no client may say
 *   send_reply.c   the backend's packets: the borrowed space is hidden
 *   send_icmp.c    errors that quote a packet with moved sequence number
 */
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/l3mdev.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include "send.h"

/* After the rules that keep a packet from conntrack or choose its zone, and before it */
#define PRIORITY_REPLY	(NF_IP_PRI_CONNTRACK - 1)
/* After source NAT, which in LOCAL_IN has the same priority */
#define PRIORITY_CLIENT	(NF_IP_PRI_NAT_SRC + 50)

static enum pp_family family_of(const struct nf_hook_state *state)
{
	return state->pf == NFPROTO_IPV6 ? PP_IPV6 : PP_IPV4;
}

/**
 * pp_send_set_scope - tell connections with equal addresses and ports apart
 * @key: addresses and ports of a connection; gets its zone and VRF
 * @skb: packet of it, to or from the backend
 * @dev: device that the packet goes to the backend by, or comes from it
 *
 * Conntrack has found its entry for packets to the backend; for those from it
 * there is at most the template that names the zone.
 */
void pp_send_set_scope(struct pp_flow_key *key, const struct sk_buff *skb,
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

/* Whether a packet of the client, not a SYN, may be one of a handshake in progress */
static noinline bool may_be_tagged(const struct pp_net *pn, const struct sk_buff *skb,
				   enum pp_family family)
{
	return pp_flow_may_have(pn, skb, family) && !pp_guard_is_past(pn, skb);
}

/* Out of line: packets of others are not to be charged with its stack */
static noinline unsigned int hook_client(struct pp_net *pn, struct sk_buff *skb,
					 const struct nf_hook_state *state,
					 const struct net_device *dev)
{
	struct pp_flow_key key __uninitialized;
	struct pp_packet pkt __uninitialized;
	struct pp_flow *flow;
	bool is_syn;

	if (!pp_packet_parse(&pkt, skb, family_of(state), dev))
		return NF_ACCEPT;
	is_syn = pkt.th.syn && !pkt.th.ack;
	pp_packet_key(&pkt, &key, false);
	pp_send_set_scope(&key, skb, dev);
	if (is_syn)
		return pp_send_syn(pn, &pkt, &key, state);
	flow = may_be_tagged(pn, skb, family_of(state)) ? pp_flow_find(pn, &key) : NULL;
	return flow ? pp_send_client(flow, &pkt, state) : pp_guard_client(pn, &pkt, &key);
}

static inline bool may_be_client(const struct pp_net *pn, const struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	return pp_packet_may_be_syn(skb, family_of(state)) || pp_guard_is_needed(skb) ||
	       (atomic_read(&pn->flows.count) && may_be_tagged(pn, skb, family_of(state)));
}

/* A VRF's packets come once more, with the real device */
static unsigned int hook_client_out(void *priv, struct sk_buff *skb,
				    const struct nf_hook_state *state)
{
	if (!may_be_client(priv, skb, state) || netif_is_l3_master(state->out))
		return NF_ACCEPT;
	return hook_client(priv, skb, state, state->out);
}

/* Packets from this host itself were met in POST_ROUTING */
static unsigned int hook_client_in(void *priv, struct sk_buff *skb,
				   const struct nf_hook_state *state)
{
	if (!may_be_client(priv, skb, state) || state->in->flags & IFF_LOOPBACK)
		return NF_ACCEPT;
	return hook_client(priv, skb, state, state->in);
}

/*
 * The backend is here, or it is not: what leaves this host with the address of
 * one that is elsewhere is no answer of it, but SYNPROXY's.
 */
static noinline unsigned int hook_reply(struct pp_net *pn, struct sk_buff *skb,
					const struct nf_hook_state *state,
					const struct net_device *dev)
{
	enum pp_family family = family_of(state);
	struct pp_flow_key key __uninitialized;
	struct pp_packet pkt __uninitialized;
	struct pp_flow *flow;

	if (!pp_packet_parse(&pkt, skb, family, NULL)) {
		pp_send_icmp_error(pn, skb, family, dev);
		return NF_ACCEPT;
	}
	pp_packet_key(&pkt, &key, true);
	pp_send_set_scope(&key, skb, dev);
	flow = pp_flow_find(pn, &key);
	if (!flow || flow->is_here != (state->hook == NF_INET_LOCAL_OUT))
		return NF_ACCEPT;
	return pp_send_reply(flow, &pkt);
}

/*
 * Packets from this host itself were met in LOCAL_OUT; those of a VRF's ports
 * come a second time, in each hook, with the VRF as their device. A reply must be
 * met once: clamped, it would be taken for the acknowledgement of the header.
 */
static unsigned int hook_reply_in(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	const struct pp_net *pn = priv;

	if (!pp_flow_may_have(pn, skb, family_of(state)) || state->in->flags & IFF_LOOPBACK ||
	    netif_is_l3_master(state->in))
		return NF_ACCEPT;
	return hook_reply(priv, skb, state, state->in);
}

static unsigned int hook_reply_out(void *priv, struct sk_buff *skb,
				   const struct nf_hook_state *state)
{
	const struct pp_net *pn = priv;

	if (!pp_flow_may_have(pn, skb, family_of(state)) || netif_is_l3_master(state->out))
		return NF_ACCEPT;
	return hook_reply(priv, skb, state, state->out);
}

static noinline unsigned int local_reply(struct pp_net *pn, struct sk_buff *skb,
					 enum pp_family family)
{
	struct pp_flow_key key __uninitialized;
	struct pp_packet pkt __uninitialized;
	struct pp_flow *flow;

	if (!pp_packet_parse(&pkt, skb, family, NULL))
		return NF_ACCEPT;
	pp_packet_key(&pkt, &key, true);
	pp_send_set_scope(&key, skb, skb_dst(skb)->dev);
	flow = pp_flow_find(pn, &key);
	return flow ? pp_send_reply(flow, &pkt) : NF_ACCEPT;
}

/**
 * pp_send_local_reply - an accepted connection answers a load balancer
 * @pn: namespace
 * @skb: packet about to leave, with its route
 * @family: enum pp_family
 *
 * If the load balancer is on this very host, the packet is the reply of a
 * connection that may have been tagged here, and has not been met as such.
 *
 * Return: verdict; of NF_STOLEN, the packet is gone
 */
unsigned int pp_send_local_reply(struct pp_net *pn, struct sk_buff *skb, enum pp_family family)
{
	if (!atomic_read(&pn->flows.count) || !(skb_dst(skb)->dev->flags & IFF_LOOPBACK))
		return NF_ACCEPT;
	return local_reply(pn, skb, family);
}

#define HOOKS(family) {						\
	{							\
		.hook = hook_reply_in,				\
		.pf = family,					\
		.hooknum = NF_INET_PRE_ROUTING,			\
		.priority = PRIORITY_REPLY,			\
	}, {							\
		.hook = hook_reply_out,				\
		.pf = family,					\
		.hooknum = NF_INET_LOCAL_OUT,			\
		.priority = PRIORITY_REPLY,			\
	}, {							\
		.hook = hook_client_out,			\
		.pf = family,					\
		.hooknum = NF_INET_POST_ROUTING,		\
		.priority = PRIORITY_CLIENT,			\
	}, {							\
		.hook = hook_client_in,				\
		.pf = family,					\
		.hooknum = NF_INET_LOCAL_IN,			\
		.priority = PRIORITY_CLIENT,			\
	},							\
}

const struct nf_hook_ops pp_send_hooks[PP_FAMILIES][PP_SEND_HOOKS] = {
	[PP_IPV4] = HOOKS(NFPROTO_IPV4),
	[PP_IPV6] = HOOKS(NFPROTO_IPV6),
};
