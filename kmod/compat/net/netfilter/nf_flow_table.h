/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Before 5.18, a flowtable takes a connection before its handshake is over. From
 * 5.18 on, it asks nf_conntrack_tcp_established() first.
 */
#ifndef _PP_COMPAT_NET_NETFILTER_NF_FLOW_TABLE_H
#define _PP_COMPAT_NET_NETFILTER_NF_FLOW_TABLE_H

#include_next <net/netfilter/nf_flow_table.h>

#ifdef PP_HAVE_CT_TCP_ESTABLISHED
#define PP_FLOWTABLE_TAKES_SYNACK	0
#else
#define PP_FLOWTABLE_TAKES_SYNACK	1
#endif

#endif /* _PP_COMPAT_NET_NETFILTER_NF_FLOW_TABLE_H */
