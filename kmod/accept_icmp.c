// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: ICMP errors that quote a packet of an accepted connection.
 *
 * Owns whom they name. What comes in quotes V > L, and the application's stack
 * knows V > C: without a change it never learns the path's MTU. What goes out
 * quotes C > V, and is for the load balancer, not for the client.
 */
#include <net/dst.h>
#include "accept.h"
#include "quote.h"

/*
 * The stack learns a path's MTU for the client that a connection is of. All of them are
 * behind the same way, and routers do not tell each: they limit their errors. The
 * stack believes who quotes a packet that is on its way.
 */
static void learn_mtu(const struct pp_accept *entry, struct sk_buff *skb,
		      const struct pp_quote *quote)
{
	u32 mtu = pp_quote_mtu(skb, quote);

	if (mtu && entry->is_renamed && entry->is_local &&
	    pp_accept_has_in_flight(entry, ntohl(quote->th.seq) + entry->delta))
		pp_accept_learn_mtu(entry, skb, quote->ip, mtu);
}

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
	learn_mtu(entry, skb, &quote);
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
