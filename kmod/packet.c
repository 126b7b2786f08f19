// SPDX-License-Identifier: GPL-2.0
/*
 * TCP packets in netfilter hooks: parsing them and changing header fields.
 *
 * Every change leaves the checksum right, whether it is complete or left to
 * the device. A wrong one stays wrong, so that the receiver still notices.
 */
#include <linux/bitops.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/random.h>
#include <linux/unaligned.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>
#include <net/tcp.h>
#include "packet.h"

/*
 * No window is larger than 2^30 (RFC 7323, 2.3), so that a packet that was anywhere in it,
 * be it at its end, is behind it by then, and not ahead of it yet
 */
#define SEQ_LOWERED_MIN	BIT(30)
#define SEQ_LOWERED_MAX	BIT(31)

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
 * pp_packet_parse - look at a packet in a netfilter hook
 * @pkt: result
 * @skb: packet; its data begins with the network header
 * @family: enum pp_family
 * @dev: device that it leaves or has come in by, or NULL
 *
 * Return: true if it is a whole TCP packet
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
	/* skb->len, since the length in the IP header is 0 in packets above 64 KiB */
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
 * pp_packet_key - the connection that a packet belongs to
 * @pkt: packet
 * @key: result, all of it
 * @reply: the packet comes from the backend
 */
void pp_packet_key(const struct pp_packet *pkt, struct pp_flow_key *key, bool reply)
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
 * pp_packet_sum - TCP checksum of a packet
 * @pkt: packet, for its family
 * @skb: packet with the addresses
 * @sum: sum of TCP header and payload
 * @len: bytes of both
 */
__sum16 pp_packet_sum(const struct pp_packet *pkt, const struct sk_buff *skb, __wsum sum,
		      unsigned int len)
{
	if (pkt->family == PP_IPV6)
		return csum_ipv6_magic(&ipv6_hdr(skb)->saddr, &ipv6_hdr(skb)->daddr, len,
				       IPPROTO_TCP, sum);
	return csum_tcpudp_magic(ip_hdr(skb)->saddr, ip_hdr(skb)->daddr, len, IPPROTO_TCP, sum);
}

/**
 * pp_packet_checksum_ok - whether a packet may be believed
 * @pkt: packet, as it came
 *
 * What is decided from a corrupt packet is never put right, so packets that
 * change the state of a handshake are checked first.
 */
bool pp_packet_checksum_ok(const struct pp_packet *pkt)
{
	const struct sk_buff *skb = pkt->skb;
	unsigned int len = skb->len - pkt->thoff;

	if (skb->ip_summed == CHECKSUM_PARTIAL || skb_csum_unnecessary(skb))
		return true;
	return !pp_packet_sum(pkt, skb, skb_checksum(skb, pkt->thoff, len, 0), len);
}

/**
 * pp_packet_write - make the headers of a packet writable
 * @pkt: packet
 *
 * Return: its TCP header, or NULL when memory fails. Pointers into the packet
 * that were taken before are void.
 */
struct tcphdr *pp_packet_write(struct pp_packet *pkt)
{
	if (skb_ensure_writable(pkt->skb, pkt->headers))
		return NULL;
	return (struct tcphdr *)(pkt->skb->data + pkt->thoff);
}

/**
 * pp_packet_next_option - walk through TCP options
 * @th: TCP header with all its options in linear memory
 * @opt: zeroed before the first call; the option found
 *
 * Return: false after the last option or at a malformed one
 */
bool pp_packet_next_option(const struct tcphdr *th, struct pp_option *opt)
{
	const u8 *bytes = (const u8 *)th;
	unsigned int end = th->doff * 4;
	unsigned int off = opt->off ? opt->off + opt->len : sizeof(*th);

	while (off < end && bytes[off] == TCPOPT_NOP)
		off++;
	if (off + 1 >= end || bytes[off] == TCPOPT_EOL)
		return false;
	opt->off = off;
	opt->kind = bytes[off];
	opt->len = bytes[off + 1];
	return opt->len >= 2 && off + opt->len <= end;
}

/**
 * pp_packet_set_seq - change the sequence number
 * @pkt: packet
 * @th: its writable TCP header
 * @seq: new number, host byte order
 */
void pp_packet_set_seq(struct pp_packet *pkt, struct tcphdr *th, u32 seq)
{
	__be32 new = htonl(seq);

	inet_proto_csum_replace4(&th->check, pkt->skb, th->seq, new, false);
	th->seq = new;
	pkt->seq = seq;
}

/**
 * pp_packet_lower_seq - make a packet one of long ago, nobody can foresee how long
 * @pkt: packet
 * @th: its writable TCP header
 *
 * The host of a running connection says what it expects instead (RFC 9293, 3.10.7.4), and no
 * handshake takes it, not by a SYN cookie either, which is good for any two numbers that are as
 * far apart as those of its SYN-ACK. Who knows nothing of the connection resets it, by the
 * acknowledgement number, which is right.
 */
void pp_packet_lower_seq(struct pp_packet *pkt, struct tcphdr *th)
{
	u32 by = SEQ_LOWERED_MIN + get_random_u32() % (SEQ_LOWERED_MAX - SEQ_LOWERED_MIN);

	pp_packet_set_seq(pkt, th, pkt->seq - by);
}

/**
 * pp_packet_set_ack - change acknowledgement number and window
 * @pkt: packet
 * @th: its writable TCP header
 * @ack: new acknowledgement number, host byte order
 * @window: new window, unscaled, host byte order
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
 * pp_packet_nop_option - blot out a TCP option
 * @pkt: packet
 * @th: its writable TCP header
 * @opt: option
 */
void pp_packet_nop_option(struct pp_packet *pkt, struct tcphdr *th,
			  const struct pp_option *opt)
{
	u8 *bytes = (u8 *)th;
	unsigned int i;
	u16 old, new;

	for (i = opt->off; i < opt->off + opt->len; i++) {
		/* the checksum adds big-endian words: the even byte is the high one */
		old = i % 2 ? bytes[i] : bytes[i] << 8;
		new = i % 2 ? TCPOPT_NOP : TCPOPT_NOP << 8;
		inet_proto_csum_replace2(&th->check, pkt->skb, htons(old), htons(new), false);
		bytes[i] = TCPOPT_NOP;
	}
}

/**
 * pp_packet_change_option - change a number in a TCP option
 * @change: what is changed
 * @th: writable TCP header
 * @off: offset of the number in it
 * @by: what is added, host byte order
 */
void pp_packet_change_option(struct pp_change *change, struct tcphdr *th, unsigned int off,
			     u32 by)
{
	u8 *bytes = (u8 *)th + off;
	__be32 old = get_unaligned((__be32 *)bytes), new = htonl(ntohl(old) + by);

	put_unaligned(new, (__be32 *)bytes);
	/* the checksum adds words that begin at even offsets */
	if (off % 2) {
		old = (__force __be32)ror32((__force u32)old, 8);
		new = (__force __be32)ror32((__force u32)new, 8);
	}
	pp_change_be32(&change->fields, &old, new);
}

/**
 * pp_packet_change_address - change an IP address
 * @change: what is changed
 * @pkt: packet with writable headers
 * @source: the source's address, not the destination's
 * @addr: new address
 */
void pp_packet_change_address(struct pp_change *change, const struct pp_packet *pkt,
			      bool source, const union pp_address *addr)
{
	struct iphdr *iph = ip_hdr(pkt->skb);
	struct in6_addr *in6;
	unsigned int i;
	__be32 *ip;

	if (pkt->family == PP_IPV6) {
		in6 = source ? &ipv6_hdr(pkt->skb)->saddr : &ipv6_hdr(pkt->skb)->daddr;
		for (i = 0; i < ARRAY_SIZE(in6->s6_addr32); i++)
			pp_change_be32(&change->addresses, &in6->s6_addr32[i],
				       addr->in6.s6_addr32[i]);
		return;
	}
	ip = source ? &iph->saddr : &iph->daddr;
	csum_replace4(&iph->check, *ip, addr->ip);
	pp_change_be32(&change->addresses, ip, addr->ip);
}

/**
 * pp_packet_change_checksum - account in the TCP checksum for all changes
 * @change: what was changed
 * @pkt: packet
 * @th: its TCP header
 *
 * A checksum that is left to the device has the sum of the addresses only. One that the
 * device has made of the whole packet, in skb->csum, stays right where a field and
 * the checksum change against each other, and where addresses of IPv6 do; those of IPv4
 * change against the checksum of the IP header as well.
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
