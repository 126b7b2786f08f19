// SPDX-License-Identifier: GPL-2.0
/*
 * Sending by socket: what the program does with its socket.
 *
 * Owns the functions that replace the kernel's in the operations of a socket with the ULP that does
 * not listen. Each way of writing data looks first whether the header is in the stream.
 */
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <net/inet_common.h>
#include <net/tcp.h>
#include "ulp/internal.h"

/* How long a program that may wait waits between two attempts to get memory */
#define MEMORY_WAIT	(HZ / 50 + 1)

static bool address_is_none(const PP_CONNECT_ADDR *addr, int len)
{
	return len >= (int)sizeof(sa_family_t) && addr->sa_family == AF_UNSPEC;
}

static int write_connect(struct socket *sock, PP_CONNECT_ADDR *addr, int len, int flags)
{
	struct sock *sk = sock->sk;
	int err = 0;

	lock_sock(sk);
	if (!address_is_none(addr, len))
		err = pp_ulp_sender_arm(sk);
	if (!err)
		err = __inet_stream_connect(sock, addr, len, flags, 0);
	release_sock(sk);
	return err;
}

/* There is no memory for the header. Return: 0: try again */
static int wait_for_memory(struct sock *sk, long *timeo)
{
	long wait = min_t(long, *timeo, MEMORY_WAIT), left;

	if (!wait)
		return -EAGAIN;
	release_sock(sk);
	left = schedule_timeout_interruptible(wait);
	lock_sock(sk);
	if (*timeo != MAX_SCHEDULE_TIMEOUT)
		*timeo -= wait - left;
	return signal_pending(current) ? sock_intr_errno(*timeo) : 0;
}

/* Return: 0: look again whether the header is in the stream */
static int go_on(struct sock *sk, long *timeo)
{
	switch (sk->sk_state) {
	case TCP_SYN_SENT:
	case TCP_SYN_RECV:
		return sk_stream_wait_connect(sk, timeo);
	case TCP_ESTABLISHED:
	case TCP_CLOSE_WAIT:
		if (sk->sk_err || sk->sk_shutdown & SEND_SHUTDOWN)
			return -EPIPE;
		if (tcp_sk(sk)->repair)
			return -EOPNOTSUPP;
		pp_ulp_sender_queue(sk, sk->sk_allocation);
		return pp_ulp_sender_waits(sk) ? wait_for_memory(sk, timeo) : 0;
	default:
		return -EPIPE;
	}
}

/* Return: 0: the header is in the stream, and data may follow */
static int write_first(struct sock *sk, int flags)
{
	long timeo;
	int err = 0;

	/* The SYN would carry data */
	if (flags & MSG_FASTOPEN)
		return -EOPNOTSUPP;
	if (!pp_ulp_sender_waits(sk))
		return 0;
	lock_sock(sk);
	timeo = sock_sndtimeo(sk, flags & MSG_DONTWAIT);
	while (!err && pp_ulp_sender_waits(sk))
		err = go_on(sk, &timeo);
	if (err)
		err = sk_stream_error(sk, flags, err);
	release_sock(sk);
	return err;
}

/* The same for callers in the kernel that have locked the socket, and do not wait */
static int write_first_locked(struct sock *sk, int flags)
{
	if (flags & MSG_FASTOPEN)
		return -EOPNOTSUPP;
	if (!pp_ulp_sender_waits(sk))
		return 0;
	pp_ulp_sender_queue(sk, GFP_ATOMIC);
	return pp_ulp_sender_waits(sk) ? -EAGAIN : 0;
}

static int write_message(struct socket *sock, struct msghdr *msg, size_t size)
{
	int err = write_first(sock->sk, msg->msg_flags);

	return err ? err : pp_ulp_base_ops(sock->sk)->sendmsg(sock, msg, size);
}

static int write_message_locked(struct sock *sk, struct msghdr *msg, size_t size)
{
	int err = write_first_locked(sk, msg->msg_flags);

	return err ? err : pp_ulp_base_ops(sk)->sendmsg_locked(sk, msg, size);
}

/* sendfile() and splice(), before 6.5; later they call sendmsg() */
static ssize_t write_page(struct socket *sock, struct page *page, int offset, size_t size,
			  int flags)
{
	int err = write_first(sock->sk, flags);

	return err ? err : pp_socket_sendpage(pp_ulp_base_ops(sock->sk), sock, page, offset, size,
					      flags);
}

static int write_page_locked(struct sock *sk, struct page *page, int offset, size_t size,
			     int flags)
{
	int err = write_first_locked(sk, flags);

	return err ? err : pp_socket_sendpage_locked(pp_ulp_base_ops(sk), sk, page, offset, size,
						     flags);
}

/* A FIN is about to be sent */
static void write_before_end(struct sock *sk)
{
	if (!pp_ulp_sender_waits(sk))
		return;
	lock_sock(sk);
	pp_ulp_sender_queue(sk, sk->sk_allocation);
	release_sock(sk);
}

static int write_shutdown(struct socket *sock, int how)
{
	if (how != SHUT_RD)
		write_before_end(sock->sk);
	return pp_ulp_base_ops(sock->sk)->shutdown(sock, how);
}

static int write_release(struct socket *sock)
{
	if (!sock->sk)
		return 0;
	write_before_end(sock->sk);
	return pp_ulp_base_ops(sock->sk)->release(sock);
}

/* A socket that has named a header never listens: what it would accept has nothing to do with it */
static int write_listen(struct socket *sock, int backlog)
{
	int err = pp_ulp_listener_begin(sock->sk);

	return err ? err : sock->ops->listen(sock, backlog);
}

/* An IPv6 socket would become one with the kernel's own operations */
static int write_setsockopt(struct socket *sock, int level, int name, sockptr_t value,
			    unsigned int len)
{
	if (level == SOL_IPV6 && name == IPV6_ADDRFORM)
		return -EBUSY;
	return pp_ulp_base_ops(sock->sk)->setsockopt(sock, level, name, value, len);
}

/**
 * pp_ulp_write_fill - put the functions for a sending socket into operations
 * @ops: a copy of the kernel's
 */
void pp_ulp_write_fill(struct proto_ops *ops)
{
	ops->connect = write_connect;
	ops->sendmsg = write_message;
	ops->sendmsg_locked = write_message_locked;
	pp_socket_set_sendpage(ops, write_page, write_page_locked);
	ops->shutdown = write_shutdown;
	ops->release = write_release;
	ops->listen = write_listen;
	ops->setsockopt = write_setsockopt;
}
