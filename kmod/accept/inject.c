// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: injecting packets into the host, and sending packets to the load balancer.
 *
 * Owns both ways. A packet for the listener passes PRE_ROUTING and all that follows, as if it had
 * just come in. A packet for L goes straight to the device, since the host does not know the
 * connection L > V that it belongs to.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <net/dst_metadata.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/route.h>
#include <net/tcp.h>
#include "accept/inject.h"
#include "accept/internal.h"
#include "offload.h"
#include "send/send.h"

/*
 * As the destructor of an injected packet, this marks it until our hook in PRE_ROUTING has seen it.
 * There is no socket to release. The mark is in the packet, not in a per-CPU variable, since the
 * CPU may do something else in between: on real-time kernels, or while a packet waits for a program
 * (NFQUEUE).
 */
static void accept_injected(struct sk_buff *skb)
{
}

/*
 * This replaces the mark until the packet is through PRE_ROUTING. If it is called, a rule or a
 * program has dropped the packet there.
 */
static void accept_lost(struct sk_buff *skb)
{
	enum pp_family family = skb->protocol == htons(ETH_P_IPV6) ? PP_IPV6 : PP_IPV4;
	struct pp_accept *entry;
	struct pp_conn_key key;
	struct pp_packet pkt;

	if (!skb->dev || !pp_packet_parse(&pkt, skb, family, NULL) || !pkt.th.syn)
		return;
	pp_packet_get_key(&pkt, &key, false);
	rcu_read_lock();
	entry = pp_accept_find_inner(pp_net_of(dev_net(skb->dev)), &key);
	if (entry)
		pp_accept_note_lost(entry);
	rcu_read_unlock();
}

/**
 * pp_accept_is_injected - whether a packet was just injected
 * @skb: packet
 *
 * Context: PRE_ROUTING.
 * Return: true at the first call for an injected packet, false from then on
 */
bool pp_accept_is_injected(struct sk_buff *skb)
{
	if (likely(skb->destructor != accept_injected))
		return false;
	skb->destructor = accept_lost;
	return true;
}

/* Remove either mark: our hook may have been unregistered before it could see the packet */
static void accept_arrive(struct sk_buff *skb)
{
	if (skb->destructor == accept_injected || skb->destructor == accept_lost)
		skb->destructor = NULL;
}

static int route_injected_ipv6(struct net *net, struct sk_buff *skb)
{
	const struct ipv6hdr *ip6h = ipv6_hdr(skb);
	struct flowi6 fl6 = {
		.flowi6_iif = skb->dev->ifindex,
		.daddr = ip6h->daddr,
		.saddr = ip6h->saddr,
		.flowlabel = ip6_flowinfo(ip6h),
		.flowi6_mark = skb->mark,
		.flowi6_proto = IPPROTO_TCP,
	};
	struct dst_entry *dst;

	dst = ip6_route_input_lookup(net, skb->dev, &fl6, skb, RT6_LOOKUP_F_HAS_SADDR);
	if (dst->error) {
		dst_release(dst);
		return -EHOSTUNREACH;
	}
	skb_dst_drop(skb);
	skb_dst_set(skb, dst);
	return 0;
}

/*
 * Find L's address for a packet whose destination NAT may have changed. If the packet is in L's own
 * name, its source is L.
 */
static __be32 find_balancer(struct net *net, struct sk_buff *skb)
{
	enum ip_conntrack_info ctinfo;
	const struct nf_conn *ct = nf_ct_get(skb, &ctinfo);
	const struct nf_conntrack_tuple *tuple;
	const struct pp_accept *entry;
	struct pp_conn_key key = { .family = PP_IPV4 };
	struct pp_packet pkt;

	if (ct && !nf_ct_is_template(ct)) {
		tuple = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
		key.src.ip = tuple->src.u3.ip;
		key.dst.ip = tuple->dst.u3.ip;
		key.sport = tuple->src.u.tcp.port;
		key.dport = tuple->dst.u.tcp.port;
	} else if (pp_packet_parse(&pkt, skb, PP_IPV4, NULL)) {
		pp_packet_get_key(&pkt, &key, false);
	}
	entry = pp_accept_find_inner(pp_net_of(net), &key);
	return entry ? entry->wire.src.ip : ip_hdr(skb)->saddr;
}

static bool route_injected(struct net *net, struct sk_buff *skb)
{
	if (skb_valid_dst(skb))
		return true;
	if (skb->protocol == htons(ETH_P_IPV6))
		return !route_injected_ipv6(net, skb);
	return pp_accept_route_in(skb, find_balancer(net, skb), skb->dev);
}

static bool is_for_socket(const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IPV6))
		return container_of(skb_dst(skb), struct rt6_info, dst)->rt6i_flags & RTF_LOCAL;
	return skb_rtable(skb)->rt_flags & RTCF_LOCAL;
}

/*
 * V's answers must pass POST_ROUTING, even from behind this host. So conntrack's entry of C's SYN
 * is marked to keep the connection from flow offload.
 *
 * Return: whether the packet may go on
 */
static bool deny_offload(struct net *net, const struct sk_buff *skb)
{
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	if (!ct || nf_ct_is_confirmed(ct) || nf_ct_is_template(ct) ||
	    (is_for_socket(skb) && !(ct->status & IPS_NAT_MASK)) || pp_offload_deny_for_good(ct))
		return true;
	pp_stats_inc(pp_net_of(net), ACCEPT_NOMEM);
	return false;
}

/*
 * After PRE_ROUTING: do what ip_rcv_finish() and ip6_rcv_finish() do. Packets of a VRF pass
 * PRE_ROUTING once more, with the VRF as their device.
 */
static int accept_deliver_injected(struct net *net, struct sock *sk, struct sk_buff *skb)
{
	rcu_read_lock();
	accept_arrive(skb);
	skb = skb->protocol == htons(ETH_P_IPV6) ? l3mdev_ip6_rcv(skb) : l3mdev_ip_rcv(skb);
	if (skb && route_injected(net, skb) && deny_offload(net, skb))
		dst_input(skb);
	else
		kfree_skb(skb);
	rcu_read_unlock();
	return 0;
}

/*
 * A packet from the loopback device keeps the route by which it was sent: the host accepts its own
 * address as a source from no other device
 */
static bool route_loopback(struct sk_buff *skb, const struct pp_accept *entry)
{
	struct dst_entry *dst = pp_accept_find_route(entry, &entry->wire, skb->mark);

	if (dst)
		skb_dst_set(skb, dst);
	return dst;
}

/* rp_filter must judge L, not C */
static bool route_to_inject(struct sk_buff *skb, const struct pp_accept *entry,
			    const struct net_device *dev)
{
	if (skb_valid_dst(skb))
		return true;
	if (dev->flags & IFF_LOOPBACK)
		return route_loopback(skb, entry);
	return entry->wire.family == PP_IPV6 || pp_accept_route_in(skb, entry->wire.src.ip, dev);
}

/**
 * pp_accept_inject_packet - inject a packet, as if it had just come in
 * @entry: its connection, not locked
 * @skb: packet, from its IP header on; consumed
 * @dev: device that it comes by
 *
 * Context: softirq or bottom halves disabled, under RCU; not within a hook that is called from the
 * TCP stack.
 */
void pp_accept_inject_packet(struct pp_accept *entry, struct sk_buff *skb, struct net_device *dev)
{
	u8 pf = entry->wire.family == PP_IPV6 ? NFPROTO_IPV6 : NFPROTO_IPV4;

	skb->dev = dev;
	skb->skb_iif = dev->ifindex;
	skb->pkt_type = PACKET_HOST;
	memset(skb->cb, 0, sizeof(skb->cb));
	if (pf == NFPROTO_IPV6) {
		IP6CB(skb)->iif = dev->ifindex;
		IP6CB(skb)->nhoff = offsetof(struct ipv6hdr, nexthdr);
	} else {
		IPCB(skb)->iif = dev->ifindex;
	}
	if (!route_to_inject(skb, entry, dev)) {
		kfree_skb(skb);
		return;
	}
	skb_orphan(skb);
	skb->destructor = accept_injected;
	NF_HOOK(pf, NF_INET_PRE_ROUTING, entry->net->net, NULL, skb, dev, NULL,
		accept_deliver_injected);
}

/**
 * pp_accept_transmit_packet - send a packet to the load balancer
 * @entry: its connection
 * @skb: packet, from its IP header on; consumed
 *
 * Context: softirq or bottom halves disabled, under RCU.
 */
void pp_accept_transmit_packet(struct pp_accept *entry, struct sk_buff *skb)
{
	struct net *net = entry->net->net;
	struct dst_entry *dst = pp_accept_get_route(entry);
	unsigned int verdict;

	if (!dst) {
		kfree_skb(skb);
		return;
	}
	skb_dst_set(skb, dst);
	skb->dev = dst->dev;
	skb->ip_summed = CHECKSUM_NONE;
	memset(skb->cb, 0, sizeof(skb->cb));
	/* Skip POST_ROUTING, where our hook would take it for a packet of the host */
	if (entry->wire.family == PP_IPV6)
		IP6CB(skb)->flags |= IP6SKB_REROUTED;
	else
		IPCB(skb)->flags |= IPSKB_REROUTED;
	nf_ct_set(skb, NULL, IP_CT_UNTRACKED);
	verdict = pp_send_handle_local_reply(entry->net, skb, entry->wire.family);
	if (verdict == NF_ACCEPT)
		dst_output(net, NULL, skb);
	else if (verdict == NF_DROP)
		kfree_skb(skb);
}
