// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: ICMP errors that quote a packet of an accepted connection.
 *
 * Owns the translation of quoted packets. An error that comes in quotes V > L, but the
 * application's stack knows V > C: without translation it would never learn the path's MTU. An
 * error that goes out quotes C > V, and must go to L instead of C.
 */
#include <net/dst.h>
#include "accept/internal.h"
#include "packet/quote.h"

/**
 * pp_accept_handle_icmp_in - translate an ICMP error for the application
 * @pn: namespace
 * @skb: packet in PRE_ROUTING that is not TCP
 * @family: enum pp_family
 *
 * Context: under RCU.
 */
void pp_accept_handle_icmp_in(struct pp_net *pn, struct sk_buff *skb, enum pp_family family)
{
	struct pp_conn_key quoted, key;
	struct pp_quoted_tcp *th;
	struct pp_accept *entry;
	struct pp_quote quote;

	if (!pp_packet_quote_find(skb, family, &quote, &quoted))
		return;
	key = pp_key_reverse(&quoted);
	entry = pp_accept_find_wire(pn, &key);
	/* Pairs with the release of pp_accept_set_established() */
	if (!entry || smp_load_acquire(&entry->state) != PP_ACCEPT_ESTABLISHED)
		return;
	th = pp_packet_quote_make_writable(skb, &quote);
	if (!th)
		return;
	pp_accept_hear_router(entry, skb, &quote);
	pp_packet_quote_set_seq(skb, &quote, th, htonl(ntohl(th->seq) + entry->delta));
	pp_packet_quote_set_end(skb, &quote, th, false, &entry->inner.src, entry->inner.sport);
	pp_stats_inc(pn, ICMP);
}

static unsigned int send_to_balancer(struct pp_accept *entry, struct sk_buff *skb,
				     const struct pp_quote *quote)
{
	struct pp_quoted_tcp *th = pp_packet_quote_make_writable(skb, quote);
	struct dst_entry *dst = th ? pp_accept_get_route(entry) : NULL;

	if (!dst)
		return NF_DROP;
	pp_packet_quote_set_end(skb, quote, th, true, &entry->wire.src, entry->wire.sport);
	pp_packet_quote_set_receiver(skb, quote, &entry->wire.src);
	skb_dst_drop(skb);
	skb_dst_set(skb, dst);
	skb->dev = dst->dev;
	pp_stats_inc(entry->net, ICMP);
	return NF_ACCEPT;
}

/**
 * pp_accept_handle_icmp_out - translate an ICMP error for a client, and send it to L
 * @pn: namespace
 * @skb: packet in POST_ROUTING that is not TCP
 * @family: enum pp_family
 *
 * Context: under RCU.
 * Return: verdict
 */
unsigned int pp_accept_handle_icmp_out(struct pp_net *pn, struct sk_buff *skb,
				       enum pp_family family)
{
	struct pp_accept *entry;
	struct pp_conn_key key;
	struct pp_quote quote;

	if (!pp_packet_quote_find(skb, family, &quote, &key))
		return NF_ACCEPT;
	entry = pp_accept_find_inner(pn, &key);
	if (!entry)
		return NF_ACCEPT;
	/* Pairs with the release of pp_accept_set_established() */
	switch (smp_load_acquire(&entry->state)) {
	case PP_ACCEPT_REPLAY:
		/* A firewall rejects C's SYN */
		pp_accept_refuse(entry, PP_STATS_ATTR_REJECTED, NULL);
		consume_skb(skb);
		return NF_STOLEN;
	case PP_ACCEPT_ESTABLISHED:
		return entry->is_renamed ? send_to_balancer(entry, skb, &quote) : NF_ACCEPT;
	default:
		return NF_ACCEPT;
	}
}
