/* SPDX-License-Identifier: GPL-2.0 */
/* Up to 5.12 defragmentation, once on, stayed on until its module was unloaded */
#ifndef _PP_COMPAT_NF_DEFRAG_IPV4_H
#define _PP_COMPAT_NF_DEFRAG_IPV4_H

#include_next <net/netfilter/ipv4/nf_defrag_ipv4.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 13, 0)
static inline void nf_defrag_ipv4_disable(struct net *net)
{
}
#endif

#endif /* _PP_COMPAT_NF_DEFRAG_IPV4_H */
