/* SPDX-License-Identifier: GPL-2.0 */
/* Up to 5.12, defragmentation could not be turned off while its module was loaded */
#ifndef _PP_COMPAT_NF_DEFRAG_IPV6_H
#define _PP_COMPAT_NF_DEFRAG_IPV6_H

#include_next <net/netfilter/ipv6/nf_defrag_ipv6.h>

#ifndef PP_HAVE_DEFRAG_IPV6_DISABLE
static inline void nf_defrag_ipv6_disable(struct net *net)
{
}
#endif

#endif /* _PP_COMPAT_NF_DEFRAG_IPV6_H */
