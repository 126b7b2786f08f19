// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: the client that the application is to see.
 *
 * Owns which address and port that is: those that the header names, where they
 * can be and are free, and otherwise the load balancer's, or another port.
 */
#include <linux/random.h>
#include <net/addrconf.h>
#include <net/inet_hashtables.h>
#include <net/inet6_hashtables.h>
#include <net/inet_timewait_sock.h>
#include <net/tcp.h>
#include "accept.h"

/* Ports that are tried before the connection has to be tried again */
#define PORT_TRIES	128
#define PORT_MIN	1024

/* Addresses that no client can have, or that would be trusted for what they are */
static bool is_possible(const struct pp_endpoint *end)
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

/* Also one that is bound to the device or to its VRF */
static struct sock *find_socket(const struct pp_accept *entry)
{
	const struct pp_flow_key *key = &entry->inner;
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
 * pp_accept_has_socket - whether the stack still answers for a local connection
 * @entry: connection, under RCU
 *
 * It does so in TIME_WAIT, too.
 */
bool pp_accept_has_socket(const struct pp_accept *entry)
{
	struct sock *sk = find_socket(entry);

	if (sk)
		sock_gen_put(sk);
	return sk;
}

/**
 * pp_accept_has_in_flight - whether a packet may be on its way, as TCP judges ICMP errors
 * @entry: local connection, under RCU
 * @seq: the packet's number, as the stack has it
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
 * pp_accept_find_half_open - what the listener has of L's handshake
 * @entry: connection in PP_ACCEPT_SYN, under RCU
 *
 * Return: its request socket, with a reference; NULL: it keeps no more than a SYN
 * cookie, or it is behind this host or its NAT
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

/* Whether the application still has the connection; TIME_WAIT is no more */
static bool is_open(const struct pp_accept *entry)
{
	struct sock *sk = find_socket(entry);
	bool open = sk && sk->sk_state != TCP_TIME_WAIT;

	if (sk)
		sock_gen_put(sk);
	return open;
}

/**
 * pp_accept_is_alive - whether a connection may still be used by its ends
 * @entry: connection, under RCU
 *
 * A forwarded one, of which we see no socket, is until it was closed.
 */
bool pp_accept_is_alive(const struct pp_accept *entry)
{
	/* Pairs with the release of pp_accept_established() */
	switch (smp_load_acquire(&entry->state)) {
	case PP_ACCEPT_SYN:
	case PP_ACCEPT_HEADER:
	case PP_ACCEPT_DEAD:
		return false;
	case PP_ACCEPT_REPLAY:
	case PP_ACCEPT_CONFIRM:
		return true;
	default:
		if (entry->is_local)
			return is_open(entry);
		return !READ_ONCE(entry->is_reset) &&
		       !(READ_ONCE(entry->fin_in) && READ_ONCE(entry->fin_out));
	}
}

/* One that waits for its header is not alive, and not over either */
static bool is_over(const struct pp_accept *entry)
{
	return READ_ONCE(entry->state) >= PP_ACCEPT_REPLAY && !pp_accept_is_alive(entry);
}

/**
 * pp_accept_makes_room - forget whoever had an address and port before, if that is over
 * @old: connection that had them, as a client or a load balancer, under RCU, or NULL
 * @entry: connection that wants them, with its lock held, or NULL
 *
 * Context: bottom halves disabled.
 * Return: whether they are free now
 */
bool pp_accept_makes_room(struct pp_accept *old, const struct pp_accept *entry)
{
	bool was_over;

	if (!old || old == entry)
		return true;
	if (!is_over(old))
		return false;
	spin_lock_nested(&old->lock, SINGLE_DEPTH_NESTING);
	/* It may just have been named on another CPU, and have come to life */
	was_over = is_over(old);
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
	return pp_accept_makes_room(pp_accept_find_wire(entry->net, &entry->inner), entry) &&
	       pp_accept_makes_room(pp_accept_find_inner(entry->net, &entry->inner), entry) &&
	       evict_socket(entry) && pp_accept_insert_inner(entry);
}

static int enter(struct pp_accept *entry)
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

static bool is_named(const struct pp_header *header)
{
	return header && header->src.family != AF_UNSPEC;
}

/* Whether the client that the header names can be shown to the application */
static bool can_show(const struct pp_accept *entry, const struct pp_header *header)
{
	u16 family = entry->wire.family == PP_IPV6 ? AF_INET6 : AF_INET;

	return header->src.family == family && is_possible(&header->src);
}

/**
 * pp_accept_name_client - settle what the application will see
 * @entry: connection, with its lock held
 * @header: its header, or NULL if it has none
 *
 * Return: 0, or -EADDRINUSE: to be tried again
 */
int pp_accept_name_client(struct pp_accept *entry, const struct pp_header *header)
{
	bool shown = is_named(header) && can_show(entry, header);
	int err;

	entry->inner = entry->wire;
	if (shown) {
		entry->inner.sport = header->src.port;
		if (entry->wire.family == PP_IPV6)
			entry->inner.src.in6 = header->src.addr.in6;
		else
			entry->inner.src.ip = header->src.addr.ip;
	}
	entry->client_port = entry->inner.sport;
	entry->is_renamed = !pp_flow_key_equal(&entry->wire, &entry->inner);
	/* Under the load balancer's own name the listener has just had it */
	if (entry->is_renamed)
		err = enter(entry);
	else
		err = pp_accept_insert_inner(entry) ? 0 : -EADDRINUSE;
	if (err)
		return err;
	if (!header)
		entry->pending->outcome = PP_STATS_ATTR_PASSED;
	else if (shown)
		entry->pending->outcome = PP_STATS_ATTR_ACCEPTED;
	else if (is_named(header))
		entry->pending->outcome = PP_STATS_ATTR_MISMATCH;
	else
		entry->pending->outcome = PP_STATS_ATTR_ACCEPTED_OWN;
	return 0;
}
