// SPDX-License-Identifier: GPL-2.0
/*
 * TCP packets in netfilter hooks: changing how much they carry.
 *
 * Owns how payload is put before a packet's own, cut off, or sent ahead in a
 * segment of its own: lengths, offsets, GSO and checksums are right after it,
 * and a checksum that was wrong stays wrong.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/tcp.h>
#include "packet.h"

/* Lengths in the IP header and in the TCP pseudo header follow skb->len */
static void set_lengths(struct pp_packet *pkt, struct tcphdr *th, unsigned int old_len)
{
	struct sk_buff *skb = pkt->skb;
	__be16 old;

	inet_proto_csum_replace4(&th->check, skb, htonl(old_len - pkt->thoff),
				 htonl(skb->len - pkt->thoff), true);
	if (pkt->family == PP_IPV6) {
		ipv6_hdr(skb)->payload_len = htons(skb->len - sizeof(struct ipv6hdr));
	} else {
		old = ip_hdr(skb)->tot_len;
		ip_hdr(skb)->tot_len = htons(skb->len);
		csum_replace2(&ip_hdr(skb)->check, old, ip_hdr(skb)->tot_len);
	}
}

/* Account in a complete checksum for payload that sums to @old now and @new then */
static void replace_payload_sum(struct sk_buff *skb, struct tcphdr *th, __wsum old, __wsum new)
{
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		return;
	th->check = csum_fold(csum_add(csum_sub(~csum_unfold(th->check), old), new));
}

/* A checksum over the whole packet, made by the device, is void after a change */
static void forget_device_checksum(struct sk_buff *skb)
{
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->ip_summed = CHECKSUM_NONE;
}

/**
 * pp_packet_trim_payload - cut off the payload
 * @pkt: packet; its headers are writable
 *
 * Return: 0 or -ENOMEM. Pointers into the packet are void.
 */
int pp_packet_trim_payload(struct pp_packet *pkt)
{
	struct sk_buff *skb = pkt->skb;
	unsigned int old_len = skb->len;
	struct tcphdr *th;
	__wsum sum;

	if (!pkt->payload)
		return 0;
	sum = skb_checksum(skb, pkt->headers, pkt->payload, 0);
	forget_device_checksum(skb);
	if (pskb_trim(skb, pkt->headers))
		return -ENOMEM;
	th = (struct tcphdr *)(skb->data + pkt->thoff);
	replace_payload_sum(skb, th, sum, 0);
	set_lengths(pkt, th, old_len);
	if (skb_is_gso(skb))
		skb_gso_reset(skb);
	pkt->payload = 0;
	return 0;
}

/**
 * pp_packet_cut - cut off the beginning of the payload
 * @pkt: packet; its headers are writable
 * @len: bytes, less than the payload, or all of it if a FIN remains
 *
 * The sequence number moves with it. It can be a GSO packet.
 *
 * Return: 0 or -ENOMEM. Pointers into the packet are void.
 */
int pp_packet_cut(struct pp_packet *pkt, unsigned int len)
{
	struct sk_buff *skb = pkt->skb;
	unsigned int old_len = skb->len;
	__wsum cut, rest = 0, moved = 0;
	struct tcphdr *th;

	/* Packets of a list would not be cut where they begin any more */
	if (skb_has_frag_list(skb) && skb_linearize(skb))
		return -ENOMEM;
	if (skb_ensure_writable(skb, pkt->headers + len))
		return -ENOMEM;
	cut = skb_checksum(skb, pkt->headers, len, 0);
	/* After an odd number of bytes the rest changes places within its words */
	if (len % 2 && pkt->payload > len && skb->ip_summed != CHECKSUM_PARTIAL) {
		rest = skb_checksum(skb, pkt->headers + len, pkt->payload - len, 0);
		moved = rest;
		cut = csum_block_add(cut, rest, len);
	}
	forget_device_checksum(skb);
	memmove(skb->data + len, skb->data, pkt->headers);
	__skb_pull(skb, len);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, pkt->thoff);
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		skb->csum_start += len;
	th = (struct tcphdr *)(skb->data + pkt->thoff);
	replace_payload_sum(skb, th, cut, moved);
	set_lengths(pkt, th, old_len);
	pp_packet_set_seq(pkt, th, pkt->seq + len);
	pkt->payload -= len;
	/* What fits one segment is refused where it is to be cut into several */
	if (skb_is_gso(skb) && pkt->payload <= skb_shinfo(skb)->gso_size)
		skb_gso_reset(skb);
	else if (skb_is_gso(skb))
		skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(pkt->payload,
							 skb_shinfo(skb)->gso_size);
	return 0;
}

/* Bytes before the network header that have to move with it: for bridged packets */
static unsigned int link_header_len(const struct sk_buff *skb)
{
	if (!skb_mac_header_was_set(skb) || skb_mac_header(skb) > skb->data)
		return 0;
	return skb->data - skb_mac_header(skb);
}

/* Make room for @len bytes before the payload by moving the headers down */
static int open_gap(struct pp_packet *pkt, unsigned int len)
{
	struct sk_buff *skb = pkt->skb;
	unsigned int link = link_header_len(skb);
	unsigned int room = max_t(unsigned int, link, LL_RESERVED_SPACE(pkt->dev));

	if (skb_cow_head(skb, len + room))
		return -ENOMEM;
	skb_push(skb, len);
	memmove(skb->data - link, skb->data - link + len, link + pkt->headers);
	if (skb_mac_header_was_set(skb))
		skb->mac_header -= len;
	skb_reset_network_header(skb);
	/* behind which extension header this stands, the IPv6 stack knows */
	skb->transport_header -= len;
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		skb->csum_start -= len;
	return 0;
}

/* A bare ACK of a local socket has a token size that stands for "no payload" */
static void account_payload(struct sk_buff *skb)
{
	if (!skb_is_tcp_pure_ack(skb))
		return;
	skb_orphan(skb);
	skb->truesize = SKB_TRUESIZE(skb_end_offset(skb));
}

/**
 * pp_packet_prefix - put bytes before the payload
 * @pkt: packet; not made of a list of others; it can be a GSO packet
 * @seq: sequence number of the first of the bytes
 * @data: bytes
 * @len: how many
 *
 * The payload stays where it is and keeps its sequence numbers, of which the
 * bytes take those before. A packet without payload gets the PSH flag.
 *
 * Return: 0, or -ENOMEM with the packet unchanged. Pointers into it are void.
 */
int pp_packet_prefix(struct pp_packet *pkt, u32 seq, const u8 *data, unsigned int len)
{
	struct sk_buff *skb = pkt->skb;
	unsigned int old_len = skb->len;
	__wsum old_sum = 0, new_sum;
	struct tcphdr *th;

	if (!pp_packet_write(pkt) || open_gap(pkt, len))
		return -ENOMEM;
	account_payload(skb);
	memcpy(skb->data + pkt->headers, data, len);
	th = (struct tcphdr *)(skb->data + pkt->thoff);

	new_sum = csum_partial(data, len, 0);
	/* After an odd number of bytes the rest changes places within its words */
	if (len % 2 && pkt->payload && skb->ip_summed != CHECKSUM_PARTIAL) {
		old_sum = skb_checksum(skb, pkt->headers + len, pkt->payload, 0);
		new_sum = csum_block_add(new_sum, old_sum, len);
	}
	forget_device_checksum(skb);
	replace_payload_sum(skb, th, old_sum, new_sum);
	set_lengths(pkt, th, old_len);
	pp_packet_set_seq(pkt, th, seq);
	if (!pkt->payload && !th->psh) {
		__be16 *flags = (__be16 *)th + 6, old = *flags;

		th->psh = 1;
		inet_proto_csum_replace2(&th->check, skb, old, *flags, false);
	}
	pkt->payload += len;
	if (skb_is_gso(skb))
		skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(pkt->payload,
							 skb_shinfo(skb)->gso_size);
	return 0;
}

static void fill_ip_header(const struct pp_packet *pkt, struct sk_buff *skb)
{
	struct iphdr *iph;

	if (pkt->family == PP_IPV6) {
		struct ipv6hdr *ip6h = skb_put_data(skb, ipv6_hdr(pkt->skb), sizeof(*ip6h));

		/* extension headers belong to the packet that they came with */
		ip6h->nexthdr = IPPROTO_TCP;
		IP6CB(skb)->nhoff = offsetof(struct ipv6hdr, nexthdr);
		return;
	}
	iph = skb_put_data(skb, ip_hdr(pkt->skb), pkt->thoff);
	iph->id = 0;
	if (!(iph->frag_off & htons(IP_DF)))
		__ip_select_ident(dev_net(pkt->dev), iph, 1);
}

static void finish_lengths(const struct pp_packet *pkt, struct sk_buff *skb)
{
	if (pkt->family == PP_IPV6) {
		ipv6_hdr(skb)->payload_len = htons(skb->len - sizeof(struct ipv6hdr));
	} else {
		ip_hdr(skb)->tot_len = htons(skb->len);
		ip_send_check(ip_hdr(skb));
	}
}

/**
 * pp_packet_sibling - make a segment that goes ahead of a packet
 * @pkt: packet, about to be sent; it lends headers, route, mark and conntrack
 * @seq: sequence number of the new segment
 * @data: payload of the new segment
 * @len: bytes of it; 0 for a reset
 *
 * The new segment has the packet's acknowledgement, window and options, and
 * its RST flag; it has PSH where it has payload, and never FIN or URG.
 *
 * Return: the segment, to be handed to the hook's okfn, or NULL
 */
struct sk_buff *pp_packet_sibling(const struct pp_packet *pkt, u32 seq, const u8 *data,
				  unsigned int len)
{
	unsigned int link = link_header_len(pkt->skb);
	unsigned int reserve = max_t(unsigned int, link, LL_RESERVED_SPACE(pkt->dev));
	unsigned int thlen = pkt->headers - pkt->thoff, tcp_len = thlen + len;
	struct sk_buff *skb;
	struct tcphdr *th;

	skb = alloc_skb(reserve + pkt->thoff + tcp_len, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, reserve);
	/* route, conntrack, mark, control block, device: all but the bytes */
	skb_copy_header(skb, pkt->skb);
	skb_gso_reset(skb);
	skb->ip_summed = CHECKSUM_NONE;
	skb->encapsulation = 0;
	skb_reset_network_header(skb);
	skb_set_mac_header(skb, -(int)link);
	memcpy(skb_mac_header(skb), pkt->skb->data - link, link);
	fill_ip_header(pkt, skb);
	skb_set_transport_header(skb, skb->len);
	th = skb_put(skb, thlen);
	if (skb_copy_bits(pkt->skb, pkt->thoff, th, thlen)) {
		kfree_skb(skb);
		return NULL;
	}
	skb_put_data(skb, data, len);
	finish_lengths(pkt, skb);

	th->seq = htonl(seq);
	th->fin = 0;
	th->urg = 0;
	th->urg_ptr = 0;
	th->psh = len != 0;
	th->check = 0;
	th->check = pp_packet_sum(pkt, skb, csum_partial(th, tcp_len, 0), tcp_len);
	return skb;
}
