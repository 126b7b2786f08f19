// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: the netfilter hooks.
 *
 * Owns where in the host the packets of tagged connections are met: the
 * client's after source NAT, in POST_ROUTING, and the backend's before
 * conntrack, in PRE_ROUTING or, from a backend on this very host, in
 * LOCAL_OUT. Above these two places the host sees an ordinary connection.
 *
 *   send_syn.c     the SYN: chooses the header, borrows sequence space
 *   send_client.c  the client's further packets: the header goes out
 *   send_reply.c   the backend's packets: the borrowed space is hidden
 *   send_icmp.c    errors that quote a packet with moved sequence number
 */
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include "send.h"

/* After the raw tables, where a packet may be kept from conntrack, and before it */
#define PRIORITY_REPLY	(NF_IP_PRI_RAW + 1)
/* After source NAT */
#define PRIORITY_CLIENT	(NF_IP_PRI_NAT_SRC + 50)

static enum pp_family family_of(const struct nf_hook_state *state)
{
	return state->pf == NFPROTO_IPV6 ? PP_IPV6 : PP_IPV4;
}

static unsigned int hook_client(void *priv, struct sk_buff *skb,
				const struct nf_hook_state *state)
{
	struct pp_net *pn = pp_net(state->net);
	struct pp_flow_key key;
	struct pp_packet pkt;
	struct pp_flow *flow;

	/* A VRF's packets come once more, with the real device */
	if (netif_is_l3_master(state->out))
		return NF_ACCEPT;
	if (!pp_packet_parse(&pkt, skb, family_of(state), state->out))
		return NF_ACCEPT;
	if (pkt.th.syn && !pkt.th.ack)
		return pp_send_syn(pn, &pkt, state);
	if (!atomic_read(&pn->flows.count))
		return NF_ACCEPT;
	pp_packet_key(&pkt, &key, false);
	flow = pp_flow_find(pn, &key);
	return flow ? pp_send_client(flow, &pkt, state) : NF_ACCEPT;
}

static unsigned int hook_reply(struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct pp_net *pn = pp_net(state->net);
	enum pp_family family = family_of(state);
	struct pp_flow_key key;
	struct pp_packet pkt;
	struct pp_flow *flow;

	if (!atomic_read(&pn->flows.count))
		return NF_ACCEPT;
	if (!pp_packet_parse(&pkt, skb, family, NULL)) {
		pp_send_icmp_error(pn, skb, family);
		return NF_ACCEPT;
	}
	pp_packet_key(&pkt, &key, true);
	flow = pp_flow_find(pn, &key);
	return flow ? pp_send_reply(flow, &pkt) : NF_ACCEPT;
}

/*
 * Packets from this host itself were met in LOCAL_OUT; those of a VRF's ports
 * come a second time with the VRF as their device. A reply must be met once:
 * clamped, it would be taken for the acknowledgement of the header.
 */
static unsigned int hook_reply_in(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	if (state->in->flags & IFF_LOOPBACK || netif_is_l3_master(state->in))
		return NF_ACCEPT;
	return hook_reply(skb, state);
}

static unsigned int hook_reply_out(void *priv, struct sk_buff *skb,
				   const struct nf_hook_state *state)
{
	return hook_reply(skb, state);
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
	struct pp_flow_key key;
	struct pp_packet pkt;
	struct pp_flow *flow;

	if (!atomic_read(&pn->flows.count) || !(skb_dst(skb)->dev->flags & IFF_LOOPBACK) ||
	    !pp_packet_parse(&pkt, skb, family, NULL))
		return NF_ACCEPT;
	pp_packet_key(&pkt, &key, true);
	flow = pp_flow_find(pn, &key);
	return flow ? pp_send_reply(flow, &pkt) : NF_ACCEPT;
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
		.hook = hook_client,				\
		.pf = family,					\
		.hooknum = NF_INET_POST_ROUTING,		\
		.priority = PRIORITY_CLIENT,			\
	},							\
}

static const struct nf_hook_ops hooks_ipv4[] = HOOKS(NFPROTO_IPV4);
static const struct nf_hook_ops hooks_ipv6[] = HOOKS(NFPROTO_IPV6);

/**
 * pp_send_register - register the hooks in a namespace
 * @net: namespace
 * @nfproto: NFPROTO_IPV4 or NFPROTO_IPV6
 */
int pp_send_register(struct net *net, u8 nfproto)
{
	return nf_register_net_hooks(net, nfproto == NFPROTO_IPV6 ? hooks_ipv6 : hooks_ipv4,
				     ARRAY_SIZE(hooks_ipv4));
}

/**
 * pp_send_unregister - unregister them
 * @net: namespace
 * @nfproto: NFPROTO_IPV4 or NFPROTO_IPV6
 *
 * A packet may be in them until an RCU grace period ends.
 */
void pp_send_unregister(struct net *net, u8 nfproto)
{
	nf_unregister_net_hooks(net, nfproto == NFPROTO_IPV6 ? hooks_ipv6 : hooks_ipv4,
				ARRAY_SIZE(hooks_ipv4));
}
