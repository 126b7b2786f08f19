/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rules: which connections get a header or have it taken out, and what it says.
 */
#ifndef _PP_RULE_H
#define _PP_RULE_H

#include <linux/if.h>
#include <linux/percpu.h>
#include <linux/percpu-refcount.h>
#include <linux/rcupdate.h>
#include <linux/siphash.h>
#include <net/ipv6.h>
#include "pernet.h"

struct netlink_ext_ack;

/**
 * struct pp_ports - a range of ports, host byte order
 * @first: lowest
 * @last: highest
 */
struct pp_ports {
	u16 first;
	u16 last;
};

/**
 * pp_rule_mask_prefix - clear the host bits of a prefix
 * @family: family of @addr
 * @addr: prefix
 * @len: its length in bits
 */
static inline void pp_rule_mask_prefix(enum pp_family family, union pp_address *addr,
				       unsigned int len)
{
	struct in6_addr prefix;

	if (family == PP_IPV6) {
		ipv6_addr_prefix(&prefix, &addr->in6, len);
		addr->in6 = prefix;
	} else {
		addr->ip &= len ? htonl(~0U << (32 - len)) : 0;
	}
}

/**
 * struct pp_from - a source whose headers are believed
 * @families: bits 1 << PP_IPV4 and 1 << PP_IPV6: both for "any"
 * @len: bits of the prefix
 * @prefix: host bits zero
 */
struct pp_from {
	u8 families;
	u8 len;
	union pp_address prefix;
};

/**
 * struct pp_rule_send - what only send rules have
 * @version: version of the header, 1 or 2
 * @origin: enum pp_origin
 * @tlv_len: bytes of @tlvs
 * @tlvs: TLVs of the header, in the rule's own allocation, with room for the unique id
 *	and, last, the CRC32C, which differ for each connection
 * @unique_id: there is a unique id
 * @crc32c: there is a CRC32C
 * @drop_tlvs: those of a header that was accepted are not passed on
 * @silent: score of connections whose server speaks first: see send/hold.c
 * @probes: probes in a row that found that the server still speaks first
 * @probed: when a probe last found whether the server speaks first, in jiffies
 */
struct pp_rule_send {
	u8 version;
	u8 origin;
	u16 tlv_len;
	u8 *tlvs;
	bool unique_id;
	bool crc32c;
	bool drop_tlvs;
	u8 silent;
	u8 probes;
	unsigned long probed;
};

/**
 * struct pp_map - what the application sees of clients of the other address family
 * @has_map4: IPv4 clients of IPv6 connections are shown behind @map4
 * @has_map6: IPv6 clients of IPv4 connections are shown as addresses of @map6
 * @map6_len: bits of the prefix @map6
 * @map6_per: bits of the client's address that count
 * @map4: prefix of 96 bits
 * @map6: prefix
 * @map6_key: key of the hash
 */
struct pp_map {
	bool has_map4;
	bool has_map6;
	u8 map6_len;
	u8 map6_per;
	struct in6_addr map4;
	__be32 map6;
	siphash_key_t map6_key;
};

/**
 * struct pp_rule_accept - what only accept rules have
 * @header_need: enum pp_header_need
 * @stacked: how many headers in a row a connection begins with
 * @timeout: seconds that they may take
 * @from: sources, in the rule's own allocation
 * @from_count: number of @from
 * @dev: name of the device by which @from are believed; empty: by any
 * @map: of clients of the other address family
 * @pending_bytes: memory of its pending connections' headers, and of the data behind them
 */
struct pp_rule_accept {
	u8 header_need;
	u8 stacked;
	u32 timeout;
	struct pp_from *from;
	unsigned int from_count;
	char dev[IFNAMSIZ];
	struct pp_map map;
	atomic_long_t pending_bytes;
};

/**
 * enum pp_rule_count - counters of a rule; those of send and of accept rules share their places
 * @PP_RULE_TAGGED: connections that got a header
 * @PP_RULE_ACKED: headers that were acknowledged
 * @PP_RULE_RESENT: times a header was sent again
 * @PP_RULE_ACCEPTED: connections given to the application with the client of their header
 * @PP_RULE_PASSED: connections given to the application without a header
 * @PP_RULE_REFUSED: connections reset because no valid header came
 * @PP_RULE_COUNTS: number of places
 */
enum pp_rule_count {
	PP_RULE_TAGGED = 0,
	PP_RULE_ACKED = 1,
	PP_RULE_RESENT = 2,
	PP_RULE_ACCEPTED = 0,
	PP_RULE_PASSED = 1,
	PP_RULE_REFUSED = 2,
	PP_RULE_COUNTS = 3
};

/**
 * struct pp_rule_counts - counters of a rule, of one CPU; they never fall
 * @of: by enum pp_rule_count
 */
struct pp_rule_counts {
	unsigned long of[PP_RULE_COUNTS];
};

/**
 * struct pp_rule - a rule; only the counters and scores change once it is added
 *
 * Each handshake counts, and holds a reference. Both are per CPU: a busy rule is read by all of
 * them, and must not be a cache line that all of them write.
 * @id: its name, 1 or above; 0 until a set has given it one
 * @families: bits 1 << PP_IPV4 and 1 << PP_IPV6: both for "any"
 * @direction: enum pp_direction
 * @to_len: bits of the prefix
 * @to: destination prefix, host bits zero
 * @mark: value of the masked mark
 * @mark_mask: 0: the mark does not matter
 * @ref: one for all sets that have it, one for each handshake in progress
 * @owners: sets that have it; pp_net.lock, or nobody else knows the rule
 * @send: of a send rule
 * @accept: of an accept rule
 * @counts: of each CPU
 * @base: sums of @counts at the last reset, which are subtracted from what is shown; pp_net.lock
 * @limit_told: when the last event of a limit was sent, in jiffies, or 0
 * @limit_untold: how many such events were left out since
 * @comment: NUL-terminated, behind @ports in the same allocation, or NULL
 * @slots: index entries, by pp_rules.side: the rule can be in the set in force and in the staged
 *	set; pp_net.lock
 * @ports_count: number of @ports; 0: any port
 * @ports: ranges in rising order
 */
struct pp_rule {
	u32 id;
	u8 families;
	u8 direction;
	u8 to_len;
	union pp_address to;
	u32 mark;
	u32 mark_mask;
	struct percpu_ref ref;
	unsigned int owners;
	struct pp_rule_send send;
	struct pp_rule_accept accept;
	struct pp_rule_counts __percpu *counts;
	u64 base[PP_RULE_COUNTS];
	u32 limit_told;
	atomic_t limit_untold;
	char *comment;
	struct list_head slots[PP_RULE_SIDES];
	unsigned int ports_count;
	struct pp_ports ports[];
};

/**
 * struct pp_rule_query - a new connection for which a rule is looked up
 * @direction: of the rules that are searched
 * @family: of the address
 * @to: destination
 * @from: source; accept only
 * @dev: name of the device that it comes by; NULL: does not matter; accept only
 * @port: destination port, host byte order
 * @marks: packet mark and conntrack mark
 */
struct pp_rule_query {
	enum pp_direction direction;
	enum pp_family family;
	union pp_address to;
	union pp_address from;
	const char *dev;
	u16 port;
	u32 marks[2];
};

/* Count one more of something */
static inline void pp_rule_count(struct pp_rule *rule, enum pp_rule_count which)
{
	this_cpu_inc(rule->counts->of[which]);
}

/**
 * pp_rule_get - take a reference for a handshake
 * @rule: rule that was found under RCU, or is referenced already
 *
 * Context: any.
 */
static inline void pp_rule_get(struct pp_rule *rule)
{
	percpu_ref_get(&rule->ref);
}

/**
 * pp_rule_put - drop the reference of a handshake
 * @rule: rule
 *
 * Context: any.
 */
static inline void pp_rule_put(struct pp_rule *rule)
{
	percpu_ref_put(&rule->ref);
}

u64 pp_rule_sum(const struct pp_rule *rule, enum pp_rule_count which);
struct pp_rule *pp_rule_alloc(unsigned int ports_count, unsigned int from_count,
			      size_t tlv_len, size_t comment_len);
void pp_rule_retire(struct pp_rule *rule);
int pp_rule_add(struct pp_net *pn, struct pp_rules *rules, struct pp_rule *rule,
		struct netlink_ext_ack *extack);
int pp_rule_replace(struct pp_net *pn, struct pp_rule *rule, struct netlink_ext_ack *extack);
void pp_rule_remove(struct pp_net *pn, struct pp_rule *rule);
void pp_rule_flush(struct pp_net *pn);
struct pp_rule *pp_rule_find(struct pp_net *pn, const struct pp_rule_query *query);
struct pp_rule *pp_rule_explain(struct pp_net *pn, const struct pp_rule_query *query,
				enum pp_match *match);
bool pp_rule_believes(const struct pp_rule *rule, enum pp_family family,
		      const union pp_address *addr);
void pp_rule_clear(struct pp_rules *rules);

struct pp_rules *pp_rule_set_in_force(const struct pp_net *pn);
u32 pp_rule_set_count(const struct pp_net *pn);
int pp_rule_set_begin(struct pp_net *pn, u32 portid, struct netlink_ext_ack *extack);
int pp_rule_set_stage(struct pp_net *pn, u32 portid, struct pp_rule *rule,
		      struct netlink_ext_ack *extack);
int pp_rule_set_keep(struct pp_net *pn, u32 portid, u32 id, struct netlink_ext_ack *extack);
int pp_rule_set_commit(struct pp_net *pn, u32 portid, struct netlink_ext_ack *extack);
void pp_rule_set_drop(struct pp_net *pn, u32 portid);
int pp_rule_net_init(struct pp_net *pn);
void pp_rule_net_exit(struct pp_net *pn);

#endif /* _PP_RULE_H */
