// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets with the ULP: how they get it, and how they end.
 *
 * Owns the ULP itself and the registration of the socket options. A socket keeps the ULP until it
 * is destroyed, since TCP reads a socket's ULP without a lock. listener.c and sender.c have what
 * the two kinds of sockets do with it.
 */
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/slab.h>
#include <net/tcp.h>
#include "ulp/internal.h"

static struct tcp_ulp_ops ulp_ops;

/**
 * pp_ulp_attached_of - find what the module knows of a socket with the ULP
 * @sk: TCP socket
 *
 * Context: under RCU.
 * Return: NULL: the socket has not the ULP
 */
struct pp_ulp_attached *pp_ulp_attached_of(const struct sock *sk)
{
	if (READ_ONCE(inet_csk(sk)->icsk_ulp_ops) != &ulp_ops)
		return NULL;
	return (__force struct pp_ulp_attached *)rcu_dereference(inet_csk(sk)->icsk_ulp_data);
}

/* Return: 0, or why a socket cannot have the ULP, as the uapi header says */
static int check_attach(const struct sock *sk)
{
	if (sk->sk_state != TCP_LISTEN && sk->sk_state != TCP_CLOSE)
		return -ENOTCONN;
	if (!pp_ulp_is_plain(sk))
		return -EOPNOTSUPP;
	return sk->sk_state == TCP_LISTEN ? pp_ulp_listener_check(sk) : 0;
}

static int ulp_init(struct sock *sk)
{
	struct pp_ulp_attached *attached;
	int err = check_attach(sk);

	if (sk->sk_socket)
		pp_socket_allow_zero_copy(sk->sk_socket);
	if (err)
		return err;
	attached = kzalloc(sizeof(*attached), GFP_KERNEL_ACCOUNT);
	if (!attached || !pp_stats_prepare(pp_net_of(sock_net(sk)))) {
		kfree(attached);
		return -ENOMEM;
	}
	INIT_LIST_HEAD(&attached->node);
	attached->sk = sk;
	attached->by_rule = true;
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, (void __force __rcu *)attached);
	if (sk->sk_state == TCP_LISTEN)
		pp_ulp_listener_add(attached);
	pp_ulp_put_on(sk);
	return 0;
}

/* The socket is destroyed, maybe while the last ACK of a handshake is handled */
static void ulp_release(struct sock *sk)
{
	struct pp_ulp_attached *attached =
		(__force void *)rcu_dereference_protected(inet_csk(sk)->icsk_ulp_data, true);

	/* Half-open connections hold the socket's memory, but not the module */
	pp_ulp_take_off(sk);
	RCU_INIT_POINTER(inet_csk(sk)->icsk_ulp_data, NULL);
	pp_ulp_listener_end(attached);
	pp_ulp_sender_end(attached);
	kfree_rcu(attached, rcu);
}

/* A child has no ULP, so that it can have kTLS */
static void ulp_clone(const struct request_sock *req, struct sock *child, const gfp_t priority)
{
	struct inet_connection_sock *icsk = inet_csk(child);

	icsk->icsk_ulp_ops = NULL;
	RCU_INIT_POINTER(icsk->icsk_ulp_data, NULL);
}

static struct tcp_ulp_ops ulp_ops __read_mostly = {
	.name = PP_ULP_NAME,
	.owner = THIS_MODULE,
	.init = ulp_init,
	.release = ulp_release,
	.clone = ulp_clone,
};

static int set_option(struct sock *sk, int option, sockptr_t arg, unsigned int len)
{
	if (sk->sk_type != SOCK_STREAM || sk->sk_protocol != IPPROTO_TCP)
		return -EOPNOTSUPP;
	switch (option) {
	case PP_SO_ATTACH:
		return pp_ulp_listener_attach(sk, arg, len);
	case PP_SO_DETACH:
		return pp_ulp_listener_detach(sk);
	default:
		return pp_ulp_sender_name(sk, option, arg, len);
	}
}

static struct nf_sockopt_ops options_ipv4 = {
	.pf = PF_INET,
	.set_optmin = PP_SO_ATTACH,
	.set_optmax = PP_SO_SEND_READY + 1,
	.set = set_option,
	.owner = THIS_MODULE,
};

static struct nf_sockopt_ops options_ipv6 = {
	.pf = PF_INET6,
	.set_optmin = PP_SO_ATTACH,
	.set_optmax = PP_SO_SEND_READY + 1,
	.set = set_option,
	.owner = THIS_MODULE,
};

int __init pp_ulp_init(void)
{
	int err;

	pp_ulp_client_init();
	pp_ulp_sender_init();
	pp_ulp_borrow();
	err = nf_register_sockopt(&options_ipv4);
	if (err)
		return err;
	err = nf_register_sockopt(&options_ipv6);
	if (err)
		goto unregister_ipv4;
	err = tcp_register_ulp(&ulp_ops);
	if (err)
		goto unregister_ipv6;
	return 0;

unregister_ipv6:
	nf_unregister_sockopt(&options_ipv6);
unregister_ipv4:
	nf_unregister_sockopt(&options_ipv4);
	return err;
}

/* Every socket with the ULP and every accepted socket holds the module: there are none any more */
void pp_ulp_exit(void)
{
	tcp_unregister_ulp(&ulp_ops);
	nf_unregister_sockopt(&options_ipv6);
	nf_unregister_sockopt(&options_ipv4);
	pp_ulp_part_exit();
	pp_ulp_starved_exit();
}
