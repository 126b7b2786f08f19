/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PP_COMPAT_NET_INET6_HASHTABLES_H
#define _PP_COMPAT_NET_INET6_HASHTABLES_H

#include <net/inet_hashtables.h>
#include_next <net/inet6_hashtables.h>

static inline struct sock *pp_inet6_lookup_established(struct net *net,
						       const struct in6_addr *saddr,
						       __be16 sport,
						       const struct in6_addr *daddr, u16 dport,
						       int dif, int sdif)
{
	return __inet6_lookup_established(net, PP_HASHINFO(net) saddr, sport, daddr, dport,
					  dif, sdif);
}

static inline struct sock *pp_inet6_lookup_listener(struct net *net, const struct in6_addr *saddr,
						    __be16 sport, const struct in6_addr *daddr,
						    u16 dport, int dif, int sdif)
{
	return inet6_lookup_listener(net, PP_HASHINFO(net) NULL, 0, saddr, sport, daddr, dport,
				     dif, sdif);
}

#endif /* _PP_COMPAT_NET_INET6_HASHTABLES_H */
