/* SPDX-License-Identifier: GPL-2.0 */
/* Before 5.18 a flowtable takes a connection before its handshake is over */
#ifndef _PP_COMPAT_NET_NETFILTER_NF_FLOW_TABLE_H
#define _PP_COMPAT_NET_NETFILTER_NF_FLOW_TABLE_H

#include_next <net/netfilter/nf_flow_table.h>
#include <linux/version.h>

#define PP_FLOWTABLE_TAKES_SYNACK	(LINUX_VERSION_CODE < KERNEL_VERSION(5, 18, 0))

#endif /* _PP_COMPAT_NET_NETFILTER_NF_FLOW_TABLE_H */
