// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: the closed world.
 *
 * Owns the decision which packets of a load balancer may reach a listener without an entry: those
 * of a connection that the host knows, as it is older than the rule, or the host began it. A
 * listener with SYN cookies takes any ACK for the last ACK of a handshake if its two numbers fit a
 * cookie. So all other packets get a lower sequence number, which fits no cookie. The host's TCP
 * resets them.
 */
#include <net/addrconf.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/l3mdev.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include <net/route.h>
#include "accept/internal.h"
#include "ulp/ulp.h"

/* Without @half_open, a request socket does not count: it may come from L's current SYN */
static bool has_socket(struct pp_net *pn, const struct pp_conn_key *key,
		       const struct net_device *in, bool half_open)
{
	int dif = in->ifindex, vrf = l3mdev_master_ifindex_rcu(in);
	struct sock *sk;
	bool has;

	if (key->family == PP_IPV6)
		sk = pp_inet6_lookup_established(pn->net, &key->src.in6, key->sport, &key->dst.in6,
						 ntohs(key->dport), dif, vrf);
	else
		sk = pp_inet_lookup_established(pn->net, key->src.ip, key->sport, key->dst.ip,
						ntohs(key->dport), dif, vrf);
	if (!sk)
		return false;
	has = half_open || sk->sk_state != TCP_NEW_SYN_RECV;
	sock_gen_put(sk);
	return has;
}

static bool is_local_address(struct pp_net *pn, const struct pp_conn_key *key,
			     const struct net_device *in)
{
	if (key->family == PP_IPV6)
		return ipv6_chk_addr(pn->net, &key->dst.in6, NULL, 0);
	return inet_addr_type_dev_table(pn->net, in, key->dst.ip) == RTN_LOCAL;
}

/**
 * pp_accept_find_conntrack - find conntrack's entry of a connection
 * @pn: namespace
 * @key: the connection, in either direction
 * @dir: gets the direction of @key
 *
 * Context: any. Only conntrack's default zone is searched.
 * Return: the entry, with a reference, or NULL
 */
struct nf_conn *pp_accept_find_conntrack(struct pp_net *pn, const struct pp_conn_key *key,
					 enum ip_conntrack_dir *dir)
{
	struct nf_conntrack_tuple_hash *found;
	struct nf_conntrack_tuple tuple = {
		.src.l3num = key->family == PP_IPV6 ? AF_INET6 : AF_INET,
		.dst.protonum = IPPROTO_TCP,
	};

	memcpy(&tuple.src.u3, &key->src, sizeof(key->src));
	memcpy(&tuple.dst.u3, &key->dst, sizeof(key->dst));
	tuple.src.u.tcp.port = key->sport;
	tuple.dst.u.tcp.port = key->dport;
	found = nf_conntrack_find_get(pn->net, &nf_ct_zone_dflt, &tuple);
	if (!found)
		return NULL;
	*dir = NF_CT_DIRECTION(found);
	return nf_ct_tuplehash_to_ctrack(found);
}

/* Whether both ends have the connection, as far as conntrack knows */
static bool conntrack_knows_both(const struct nf_conn *ct, enum ip_conntrack_dir dir)
{
	u8 state = READ_ONCE(ct->proto.tcp.state);

	/* V's side has begun it */
	if (dir == IP_CT_DIR_REPLY)
		return state != TCP_CONNTRACK_CLOSE;
	return test_bit(IPS_SEEN_REPLY_BIT, &ct->status) &&
	       state >= TCP_CONNTRACK_ESTABLISHED && state <= TCP_CONNTRACK_LAST_ACK;
}

/**
 * pp_accept_is_vouched - whether the host knows the connection of a packet
 * @pn: namespace
 * @key: addresses and ports of the packet
 * @in: device that it comes by
 * @half_open: a request socket is enough
 *
 * For an address of this host, only its sockets count, not conntrack, unless there is NAT.
 *
 * Context: under RCU.
 * Return: whether it knows the connection
 */
bool pp_accept_is_vouched(struct pp_net *pn, const struct pp_conn_key *key,
			  const struct net_device *in, bool half_open)
{
	enum ip_conntrack_dir dir;
	struct nf_conn *ct;
	bool knows;

	if (has_socket(pn, key, in, half_open))
		return true;
	ct = pp_accept_find_conntrack(pn, key, &dir);
	if (!ct)
		return false;
	knows = conntrack_knows_both(ct, dir) &&
		(ct->status & IPS_NAT_MASK || !is_local_address(pn, key, in));
	nf_ct_put(ct);
	return knows;
}

/**
 * pp_accept_guard_listener - keep a packet without an entry from opening a connection
 * @pn: namespace
 * @pkt: packet in PRE_ROUTING, not a SYN
 * @key: its addresses and ports
 * @in: device that it comes by
 *
 * Context: under RCU.
 * Return: verdict
 */
unsigned int pp_accept_guard_listener(struct pp_net *pn, struct pp_packet *pkt,
				      const struct pp_conn_key *key, const struct net_device *in)
{
	struct tcphdr *th;

	/* Such a packet cannot open a connection */
	if (!pkt->th.ack || pkt->th.syn || pkt->th.rst)
		return NF_ACCEPT;
	if (!pp_accept_find_rule(pn, key, in) || pp_accept_is_vouched(pn, key, in, true) ||
	    pp_ulp_serves(pn, key, in))
		return NF_ACCEPT;
	th = pp_packet_make_writable(pkt);
	if (!th)
		return NF_DROP;
	pp_packet_lower_seq(pkt, th);
	pp_stats_inc(pn, STRAY);
	return NF_ACCEPT;
}
