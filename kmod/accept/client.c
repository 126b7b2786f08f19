// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: the client that the application sees.
 *
 * Owns the choice of its address and port. They are those that the header names, if they are
 * possible and free. Otherwise the application sees the client with another port, or the load
 * balancer L.
 *
 * Owns also all questions about the socket of a connection: whether there is one, and whether it is
 * still open.
 */
#include <linux/inetdevice.h>
#include <linux/random.h>
#include <net/addrconf.h>
#include <net/inet_hashtables.h>
#include <net/inet6_hashtables.h>
#include <net/inet_timewait_sock.h>
#include <net/route.h>
#include <net/tcp.h>
#include "accept/internal.h"
#include "accept/pending.h"

/* Random ports to try before L has to retransmit the end of its header */
#define PORT_TRIES	128
#define PORT_MIN	1024

/**
 * pp_accept_is_possible_client - whether a client can have an address
 * @end: address and port that a header names
 *
 * Return: false for addresses that no client can have, and for those that software trusts, such as
 * loopback
 */
bool pp_accept_is_possible_client(const struct pp_endpoint *end)
{
	if (!end->port)
		return false;
	if (end->family == AF_INET6)
		return ipv6_addr_type(&end->addr.in6) & IPV6_ADDR_UNICAST &&
		       !(ipv6_addr_type(&end->addr.in6) &
			 (IPV6_ADDR_LOOPBACK | IPV6_ADDR_LINKLOCAL | IPV6_ADDR_MAPPED));
	return !ipv4_is_loopback(end->addr.ip) && !ipv4_is_multicast(end->addr.ip) &&
	       !ipv4_is_zeronet(end->addr.ip) && !ipv4_is_lbcast(end->addr.ip);
}

/*
 * Find the socket under the ends that C knows, even if it is bound to the device or its VRF.
 *
 * Return: the socket, with a reference, or NULL
 */
static struct sock *find_socket(const struct pp_accept *entry)
{
	const struct pp_conn_key *key = &entry->inner;
	struct net *net = entry->net->net;
	int vrf = pp_accept_vrf(entry);

	if (key->family == PP_IPV6)
		return pp_inet6_lookup_established(net, &key->src.in6, key->sport,
						   &key->dst.in6, ntohs(key->dport),
						   entry->ifindex, vrf);
	return pp_inet_lookup_established(net, key->src.ip, key->sport, key->dst.ip,
					  ntohs(key->dport), entry->ifindex, vrf);
}

/**
 * pp_accept_has_socket - whether this host has a socket of a local connection
 * @entry: connection, under RCU
 *
 * A socket in TIME_WAIT counts: it still answers.
 *
 * Return: whether it has one
 */
bool pp_accept_has_socket(const struct pp_accept *entry)
{
	struct sock *sk = find_socket(entry);

	if (sk)
		sock_gen_put(sk);
	return sk;
}

/**
 * pp_accept_has_in_flight - whether a packet may be in flight, as TCP checks ICMP errors
 * @entry: local connection, under RCU
 * @seq: sequence number of the packet, as the socket knows it
 *
 * Return: whether it may be
 */
bool pp_accept_has_in_flight(const struct pp_accept *entry, u32 seq)
{
	struct sock *sk = find_socket(entry);
	bool has = sk && sk_fullsock(sk) &&
		   between(seq, READ_ONCE(tcp_sk(sk)->snd_una), READ_ONCE(tcp_sk(sk)->snd_nxt));

	if (sk)
		sock_gen_put(sk);
	return has;
}

/**
 * pp_accept_find_half_open - find the listener's request socket of L's handshake
 * @entry: connection in PP_ACCEPT_SYN, under RCU
 *
 * Return: the request socket, with a reference; NULL: the listener uses a SYN cookie, or is behind
 * this host or its NAT
 */
struct sock *pp_accept_find_half_open(const struct pp_accept *entry)
{
	struct sock *sk = find_socket(entry);

	if (!sk)
		return NULL;
	if (sk->sk_state == TCP_NEW_SYN_RECV && tcp_rsk(inet_reqsk(sk))->rcv_isn == entry->isn)
		return sk;
	sock_gen_put(sk);
	return NULL;
}

/* Whether the application still has the connection; a socket in TIME_WAIT does not count */
static bool socket_is_open(const struct pp_accept *entry)
{
	struct sock *sk = find_socket(entry);
	bool open = sk && sk->sk_state != TCP_TIME_WAIT;

	if (sk)
		sock_gen_put(sk);
	return open;
}

/**
 * pp_accept_is_alive - whether the ends of a connection may still use it
 * @entry: connection, under RCU
 *
 * If the socket of an accepted connection is not on this host, it is alive until it is closed or
 * reset.
 *
 * Return: whether it is alive; false also before its header is complete
 */
bool pp_accept_is_alive(const struct pp_accept *entry)
{
	/* Pairs with the release of pp_accept_set_established() */
	switch (smp_load_acquire(&entry->state)) {
	case PP_ACCEPT_SYN:
	case PP_ACCEPT_HEADER:
	case PP_ACCEPT_DEAD:
		return false;
	case PP_ACCEPT_REPLAY:
	case PP_ACCEPT_CONFIRM:
		return true;
	default:
		if (entry->has_local_socket)
			return socket_is_open(entry);
		return !pp_accept_is_closed(entry);
	}
}

/* A connection that waits for its header is not alive, but not over either */
static bool accept_is_over(const struct pp_accept *entry)
{
	return READ_ONCE(entry->state) >= PP_ACCEPT_REPLAY && !pp_accept_is_alive(entry);
}

/**
 * pp_accept_take_over - free an address and port, if the connection that had them is over
 * @old: connection that has them, as client or load balancer, under RCU, or NULL
 * @entry: connection that wants them, with its lock held, or NULL
 *
 * Context: bottom halves disabled.
 * Return: whether they are free now
 */
bool pp_accept_take_over(struct pp_accept *old, const struct pp_accept *entry)
{
	bool was_over;

	if (!old || old == entry)
		return true;
	if (!accept_is_over(old))
		return false;
	spin_lock_nested(&old->lock, SINGLE_DEPTH_NESTING);
	/* Check again with the lock held: another CPU may just have named its client */
	was_over = accept_is_over(old);
	if (was_over && old->state != PP_ACCEPT_DEAD)
		__pp_accept_kill(old, PP_STATS_ATTR_TAKEN_OVER);
	spin_unlock(&old->lock);
	return was_over;
}

static bool evict_socket(const struct pp_accept *entry)
{
	struct sock *sk = find_socket(entry);

	if (!sk)
		return true;
	if (sk->sk_state != TCP_TIME_WAIT) {
		sock_gen_put(sk);
		return false;
	}
	inet_twsk_deschedule_put(inet_twsk(sk));
	return true;
}

static bool try_port(struct pp_accept *entry, __be16 port)
{
	entry->inner.sport = port;
	return pp_accept_take_over(pp_accept_find_wire(entry->net, &entry->inner), entry) &&
	       pp_accept_take_over(pp_accept_find_inner(entry->net, &entry->inner), entry) &&
	       evict_socket(entry) && pp_accept_insert_inner(entry);
}

static int choose_client_port(struct pp_accept *entry)
{
	__be16 own = entry->inner.sport;
	unsigned int i;

	if (try_port(entry, own))
		return 0;
	for (i = 0; i < PORT_TRIES; i++) {
		u16 port = PORT_MIN + get_random_u32() % (U16_MAX - PORT_MIN + 1);

		if (try_port(entry, htons(port))) {
			pp_stats_inc(entry->net, REMAPPED);
			return 0;
		}
	}
	entry->inner.sport = own;
	return -EADDRINUSE;
}

/* Type of an address in this namespace, RTN_* */
static unsigned int address_type(const struct pp_accept *entry, const struct pp_endpoint *end)
{
	struct net *net = entry->net->net;

	if (end->family == AF_INET6)
		return ipv6_chk_addr(net, &end->addr.in6, NULL, 0) ? RTN_LOCAL : RTN_UNICAST;
	return inet_addr_type_dev_table(net, dev_get_by_index_rcu(net, entry->ifindex),
					end->addr.ip);
}

/*
 * Whether the application can be shown the client that the header names. If the application is on
 * another host, a client with an address of this host cannot be shown: answers to it would end
 * here, and would not pass POST_ROUTING.
 */
static bool can_show_client(struct pp_accept *entry, const struct pp_endpoint *client)
{
	u16 family = entry->wire.family == PP_IPV6 ? AF_INET6 : AF_INET;
	unsigned int type;

	if (client->family != family || !pp_accept_is_possible_client(client))
		return false;
	type = address_type(entry, client);
	entry->is_own_client = type == RTN_LOCAL;
	return type != RTN_BROADCAST && (type != RTN_LOCAL || entry->is_here);
}

static struct pp_endpoint named_client(const struct pp_header *header)
{
	struct pp_endpoint client = header ? header->src : (struct pp_endpoint){};

	if (pp_proto_is_mapped(&client))
		pp_proto_unmap(&client);
	return client;
}

/**
 * pp_accept_may_map - whether the application is to see an address instead of the client's
 * @entry: connection, with its lock held
 * @header: its header
 *
 * An address of this host is never shown instead of a client's.
 *
 * Return: whether the client is of the other family, and its rule maps it
 */
bool pp_accept_may_map(struct pp_accept *entry, const struct pp_header *header)
{
	struct pp_endpoint client = named_client(header);

	if (client.family == AF_UNSPEC || !pp_accept_is_possible_client(&client) ||
	    !pp_accept_map_client(entry, &client))
		return false;
	return can_show_client(entry, &client) && !entry->is_own_client;
}

/**
 * pp_accept_name_client - decide which client the application sees
 * @entry: connection, with its lock held
 * @header: its header, or NULL if it has none
 *
 * It goes by pp_accept.is_mapped. It sets pp_accept.inner and inserts the entry into
 * pp_accepts.by_inner.
 *
 * Return: 0, or -EADDRINUSE: no port is free; to be tried again
 */
int pp_accept_name_client(struct pp_accept *entry, const struct pp_header *header)
{
	struct pp_endpoint client = named_client(header);
	bool shown;
	int err;

	if (entry->is_mapped)
		pp_accept_map_client(entry, &client);
	shown = can_show_client(entry, &client);
	entry->is_hidden = client.family != AF_UNSPEC && !shown;
	entry->inner = entry->wire;
	if (shown) {
		entry->inner.sport = client.port;
		if (entry->wire.family == PP_IPV6)
			entry->inner.src.in6 = client.addr.in6;
		else
			entry->inner.src.ip = client.addr.ip;
	}
	entry->client_port = entry->inner.sport;
	entry->is_renamed = !pp_key_equals(&entry->wire, &entry->inner);
	/* No port is tried with L's own ends: the listener has just had them */
	if (entry->is_renamed)
		err = choose_client_port(entry);
	else
		err = pp_accept_insert_inner(entry) ? 0 : -EADDRINUSE;
	if (err)
		return err;
	if (!header)
		entry->pending->outcome = PP_STATS_ATTR_PASSED;
	else if (shown)
		entry->pending->outcome = PP_STATS_ATTR_ACCEPTED;
	else if (entry->is_hidden)
		entry->pending->outcome = PP_STATS_ATTR_MISMATCH;
	else
		entry->pending->outcome = PP_STATS_ATTR_ACCEPTED_OWN;
	return 0;
}
