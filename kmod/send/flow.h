/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Handshakes in progress: connections whose header the backend has not acknowledged yet.
 *
 * Owns the entry of such a connection, struct pp_flow, and the functions on its life: allocate,
 * insert, find, evict, kill. For send/, and for netlink, which lists the entries.
 */
#ifndef _PP_FLOW_H
#define _PP_FLOW_H

#include <linux/rhashtable.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include "key.h"
#include "pernet.h"
#include "proto/header.h"

struct nf_conn;
struct pp_rule;

/* How many SYNs of a client are remembered besides the one that the connection uses */
#define PP_OTHER_SYNS	3

/**
 * struct pp_attempt - a SYN of the client, and the backend's answer to it
 * @isn: its sequence number, as the client sees it
 * @backend_isn: sequence number of the first SYN-ACK for it
 * @late_isn: sequence number of the last SYN-ACK for it; equals @backend_isn if all had the same
 * @told: the last window that the client was advertised, in bytes from ISN+1 on
 * @backend_mss: the backend's MSS
 * @client_wscale: window scale that the client offered, or PP_NO_WSCALE
 * @backend_wscale: window scale that the backend offered, or PP_NO_WSCALE
 * @is_set: this slot holds a SYN
 * @answered: the backend has sent a SYN-ACK for it
 *
 * Written under pp_flow.lock. @isn, @is_set and @answered are also read without it.
 */
struct pp_attempt {
	u32 isn;
	u32 backend_isn;
	u32 late_isn;
	u32 told;
	u16 backend_mss;
	u8 client_wscale;
	u8 backend_wscale;
	bool is_set;
	bool answered;
};

/**
 * struct pp_flow - the entry of a connection, from its SYN to the acknowledgement of its header
 * @node: link in pp_flows.table
 * @key: addresses and ports on the wire to the backend, VRF and conntrack zone
 * @hold_cpu: CPU in whose list the ACK @held waits; @lock
 * @half_cpu: CPU in whose list of half-open handshakes this entry is; @lock
 * @net: its namespace
 * @counter: the counter in the filter that counts this entry
 * @client: client address that the header names
 * @orig_dst: original destination that the header names
 * @rule_id: id of the rule that chose the connection
 * @created: lower 32 bits of jiffies at the creation of the entry
 * @says_local: the header is a LOCAL one, without addresses
 * @is_here: the backend is on this host
 * @is_chained: this host has removed a header from the connection; @header passes it on
 * @header_len: length H of @header in bytes; the SYN's sequence number is lowered by it
 * @unique_id: offset of the unique id in @header, or 0
 * @without_ct: the header was made without a conntrack entry
 * @is_opening: for conntrack, the SYN opens a connection
 * @touched: lower 32 bits of jiffies at the last progress, for the garbage collection; written
 *	under @lock, read without it
 * @lock: protects all fields below up to @half_node, and the bytes of @header; outside
 *	pp_hold.lock, pp_half_open.lock and the lock of the conntrack entry
 * @rule: rule that chose the connection; NULL once @dead
 * @ct: conntrack entry that this entry keeps from flow offload, or NULL
 * @dead: no longer in the table
 * @closed: one end has sent a reset that the other end accepts
 * @reset_seen: the client has sent a reset, whether or not the backend accepts it
 * @proven: the client has acknowledged the backend's answer to @syn
 * @is_half_open: the entry is in a list of half_open.c, and may be evicted
 * @has_forgotten: there was a SYN that is neither @syn nor in @others
 * @answered_before: the backend gave an answer that neither @syn nor @others hold
 * @is_unrecorded: a SYN or an answer is forgotten, and not recorded either (evicted.c)
 * @is_unbound: this entry is counted in pp_flows.unbound
 * @is_remade: the entry was made again without its SYN and SYN-ACK (remake.c)
 * @syn: the SYN that the connection uses, as far as is known
 * @others: other SYNs; the connection changes over to one of them when the client acknowledges
 *	the backend's answer to it (attempt.c)
 * @sent: how many times the header was sent
 * @passes_again: the client's packets pass the hook more than once in this namespace, for example
 *	through two bridges
 * @dev_client: index of the device by which the client's packets leave in their first pass
 * @dev_reply: index of the device by which the last clamped reply came, or 0
 * @client_end: one past the last sequence number that the client has sent
 * @client_ack: highest number that the client has acknowledged
 * @client_edge: right edge of the client's window
 * @backend_end: one past the last sequence number that the backend has sent
 * @held: the handshake's last ACK while it waits for the client's data, or NULL (hold.c)
 * @held_okfn: continues the path of @held
 * @hold_node: link in a list of struct pp_hold while @held waits
 * @half_node: link in a list of struct pp_half_open while @is_half_open. Shares memory with
 *	@hold_node: an ACK waits only when @proven, and then the entry is not half-open.
 * @rcu: for freeing after a grace period
 * @header: the header
 */
struct pp_flow {
	struct rhash_head node;
	struct pp_conn_key key;
	union {
		u32 hold_cpu;
		u32 half_cpu;
	};
	struct pp_net *net;
	atomic_t *counter;
	struct pp_endpoint client;
	struct pp_endpoint orig_dst;
	u32 rule_id;
	u32 created;
	u16 header_len;
	u16 unique_id;
	bool says_local;
	bool is_here;
	bool is_chained;
	bool without_ct;
	bool is_opening;
	u32 touched;
	spinlock_t lock;
	struct pp_rule *rule;
	struct nf_conn *ct;
	bool dead;
	bool closed;
	bool reset_seen;
	bool passes_again;
	bool proven;
	bool is_half_open;
	bool has_forgotten;
	bool answered_before;
	bool is_unrecorded;
	bool is_unbound;
	bool is_remade;
	int dev_client;
	int dev_reply;
	struct pp_attempt syn;
	struct pp_attempt others[PP_OTHER_SYNS];
	u32 sent;
	u32 client_end;
	u32 client_ack;
	u32 client_edge;
	u32 backend_end;
	struct sk_buff *held;
	int (*held_okfn)(struct net *net, struct sock *sk, struct sk_buff *skb);
	union {
		struct list_head hold_node;
		struct list_head half_node;
		struct rcu_head rcu;
	};
	u8 header[];
};

#define pp_send_for_each_other(other, flow)					\
	for (other = (flow)->others; other < (flow)->others + PP_OTHER_SYNS; other++)	\
		if (READ_ONCE(other->is_set))

/* Whether the backend has answered a SYN other than @flow->syn */
static inline bool pp_send_flow_has_other_answer(const struct pp_flow *flow)
{
	const struct pp_attempt *other;

	pp_send_for_each_other(other, flow)
		if (READ_ONCE(other->answered))
			return true;
	return READ_ONCE(flow->answered_before);
}

/* Whether the backend has answered any SYN, so that it may still complete a handshake */
static inline bool pp_send_flow_is_unfinished(const struct pp_flow *flow)
{
	return READ_ONCE(flow->syn.answered) || pp_send_flow_has_other_answer(flow);
}

/* The sequence number of the header's first byte, if the connection uses @syn */
static inline u32 pp_send_header_seq(const struct pp_flow *flow, const struct pp_attempt *syn)
{
	return syn->isn - flow->header_len + 1;
}

/* The class of a rule: no class of rules may use up the whole limit (pp_send_flow_alloc()) */
static inline u32 pp_send_flow_class(u32 rule_id)
{
	return rule_id % PP_FLOW_CLASSES;
}

extern const struct rhashtable_params pp_send_flow_params;

struct pp_flow *pp_send_flow_alloc(struct pp_net *pn, struct pp_rule *rule, u16 header_len);
void pp_send_flow_free(struct pp_flow *flow);
void pp_send_flow_free_at_exit(void *ptr, void *arg);
void pp_send_flow_bind(struct pp_flow *flow, struct nf_conn *ct);
struct pp_flow *pp_send_flow_insert(struct pp_flow *flow);
struct pp_flow *pp_send_flow_find(struct pp_net *pn, const struct pp_conn_key *key);
void pp_send_flow_touch(struct pp_flow *flow);
void __pp_send_flow_kill(struct pp_flow *flow, enum pp_stats_attr reason);
bool pp_send_flow_evict(struct pp_flow *flow);
void pp_send_flow_kill(struct pp_flow *flow, enum pp_stats_attr reason);
enum pp_conn_state __pp_send_flow_state(const struct pp_flow *flow);
enum pp_conn_state pp_send_flow_state(struct pp_flow *flow);

#endif /* _PP_FLOW_H */
