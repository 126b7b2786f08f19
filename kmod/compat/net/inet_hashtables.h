/* SPDX-License-Identifier: GPL-2.0 */
/* Before 6.18, the table of sockets is an argument; the namespace knows which one it is */
#ifndef _PP_COMPAT_NET_INET_HASHTABLES_H
#define _PP_COMPAT_NET_INET_HASHTABLES_H

#include_next <net/inet_hashtables.h>

#ifndef PP_HAVE_LOOKUP_HASHINFO
#define PP_HASHINFO(net)
#elif defined(PP_HAVE_TCP_DEATH_ROW_POINTER)
#define PP_HASHINFO(net)	(net)->ipv4.tcp_death_row->hashinfo,
#else
#define PP_HASHINFO(net)	(net)->ipv4.tcp_death_row.hashinfo,
#endif

static inline struct sock *pp_inet_lookup_established(struct net *net, __be32 saddr,
						      __be16 sport, __be32 daddr,
						      u16 dport, int dif, int sdif)
{
	return __inet_lookup_established(net, PP_HASHINFO(net) saddr, sport, daddr, dport, dif,
					 sdif);
}

static inline struct sock *pp_inet_lookup_listener(struct net *net, __be32 saddr, __be16 sport,
						   __be32 daddr, u16 dport, int dif, int sdif)
{
	return __inet_lookup_listener(net, PP_HASHINFO(net) NULL, 0, saddr, sport, daddr, dport,
				      dif, sdif);
}

#endif /* _PP_COMPAT_NET_INET_HASHTABLES_H */
