// SPDX-License-Identifier: GPL-2.0
/*
 * TCP packets in netfilter hooks: parsing them and changing header fields.
 *
 * Owns the checksums of these changes. A checksum stays right, whether it is complete or the device
 * completes it (CHECKSUM_PARTIAL). A wrong checksum stays wrong, so that the receiver still drops
 * the packet.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/random.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>
#include <net/tcp.h>
#include "packet/packet.h"

static bool find_tcp_ipv4(const struct sk_buff *skb, unsigned int *thoff)
{
	const struct iphdr *iph = ip_hdr(skb);

	if (iph->protocol != IPPROTO_TCP || ip_is_fragment(iph))
		return false;
	*thoff = iph->ihl * 4;
	return true;
}

static bool find_tcp_ipv6(const struct sk_buff *skb, unsigned int *thoff)
{
	u8 nexthdr = ipv6_hdr(skb)->nexthdr;
	__be16 frag_off = 0;
	int off = sizeof(struct ipv6hdr);

	if (nexthdr != IPPROTO_TCP)
		off = ipv6_skip_exthdr(skb, off, &nexthdr, &frag_off);
	if (off < 0 || nexthdr != IPPROTO_TCP || frag_off)
		return false;
	*thoff = off;
	return true;
}

/**
 * pp_packet_parse - parse a packet in a netfilter hook
 * @pkt: result
 * @skb: packet; its data begins with the network header
 * @family: enum pp_family
 * @dev: device by which it leaves or has come in, or NULL
 *
 * Context: in a hook; takes no lock.
 * Return: true if it is a TCP packet and no fragment; otherwise @pkt is not valid
 */
bool pp_packet_parse(struct pp_packet *pkt, struct sk_buff *skb, enum pp_family family,
		     const struct net_device *dev)
{
	const struct tcphdr *th;

	if (family == PP_IPV6 ? !find_tcp_ipv6(skb, &pkt->thoff) :
				!find_tcp_ipv4(skb, &pkt->thoff))
		return false;
	th = skb_header_pointer(skb, pkt->thoff, sizeof(pkt->th), &pkt->th);
	if (!th)
		return false;
	pkt->headers = pkt->thoff + th->doff * 4;
	/* The IP header has the length 0 in packets above 64 KiB */
	if (th->doff * 4 < sizeof(*th) || skb->len < pkt->headers)
		return false;
	if (th != &pkt->th)
		pkt->th = *th;
	pkt->skb = skb;
	pkt->dev = dev;
	pkt->family = family;
	pkt->payload = skb->len - pkt->headers;
	pkt->seq = ntohl(pkt->th.seq);
	pkt->ack_seq = ntohl(pkt->th.ack_seq);
	return true;
}

/**
 * pp_packet_get_key - get the addresses and ports of a packet's connection
 * @pkt: packet
 * @key: result; zone and VRF are set to 0
 * @reply: the packet goes against the direction of @key: source and destination are exchanged
 *
 * Context: in a hook; takes no lock.
 */
void pp_packet_get_key(const struct pp_packet *pkt, struct pp_conn_key *key, bool reply)
{
	union pp_address *src = reply ? &key->dst : &key->src;
	union pp_address *dst = reply ? &key->src : &key->dst;

	if (pkt->family == PP_IPV6) {
		src->in6 = ipv6_hdr(pkt->skb)->saddr;
		dst->in6 = ipv6_hdr(pkt->skb)->daddr;
	} else {
		memset(src, 0, sizeof(*src));
		memset(dst, 0, sizeof(*dst));
		src->ip = ip_hdr(pkt->skb)->saddr;
		dst->ip = ip_hdr(pkt->skb)->daddr;
	}
	key->sport = reply ? pkt->th.dest : pkt->th.source;
	key->dport = reply ? pkt->th.source : pkt->th.dest;
	key->family = pkt->family;
	key->zone = 0;
	key->vrf = 0;
}

/**
 * pp_packet_finish_sum - add the pseudo header to a TCP checksum
 * @pkt: packet, for its family
 * @skb: packet with the addresses
 * @sum: sum of TCP header and payload
 * @len: length of TCP header and payload in bytes
 *
 * Context: any; takes no lock.
 * Return: checksum, folded
 */
__sum16 pp_packet_finish_sum(const struct pp_packet *pkt, const struct sk_buff *skb, __wsum sum,
			     unsigned int len)
{
	if (pkt->family == PP_IPV6)
		return csum_ipv6_magic(&ipv6_hdr(skb)->saddr, &ipv6_hdr(skb)->daddr, len,
				       IPPROTO_TCP, sum);
	return csum_tcpudp_magic(ip_hdr(skb)->saddr, ip_hdr(skb)->daddr, len, IPPROTO_TCP, sum);
}

/**
 * pp_packet_checksum_ok - verify the checksum of a packet
 * @pkt: packet, not changed yet
 *
 * The state of a handshake cannot be repaired after a decision from a corrupt packet. So a packet
 * is verified before it changes such a state.
 *
 * Context: any; takes no lock.
 * Return: whether the checksum is right or was verified before
 */
bool pp_packet_checksum_ok(const struct pp_packet *pkt)
{
	const struct sk_buff *skb = pkt->skb;
	unsigned int len = skb->len - pkt->thoff;

	if (skb->ip_summed == CHECKSUM_PARTIAL || skb_csum_unnecessary(skb))
		return true;
	return !pp_packet_finish_sum(pkt, skb, skb_checksum(skb, pkt->thoff, len, 0), len);
}

/*
 * Make an ordinary GSO packet of a list. TCP's GRO (6.10 on) can make a list of segments, each with
 * its own headers. When the kernel segments the list, it copies addresses and ports of the first
 * header to the others, but no sequence number. All segments of a list have the same flags, window,
 * acknowledgement and options. So an ordinary GSO packet can hold them, and a change of its one
 * header applies to all segments.
 */
static int join_list(struct pp_packet *pkt)
{
	struct sk_buff *skb = pkt->skb;
	struct tcphdr *th;

	/* gso_type is shared with clones, which have to keep SKB_GSO_FRAGLIST */
	if (skb_unclone(skb, GFP_ATOMIC))
		return -ENOMEM;
	skb_shinfo(skb)->gso_type &= ~SKB_GSO_FRAGLIST;
	th = (struct tcphdr *)(skb->data + pkt->thoff);
	th->check = ~pp_packet_finish_sum(pkt, skb, 0, skb->len - pkt->thoff);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = (u8 *)th - skb->head;
	skb->csum_offset = offsetof(struct tcphdr, check);
	return 0;
}

/**
 * pp_packet_make_writable - make the headers of a packet writable
 * @pkt: packet
 *
 * In a GSO packet, later changes apply to all segments. Pointers into the packet that were taken
 * before are not valid any more.
 *
 * Context: any; takes no lock.
 * Return: the TCP header, or NULL if memory is short
 */
struct tcphdr *pp_packet_make_writable(struct pp_packet *pkt)
{
	struct sk_buff *skb = pkt->skb;

	if (skb_ensure_writable(skb, pkt->headers))
		return NULL;
	if (skb_is_nonlinear(skb) && skb_shinfo(skb)->gso_type & SKB_GSO_FRAGLIST &&
	    join_list(pkt))
		return NULL;
	return (struct tcphdr *)(skb->data + pkt->thoff);
}

/**
 * pp_packet_set_seq - change the sequence number
 * @pkt: packet
 * @th: its writable TCP header
 * @seq: new number, host byte order
 *
 * Context: any; takes no lock.
 */
void pp_packet_set_seq(struct pp_packet *pkt, struct tcphdr *th, u32 seq)
{
	__be32 new = htonl(seq);

	inet_proto_csum_replace4(&th->check, pkt->skb, th->seq, new, false);
	th->seq = new;
	pkt->seq = seq;
}

/**
 * pp_packet_lower_seq - lower the sequence number so far that no host accepts the packet
 * @pkt: packet
 * @th: its writable TCP header
 *
 * The number is lowered by a random distance of 1 to 1.5 times PP_SEQ_SPAN: farther than any
 * window. If the packet passes twice in this namespace, the number is lowered twice, and is still
 * far from the window. So
 * - a host with this connection answers with the number that it expects (RFC 9293, 3.10.7.4);
 * - a host without it sends a reset, whose number is the unchanged acknowledgement number;
 * - no handshake is completed. A SYN cookie fits any two numbers that are as far apart as those of
 *   its SYN-ACK, and nobody can foresee the random distance.
 *
 * Context: any; takes no lock.
 */
void pp_packet_lower_seq(struct pp_packet *pkt, struct tcphdr *th)
{
	u32 by = PP_SEQ_SPAN + get_random_u32() % (PP_SEQ_SPAN / 2);

	pp_packet_set_seq(pkt, th, pkt->seq - by);
}

/**
 * pp_packet_set_ack - change acknowledgement number and window
 * @pkt: packet
 * @th: its writable TCP header
 * @ack: new acknowledgement number, host byte order
 * @window: new window as on the wire, host byte order
 *
 * Context: any; takes no lock.
 */
void pp_packet_set_ack(struct pp_packet *pkt, struct tcphdr *th, u32 ack, u16 window)
{
	__be32 new_ack = htonl(ack);
	__be16 new_window = htons(window);

	inet_proto_csum_replace4(&th->check, pkt->skb, th->ack_seq, new_ack, false);
	inet_proto_csum_replace2(&th->check, pkt->skb, th->window, new_window, false);
	th->ack_seq = new_ack;
	th->window = new_window;
	pkt->ack_seq = ack;
}

/**
 * pp_packet_change_address - change an IP address whose checksum difference is known
 * @change: collects the change
 * @pkt: packet with writable headers
 * @source: true: the source address; false: the destination address
 * @addr: new address
 * @diff: sum of the new address minus that of the old one
 *
 * Context: any; takes no lock.
 */
void pp_packet_change_address(struct pp_change *change, const struct pp_packet *pkt, bool source,
			      const union pp_address *addr, __wsum diff)
{
	struct iphdr *iph = ip_hdr(pkt->skb);

	change->addresses = csum_add(change->addresses, diff);
	if (pkt->family == PP_IPV6) {
		*(source ? &ipv6_hdr(pkt->skb)->saddr : &ipv6_hdr(pkt->skb)->daddr) = addr->in6;
		return;
	}
	*(source ? &iph->saddr : &iph->daddr) = addr->ip;
	csum_replace_by_diff(&iph->check, diff);
}

/**
 * pp_packet_change_checksum - update the TCP checksum for all collected changes
 * @change: collected changes
 * @pkt: packet
 * @th: its writable TCP header
 *
 * CHECKSUM_PARTIAL: the field holds only the sum of the pseudo header, so only addresses count.
 *
 * CHECKSUM_COMPLETE: skb->csum is the sum over the whole packet. It stays right if a TCP field or
 * an IPv6 address changes, since the TCP checksum changes by the opposite. If an IPv4 address
 * changes, the checksum of the IP header changes by the opposite, too, so skb->csum has to follow.
 *
 * Context: any; takes no lock.
 */
void pp_packet_change_checksum(const struct pp_change *change, const struct pp_packet *pkt,
			       struct tcphdr *th)
{
	struct sk_buff *skb = pkt->skb;

	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		th->check = ~csum_fold(csum_add(csum_unfold(th->check), change->addresses));
		return;
	}
	csum_replace_by_diff(&th->check, csum_add(change->fields, change->addresses));
	if (skb->ip_summed == CHECKSUM_COMPLETE && pkt->family == PP_IPV4)
		skb->csum = csum_sub(skb->csum, change->addresses);
}
