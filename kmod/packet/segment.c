// SPDX-License-Identifier: GPL-2.0
/*
 * TCP segments that the module makes itself.
 *
 * Owns their bytes, from the IP header on. accept/inject.c sends them.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/unaligned.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>
#include <net/tcp.h>
#include "packet/segment.h"

#define HOP_LIMIT	64

/**
 * pp_packet_put_timestamps - write a timestamp option
 * @options: is filled, PP_TIMESTAMP_LEN bytes
 * @ts_val: the sender's timestamp
 * @ts_ecr: the timestamp that is echoed
 *
 * Context: any; takes no lock.
 */
void pp_packet_put_timestamps(u8 *options, u32 ts_val, u32 ts_ecr)
{
	options[0] = TCPOPT_NOP;
	options[1] = TCPOPT_NOP;
	options[2] = TCPOPT_TIMESTAMP;
	options[3] = TCPOLEN_TIMESTAMP;
	put_unaligned_be32(ts_val, options + 4);
	put_unaligned_be32(ts_ecr, options + 8);
}

static void segment_put_ipv4(struct sk_buff *skb, const struct pp_segment *segment,
			     unsigned int len)
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

static void segment_put_ipv6(struct sk_buff *skb, const struct pp_segment *segment,
			     unsigned int len)
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

static void segment_put_tcp(struct sk_buff *skb, const struct pp_segment *segment, unsigned int len)
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
	/* The checksum is complete and right: the receiver need not verify it */
	skb->ip_summed = CHECKSUM_UNNECESSARY;
}

/**
 * pp_packet_make_segment - make a segment without payload
 * @segment: its fields
 *
 * Context: softirq, or any that must not sleep.
 * Return: the packet, from its IP header on, or NULL if memory is short
 */
struct sk_buff *pp_packet_make_segment(const struct pp_segment *segment)
{
	unsigned int len = sizeof(struct tcphdr) + segment->options_len;
	unsigned int ip = segment->key.family == PP_IPV6 ? sizeof(struct ipv6hdr) :
							   sizeof(struct iphdr);
	struct sk_buff *skb;

	/* The IP layer enlarges the headroom if the device needs more */
	skb = alloc_skb(NET_SKB_PAD + ip + len, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, NET_SKB_PAD);
	skb_reset_mac_header(skb);
	skb_reset_network_header(skb);
	if (segment->key.family == PP_IPV6)
		segment_put_ipv6(skb, segment, len);
	else
		segment_put_ipv4(skb, segment, len);
	segment_put_tcp(skb, segment, len);
	return skb;
}
