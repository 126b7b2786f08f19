/* SPDX-License-Identifier: GPL-2.0 */
/* Up to 6.12, ip_route_input_noref() takes the TOS as a number, not as a DSCP */
#ifndef _PP_COMPAT_NET_ROUTE_H
#define _PP_COMPAT_NET_ROUTE_H

#include_next <net/route.h>
#include <linux/ip.h>

static inline int pp_ip_route_input(struct sk_buff *skb, __be32 daddr, __be32 saddr,
				    const struct iphdr *iph, struct net_device *dev)
{
#ifdef PP_HAVE_ROUTE_INPUT_DSCP
	return ip_route_input_noref(skb, daddr, saddr, inet_dsfield_to_dscp(iph->tos), dev);
#else
	return ip_route_input_noref(skb, daddr, saddr, iph->tos, dev);
#endif
}

#endif /* _PP_COMPAT_NET_ROUTE_H */
