/* SPDX-License-Identifier: GPL-2.0 */
/* The table of sockets is one of the namespace since 6.1, and no argument since 6.18 */
#ifndef _PP_COMPAT_NET_INET_HASHTABLES_H
#define _PP_COMPAT_NET_INET_HASHTABLES_H

#include_next <net/inet_hashtables.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define PP_HASHINFO(net)
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0)
#define PP_HASHINFO(net)	(net)->ipv4.tcp_death_row.hashinfo,
#else
extern struct inet_hashinfo tcp_hashinfo; /* <net/tcp.h> includes this header first */
#define PP_HASHINFO(net)	&tcp_hashinfo,
#endif

static inline struct sock *pp_inet_lookup_established(struct net *net, __be32 saddr,
						      __be16 sport, __be32 daddr,
						      u16 dport, int dif, int sdif)
{
	return __inet_lookup_established(net, PP_HASHINFO(net) saddr, sport, daddr, dport, dif,
					 sdif);
}

#endif /* _PP_COMPAT_NET_INET_HASHTABLES_H */
