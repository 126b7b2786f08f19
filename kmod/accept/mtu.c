// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: the MTU of the way to a load balancer, as routers report it.
 *
 * Owns which route learns from an ICMP error "packet too long". The application's stack learns an
 * MTU for the client of the connection (icmp.c). All clients of a load balancer share the way to
 * it, and routers limit their errors. So the route to L should learn the MTU as well. But L's
 * address may be a NAT's, behind which the ways of clients differ. Therefore the route to L learns
 * an MTU only when two clients have heard the same one.
 */
#include <linux/jhash.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/route.h>
#include "accept/internal.h"
#include "packet/quote.h"

/* As long as a route remembers an MTU (net.ipv4.route.mtu_expires) */
#define REPORT_VALID	(600 * HZ)

/* Whether TCP accepts such errors: ip_no_pmtu_disc is 0, or 3 if the error fits a connection */
static bool believes_routers(const struct net *net)
{
	int mode = READ_ONCE(net->ipv4.sysctl_ip_no_pmtu_disc);

	return mode == 0 || mode == 3;
}

/* Update the route to L. ipv4_update_pmtu() takes no mark, so it would update another route. */
static void teach_route(const struct pp_accept *entry, struct sk_buff *skb, unsigned int off,
			u32 mtu)
{
	struct net *net = entry->net->net;
	int vrf = pp_accept_vrf(entry);

	__skb_pull(skb, off);
	if (entry->wire.family == PP_IPV6)
		ip6_update_pmtu(skb, net, htonl(mtu), vrf, READ_ONCE(entry->mark),
				sock_net_uid(net, NULL));
	else if (!READ_ONCE(entry->mark) && believes_routers(net))
		ipv4_update_pmtu(skb, net, mtu, vrf, IPPROTO_TCP);
	__skb_push(skb, off);
}

/* An error from L itself is about the way behind L */
static bool is_of_balancer(const struct pp_accept *entry, const struct sk_buff *skb)
{
	if (entry->wire.family == PP_IPV6)
		return ipv6_addr_equal(&ipv6_hdr(skb)->saddr, &entry->wire.src.in6);
	return ip_hdr(skb)->saddr == entry->wire.src.ip;
}

static bool addresses_equal(const union pp_address *a, const union pp_address *b)
{
	return ipv6_addr_equal(&a->in6, &b->in6);
}

/*
 * Whether another client has heard the same MTU for this load balancer. If no client has, remember
 * it.
 */
static bool is_confirmed(const struct pp_accept *entry, u32 mtu)
{
	struct pp_mtu_reports *reports = &entry->net->accepts.reports;
	const union pp_address *balancer = &entry->wire.src;
	struct pp_mtu_report *report;
	bool same, confirmed;

	report = &reports->of[jhash(balancer, sizeof(*balancer), 0) % ARRAY_SIZE(reports->of)];
	spin_lock_bh(&reports->lock);
	same = report->mtu == mtu && time_before(jiffies, report->at + REPORT_VALID) &&
	       addresses_equal(&report->balancer, balancer);
	confirmed = same && !addresses_equal(&report->client, &entry->inner.src);
	if (!same)
		*report = (struct pp_mtu_report){
			.balancer = *balancer,
			.client = entry->inner.src,
			.mtu = mtu,
			.at = jiffies,
		};
	spin_unlock_bh(&reports->lock);
	return confirmed;
}

/**
 * pp_accept_hear_router - let the route to the load balancer learn an MTU
 * @entry: established connection, under RCU
 * @skb: ICMP error that quotes the packet as it went to the load balancer
 * @quote: from pp_packet_quote_find(); pp_packet_quote_make_writable() has succeeded
 *
 * As in TCP, the error counts only if it quotes a packet in flight.
 */
void pp_accept_hear_router(const struct pp_accept *entry, struct sk_buff *skb,
			   const struct pp_quote *quote)
{
	u32 mtu = pp_packet_quote_mtu(skb, quote);

	if (mtu && entry->is_renamed && entry->has_local_socket &&
	    !is_of_balancer(entry, skb) &&
	    pp_accept_has_in_flight(entry, ntohl(quote->th.seq) + entry->delta) &&
	    is_confirmed(entry, mtu))
		teach_route(entry, skb, quote->ip, mtu);
}
