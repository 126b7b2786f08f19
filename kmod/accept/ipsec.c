// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: IPsec between the load balancer and this host.
 *
 * Owns the check of incoming packets against IPsec policies. These name L, but the host's stack
 * sees the packets as C's. So they are checked before the translation.
 */
#include <linux/inetdevice.h>
#include <net/addrconf.h>
#include <net/xfrm.h>
#include "accept/internal.h"

/* Whether the device is exempt from policies, as in the host's stack (disable_policy) */
static bool has_no_policy(const struct pp_accept *entry, const struct net_device *in)
{
	struct inet6_dev *in6_dev;
	struct in_device *in_dev;

	if (in->flags & IFF_LOOPBACK)
		return true;
	if (entry->wire.family == PP_IPV4) {
		in_dev = __in_dev_get_rcu(in);
		return in_dev && IN_DEV_ORCONF(in_dev, NOPOLICY);
	}
	/* IPv6 exempts only packets for an address of the host */
	if (!entry->is_here)
		return false;
	in6_dev = __in6_dev_get(in);
	return READ_ONCE(dev_net(in)->ipv6.devconf_all->disable_policy) ||
	       (in6_dev && READ_ONCE(in6_dev->cnf.disable_policy));
}

/**
 * pp_accept_ipsec_in - check a packet of the load balancer against IPsec policies
 * @entry: established connection
 * @pkt: packet in PRE_ROUTING, which still names the load balancer
 * @in: device that it comes by
 *
 * A packet without IPsec must be dropped if a policy for L asks for IPsec: after the translation it
 * names C, for which there is no such policy. The packet's IPsec state is removed: the stack would
 * drop a packet from a tunnel that no policy has for C.
 *
 * Context: under RCU.
 * Return: whether the packet may go on
 */
bool pp_accept_ipsec_in(const struct pp_accept *entry, const struct pp_packet *pkt,
			const struct net_device *in)
{
	int dir = entry->is_here ? XFRM_POLICY_IN : XFRM_POLICY_FWD;
	bool ok = has_no_policy(entry, in) ||
		  (pkt->family == PP_IPV6 ? xfrm6_policy_check(NULL, dir, pkt->skb) :
					    xfrm4_policy_check(NULL, dir, pkt->skb));

	if (ok)
		secpath_reset(pkt->skb);
	return ok;
}
