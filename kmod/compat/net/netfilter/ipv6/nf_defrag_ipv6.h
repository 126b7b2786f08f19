/* SPDX-License-Identifier: GPL-2.0 */
/* Up to 5.12 defragmentation, once on, stayed on until its module was unloaded */
#ifndef _PP_COMPAT_NF_DEFRAG_IPV6_H
#define _PP_COMPAT_NF_DEFRAG_IPV6_H

#include_next <net/netfilter/ipv6/nf_defrag_ipv6.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 13, 0)
static inline void nf_defrag_ipv6_disable(struct net *net)
{
}
#endif

#endif /* _PP_COMPAT_NF_DEFRAG_IPV6_H */
