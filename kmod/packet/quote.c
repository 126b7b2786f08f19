// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP errors: finding the TCP packet that an error quotes, and changing it.
 *
 * The quoted packet has the addresses and numbers of the wire. The receiver of the error knows the
 * connection by others, and would ignore the error. Every change leaves the checksums right.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <net/checksum.h>
#include <net/icmp.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>
#include "packet/quote.h"

static bool find_quote_ipv4(const struct sk_buff *skb, struct pp_quote *quote,
			    struct pp_conn_key *key)
{
	const struct iphdr *outer = ip_hdr(skb), *inner;
	const struct icmphdr *icmph;
	struct icmphdr icmph_buf;
	struct iphdr inner_buf;

	if (outer->protocol != IPPROTO_ICMP || ip_is_fragment(outer))
		return false;
	quote->icmp = outer->ihl * 4;
	icmph = skb_header_pointer(skb, quote->icmp, sizeof(icmph_buf), &icmph_buf);
	if (!icmph || !icmp_is_err(icmph->type))
		return false;
	inner = skb_header_pointer(skb, quote->icmp + sizeof(*icmph), sizeof(inner_buf),
				   &inner_buf);
	/* With a shorter IP header, its own addresses would be taken for ports */
	if (!inner || inner->ihl < sizeof(*inner) / 4 || inner->protocol != IPPROTO_TCP ||
	    inner->frag_off & htons(IP_OFFSET))
		return false;
	quote->ip = quote->icmp + sizeof(*icmph);
	quote->tcp = quote->ip + inner->ihl * 4;
	key->src.ip = inner->saddr;
	key->dst.ip = inner->daddr;
	return true;
}

static bool find_quote_ipv6(const struct sk_buff *skb, struct pp_quote *quote,
			    struct pp_conn_key *key)
{
	u8 nexthdr = ipv6_hdr(skb)->nexthdr;
	const struct icmp6hdr *icmph;
	const struct ipv6hdr *inner;
	struct icmp6hdr icmph_buf;
	struct ipv6hdr inner_buf;
	__be16 frag_off = 0;
	int off;

	off = ipv6_skip_exthdr(skb, sizeof(struct ipv6hdr), &nexthdr, &frag_off);
	if (off < 0 || nexthdr != IPPROTO_ICMPV6 || frag_off)
		return false;
	icmph = skb_header_pointer(skb, off, sizeof(icmph_buf), &icmph_buf);
	if (!icmph || !icmpv6_is_err(icmph->icmp6_type))
		return false;
	quote->icmp = off;
	off += sizeof(*icmph);
	inner = skb_header_pointer(skb, off, sizeof(inner_buf), &inner_buf);
	if (!inner)
		return false;
	quote->ip = off;
	nexthdr = inner->nexthdr;
	key->src.in6 = inner->saddr;
	key->dst.in6 = inner->daddr;
	off = ipv6_skip_exthdr(skb, off + sizeof(*inner), &nexthdr, &frag_off);
	if (off < 0 || nexthdr != IPPROTO_TCP || ntohs(frag_off) & ~7)
		return false;
	quote->tcp = off;
	return true;
}

/**
 * pp_packet_quote_find - find the TCP packet that an ICMP error quotes
 * @skb: packet; its data begins with the network header
 * @family: enum pp_family
 * @quote: result
 * @key: result: addresses and ports of the quoted packet; zone and VRF are 0
 *
 * Context: any; takes no lock.
 * Return: whether @skb is an ICMP error about a TCP packet
 */
bool pp_packet_quote_find(const struct sk_buff *skb, enum pp_family family, struct pp_quote *quote,
			  struct pp_conn_key *key)
{
	const struct pp_quoted_tcp *th;

	memset(key, 0, sizeof(*key));
	key->family = family;
	quote->family = family;
	if (family == PP_IPV6 ? !find_quote_ipv6(skb, quote, key) :
				!find_quote_ipv4(skb, quote, key))
		return false;
	th = skb_header_pointer(skb, quote->tcp, sizeof(quote->th), &quote->th);
	if (!th)
		return false;
	if (th != &quote->th)
		quote->th = *th;
	key->sport = quote->th.source;
	key->dport = quote->th.dest;
	return true;
}

static bool quote_checksum_ok(const struct sk_buff *skb, const struct pp_quote *quote)
{
	unsigned int len = skb->len - quote->icmp;
	__wsum sum;

	if (skb_csum_unnecessary(skb))
		return true;
	sum = skb_checksum(skb, quote->icmp, len, 0);
	if (quote->family == PP_IPV6)
		return !csum_ipv6_magic(&ipv6_hdr(skb)->saddr, &ipv6_hdr(skb)->daddr, len,
					IPPROTO_ICMPV6, sum);
	return !csum_fold(sum);
}

/**
 * pp_packet_quote_mtu - get the path's MTU that an ICMP error reports
 * @skb: packet
 * @quote: result of pp_packet_quote_find(); pp_packet_quote_make_writable() has succeeded
 *
 * Context: any; takes no lock.
 * Return: the MTU in bytes, or 0 if the error reports something else or is corrupt
 */
u32 pp_packet_quote_mtu(const struct sk_buff *skb, const struct pp_quote *quote)
{
	const void *icmp = skb->data + quote->icmp;
	const struct icmp6hdr *icmp6h = icmp;
	const struct icmphdr *icmph = icmp;
	u32 mtu = 0;

	if (quote->family == PP_IPV6) {
		if (icmp6h->icmp6_type == ICMPV6_PKT_TOOBIG)
			mtu = ntohl(icmp6h->icmp6_mtu);
	} else if (icmph->type == ICMP_DEST_UNREACH && icmph->code == ICMP_FRAG_NEEDED) {
		mtu = ntohs(icmph->un.frag.mtu);
	}
	return mtu && quote_checksum_ok(skb, quote) ? mtu : 0;
}

static __sum16 *icmp_checksum(struct sk_buff *skb, const struct pp_quote *quote)
{
	void *icmp = skb->data + quote->icmp;

	return quote->family == PP_IPV6 ? &((struct icmp6hdr *)icmp)->icmp6_cksum :
					  &((struct icmphdr *)icmp)->checksum;
}

/**
 * pp_packet_quote_make_writable - make an ICMP error and the headers that it quotes writable
 * @skb: packet
 * @quote: result of pp_packet_quote_find()
 *
 * Context: any; takes no lock.
 * Return: the quoted TCP header, or NULL if memory is short
 */
struct pp_quoted_tcp *pp_packet_quote_make_writable(struct sk_buff *skb,
						    const struct pp_quote *quote)
{
	if (skb_ensure_writable(skb, quote->tcp + sizeof(struct pp_quoted_tcp)))
		return NULL;
	return (struct pp_quoted_tcp *)(skb->data + quote->tcp);
}

/**
 * pp_packet_quote_set_seq - change the quoted sequence number
 * @skb: packet
 * @quote: result of pp_packet_quote_find()
 * @th: result of pp_packet_quote_make_writable()
 * @seq: new number
 *
 * Context: any; takes no lock.
 */
void pp_packet_quote_set_seq(struct sk_buff *skb, const struct pp_quote *quote,
			     struct pp_quoted_tcp *th, __be32 seq)
{
	inet_proto_csum_replace4(icmp_checksum(skb, quote), skb, th->seq, seq, false);
	th->seq = seq;
}

/**
 * pp_packet_quote_set_end - change address and port of one end of the quoted packet
 * @skb: packet
 * @quote: result of pp_packet_quote_find()
 * @th: result of pp_packet_quote_make_writable()
 * @source: true: the source; false: the destination
 * @addr: new address
 * @port: new port
 *
 * Context: any; takes no lock.
 */
void pp_packet_quote_set_end(struct sk_buff *skb, const struct pp_quote *quote,
			     struct pp_quoted_tcp *th, bool source, const union pp_address *addr,
			     __be16 port)
{
	__sum16 *check = icmp_checksum(skb, quote);
	__be16 *old_port = source ? &th->source : &th->dest;
	struct ipv6hdr *ip6h;
	struct in6_addr *in6;
	struct iphdr *iph;
	__be32 *ip;

	if (quote->family == PP_IPV6) {
		ip6h = (struct ipv6hdr *)(skb->data + quote->ip);
		in6 = source ? &ip6h->saddr : &ip6h->daddr;
		inet_proto_csum_replace16(check, skb, in6->s6_addr32, addr->in6.s6_addr32,
					  false);
		*in6 = addr->in6;
	} else {
		/* The ICMP checksum stays right: the quoted IP checksum changes by the opposite */
		iph = (struct iphdr *)(skb->data + quote->ip);
		ip = source ? &iph->saddr : &iph->daddr;
		csum_replace4(&iph->check, *ip, addr->ip);
		*ip = addr->ip;
	}
	inet_proto_csum_replace2(check, skb, *old_port, port, false);
	*old_port = port;
}

/**
 * pp_packet_quote_set_receiver - change the destination of an ICMP error
 * @skb: packet
 * @quote: result of pp_packet_quote_find(); pp_packet_quote_make_writable() has succeeded
 * @addr: new destination
 *
 * Context: any; takes no lock.
 */
void pp_packet_quote_set_receiver(struct sk_buff *skb, const struct pp_quote *quote,
				  const union pp_address *addr)
{
	if (quote->family == PP_IPV6) {
		inet_proto_csum_replace16(icmp_checksum(skb, quote), skb,
					  ipv6_hdr(skb)->daddr.s6_addr32,
					  addr->in6.s6_addr32, true);
		ipv6_hdr(skb)->daddr = addr->in6;
		return;
	}
	csum_replace4(&ip_hdr(skb)->check, ip_hdr(skb)->daddr, addr->ip);
	ip_hdr(skb)->daddr = addr->ip;
}
