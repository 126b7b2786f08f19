// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: routes.
 *
 * Owns which way packets of either end go that name the other one, and what fits it: what
 * comes is routed as the load balancer's, what leaves goes to it.
 */
#include <linux/icmpv6.h>
#include <net/dst.h>
#include <net/gso.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/route.h>
#include <net/xfrm.h>
#include "accept.h"

/**
 * pp_accept_route_in - route a packet that comes in, as the load balancer's
 * @skb: IPv4 packet
 * @entry: its connection
 * @in: device that it comes by
 *
 * Return: whether there is a route, which the packet then has
 */
bool pp_accept_route_in(struct sk_buff *skb, const struct pp_accept *entry,
			const struct net_device *in)
{
	const struct iphdr *iph = ip_hdr(skb);

	return !pp_ip_route_input(skb, iph->daddr, entry->wire.src.ip, iph,
				  (struct net_device *)in);
}

static struct dst_entry *find_route_ipv4(struct net *net, const struct pp_flow_key *key,
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

static struct dst_entry *find_route_ipv6(struct net *net, const struct pp_flow_key *key,
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
 * pp_accept_find_route - route of a packet that this host sends
 * @entry: its connection; in whose VRF it is sent
 * @key: its addresses and ports; neither has to be of this host
 * @mark: of the packet
 *
 * Context: under RCU.
 * Return: the route with a reference, or NULL
 */
struct dst_entry *pp_accept_find_route(const struct pp_accept *entry,
				       const struct pp_flow_key *key, u32 mark)
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
 * pp_accept_route - route to the load balancer
 * @entry: connection, under RCU
 *
 * Return: the route with a reference, or NULL
 */
struct dst_entry *pp_accept_route(struct pp_accept *entry)
{
	struct dst_entry *dst = READ_ONCE(entry->dst), *old;
	struct pp_flow_key key;
	u32 mark;

	if (dst && dst_check(dst, READ_ONCE(entry->dst_cookie)) && dst_hold_safe(dst))
		return dst;
	key = pp_flow_key_reversed(&entry->wire);
	mark = READ_ONCE(entry->mark);
	dst = pp_accept_find_route(entry, &key, mark);
	if (!dst)
		return NULL;
	WRITE_ONCE(entry->dst_cookie, route_cookie(entry, dst));
	dst_hold(dst);
	old = xchg(&entry->dst, dst);
	dst_release(old);
	/* Either sees what the other did: pp_accept_note_mark() writes in the other order */
	if (READ_ONCE(entry->mark) != mark)
		dst_release(xchg(&entry->dst, NULL));
	return dst;
}

/**
 * pp_accept_mtu - what the way to the load balancer takes
 * @entry: connection, under RCU
 *
 * Return: bytes of a packet, or 0 without a route
 */
unsigned int pp_accept_mtu(struct pp_accept *entry)
{
	struct dst_entry *dst = pp_accept_route(entry);
	unsigned int mtu = dst ? dst_mtu(dst) : 0;

	dst_release(dst);
	return mtu;
}

/* Whether TCP does: by ip_no_pmtu_disc, always or if the error fits a connection */
static bool believes_routers(const struct net *net)
{
	int mode = READ_ONCE(net->ipv4.sysctl_ip_no_pmtu_disc);

	return mode == 0 || mode == 3;
}

/**
 * pp_accept_learn_mtu - a router says what the way to the load balancer takes
 * @entry: connection, under RCU
 * @skb: ICMP error
 * @off: offset of the quoted packet, which names the load balancer
 * @mtu: bytes of a packet
 *
 * ipv4_update_pmtu() knows of no mark, and the route without it is another one.
 */
void pp_accept_learn_mtu(const struct pp_accept *entry, struct sk_buff *skb, unsigned int off,
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

/**
 * pp_accept_note_mark - the host sends something by this mark
 * @entry: connection, under RCU
 * @mark: of the packet
 *
 * Rules for routes may ask for it, and OUTPUT or a gateway's PRE_ROUTING may have set it: what
 * is answered in the host's name goes the same way.
 */
void pp_accept_note_mark(struct pp_accept *entry, u32 mark)
{
	if (likely(READ_ONCE(entry->mark) == mark))
		return;
	WRITE_ONCE(entry->mark, mark);
	dst_release(xchg(&entry->dst, NULL));
}

/* What has no DF is cut into pieces */
static bool fits(const struct sk_buff *skb, enum pp_family family, unsigned int mtu)
{
	if (family == PP_IPV4 && !(ip_hdr(skb)->frag_off & htons(IP_DF)))
		return true;
	return skb_is_gso(skb) ? skb_gso_validate_network_len(skb, mtu) : skb->len <= mtu;
}

/**
 * pp_accept_fits - see whether the way to the load balancer can take a packet
 * @skb: packet in POST_ROUTING, as the application's host sent it to the client
 * @family: enum pp_family
 * @dst: route to the load balancer
 *
 * The sender has its size from the route to the client, and knows nothing of a smaller
 * MTU, or of IPsec, on the way to the load balancer. The error quotes what it has sent:
 * translated, no socket behind NAT or another host would know it.
 *
 * Return: whether it can; if not, the sender is told
 */
bool pp_accept_fits(struct sk_buff *skb, enum pp_family family, const struct dst_entry *dst)
{
	unsigned int mtu = dst_mtu(dst);

	if (likely(fits(skb, family, mtu)))
		return true;
	if (family == PP_IPV6)
		icmpv6_send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
	else
		icmp_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, htonl(mtu));
	return false;
}
