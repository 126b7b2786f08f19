// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: clients of the other address family.
 *
 * Owns the address that the application sees instead, if the rule has map4 or map6. Nothing is
 * remembered: the address follows from the client and the rule, so that all backends with the same
 * prefix and key show the same one.
 *
 *   map4  an IPv4 client of an IPv6 connection: the prefix, and the client's address behind it
 *   map6  an IPv6 client of an IPv4 connection: an address of the pool, chosen by a keyed hash of
 *         the client's prefix. Two prefixes can share an address.
 */
#include <linux/siphash.h>
#include <net/ipv6.h>
#include "accept/internal.h"
#include "accept/pending.h"

/* Private, shared and other addresses that are not global (RFC 6890) */
static bool ipv4_is_not_global(__be32 addr)
{
	return ipv4_is_private_10(addr) || ipv4_is_private_172(addr) || ipv4_is_private_192(addr) ||
	       ipv4_is_linklocal_169(addr) || ipv4_is_test_192(addr) || ipv4_is_test_198(addr) ||
	       (addr & htonl(0xffc00000)) == htonl(0x64400000) ||
	       (addr & htonl(0xffffff00)) == htonl(0xc6336400) ||
	       (addr & htonl(0xffffff00)) == htonl(0xcb007100);
}

/* 64:ff9b::/96 stands for global addresses alone (RFC 6052, 3.1) */
static bool is_well_known(const struct in6_addr *prefix)
{
	return prefix->s6_addr32[0] == htonl(0x0064ff9b) && !prefix->s6_addr32[1] &&
	       !prefix->s6_addr32[2];
}

static bool map_ipv4(const struct pp_map *map, struct pp_endpoint *client)
{
	__be32 addr = client->addr.ip;

	if (!map->has_map4 || (is_well_known(&map->map4) && ipv4_is_not_global(addr)))
		return false;
	client->family = AF_INET6;
	client->addr.in6 = map->map4;
	client->addr.in6.s6_addr32[3] = addr;
	return true;
}

/* The first and last address of the pool are left out: they are no host's */
static bool map_ipv6(const struct pp_map *map, struct pp_endpoint *client)
{
	struct in6_addr prefix;
	u32 size;
	u64 hash;

	if (!map->has_map6)
		return false;
	size = (1U << (32 - map->map6_len)) - 2;
	ipv6_addr_prefix(&prefix, &client->addr.in6, map->map6_per);
	hash = siphash(&prefix, sizeof(prefix), &map->map6_key);
	client->family = AF_INET;
	client->addr.ip = htonl(ntohl(map->map6) + 1 + (u32)(hash % size));
	return true;
}

/**
 * pp_accept_map_client - turn a client into what the application sees
 * @entry: pending connection, with its lock held
 * @client: the client; changed if it is of the other family and the rule maps it. Its port stays.
 *
 * Return: whether it was changed
 */
bool pp_accept_map_client(const struct pp_accept *entry, struct pp_endpoint *client)
{
	const struct pp_map *map = &entry->pending->rule->accept.map;

	if (entry->wire.family == PP_IPV6 && client->family == AF_INET)
		return map_ipv4(map, client);
	if (entry->wire.family == PP_IPV4 && client->family == AF_INET6)
		return map_ipv6(map, client);
	return false;
}
