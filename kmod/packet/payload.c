// SPDX-License-Identifier: GPL-2.0
/*
 * TCP packets in netfilter hooks: changing their payload.
 *
 * Owns how bytes are put before the payload, cut off, or sent ahead in a segment of their own.
 * Afterwards lengths, offsets, GSO fields and checksums are right. A wrong checksum stays wrong.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/tcp.h>
#include "packet/packet.h"

/* Whether a packet is longer than 64 KiB: BIG TCP; segmentation sets the lengths of its segments */
static bool is_big(unsigned int len)
{
	return len > IP_MAX_MTU;
}

static __be16 ip_length(unsigned int len)
{
	return htons(is_big(len) ? 0 : len);
}

/* Adapt the lengths in the IP header and in the TCP pseudo header to skb->len */
static void set_lengths(struct pp_packet *pkt, struct tcphdr *th, unsigned int old_len)
{
	struct sk_buff *skb = pkt->skb;
	__be16 old;

	inet_proto_csum_replace4(&th->check, skb, htonl(old_len - pkt->thoff),
				 htonl(skb->len - pkt->thoff), true);
	if (pkt->family == PP_IPV6) {
		ipv6_hdr(skb)->payload_len = ip_length(skb->len - sizeof(struct ipv6hdr));
	} else {
		old = ip_hdr(skb)->tot_len;
		ip_hdr(skb)->tot_len = ip_length(skb->len);
		csum_replace2(&ip_hdr(skb)->check, old, ip_hdr(skb)->tot_len);
	}
}

/* Update a complete TCP checksum after the sum of the payload has changed from @old to @new */
static void replace_payload_sum(struct sk_buff *skb, struct tcphdr *th, __wsum old, __wsum new)
{
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		return;
	th->check = csum_fold(csum_add(csum_sub(~csum_unfold(th->check), old), new));
}

/* After a change of the payload, the device's sum over the whole packet (skb->csum) is wrong */
static void forget_device_checksum(struct sk_buff *skb)
{
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->ip_summed = CHECKSUM_NONE;
}

/**
 * pp_packet_trim_payload - cut off the whole payload
 * @pkt: packet; its headers are writable
 *
 * Pointers into the packet are not valid any more.
 *
 * Context: any; takes no lock.
 * Return: 0 or -ENOMEM
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

/* Length of the link header that a bridged packet has before its network header */
static unsigned int link_header_len(const struct sk_buff *skb)
{
	if (!skb_mac_header_was_set(skb) || skb_mac_header(skb) > skb->data)
		return 0;
	return skb->data - skb_mac_header(skb);
}

/**
 * pp_packet_cut_payload - cut off the beginning of the payload
 * @pkt: packet, may be a GSO packet; its headers are writable
 * @len: bytes to cut off; less than the payload, or all of it if a FIN remains
 *
 * The sequence number rises by @len. Pointers into the packet are not valid any more.
 *
 * Context: any; takes no lock.
 * Return: 0, -ENOMEM or -EMSGSIZE
 */
int pp_packet_cut_payload(struct pp_packet *pkt, unsigned int len)
{
	struct sk_buff *skb = pkt->skb;
	unsigned int link = link_header_len(skb);
	unsigned int old_len = skb->len;
	__wsum cut, rest = 0, moved = 0;
	struct tcphdr *th;

	/*
	 * On kernels up to 6.x, BIG TCP over IPv6 has a jumbogram option. The packet would keep
	 * it even if it became short enough without it. The bytes are retransmitted in smaller
	 * packets.
	 */
	if (pkt->family == PP_IPV6 && is_big(skb->len - sizeof(struct ipv6hdr)) &&
	    pkt->thoff > sizeof(struct ipv6hdr))
		return -EMSGSIZE;
	/* After the cut, the parts of a frag list would not begin at segment borders */
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
	/* A bridge sends the link header that it finds ahead of the packet */
	memmove(skb->data - link + len, skb->data - link, link + pkt->headers);
	if (skb_mac_header_was_set(skb))
		skb->mac_header += len;
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
	/* Segmentation refuses a GSO packet that fits one segment */
	if (skb_is_gso(skb) && pkt->payload <= skb_shinfo(skb)->gso_size)
		skb_gso_reset(skb);
	else if (skb_is_gso(skb))
		skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(pkt->payload,
							 skb_shinfo(skb)->gso_size);
	return 0;
}

/* Move the headers towards the head, so that there is room for @len bytes before the payload */
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
	/* Not skb_set_transport_header(): the offset may be that of an IPv6 extension header */
	skb->transport_header -= len;
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		skb->csum_start -= len;
	return 0;
}

/* A local socket marks a bare ACK by its truesize. With payload, the mark must go. */
static void account_payload(struct sk_buff *skb)
{
	if (!skb_is_tcp_pure_ack(skb))
		return;
	skb_orphan(skb);
	skb->truesize = SKB_TRUESIZE(skb_end_offset(skb));
}

/**
 * pp_packet_put_before - put bytes before the payload
 * @pkt: packet without a frag list; may be a GSO packet
 * @seq: sequence number of the first byte
 * @data: bytes
 * @len: length of @data
 *
 * The payload keeps its sequence numbers: @seq + @len must be its first one. A packet without
 * payload gets the PSH flag. Pointers into the packet are not valid any more.
 *
 * Context: any; takes no lock.
 * Return: 0, or -ENOMEM with the packet unchanged
 */
int pp_packet_put_before(struct pp_packet *pkt, u32 seq, const u8 *data, unsigned int len)
{
	struct sk_buff *skb = pkt->skb;
	unsigned int old_len = skb->len;
	__wsum old_sum = 0, new_sum;
	struct tcphdr *th;

	if (!pp_packet_make_writable(pkt) || open_gap(pkt, len))
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

		/* Extension headers are not copied */
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
 * pp_packet_make_sibling - make a segment that is sent ahead of a packet
 * @pkt: packet about to be sent; its headers, route, mark and conntrack entry are copied
 * @seq: sequence number of the new segment
 * @data: payload of the new segment
 * @len: length of @data in bytes; 0 for a reset
 *
 * The new segment has the packet's acknowledgement number, window, options and flags, with these
 * exceptions: PSH is set if it has payload, FIN and URG never are.
 *
 * Context: in a hook; takes no lock.
 * Return: the segment, to be passed to the hook's okfn, or NULL if memory is short
 */
struct sk_buff *pp_packet_make_sibling(const struct pp_packet *pkt, u32 seq, const u8 *data,
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
	/* Copies route, conntrack entry, mark, control block and device */
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
	th->check = pp_packet_finish_sum(pkt, skb, csum_partial(th, tcp_len, 0), tcp_len);
	return skb;
}
