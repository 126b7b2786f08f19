// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: IPsec between the load balancer and this host.
 *
 * Owns what its policies and states, which name L, mean for packets that name C.
 */
#include <linux/icmpv6.h>
#include <linux/inetdevice.h>
#include <net/addrconf.h>
#include <net/dst.h>
#include <net/gso.h>
#include <net/icmp.h>
#include <net/xfrm.h>
#include "accept.h"

/* As the host's stack decides it for what comes by a device (disable_policy) */
static bool has_no_policy(const struct net_device *in, enum pp_family family)
{
	struct inet6_dev *in6_dev;
	struct in_device *in_dev;

	if (in->flags & IFF_LOOPBACK)
		return true;
	if (family == PP_IPV4) {
		in_dev = __in_dev_get_rcu(in);
		return in_dev && IN_DEV_ORCONF(in_dev, NOPOLICY);
	}
	in6_dev = __in6_dev_get(in);
	return READ_ONCE(dev_net(in)->ipv6.devconf_all->disable_policy) ||
	       (in6_dev && READ_ONCE(in6_dev->cnf.disable_policy));
}

/**
 * pp_accept_ipsec_in - see whether policies allow a packet of the load balancer
 * @entry: established connection
 * @pkt: packet in PRE_ROUTING, which still names the load balancer
 * @in: device that it comes by
 *
 * What comes without IPsec where a policy asks for it is nobody's data, though the
 * client, whom it will name, has no such policy. For the stack the client's packets have
 * never been within IPsec, as those that we make: it would drop what comes out of
 * a tunnel that no policy has for the client.
 *
 * Return: whether it may go on
 */
bool pp_accept_ipsec_in(const struct pp_accept *entry, const struct pp_packet *pkt,
			const struct net_device *in)
{
	int dir = entry->is_here ? XFRM_POLICY_IN : XFRM_POLICY_FWD;
	bool ok = has_no_policy(in, pkt->family) ||
		  (pkt->family == PP_IPV6 ? xfrm6_policy_check(NULL, dir, pkt->skb) :
					    xfrm4_policy_check(NULL, dir, pkt->skb));

	if (ok)
		secpath_reset(pkt->skb);
	return ok;
}

static bool fits(const struct sk_buff *skb, enum pp_family family, unsigned int mtu)
{
	if (family == PP_IPV4 && !(ip_hdr(skb)->frag_off & htons(IP_DF)))
		return true;
	return skb_is_gso(skb) ? skb_gso_validate_network_len(skb, mtu) : skb->len <= mtu;
}

/**
 * pp_accept_ipsec_out - see whether IPsec can carry a packet to the load balancer
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
bool pp_accept_ipsec_out(struct sk_buff *skb, enum pp_family family)
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
