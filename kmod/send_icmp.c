// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: ICMP errors that quote a packet of a handshake in progress.
 *
 * Owns the sequence number in the quoted TCP header. As it left this host it
 * may lie in the borrowed space, which the client does not know: it would
 * ignore the error, and wait for a timeout where it should hear at once that
 * there is no route, or never learn the path's MTU.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <net/checksum.h>
#include <net/icmp.h>
#include <net/ipv6.h>
#include "send.h"

/* Source port, destination port, sequence number: all that is sure to be quoted */
struct quoted_tcp {
	__be16 source;
	__be16 dest;
	__be32 seq;
};

/**
 * struct quote - where things are in an ICMP error
 * @icmp: offset of the ICMP header
 * @tcp: offset of the quoted TCP header
 * @th: copy of its beginning
 */
struct quote {
	unsigned int icmp;
	unsigned int tcp;
	struct quoted_tcp th;
};

static bool find_quote_ipv4(const struct sk_buff *skb, struct quote *quote,
			    struct pp_flow_key *key)
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
	if (!inner || inner->protocol != IPPROTO_TCP || inner->frag_off & htons(IP_OFFSET))
		return false;
	quote->tcp = quote->icmp + sizeof(*icmph) + inner->ihl * 4;
	key->src.ip = inner->saddr;
	key->dst.ip = inner->daddr;
	return true;
}

static bool find_quote_ipv6(const struct sk_buff *skb, struct quote *quote,
			    struct pp_flow_key *key)
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
	nexthdr = inner->nexthdr;
	key->src.in6 = inner->saddr;
	key->dst.in6 = inner->daddr;
	off = ipv6_skip_exthdr(skb, off + sizeof(*inner), &nexthdr, &frag_off);
	if (off < 0 || nexthdr != IPPROTO_TCP || ntohs(frag_off) & ~7)
		return false;
	quote->tcp = off;
	return true;
}

static struct pp_flow *find_quoted(struct pp_net *pn, const struct sk_buff *skb,
				   enum pp_family family, struct quote *quote)
{
	struct pp_flow_key key = { .family = family };
	const struct quoted_tcp *th;

	if (family == PP_IPV6 ? !find_quote_ipv6(skb, quote, &key) :
				!find_quote_ipv4(skb, quote, &key))
		return NULL;
	th = skb_header_pointer(skb, quote->tcp, sizeof(quote->th), &quote->th);
	if (!th)
		return NULL;
	if (th != &quote->th)
		quote->th = *th;
	key.sport = quote->th.source;
	key.dport = quote->th.dest;
	return pp_flow_find(pn, &key);
}

static void mend(struct sk_buff *skb, enum pp_family family, const struct quote *quote,
		 __be32 seq)
{
	struct quoted_tcp *th;
	__sum16 *check;

	if (skb_ensure_writable(skb, quote->tcp + sizeof(*th)))
		return;
	th = (struct quoted_tcp *)(skb->data + quote->tcp);
	if (family == PP_IPV6)
		check = &((struct icmp6hdr *)(skb->data + quote->icmp))->icmp6_cksum;
	else
		check = &((struct icmphdr *)(skb->data + quote->icmp))->checksum;
	inet_proto_csum_replace4(check, skb, th->seq, seq, false);
	th->seq = seq;
}

/**
 * pp_send_icmp_error - an ICMP error may be on its way to a client
 * @pn: namespace
 * @skb: packet that is not TCP
 * @family: enum pp_family
 */
void pp_send_icmp_error(struct pp_net *pn, struct sk_buff *skb, enum pp_family family)
{
	struct quote quote;
	struct pp_flow *flow = find_quoted(pn, skb, family, &quote);
	u32 syn, off;

	if (!flow)
		return;
	syn = flow->isn - flow->header_len;
	off = ntohl(quote.th.seq) - syn;
	if (off > flow->header_len)
		return;
	mend(skb, family, &quote, htonl(off ? flow->isn + 1 : flow->isn));
	pp_stats_inc(pn, ICMP);
}
