/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Addresses, and the key of a connection in tables.
 *
 * For every folder: this header is below all others and includes none of them.
 */
#ifndef _PP_KEY_H
#define _PP_KEY_H

#include <linux/in6.h>
#include <linux/jhash.h>
#include <linux/types.h>
#include <net/ipv6.h>

/* Both address families, as indices of arrays */
enum pp_family {
	PP_IPV4,
	PP_IPV6,
	PP_FAMILIES
};

/**
 * union pp_address - an address of either family, network byte order
 * @ip: IPv4
 * @in6: IPv6
 */
union pp_address {
	__be32 ip;
	struct in6_addr in6;
};

/**
 * struct pp_conn_key - a connection as on the wire to the backend
 * @src: address of this host or, without masquerade, of the client
 * @dst: address of the backend
 * @sport: source port, network byte order
 * @dport: destination port, network byte order
 * @family: enum pp_family
 * @zone: conntrack zone of replies; 0 for accepted connections
 * @vrf: index of the VRF device on the backend's side, or 0; 0 for accepted connections
 */
struct pp_conn_key {
	union pp_address src;
	union pp_address dst;
	__be16 sport;
	__be16 dport;
	u16 family;
	u16 zone;
	u32 vrf;
};

/* For tables. An IPv4 connection does not pay for hashing the room of IPv6 addresses */
static inline u32 pp_key_hash(const void *data, u32 len, u32 seed)
{
	const struct pp_conn_key *key = data;
	u32 ports = (__force u32)key->sport << 16 | (__force u32)key->dport;

	if (key->family == PP_IPV4)
		return jhash_3words((__force u32)key->src.ip, (__force u32)key->dst.ip, ports,
				    seed ^ key->vrf ^ (u32)key->zone << 16);
	return jhash2(data, sizeof(*key) / sizeof(u32), seed);
}

/* Word by word, the words that differ most first: a call of memcmp() costs more */
static inline bool pp_key_equals(const struct pp_conn_key *a, const struct pp_conn_key *b)
{
	return a->sport == b->sport && a->src.ip == b->src.ip && a->dst.ip == b->dst.ip &&
	       a->dport == b->dport && a->family == b->family && a->zone == b->zone &&
	       a->vrf == b->vrf &&
	       (a->family == PP_IPV4 || (ipv6_addr_equal(&a->src.in6, &b->src.in6) &&
					 ipv6_addr_equal(&a->dst.in6, &b->dst.in6)));
}

static inline struct pp_conn_key pp_key_reverse(const struct pp_conn_key *key)
{
	return (struct pp_conn_key){
		.src = key->dst,
		.dst = key->src,
		.sport = key->dport,
		.dport = key->sport,
		.family = key->family,
	};
}

#endif /* _PP_KEY_H */
