// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: routes, and which packets fit them.
 *
 * Owns the routes of packets whose addresses are or were translated. Packets of L are routed as
 * L's, though they name C. Packets of V go to L. If a packet of V is too long for the way to L, V
 * gets an ICMP error.
 */
#include <linux/icmpv6.h>
#include <net/dst.h>
#include <net/gso.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/route.h>
#include <net/xfrm.h>
#include "accept/internal.h"

/**
 * pp_accept_route_in - route a packet that comes in, as the load balancer's
 * @skb: IPv4 packet
 * @balancer: address of the load balancer
 * @in: device that it comes by
 *
 * Context: under RCU.
 * Return: whether there is a route, which the packet then has
 */
bool pp_accept_route_in(struct sk_buff *skb, __be32 balancer, const struct net_device *in)
{
	const struct iphdr *iph = ip_hdr(skb);

	return !pp_ip_route_input(skb, iph->daddr, balancer, iph,
				  (struct net_device *)in);
}

static struct dst_entry *find_route_ipv4(struct net *net, const struct pp_conn_key *key,
					 int vrf, u32 mark)
{
	struct flowi4 fl4 = {
		.flowi4_oif = vrf,
		.flowi4_mark = mark,
		.daddr = key->dst.ip,
		.saddr = key->src.ip,
		.flowi4_proto = IPPROTO_TCP,
		.flowi4_flags = FLOWI_FLAG_ANYSRC,
		.fl4_sport = key->sport,
		.fl4_dport = key->dport,
	};
	struct rtable *rt = ip_route_output_flow(net, &fl4, NULL);

	return IS_ERR(rt) ? NULL : &rt->dst;
}

static struct dst_entry *find_route_ipv6(struct net *net, const struct pp_conn_key *key,
					 int vrf, u32 mark)
{
	struct flowi6 fl6 = {
		.flowi6_oif = vrf,
		.flowi6_mark = mark,
		.daddr = key->dst.in6,
		.saddr = key->src.in6,
		.flowi6_proto = IPPROTO_TCP,
		.flowi6_flags = FLOWI_FLAG_ANYSRC,
		.fl6_sport = key->sport,
		.fl6_dport = key->dport,
	};
	struct dst_entry *dst = ip6_route_output(net, NULL, &fl6);

	if (dst->error) {
		dst_release(dst);
		return NULL;
	}
	dst = xfrm_lookup(net, dst, flowi6_to_flowi(&fl6), NULL, 0);
	return IS_ERR(dst) ? NULL : dst;
}

/**
 * pp_accept_find_route - find the route of a packet that this host sends
 * @entry: its connection; its VRF is used
 * @key: its addresses and ports; neither address has to be of this host
 * @mark: of the packet
 *
 * Context: under RCU.
 * Return: the route with a reference, or NULL
 */
struct dst_entry *pp_accept_find_route(const struct pp_accept *entry,
				       const struct pp_conn_key *key, u32 mark)
{
	struct net *net = entry->net->net;
	int vrf = pp_accept_vrf(entry);

	return key->family == PP_IPV6 ? find_route_ipv6(net, key, vrf, mark) :
					find_route_ipv4(net, key, vrf, mark);
}

static u32 route_cookie(const struct pp_accept *entry, const struct dst_entry *dst)
{
	return entry->wire.family == PP_IPV6 ?
		rt6_get_cookie(container_of(dst, const struct rt6_info, dst)) : 0;
}

/**
 * pp_accept_peek_route - find the route to the load balancer, without a reference
 * @entry: connection, under RCU
 *
 * Return: the route, which is valid as long as RCU is held, or NULL
 */
struct dst_entry *pp_accept_peek_route(struct pp_accept *entry)
{
	struct dst_entry *dst = READ_ONCE(entry->dst);
	struct pp_conn_key key;
	u32 mark;

	if (dst && dst_check(dst, READ_ONCE(entry->dst_cookie)))
		return dst;
	key = pp_key_reverse(&entry->wire);
	mark = READ_ONCE(entry->mark);
	dst = pp_accept_find_route(entry, &key, mark);
	if (!dst)
		return NULL;
	WRITE_ONCE(entry->dst_cookie, route_cookie(entry, dst));
	dst_release(xchg(&entry->dst, dst));
	/*
	 * pp_accept_note_mark() writes the mark, then clears the route. We set the route, then read
	 * the mark. So one of the two clears a route for an old mark.
	 */
	if (READ_ONCE(entry->mark) != mark)
		dst_release(xchg(&entry->dst, NULL));
	return dst;
}

/**
 * pp_accept_get_route - find the route to the load balancer, with a reference
 * @entry: connection, under RCU
 *
 * Return: the route with a reference, or NULL
 */
struct dst_entry *pp_accept_get_route(struct pp_accept *entry)
{
	struct dst_entry *dst = pp_accept_peek_route(entry);

	/* Another CPU may just have replaced it */
	if (dst && !dst_hold_safe(dst)) {
		dst = pp_accept_peek_route(entry);
		if (dst && !dst_hold_safe(dst))
			return NULL;
	}
	return dst;
}

/**
 * pp_accept_find_mtu - find the MTU of the way to the load balancer
 * @entry: connection, under RCU
 *
 * Return: bytes of a packet, or 0 without a route
 */
unsigned int pp_accept_find_mtu(struct pp_accept *entry)
{
	const struct dst_entry *dst = pp_accept_peek_route(entry);

	return dst ? dst_mtu(dst) : 0;
}

/**
 * pp_accept_note_mark - remember the mark of V's last packet
 * @entry: connection, under RCU
 * @mark: of the packet
 *
 * The route to L may depend on it. The socket, OUTPUT or a gateway's PRE_ROUTING may have set it.
 * Packets that are made in V's name take the same route.
 */
void pp_accept_note_mark(struct pp_accept *entry, u32 mark)
{
	if (likely(READ_ONCE(entry->mark) == mark))
		return;
	WRITE_ONCE(entry->mark, mark);
	dst_release(xchg(&entry->dst, NULL));
}

/* A packet without DF is fragmented, so it fits */
static bool packet_fits_mtu(const struct sk_buff *skb, enum pp_family family, unsigned int mtu)
{
	if (family == PP_IPV4 && !(ip_hdr(skb)->frag_off & htons(IP_DF)))
		return true;
	return skb_is_gso(skb) ? skb_gso_validate_network_len(skb, mtu) : skb->len <= mtu;
}

/**
 * pp_accept_fits_route - check whether a packet of V fits the way to the load balancer
 * @skb: packet in POST_ROUTING, as V's host sent it to the client
 * @family: enum pp_family
 * @dst: route to the load balancer
 *
 * V chooses its packet size by the route to C. It does not know of a smaller MTU, or of IPsec, on
 * the way to L. The ICMP error quotes the packet as V sent it: a socket elsewhere or behind NAT
 * would not recognise a translated one.
 *
 * Context: under RCU.
 * Return: whether it fits; if not, V is told
 */
bool pp_accept_fits_route(struct sk_buff *skb, enum pp_family family, const struct dst_entry *dst)
{
	unsigned int mtu = dst_mtu(dst);

	if (likely(packet_fits_mtu(skb, family, mtu)))
		return true;
	if (family == PP_IPV6)
		icmpv6_send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
	else
		icmp_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, htonl(mtu));
	return false;
}
