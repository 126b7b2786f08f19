// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: socket options that tell an application more than the client's address.
 *
 * Owns PP_SO_HEADER, the bytes of the header, and PP_SO_ORIGINAL_DST, its destination address. They
 * are registered with netfilter, so that no function table of the kernel is changed.
 */
#include <linux/netfilter.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include "accept/internal.h"
#include "ulp/ulp.h"

/* Key of the socket's connection, in the direction of the client's packets */
static void socket_key(const struct sock *sk, struct pp_conn_key *key)
{
	const struct inet_sock *inet = inet_sk(sk);

	memset(key, 0, sizeof(*key));
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_daddr)) {
		key->family = PP_IPV6;
		key->src.in6 = sk->sk_v6_daddr;
		key->dst.in6 = sk->sk_v6_rcv_saddr;
	} else {
		key->src.ip = inet->inet_daddr;
		key->dst.ip = inet->inet_rcv_saddr;
	}
	key->sport = inet->inet_dport;
	key->dport = inet->inet_sport;
}

/*
 * Replace the destination by the one before this host's DNAT.
 *
 * Return: whether conntrack knows the connection
 */
static bool undo_nat(struct net *net, struct pp_conn_key *key)
{
	struct nf_conntrack_tuple_hash *found;
	struct nf_conntrack_tuple tuple = {
		.src.l3num = key->family == PP_IPV6 ? AF_INET6 : AF_INET,
		.dst.protonum = IPPROTO_TCP,
		.dst.dir = IP_CT_DIR_REPLY,
	};
	struct nf_conn *ct;

	memcpy(&tuple.src.u3, &key->dst, sizeof(key->dst));
	memcpy(&tuple.dst.u3, &key->src, sizeof(key->src));
	tuple.src.u.tcp.port = key->dport;
	tuple.dst.u.tcp.port = key->sport;
	found = nf_conntrack_find_get(net, &nf_ct_zone_dflt, &tuple);
	if (!found)
		return false;
	ct = nf_ct_tuplehash_to_ctrack(found);
	memcpy(&key->dst, &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.dst.u3, sizeof(key->dst));
	key->dport = ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.dst.u.tcp.port;
	nf_ct_put(ct);
	return true;
}

static struct pp_accept *sockopt_find_entry(const struct sock *sk)
{
	struct pp_net *pn = pp_net_of(sock_net(sk));
	struct pp_accept *entry;
	struct pp_conn_key key;

	if (sk->sk_protocol != IPPROTO_TCP || sk->sk_state == TCP_LISTEN ||
	    !atomic_read(&pn->accepts.count))
		return NULL;
	socket_key(sk, &key);
	entry = pp_accept_find_inner(pn, &key);
	if (!entry && undo_nat(sock_net(sk), &key))
		entry = pp_accept_find_inner(pn, &key);
	if (!entry)
		return NULL;
	/*
	 * Pairs with the releases of learn_answer() and pp_accept_set_established(). In
	 * PP_ACCEPT_CONFIRM the application may have its connection already, and ask on another CPU
	 * while the last ACK is still being delivered.
	 */
	switch (smp_load_acquire(&entry->state)) {
	case PP_ACCEPT_CONFIRM:
	case PP_ACCEPT_ESTABLISHED:
		return entry;
	default:
		return NULL;
	}
}

static int read_socket_header(const struct pp_ulp_conn *conn, void *buf)
{
	if (!conn->header)
		return -ENODATA;
	memcpy(buf, conn->header, conn->header_len);
	return conn->header_len;
}

static int sockopt_read_header(const struct sock *sk, void *buf)
{
	const struct pp_ulp_conn *conn = pp_ulp_find_conn(sk);
	const struct pp_accept *entry;
	unsigned int len;
	const u8 *sent;

	if (conn)
		return read_socket_header(conn, buf);
	sent = pp_ulp_find_sent(sk, &len);
	if (sent) {
		memcpy(buf, sent, len);
		return len;
	}
	entry = sockopt_find_entry(sk);
	return entry ? pp_accept_write_header(entry, buf, PP_HEADER_READ_MAX) : -ENOENT;
}

static int sockopt_read_original_dst(const struct sock *sk, void *buf)
{
	const struct pp_ulp_conn *conn = pp_ulp_find_conn(sk);
	const struct pp_accept *entry = conn ? NULL : sockopt_find_entry(sk);
	const struct pp_endpoint *dst;

	if (!conn && !entry)
		return -ENOENT;
	dst = conn ? &conn->ends.dst : &entry->orig_dst;
	if (dst->family == AF_UNSPEC)
		return -ENOENT;
	if (dst->family == AF_INET6) {
		*(struct sockaddr_in6 *)buf = (struct sockaddr_in6){
			.sin6_family = AF_INET6,
			.sin6_port = dst->port,
			.sin6_addr = dst->addr.in6,
		};
		return sizeof(struct sockaddr_in6);
	}
	*(struct sockaddr_in *)buf = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = dst->port,
		.sin_addr.s_addr = dst->addr.ip,
	};
	return sizeof(struct sockaddr_in);
}

static int sockopt_get(struct sock *sk, int option, void __user *user, int *len)
{
	void *buf = kmalloc(PP_HEADER_READ_MAX, GFP_KERNEL_ACCOUNT);
	int ret;

	if (!buf)
		return -ENOMEM;
	rcu_read_lock();
	ret = option == PP_SO_HEADER ? sockopt_read_header(sk, buf) :
				       sockopt_read_original_dst(sk, buf);
	rcu_read_unlock();
	if (ret > 0 && *len < ret)
		ret = -EINVAL;
	if (ret > 0 && copy_to_user(user, buf, ret))
		ret = -EFAULT;
	kfree(buf);
	if (ret < 0)
		return ret;
	*len = ret;
	return 0;
}

static struct nf_sockopt_ops options_ipv4 = {
	.pf = PF_INET,
	.get_optmin = PP_SO_HEADER,
	.get_optmax = PP_SO_ORIGINAL_DST + 1,
	.get = sockopt_get,
	.owner = THIS_MODULE,
};

static struct nf_sockopt_ops options_ipv6 = {
	.pf = PF_INET6,
	.get_optmin = PP_SO_HEADER,
	.get_optmax = PP_SO_ORIGINAL_DST + 1,
	.get = sockopt_get,
	.owner = THIS_MODULE,
};

int __init pp_accept_sockopt_init(void)
{
	int err = nf_register_sockopt(&options_ipv4);

	if (err)
		return err;
	err = nf_register_sockopt(&options_ipv6);
	if (err)
		nf_unregister_sockopt(&options_ipv4);
	return err;
}

void pp_accept_sockopt_exit(void)
{
	nf_unregister_sockopt(&options_ipv6);
	nf_unregister_sockopt(&options_ipv4);
}
