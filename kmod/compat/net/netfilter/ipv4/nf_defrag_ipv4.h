/* SPDX-License-Identifier: GPL-2.0 */
/* Up to 5.12, defragmentation could not be turned off while its module was loaded */
#ifndef _PP_COMPAT_NF_DEFRAG_IPV4_H
#define _PP_COMPAT_NF_DEFRAG_IPV4_H

#include_next <net/netfilter/ipv4/nf_defrag_ipv4.h>

#ifndef PP_HAVE_DEFRAG_IPV4_DISABLE
static inline void nf_defrag_ipv4_disable(struct net *net)
{
}
#endif

#endif /* _PP_COMPAT_NF_DEFRAG_IPV4_H */
