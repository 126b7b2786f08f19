/* SPDX-License-Identifier: GPL-2.0 */
/* The last parameter of syn_recv_sock() came in 2025, also to stable kernels */
#ifndef _PP_COMPAT_NET_INET_CONNECTION_SOCK_H
#define _PP_COMPAT_NET_INET_CONNECTION_SOCK_H

#include_next <net/inet_connection_sock.h>

#ifdef PP_HAVE_CHILD_INIT
#define PP_CHILD_INIT_PARAM(before) \
	before, void (*child_init)(struct sock *child, const struct sock *sk)
#define PP_CHILD_INIT_ARG(before)	before, child_init
#else
#define PP_CHILD_INIT_PARAM(before)	before
#define PP_CHILD_INIT_ARG(before)	before
#endif

#endif /* _PP_COMPAT_NET_INET_CONNECTION_SOCK_H */
