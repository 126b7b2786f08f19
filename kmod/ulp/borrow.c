// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets with the ULP: the kernel's function tables that they use.
 *
 * Owns copies of them in which single functions are replaced. No table of the kernel is written
 * to. The originals are learnt from two sockets when the module is loaded. A socket whose tables
 * are others belongs to BPF, TLS, SMC or Multipath TCP, and is refused.
 */
#include <linux/module.h>
#include <linux/net.h>
#include <net/inet_common.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/tcp.h>
#include <net/transp_v6.h>
#include "ulp/internal.h"

/*
 * Tables of sockets: both families, and those of kTLS, which has at most 16 for a family. Tables of
 * the same content need one copy.
 */
#define WRAPS_MAX	(2 + 2 * 16)

/**
 * struct ulp_family - tables of an address family; constant after the module is loaded
 * @prot: the protocol, or NULL: sockets of the family cannot be made
 * @base_af: the kernel's operations of TCP
 * @af: a copy, with syn_recv_sock() of our own
 * @base_ops: the kernel's operations of sockets
 * @ops: a copy, with functions of our own
 * @send_ops: another copy, for a socket that does not listen
 * @state_change: the kernel's function for a change of a socket's state
 * @destruct: the kernel's end of a socket
 */
struct ulp_family {
	struct proto *prot;
	const struct inet_connection_sock_af_ops *base_af;
	struct inet_connection_sock_af_ops af;
	const struct proto_ops *base_ops;
	const struct proto_ops *ops;
	struct proto_ops send_ops;
	void (*state_change)(struct sock *sk);
	void (*destruct)(struct sock *sk);
};

/**
 * struct ulp_wrap - operations of sockets with functions of our own
 * @original: what they were made from
 * @ops: the same with our functions
 */
struct ulp_wrap {
	struct proto_ops original;
	struct proto_ops ops;
};

static struct ulp_family families[PP_FAMILIES];
static struct ulp_wrap wraps[WRAPS_MAX];
static unsigned int wrap_count;
static DEFINE_MUTEX(wrap_lock);

static struct ulp_family *family_of(const struct sock *sk)
{
	return &families[READ_ONCE(sk->sk_family) == AF_INET6 ? PP_IPV6 : PP_IPV4];
}

/**
 * pp_ulp_base_ops - the kernel's operations of a socket's family
 * @sk: socket
 */
const struct proto_ops *pp_ulp_base_ops(const struct sock *sk)
{
	return family_of(sk)->base_ops;
}

/**
 * pp_ulp_base_af - the kernel's operations of TCP of a socket's family
 * @sk: socket
 */
const struct inet_connection_sock_af_ops *pp_ulp_base_af(const struct sock *sk)
{
	return family_of(sk)->base_af;
}

/**
 * pp_ulp_base_destruct - call the kernel's own sk_destruct() of a socket's family
 * @sk: socket
 */
void pp_ulp_base_destruct(struct sock *sk)
{
	family_of(sk)->destruct(sk);
}

/**
 * pp_ulp_is_plain - whether a socket has the kernel's own tables
 * @sk: socket, locked
 *
 * Return: false: something else has replaced one, or the kernel's are not known
 */
bool pp_ulp_is_plain(const struct sock *sk)
{
	const struct ulp_family *family = family_of(sk);

	return family->prot && sk->sk_prot == family->prot && sk->sk_socket &&
	       sk->sk_socket->ops == family->base_ops &&
	       inet_csk(sk)->icsk_af_ops == family->base_af &&
	       sk->sk_state_change == family->state_change &&
	       sk->sk_destruct == family->destruct;
}

static void fill_wrap(struct ulp_wrap *wrap, const struct proto_ops *ops)
{
	wrap->original = *ops;
	wrap->ops = *ops;
	wrap->ops.owner = THIS_MODULE;
	wrap->ops.getname = pp_ulp_socket_ops.getname;
	wrap->ops.setsockopt = pp_ulp_socket_ops.setsockopt;
	wrap->ops.accept = pp_ulp_socket_ops.accept;
	wrap->ops.connect = pp_ulp_socket_ops.connect;
	wrap->ops.listen = pp_ulp_socket_ops.listen;
}

static bool is_our_ops(const struct proto_ops *ops)
{
	const char *at = (const char *)ops;

	return at >= (const char *)wraps && at < (const char *)(wraps + WRAPS_MAX);
}

/**
 * pp_ulp_wrap_ops - operations of a socket, with functions of our own
 * @ops: what kTLS has given to the socket
 *
 * kTLS may change a table of its own later: then its content differs, and it gets another copy.
 *
 * Context: may sleep.
 * Return: the copy; @ops if it is one already
 */
const struct proto_ops *pp_ulp_wrap_ops(const struct proto_ops *ops)
{
	const struct proto_ops *found = ops;
	unsigned int i;

	if (is_our_ops(ops))
		return ops;
	mutex_lock(&wrap_lock);
	for (i = 0; i < wrap_count; i++)
		if (!memcmp(&wraps[i].original, ops, sizeof(*ops)))
			found = &wraps[i].ops;
	if (found == ops && !WARN_ON_ONCE(wrap_count == WRAPS_MAX)) {
		fill_wrap(&wraps[wrap_count], ops);
		found = &wraps[wrap_count++].ops;
	}
	mutex_unlock(&wrap_lock);
	return found;
}

/**
 * pp_ulp_put_on - give our tables to a socket that listens, or is closed
 * @sk: socket, locked, of which pp_ulp_is_plain() is true
 *
 * The reference that each socket has on the module of its operations moves along.
 */
void pp_ulp_put_on(struct sock *sk)
{
	struct ulp_family *family = family_of(sk);

	__module_get(THIS_MODULE);
	WRITE_ONCE(sk->sk_socket->ops,
		   sk->sk_state == TCP_LISTEN ? family->ops : &family->send_ops);
	WRITE_ONCE(inet_csk(sk)->icsk_af_ops, &family->af);
	module_put(family->base_ops->owner);
	pp_socket_allow_zero_copy(sk->sk_socket);
}

/**
 * pp_ulp_put_on_listener - give the functions of a listener to a socket of ours
 * @sk: closed socket that pp_ulp_put_on() was called for; locked
 */
void pp_ulp_put_on_listener(struct sock *sk)
{
	WRITE_ONCE(sk->sk_socket->ops, family_of(sk)->ops);
}

/**
 * pp_ulp_take_off - give the kernel's operations of TCP back to a socket
 * @sk: new child of a listening socket, which nobody uses yet, or a listener that is destroyed;
 *	locked
 */
void pp_ulp_take_off(struct sock *sk)
{
	struct inet_connection_sock *icsk = inet_csk(sk);
	struct ulp_family *family = family_of(sk);

	if (icsk->icsk_af_ops == &family->af)
		WRITE_ONCE(icsk->icsk_af_ops, family->base_af);
}

/**
 * pp_ulp_put_on_sender - let a socket of ours send a header
 * @sk: closed socket that pp_ulp_put_on() was called for; locked
 * @state_change: function for a change of its state
 *
 * The function stays until the socket is destroyed. Until then the ULP holds the module.
 */
void pp_ulp_put_on_sender(struct sock *sk, void (*state_change)(struct sock *sk))
{
	pp_ulp_take_off(sk);
	sk->sk_state_change = state_change;
}

/**
 * pp_ulp_base_state_change - call the kernel's own sk_state_change() of a socket's family
 * @sk: socket, locked
 */
void pp_ulp_base_state_change(struct sock *sk)
{
	family_of(sk)->state_change(sk);
}

static bool ops_are_known(const struct proto_ops *ops)
{
	return ops->getname && ops->accept && ops->connect == inet_stream_connect && ops->listen &&
	       ops->setsockopt == sock_common_setsockopt && ops->sendmsg && ops->sendmsg_locked &&
	       ops->shutdown && ops->release;
}

static void learn_family(struct ulp_family *family, int domain, struct proto *prot)
{
	const struct inet_connection_sock_af_ops *af;
	struct socket *sock;

	if (sock_create_kern(&init_net, domain, SOCK_STREAM, IPPROTO_TCP, &sock))
		return;
	af = inet_csk(sock->sk)->icsk_af_ops;
	if (sock->sk->sk_prot == prot && af && af->syn_recv_sock && sock->sk->sk_destruct &&
	    sock->sk->sk_state_change && ops_are_known(sock->ops)) {
		family->base_af = af;
		family->af = *af;
		family->af.syn_recv_sock = pp_ulp_syn_recv;
		family->base_ops = sock->ops;
		family->ops = pp_ulp_wrap_ops(sock->ops);
		family->send_ops = *sock->ops;
		family->send_ops.owner = THIS_MODULE;
		pp_ulp_write_fill(&family->send_ops);
		family->state_change = sock->sk->sk_state_change;
		family->destruct = sock->sk->sk_destruct;
		family->prot = prot;
	}
	sock_release(sock);
}

/**
 * pp_ulp_borrow - learn the kernel's tables
 *
 * If those of a family are not as expected, its sockets are refused. Nothing else needs them.
 */
void __init pp_ulp_borrow(void)
{
	learn_family(&families[PP_IPV4], AF_INET, &tcp_prot);
	learn_family(&families[PP_IPV6], AF_INET6, &tcpv6_prot);
}
