// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: IPsec between the load balancer and this host.
 *
 * Owns what its policies, which name L, mean for packets that name C.
 */
#include <linux/inetdevice.h>
#include <net/addrconf.h>
#include <net/xfrm.h>
#include "accept.h"

/* As the host's stack decides it for what comes by a device (disable_policy) */
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
	/* IPv6 has it for addresses of the host alone */
	if (!entry->is_here)
		return false;
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
	bool ok = has_no_policy(entry, in) ||
		  (pkt->family == PP_IPV6 ? xfrm6_policy_check(NULL, dir, pkt->skb) :
					    xfrm4_policy_check(NULL, dir, pkt->skb));

	if (ok)
		secpath_reset(pkt->skb);
	return ok;
}
