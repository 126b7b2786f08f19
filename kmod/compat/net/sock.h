/* SPDX-License-Identifier: GPL-2.0 */
/* Since 6.2 a flag says whether a socket may use the page fragment of the current task */
#ifndef _PP_COMPAT_NET_SOCK_H
#define _PP_COMPAT_NET_SOCK_H

#include_next <net/sock.h>

#ifdef PP_HAVE_USE_TASK_FRAG
/* Return: the flag as it was */
static inline bool pp_sock_set_task_frag(struct sock *sk, bool use)
{
	bool before = sk->sk_use_task_frag;

	sk->sk_use_task_frag = use;
	return before;
}
#else
/* sk_allocation alone decides */
static inline bool pp_sock_set_task_frag(struct sock *sk, bool use)
{
	return use;
}
#endif

#endif /* _PP_COMPAT_NET_SOCK_H */
