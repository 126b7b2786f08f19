/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rules: which connections get a header, and which one.
 */
#ifndef _PP_RULE_H
#define _PP_RULE_H

#include <linux/in6.h>
#include <linux/refcount.h>
#include <linux/rcupdate.h>
#include <net/ipv6.h>
#include "net.h"

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
 * union pp_address - an address of either family, network byte order
 * @ip: IPv4
 * @in6: IPv6
 */
union pp_address {
	__be32 ip;
	struct in6_addr in6;
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
 * struct pp_rule - a rule; only the counters change once it is added
 * @id: its name, 1 or above
 * @families: bits 1 << PP_IPV4 and 1 << PP_IPV6: both for "any"
 * @direction: enum pp_direction
 * @version: version of the header, 1 or 2
 * @origin: enum pp_origin
 * @to_len: bits of the prefix
 * @to: destination prefix, host bits zero
 * @mark: value of the masked mark
 * @mark_mask: 0: the mark does not matter
 * @tagged: connections that got a header
 * @acked: headers that were acknowledged
 * @resent: times a header was sent again
 * @silent: how much its connections let the server speak first: see send_hold.c
 * @probes: how many in a row have shown that it still does, one at a time
 * @probed: when one of them last showed whether it does, in jiffies
 * @header_need: enum pp_header_need
 * @timeout: seconds that a header may take
 * @tlvs: TLVs of the header, behind @from in the same allocation, with room for
 *	what each connection fills in: the unique id and, last, the CRC32C
 * @tlv_len: bytes of @tlvs
 * @unique_id: there is a unique id
 * @crc32c: there is a CRC32C
 * @drop_tlvs: those of a header that was accepted are not passed on
 * @accepted: connections given to the application with what their header said
 * @passed: connections given to the application without a header
 * @refused: connections reset for want of a valid header
 * @ref: one for the table, one for each handshake in progress
 * @rcu: for pp_rule_retire()
 * @comment: NUL-terminated, behind @ports in the same allocation, or NULL
 * @from: sources of an accept rule, in the same allocation
 * @from_count: number of @from
 * @slots: index entries; pp_net.lock
 * @ports_count: number of @ports; 0: any port
 * @ports: ranges in rising order
 */
struct pp_rule {
	u32 id;
	u8 families;
	u8 direction;
	u8 version;
	u8 origin;
	u8 to_len;
	union pp_address to;
	u32 mark;
	u32 mark_mask;
	atomic64_t tagged;
	atomic64_t acked;
	atomic64_t resent;
	u8 silent;
	u8 probes;
	unsigned long probed;
	u8 header_need;
	u32 timeout;
	atomic64_t accepted;
	atomic64_t passed;
	atomic64_t refused;
	refcount_t ref;
	struct rcu_head rcu;
	char *comment;
	struct pp_from *from;
	unsigned int from_count;
	u8 *tlvs;
	u16 tlv_len;
	bool unique_id;
	bool crc32c;
	bool drop_tlvs;
	struct list_head slots;
	unsigned int ports_count;
	struct pp_ports ports[];
};

/**
 * struct pp_rule_query - what is known of a new connection
 * @direction: of the rules that are asked
 * @family: of the address
 * @to: destination
 * @port: destination port, host byte order
 * @marks: packet mark and conntrack mark
 */
struct pp_rule_query {
	enum pp_direction direction;
	enum pp_family family;
	union pp_address to;
	u16 port;
	u32 marks[2];
};

struct pp_rule *pp_rule_alloc(unsigned int ports_count, unsigned int from_count,
			      size_t tlv_len, size_t comment_len);
void pp_rule_put(struct pp_rule *rule);
void pp_rule_retire(struct pp_rule *rule);
int pp_rule_add(struct pp_net *pn, struct pp_rules *rules, struct pp_rule *rule,
		struct netlink_ext_ack *extack);
void pp_rule_remove(struct pp_net *pn, struct pp_rule *rule);
void pp_rule_flush(struct pp_net *pn);
struct pp_rule *pp_rule_find(struct pp_net *pn, const struct pp_rule_query *query);
bool pp_rule_believes(const struct pp_rule *rule, enum pp_family family,
		      const union pp_address *addr);
void pp_rule_clear(struct pp_rules *rules);

struct pp_rules *pp_rules_in_force(const struct pp_net *pn);
u32 pp_rules_count(const struct pp_net *pn);
int pp_rules_begin(struct pp_net *pn, u32 portid, struct netlink_ext_ack *extack);
int pp_rules_stage(struct pp_net *pn, u32 portid, struct pp_rule *rule,
		   struct netlink_ext_ack *extack);
int pp_rules_commit(struct pp_net *pn, u32 portid, struct netlink_ext_ack *extack);
void pp_rules_drop(struct pp_net *pn, u32 portid);
int pp_rules_net_init(struct pp_net *pn);
void pp_rules_net_exit(struct pp_net *pn);

#endif /* _PP_RULE_H */
