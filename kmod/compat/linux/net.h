/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Types of proto_ops: since 6.10 accept() has one argument for two, since 6.19 connect() has an
 * address of its own type. Zero copy has a flag since 6.1. Before 6.5, sendfile() and splice() have
 * functions of their own.
 */
#ifndef _PP_COMPAT_LINUX_NET_H
#define _PP_COMPAT_LINUX_NET_H

#include_next <linux/net.h>

#ifdef PP_HAVE_ACCEPT_ARG
#define PP_ACCEPT_PARAM	struct proto_accept_arg *arg
#define PP_ACCEPT_ARG	arg
#else
#define PP_ACCEPT_PARAM	int flags, bool kern
#define PP_ACCEPT_ARG	flags, kern
#endif

#ifdef PP_HAVE_SOCKADDR_UNSIZED
#define PP_CONNECT_ADDR	struct sockaddr_unsized
#else
#define PP_CONNECT_ADDR	struct sockaddr
#endif

#ifdef PP_HAVE_SUPPORT_ZC
static inline void pp_socket_allow_zero_copy(struct socket *sock)
{
	set_bit(SOCK_SUPPORT_ZC, &sock->flags);
}
#else
static inline void pp_socket_allow_zero_copy(struct socket *sock)
{
}
#endif

typedef ssize_t (*pp_sendpage_t)(struct socket *sock, struct page *page, int offset, size_t size,
				 int flags);
typedef int (*pp_sendpage_locked_t)(struct sock *sk, struct page *page, int offset, size_t size,
				    int flags);

#ifdef PP_HAVE_SENDPAGE
static inline void pp_socket_set_sendpage(struct proto_ops *ops, pp_sendpage_t sendpage,
					  pp_sendpage_locked_t locked)
{
	ops->sendpage = sendpage;
	ops->sendpage_locked = locked;
}

static inline ssize_t pp_socket_sendpage(const struct proto_ops *ops, struct socket *sock,
					 struct page *page, int offset, size_t size, int flags)
{
	return ops->sendpage(sock, page, offset, size, flags);
}

static inline int pp_socket_sendpage_locked(const struct proto_ops *ops, struct sock *sk,
					    struct page *page, int offset, size_t size, int flags)
{
	return ops->sendpage_locked(sk, page, offset, size, flags);
}
#else
static inline void pp_socket_set_sendpage(struct proto_ops *ops, pp_sendpage_t sendpage,
					  pp_sendpage_locked_t locked)
{
}

static inline ssize_t pp_socket_sendpage(const struct proto_ops *ops, struct socket *sock,
					 struct page *page, int offset, size_t size, int flags)
{
	return -EOPNOTSUPP;
}

static inline int pp_socket_sendpage_locked(const struct proto_ops *ops, struct sock *sk,
					    struct page *page, int offset, size_t size, int flags)
{
	return -EOPNOTSUPP;
}
#endif

#endif /* _PP_COMPAT_LINUX_NET_H */
