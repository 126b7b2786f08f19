// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting by socket: what the application does with its sockets.
 *
 * Owns the functions that replace the kernel's in the operations of a listening socket and its
 * accepted sockets: getpeername() names the client. kTLS copies the operations of a socket into
 * tables that all sockets use, so it must never see ours.
 */
#include <linux/in6.h>
#include <linux/module.h>
#include "ulp/internal.h"

static int write_peer(const struct pp_endpoint *client, struct sockaddr *addr)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)addr;
	struct sockaddr_in *sin = (struct sockaddr_in *)addr;

	if (addr->sa_family == AF_INET) {
		sin->sin_port = client->port;
		sin->sin_addr.s_addr = client->addr.ip;
		return sizeof(*sin);
	}
	sin6->sin6_port = client->port;
	sin6->sin6_flowinfo = 0;
	sin6->sin6_scope_id = 0;
	if (client->family == AF_INET6)
		sin6->sin6_addr = client->addr.in6;
	else
		ipv6_addr_set_v4mapped(client->addr.ip, &sin6->sin6_addr);
	return sizeof(*sin6);
}

static int ulp_getname(struct socket *sock, struct sockaddr *addr, int peer)
{
	const struct pp_ulp_conn *conn;
	int len = pp_ulp_base_ops(sock->sk)->getname(sock, addr, peer);

	if (len < 0 || !peer)
		return len;
	rcu_read_lock();
	conn = pp_ulp_find_conn(sock->sk);
	if (conn && conn->client.family != AF_UNSPEC)
		len = write_peer(&conn->client, addr);
	rcu_read_unlock();
	return len;
}

static int ulp_accept(struct socket *sock, struct socket *newsock, PP_ACCEPT_PARAM)
{
	const struct proto_ops *base = pp_ulp_base_ops(sock->sk);
	int err = base->accept(sock, newsock, PP_ACCEPT_ARG);
	bool ours;

	if (err)
		return err;
	rcu_read_lock();
	ours = pp_ulp_client_find(newsock->sk);
	rcu_read_unlock();
	/* Without a header it is a socket like any other. The listener's file holds the module. */
	if (!ours) {
		__module_get(base->owner);
		newsock->ops = base;
		module_put(THIS_MODULE);
	}
	return 0;
}

static bool has_ulp(const struct sock *sk)
{
	bool has;

	rcu_read_lock();
	has = pp_ulp_attached_of(sk);
	rcu_read_unlock();
	return has;
}

/* After connect() with AF_UNSPEC, the next peer is not the client any more */
static int ulp_connect(struct socket *sock, PP_CONNECT_ADDR *addr, int len, int flags)
{
	bool disconnects = len >= (int)sizeof(sa_family_t) && addr->sa_family == AF_UNSPEC;
	struct sock *sk = sock->sk;
	struct pp_ulp_client *client;
	int err;

	/* A listener that stopped to listen: it has no header to send */
	if (!disconnects && has_ulp(sk))
		return -ENODATA;
	err = pp_ulp_base_ops(sk)->connect(sock, addr, len, flags);
	rcu_read_lock();
	client = pp_ulp_client_find(sk);
	if (client && !READ_ONCE(inet_sk(sk)->inet_dport))
		WRITE_ONCE(client->is_gone, true);
	rcu_read_unlock();
	return err;
}

/* The sockets that an accepted socket would accept have nothing to do with its client */
static int ulp_listen(struct socket *sock, int backlog)
{
	bool accepted;

	rcu_read_lock();
	accepted = pp_ulp_client_find(sock->sk);
	rcu_read_unlock();
	return accepted ? -EOPNOTSUPP : pp_ulp_base_ops(sock->sk)->listen(sock, backlog);
}

/*
 * Options that replace the operations of the socket. The caller has the socket's file, so that the
 * client of an accepted socket stays.
 */
static int set_ops_option(struct pp_ulp_client *client, struct socket *sock, int level, int name,
			  sockptr_t value, unsigned int len)
{
	const struct proto_ops *base = pp_ulp_base_ops(sock->sk);
	int err;

	mutex_lock(&client->ops_lock);
	if (level == SOL_TCP && sock->ops == pp_ulp_wrap_ops(base))
		WRITE_ONCE(sock->ops, base);
	err = base->setsockopt(sock, level, name, value, len);
	WRITE_ONCE(sock->ops, pp_ulp_wrap_ops(sock->ops));
	mutex_unlock(&client->ops_lock);
	return err;
}

static bool sets_ops(int level, int name)
{
	return (level == SOL_TCP && name == TCP_ULP) || level == SOL_TLS;
}

static int ulp_setsockopt(struct socket *sock, int level, int name, sockptr_t value,
			  unsigned int len)
{
	struct pp_ulp_client *client;

	rcu_read_lock();
	client = pp_ulp_client_find(sock->sk);
	rcu_read_unlock();
	/* It would become an IPv4 socket with the kernel's operations, which show L */
	if (client && level == SOL_IPV6 && name == IPV6_ADDRFORM)
		return -EBUSY;
	if (client && sets_ops(level, name))
		return set_ops_option(client, sock, level, name, value, len);
	return pp_ulp_base_ops(sock->sk)->setsockopt(sock, level, name, value, len);
}

const struct proto_ops pp_ulp_socket_ops = {
	.getname = ulp_getname,
	.accept = ulp_accept,
	.connect = ulp_connect,
	.listen = ulp_listen,
	.setsockopt = ulp_setsockopt,
};
