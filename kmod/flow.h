/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Handshakes in progress: connections whose header is not acknowledged yet.
 */
#ifndef _PP_FLOW_H
#define _PP_FLOW_H

#include <linux/hash.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/jhash.h>
#include <linux/rhashtable.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <net/ipv6.h>
#include "header.h"
#include "rule.h"

struct nf_conn;

/* No window scale option in a SYN */
#define PP_NO_WSCALE	0xff

/**
 * struct pp_flow_key - a connection as on the wire to the backend
 * @src: address of this host or, without masquerade, of the client
 * @dst: address of the backend
 * @sport: source port, network byte order
 * @dport: destination port, network byte order
 * @family: enum pp_family
 * @zone: zone of conntrack that replies belong to; 0 for accepted connections
 * @vrf: index of the VRF device on the side of the backend, or 0; likewise
 */
struct pp_flow_key {
	union pp_address src;
	union pp_address dst;
	__be16 sport;
	__be16 dport;
	u16 family;
	u16 zone;
	u32 vrf;
};

/* For tables; IPv6 addresses, which not everyone has, are not to cost everyone */
static inline u32 pp_flow_key_hash(const void *data, u32 len, u32 seed)
{
	const struct pp_flow_key *key = data;
	u32 ports = (__force u32)key->sport << 16 | (__force u32)key->dport;

	if (key->family == PP_IPV4)
		return jhash_3words((__force u32)key->src.ip, (__force u32)key->dst.ip, ports,
				    seed ^ key->vrf ^ (u32)key->zone << 16);
	return jhash2(data, sizeof(*key) / sizeof(u32), seed);
}

/* Word by word, the most different first: memcmp() is no faster than its calls */
static inline bool pp_flow_key_equal(const struct pp_flow_key *a, const struct pp_flow_key *b)
{
	return a->sport == b->sport && a->src.ip == b->src.ip && a->dst.ip == b->dst.ip &&
	       a->dport == b->dport && a->family == b->family && a->zone == b->zone &&
	       a->vrf == b->vrf &&
	       (a->family == PP_IPV4 || (ipv6_addr_equal(&a->src.in6, &b->src.in6) &&
					 ipv6_addr_equal(&a->dst.in6, &b->dst.in6)));
}

static inline struct pp_flow_key pp_flow_key_reversed(const struct pp_flow_key *key)
{
	return (struct pp_flow_key){
		.src = key->dst,
		.dst = key->src,
		.sport = key->dport,
		.dport = key->sport,
		.family = key->family,
	};
}

#define PP_FLOW_FILTER_BITS	12

static inline atomic_t *pp_flow_filter_at(const struct pp_net *pn, __be32 src, __be32 dst,
					  __be16 sport, __be16 dport)
{
	/* Addresses and ports often grow together, and must not make up for each other */
	u32 hash = __hash_32((__force u32)(src ^ dst)) + (__force u16)(sport ^ dport);

	return &pn->flows.filter[hash_32(hash, PP_FLOW_FILTER_BITS)];
}

/*
 * Whether a packet of either end may be of a handshake in progress, or quote one that is:
 * nearly all are not, and need not be parsed. Only in the hooks, where the network header is
 * linear.
 */
static inline bool pp_flow_may_have(const struct pp_net *pn, const struct sk_buff *skb,
				    enum pp_family family)
{
	unsigned int off = sizeof(struct ipv6hdr);
	const __be16 *ports;
	__be32 src, dst;

	if (!atomic_read(&pn->flows.count))
		return false;
	if (family == PP_IPV4) {
		if (ip_hdr(skb)->protocol != IPPROTO_TCP)
			return true;
		off = ip_hdr(skb)->ihl * 4;
		src = ip_hdr(skb)->saddr;
		dst = ip_hdr(skb)->daddr;
	} else {
		if (ipv6_hdr(skb)->nexthdr != IPPROTO_TCP)
			return true;
		src = ipv6_hdr(skb)->saddr.s6_addr32[3];
		dst = ipv6_hdr(skb)->daddr.s6_addr32[3];
	}
	if (off + 2 * sizeof(*ports) > skb_headlen(skb))
		return true;
	ports = (const __be16 *)(skb->data + off);
	return atomic_read(pp_flow_filter_at(pn, src, dst, ports[0], ports[1]));
}

/**
 * struct pp_flow - a connection from its SYN to the acknowledgement of its header
 * @node: in pp_flows.table
 * @key: identity
 * @hold_cpu: where its ACK waits
 * @net: its namespace
 * @client: the client, as the header names it
 * @orig_dst: what the client asked for, as the header names it
 * @rule_id: rule that chose it
 * @created: jiffies of the first SYN
 * @isn: initial sequence number of the client, as the client sees it
 * @is_local: the header is a LOCAL one, without addresses
 * @is_here: the backend is on this very host
 * @is_chained: it says what a header said that this host took out
 * @header_len: bytes of @header, by which the SYN's sequence number is moved
 * @unique_id: offset of the unique id in @header, or 0
 * @low_isn: lowest ISN that the backend may still have a handshake of
 * @old_isn: initial sequence number of the handshake that this one replaced
 * @old_len: bytes by which its SYN was moved; 0: there was none
 * @touched: jiffies of its last packet, for the garbage collection
 * @lock: protects what follows
 * @rule: chose it; NULL once @dead
 * @ct: conntrack entry kept from flow offload, or NULL
 * @dead: out of the table
 * @closed: one side sent a reset
 * @synack: the backend answered the SYN
 * @client_wscale: window scale that the client offered, or PP_NO_WSCALE
 * @backend_wscale: window scale that the backend offered, or PP_NO_WSCALE
 * @backend_mss: longest segment that the backend takes
 * @sent: how often the header has left
 * @told: bytes from ISN+1 on for which the client knows that there is room
 * @held: the handshake's last ACK, while it waits for the client's data, or NULL
 * @held_okfn: where it goes on
 * @hold_node: its place among those that wait
 * @rcu: for freeing
 * @header: the header
 */
struct pp_flow {
	struct rhash_head node;
	struct pp_flow_key key;
	u32 hold_cpu;
	struct pp_net *net;
	struct pp_endpoint client;
	struct pp_endpoint orig_dst;
	u32 rule_id;
	unsigned long created;
	u32 isn;
	u16 header_len;
	u16 unique_id;
	u32 low_isn;
	u32 old_isn;
	u16 old_len;
	bool is_local;
	bool is_here;
	bool is_chained;
	unsigned long touched;
	spinlock_t lock;
	struct pp_rule *rule;
	struct nf_conn *ct;
	bool dead;
	bool closed;
	bool synack;
	u8 client_wscale;
	u8 backend_wscale;
	u16 backend_mss;
	u32 sent;
	u32 told;
	struct sk_buff *held;
	int (*held_okfn)(struct net *net, struct sock *sk, struct sk_buff *skb);
	union {
		struct list_head hold_node;
		struct rcu_head rcu;
	};
	u8 header[];
};

/*
 * Whether the backend may still be willing to go on with a handshake, of this entry or
 * of one that it replaced, that it has answered and that is not finished
 */
static inline bool pp_flow_is_unfinished(const struct pp_flow *flow)
{
	return READ_ONCE(flow->synack) || flow->low_isn != flow->isn;
}

struct pp_flow *pp_flow_alloc(struct pp_net *pn, struct pp_rule *rule, u16 header_len);
void pp_flow_free(struct pp_flow *flow);
void pp_flow_bind(struct pp_flow *flow, struct nf_conn *ct);
struct pp_flow *pp_flow_insert(struct pp_flow *flow);
struct pp_flow *pp_flow_find(struct pp_net *pn, const struct pp_flow_key *key);
void pp_flow_touch(struct pp_flow *flow);
void __pp_flow_kill(struct pp_flow *flow, enum pp_stats_attr reason);
void pp_flow_kill(struct pp_flow *flow, enum pp_stats_attr reason);
enum pp_conn_state pp_flow_state(struct pp_flow *flow);
int pp_flow_filter_init(struct pp_net *pn);
int pp_flow_net_init(struct pp_net *pn);
void pp_flow_net_exit(struct pp_net *pn);

#endif /* _PP_FLOW_H */
