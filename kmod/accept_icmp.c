// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: ICMP errors that quote a packet of an accepted connection.
 *
 * Owns whom they name. What comes in quotes V > L, and the application's stack
 * knows V > C: without a change it never learns the path's MTU. What goes out
 * quotes C > V, and is for the load balancer, not for the client. And what IPsec
 * cannot carry to L is told here.
 */
#include <linux/icmpv6.h>
#include <net/dst.h>
#include <net/gso.h>
#include <net/icmp.h>
#include "accept.h"
#include "quote.h"

/**
 * pp_accept_icmp_in - an ICMP error may be for an application
 * @pn: namespace
 * @skb: packet in PRE_ROUTING that is not TCP
 * @family: enum pp_family
 */
void pp_accept_icmp_in(struct pp_net *pn, struct sk_buff *skb, enum pp_family family)
{
	struct pp_flow_key quoted, key;
	struct pp_quoted_tcp *th;
	struct pp_accept *entry;
	struct pp_quote quote;

	if (!pp_quote_find(skb, family, &quote, &quoted))
		return;
	key = pp_flow_key_reversed(&quoted);
	entry = pp_accept_find_wire(pn, &key);
	/* Pairs with the release of pp_accept_established() */
	if (!entry || smp_load_acquire(&entry->state) != PP_ACCEPT_ESTABLISHED)
		return;
	th = pp_quote_write(skb, &quote);
	if (!th)
		return;
	pp_quote_set_seq(skb, &quote, th, htonl(ntohl(th->seq) + entry->delta));
	pp_quote_set_end(skb, &quote, th, false, &entry->inner.src, entry->inner.sport);
	pp_stats_inc(pn, ICMP);
}

static unsigned int send_to_balancer(struct pp_accept *entry, struct sk_buff *skb,
				     const struct pp_quote *quote)
{
	struct pp_quoted_tcp *th = pp_quote_write(skb, quote);
	struct dst_entry *dst = th ? pp_accept_route(entry) : NULL;

	if (!dst)
		return NF_DROP;
	pp_quote_set_end(skb, quote, th, true, &entry->wire.src, entry->wire.sport);
	pp_quote_set_receiver(skb, quote, &entry->wire.src);
	skb_dst_drop(skb);
	skb_dst_set(skb, dst);
	skb->dev = dst->dev;
	pp_stats_inc(entry->net, ICMP);
	return NF_ACCEPT;
}

/**
 * pp_accept_icmp_out - an ICMP error may be for a client
 * @pn: namespace
 * @skb: packet in POST_ROUTING that is not TCP
 * @family: enum pp_family
 *
 * Return: verdict
 */
unsigned int pp_accept_icmp_out(struct pp_net *pn, struct sk_buff *skb, enum pp_family family)
{
	struct pp_accept *entry;
	struct pp_flow_key key;
	struct pp_quote quote;

	if (!pp_quote_find(skb, family, &quote, &key))
		return NF_ACCEPT;
	entry = pp_accept_find_inner(pn, &key);
	if (!entry)
		return NF_ACCEPT;
	/* Pairs with the release of pp_accept_established() */
	switch (smp_load_acquire(&entry->state)) {
	case PP_ACCEPT_REPLAY:
		/* a firewall does not take the client */
		pp_accept_refuse(entry, PP_STATS_ATTR_REJECTED, NULL);
		consume_skb(skb);
		return NF_STOLEN;
	case PP_ACCEPT_ESTABLISHED:
		return entry->is_renamed ? send_to_balancer(entry, skb, &quote) : NF_ACCEPT;
	default:
		return NF_ACCEPT;
	}
}

static bool fits(const struct sk_buff *skb, enum pp_family family, unsigned int mtu)
{
	if (family == PP_IPV4 && !(ip_hdr(skb)->frag_off & htons(IP_DF)))
		return true;
	return skb_is_gso(skb) ? skb_gso_validate_network_len(skb, mtu) : skb->len <= mtu;
}

/**
 * pp_accept_fits_ipsec - see whether IPsec can carry a packet to the load balancer
 * @skb: packet of the host, translated and routed
 * @family: enum pp_family
 *
 * The application's socket has a route to the client, and has never heard of IPsec: what it
 * sends may be too long by as much as that adds. IPsec sees it too late to tell a
 * socket. As anywhere else on the way, an ICMP error quotes the packet, and
 * pp_accept_icmp_in() makes it the socket's.
 *
 * Return: whether it can; if not, the host is told
 */
bool pp_accept_fits_ipsec(struct sk_buff *skb, enum pp_family family)
{
	const struct dst_entry *dst = skb_dst(skb);
	unsigned int mtu;

	if (likely(!dst_xfrm(dst)))
		return true;
	mtu = dst_mtu(dst);
	if (fits(skb, family, mtu))
		return true;
	if (family == PP_IPV6)
		icmpv6_send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
	else
		icmp_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, htonl(mtu));
	return false;
}
