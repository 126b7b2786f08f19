// SPDX-License-Identifier: GPL-2.0
/*
 * TCP segments of our own making.
 *
 * Owns how they enter the host and leave it. What goes to the listener passes
 * all of PRE_ROUTING and what follows, as if it had just come in; what goes to
 * the load balancer goes straight to the device, since the host knows nothing
 * of the connection that it belongs to.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/percpu.h>
#include <linux/unaligned.h>
#include <net/dst_metadata.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/route.h>
#include <net/tcp.h>
#include "craft.h"
#include "net.h"
#include "offload.h"
#include "send.h"

#define HOP_LIMIT	64

/**
 * struct injection - what this CPU is injecting right now
 * @skb: packet, until our own hook has let it pass
 * @entry: its connection, until the injection is over
 */
struct injection {
	const struct sk_buff *skb;
	const struct pp_accept *entry;
};

static DEFINE_PER_CPU(struct injection, injection);

/**
 * pp_craft_timestamps - make a timestamp option
 * @options: PP_TIMESTAMP_LEN bytes
 * @ts_val: own clock
 * @ts_ecr: clock of the other side
 */
void pp_craft_timestamps(u8 *options, u32 ts_val, u32 ts_ecr)
{
	options[0] = TCPOPT_NOP;
	options[1] = TCPOPT_NOP;
	options[2] = TCPOPT_TIMESTAMP;
	options[3] = TCPOLEN_TIMESTAMP;
	put_unaligned_be32(ts_val, options + 4);
	put_unaligned_be32(ts_ecr, options + 8);
}

static void put_ipv4(struct sk_buff *skb, const struct pp_segment *segment, unsigned int len)
{
	struct iphdr *iph = skb_put_zero(skb, sizeof(*iph));

	iph->version = 4;
	iph->ihl = sizeof(*iph) / 4;
	iph->tos = segment->tos;
	iph->tot_len = htons(sizeof(*iph) + len);
	iph->frag_off = htons(IP_DF);
	iph->ttl = HOP_LIMIT;
	iph->protocol = IPPROTO_TCP;
	iph->saddr = segment->key.src.ip;
	iph->daddr = segment->key.dst.ip;
	ip_send_check(iph);
	skb->protocol = htons(ETH_P_IP);
}

static void put_ipv6(struct sk_buff *skb, const struct pp_segment *segment, unsigned int len)
{
	struct ipv6hdr *ip6h = skb_put_zero(skb, sizeof(*ip6h));

	ip6_flow_hdr(ip6h, segment->tos, 0);
	ip6h->payload_len = htons(len);
	ip6h->nexthdr = IPPROTO_TCP;
	ip6h->hop_limit = HOP_LIMIT;
	ip6h->saddr = segment->key.src.in6;
	ip6h->daddr = segment->key.dst.in6;
	skb->protocol = htons(ETH_P_IPV6);
}

static void put_tcp(struct sk_buff *skb, const struct pp_segment *segment, unsigned int len)
{
	struct tcphdr *th;
	__wsum sum;

	skb_set_transport_header(skb, skb->len);
	th = skb_put_zero(skb, sizeof(*th));
	th->source = segment->key.sport;
	th->dest = segment->key.dport;
	th->seq = htonl(segment->seq);
	th->ack_seq = htonl(segment->ack);
	((u8 *)th)[12] = len / 4 << 4 | segment->reserved;
	tcp_flag_byte(th) = segment->flags;
	th->window = htons(segment->window);
	skb_put_data(skb, segment->options, segment->options_len);
	sum = csum_partial(th, len, 0);
	if (segment->key.family == PP_IPV6)
		th->check = csum_ipv6_magic(&segment->key.src.in6, &segment->key.dst.in6, len,
					    IPPROTO_TCP, sum);
	else
		th->check = csum_tcpudp_magic(segment->key.src.ip, segment->key.dst.ip, len,
					      IPPROTO_TCP, sum);
	/* complete, and known to be right */
	skb->ip_summed = CHECKSUM_UNNECESSARY;
}

/**
 * pp_craft - make a segment without payload
 * @segment: what it holds
 *
 * Context: softirq.
 * Return: the packet, from its IP header on, or NULL
 */
struct sk_buff *pp_craft(const struct pp_segment *segment)
{
	unsigned int len = sizeof(struct tcphdr) + segment->options_len;
	unsigned int ip = segment->key.family == PP_IPV6 ? sizeof(struct ipv6hdr) :
							   sizeof(struct iphdr);
	struct sk_buff *skb;

	/* Devices that need more room before the packet get it from the IP layer */
	skb = alloc_skb(NET_SKB_PAD + ip + len, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, NET_SKB_PAD);
	skb_reset_mac_header(skb);
	skb_reset_network_header(skb);
	if (segment->key.family == PP_IPV6)
		put_ipv6(skb, segment, len);
	else
		put_ipv4(skb, segment, len);
	put_tcp(skb, segment, len);
	return skb;
}

/**
 * pp_craft_is_ours - whether a packet is the one that is injected right now
 * @skb: packet in PRE_ROUTING
 *
 * Says so once.
 */
bool pp_craft_is_ours(const struct sk_buff *skb)
{
	if (likely(this_cpu_read(injection.skb) != skb))
		return false;
	this_cpu_write(injection.skb, NULL);
	return true;
}

/**
 * pp_craft_is_running - whether a packet of this connection is injected right now
 * @entry: connection
 *
 * An answer that comes on this CPU meanwhile is seen by whoever injects.
 */
bool pp_craft_is_running(const struct pp_accept *entry)
{
	return this_cpu_read(injection.entry) == entry;
}

static int route_ipv6(struct net *net, struct sk_buff *skb)
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

static bool route(struct net *net, struct sk_buff *skb)
{
	const struct pp_accept *entry = this_cpu_read(injection.entry);

	if (skb_valid_dst(skb))
		return true;
	if (skb->protocol == htons(ETH_P_IPV6))
		return !route_ipv6(net, skb);
	return entry && pp_accept_route_in(skb, entry, skb->dev);
}

static bool is_for_socket(const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IPV6))
		return container_of(skb_dst(skb), struct rt6_info, dst)->rt6i_flags & RTF_LOCAL;
	return skb_rtable(skb)->rt_flags & RTCF_LOCAL;
}

/*
 * Answers of a destination behind this host have to come by POST_ROUTING. So the client's
 * SYN, on its way there, keeps the connection from flow offload.
 */
static bool deny_offload(struct net *net, const struct sk_buff *skb)
{
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	if (!ct || nf_ct_is_confirmed(ct) || nf_ct_is_template(ct) || is_for_socket(skb) ||
	    pp_offload_deny_for_good(ct))
		return true;
	pp_stats_inc(pp_net(net), ACCEPT_NOMEM);
	return false;
}

/*
 * Behind PRE_ROUTING: what ip_rcv_finish() and ip6_rcv_finish() do. Packets of a VRF pass
 * PRE_ROUTING once more, with the VRF as their device.
 */
static int deliver(struct net *net, struct sock *sk, struct sk_buff *skb)
{
	rcu_read_lock();
	skb = skb->protocol == htons(ETH_P_IPV6) ? l3mdev_ip6_rcv(skb) : l3mdev_ip_rcv(skb);
	if (skb && route(net, skb) && deny_offload(net, skb))
		dst_input(skb);
	else
		kfree_skb(skb);
	rcu_read_unlock();
	return 0;
}

/*
 * A packet out of the loopback device has the route that it was sent by: the
 * host would not believe its own address from outside.
 */
static bool route_loopback(struct sk_buff *skb, const struct pp_accept *entry)
{
	struct dst_entry *dst = pp_accept_find_route(entry, &entry->wire, skb->mark);

	if (dst)
		skb_dst_set(skb, dst);
	return dst;
}

/* rp_filter is to judge the load balancer, not the client */
static bool route_in(struct sk_buff *skb, const struct pp_accept *entry,
		     const struct net_device *dev)
{
	if (skb_valid_dst(skb))
		return true;
	if (dev->flags & IFF_LOOPBACK)
		return route_loopback(skb, entry);
	return entry->wire.family == PP_IPV6 || pp_accept_route_in(skb, entry, dev);
}

/**
 * pp_craft_inject - let a packet come in
 * @entry: its connection, not locked
 * @skb: packet, from its IP header on
 * @dev: device that it comes by
 *
 * Context: softirq or bottom halves disabled, under RCU; not within a hook
 * that is called from the TCP stack.
 */
void pp_craft_inject(struct pp_accept *entry, struct sk_buff *skb, struct net_device *dev)
{
	u8 pf = entry->wire.family == PP_IPV6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	struct injection outer;

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
	if (!route_in(skb, entry, dev)) {
		kfree_skb(skb);
		return;
	}
	outer = this_cpu_read(injection.entry) ? *this_cpu_ptr(&injection) :
						 (struct injection){};
	this_cpu_write(injection.skb, skb);
	this_cpu_write(injection.entry, entry);
	NF_HOOK(pf, NF_INET_PRE_ROUTING, entry->net->net, NULL, skb, dev, NULL, deliver);
	*this_cpu_ptr(&injection) = outer;
}

/**
 * pp_craft_transmit - send a packet to the load balancer
 * @entry: its connection
 * @skb: packet, from its IP header on
 *
 * Context: softirq or bottom halves disabled, under RCU.
 */
void pp_craft_transmit(struct pp_accept *entry, struct sk_buff *skb)
{
	struct net *net = entry->net->net;
	struct dst_entry *dst = pp_accept_route(entry);
	unsigned int verdict;

	if (!dst) {
		kfree_skb(skb);
		return;
	}
	skb_dst_set(skb, dst);
	skb->dev = dst->dev;
	skb->ip_summed = CHECKSUM_NONE;
	memset(skb->cb, 0, sizeof(skb->cb));
	/* past POST_ROUTING, where it would be taken for a packet of the host */
	if (entry->wire.family == PP_IPV6)
		IP6CB(skb)->flags |= IP6SKB_REROUTED;
	else
		IPCB(skb)->flags |= IPSKB_REROUTED;
	nf_ct_set(skb, NULL, IP_CT_UNTRACKED);
	verdict = pp_send_local_reply(entry->net, skb, entry->wire.family);
	if (verdict == NF_ACCEPT)
		dst_output(net, NULL, skb);
	else if (verdict == NF_DROP)
		kfree_skb(skb);
}
