/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state of a network namespace.
 *
 * For every folder above proto/ and packet/.
 */
#ifndef _PP_PERNET_H
#define _PP_PERNET_H

#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/rhashtable.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/netns/generic.h>
#include "key.h"
#include "stats.h"

/* Directions, enum pp_direction, as indices of arrays */
#define PP_DIRECTIONS		(PP_DIRECTION_ACCEPT + 1)

/* Queues of pending connections: each source uses one, and may share it with others */
#define PP_PENDING_QUEUES	256

/**
 * enum pp_pending_rank - how much a pending connection has proven
 * @PP_PENDING_SYN: nothing, since any host can send a SYN
 * @PP_PENDING_ACKED: L has acknowledged the SYN-ACK; no byte of a header has come
 * @PP_PENDING_HEADER: bytes of a header have come
 * @PP_PENDING_RANKS: number of ranks
 */
enum pp_pending_rank {
	PP_PENDING_SYN,
	PP_PENDING_ACKED,
	PP_PENDING_HEADER,
	PP_PENDING_RANKS
};

/* Rules by their ids, for a fair share of the handshakes in progress */
#define PP_FLOW_CLASSES		16

/* Prefix lengths 0 to 128 */
#define PP_PREFIX_LENGTHS	129

/* The set in force and the staged set are on different sides */
#define PP_RULE_SIDES		2

/**
 * struct pp_rules - a set of rules and their index: that in force, or one to come
 * @side: index of pp_rule.slots; constant
 * @kept: how many rules a staged set had in common with the set in force; pp_net.lock
 * @is_stale: one of those was removed from the set in force; pp_net.lock
 * @by_id: every rule, for netlink; written under pp_net.lock
 * @count: rules in @by_id; written under pp_net.lock
 * @generation: grows with every change, so that dumps notice; pp_net.lock
 * @of_family: rules of a direction that can match a packet of the family;
 *	pp_net.lock
 * @lengths: prefix lengths in use in a direction, bit 128 - length, so that the
 *	first bit is the longest; written under pp_net.lock, read under RCU
 * @dests_of_length: destinations of each length; pp_net.lock
 * @dests: struct pp_dest by direction, family and prefix
 * @blocks: struct pp_block by destination, mark and ports
 * @shared: struct pp_sources by destination and range of ports
 * @sources: struct pp_source, of accept rules with the same destination and ports
 */
struct pp_rules {
	unsigned int side;
	u32 kept;
	bool is_stale;
	struct xarray by_id;
	u32 count;
	u32 generation;
	u32 of_family[PP_DIRECTIONS][PP_FAMILIES];
	DECLARE_BITMAP(lengths[PP_DIRECTIONS][PP_FAMILIES], PP_PREFIX_LENGTHS);
	u32 dests_of_length[PP_DIRECTIONS][PP_FAMILIES][PP_PREFIX_LENGTHS];
	struct rhashtable dests;
	struct rhashtable blocks;
	struct rhashtable shared;
	struct rhashtable sources;
};

/**
 * struct pp_flows - the handshakes in progress of a namespace
 * @filter: tells which packets may belong to one (send/filter.c); RCU, read by every packet; NULL
 *	before the first send rule
 * @places: places below @limit that each CPU keeps (send/places.c); NULL before the first send rule
 * @half_open: lists of half-open handshakes, the oldest first (send/half_open.c); likewise
 * @hold: ACKs that wait for the client's data (send/hold.c); likewise
 * @evicted: records of evicted handshakes that conntrack does not know (send/evicted.c), or NULL:
 *	there are none; RCU, read by every packet
 * @limit: how many handshakes there may be; READ_ONCE
 * @batch: how many places a CPU takes at once; READ_ONCE
 * @is_collecting: @gc is armed, as long as @table is not empty; xchg
 * @unbound: number of entries whose conntrack entry could not be kept from flow offload
 * @table: struct pp_flow by pp_flow.key
 * @taken: places taken, by class of rules and, in the last element, by all. No class may use up
 *	the whole limit.
 * @unknown: how many entries had no conntrack entry when @gc last ran; of @gc alone
 * @gc: ends entries that make no progress (send/gc.c)
 *
 * Each packet reads the first cache lines, whose fields change rarely. Handshakes write to the
 * later lines. A handshake must not take the first lines from the caches of other CPUs (static
 * assertions in send/gc.c).
 */
struct pp_flows {
	struct pp_filter __rcu *filter;
	struct pp_places __percpu *places;
	struct pp_half_open __percpu *half_open;
	struct pp_hold __percpu *hold;
	struct pp_evicted __rcu *evicted;
	u32 limit;
	u32 batch;
	u32 is_collecting;
	atomic_t unbound;
	struct rhashtable table ____cacheline_aligned_in_smp;
	atomic_t taken[PP_FLOW_CLASSES + 1] ____cacheline_aligned_in_smp;
	u32 unknown;
	struct delayed_work gc;
} ____cacheline_aligned_in_smp;

/**
 * struct pp_mtu_report - an MTU of the way to a load balancer, as one client's connection heard it
 * @balancer: address of the load balancer
 * @client: address of the client
 * @mtu: bytes of a packet; 0: there is no report
 * @at: time of the report, in jiffies
 */
struct pp_mtu_report {
	union pp_address balancer;
	union pp_address client;
	u32 mtu;
	unsigned long at;
};

/**
 * struct pp_mtu_reports - the last MTU reports
 * @lock: protects @of
 * @of: indexed by a hash of the load balancer's address
 */
struct pp_mtu_reports {
	spinlock_t lock;
	struct pp_mtu_report of[8];
};

/**
 * struct pp_pending_queue - pending connections of the sources that share a queue
 * @lock: protects @of_rank, and the queue's lengths in pp_accepts.depths; nests inside
 *	pp_accept.lock
 * @of_rank: lists of struct pp_pending by enum pp_pending_rank, the oldest first
 */
struct pp_pending_queue {
	spinlock_t lock;
	struct list_head of_rank[PP_PENDING_RANKS];
} ____cacheline_aligned_in_smp;

/**
 * struct pp_accepts - pending and accepted connections of a namespace
 * @by_wire: struct pp_accept by the addresses and ports on the wire
 * @by_inner: struct pp_accept by the addresses and ports that the application sees, once known
 * @lock: protects @confirm, @over and the fields of struct pp_far; nests inside pp_accept.lock
 * @queues: PP_PENDING_QUEUES queues, by source; NULL before the first accept rule
 * @depths: lengths of the queues' lists, by rank and queue; protected by the queues' locks
 * @by_far: struct pp_far by the ends that a destination elsewhere knows
 * @over: struct pp_far of connections that are over, the one heard longest ago first; @lock
 * @over_count: length of @over; written under @lock
 * @confirm: pending connections whose second handshake a work goes on with; @lock
 * @denials: prepared resets for destinations that seem to have forgotten a connection and are to be
 *	asked; has a lock of its own
 * @doubts: those of destinations that were asked and may still answer; has a lock of its own
 * @generation: of the rules with which half-open connections were last compared; @gc only
 * @pending_count: number of pending connections
 * @count: number of all entries
 * @pending_limit: limit of @pending_count
 * @limit: limit of accepted connections, @count without @pending_count
 * @bytes: memory for incomplete headers and data behind headers
 * @kept: memory for headers of accepted connections
 * @gc: ends connections; queued while @count or @over_count is not 0
 * @finish: goes on with @confirm and @denials
 * @swept: when all entries were last checked, in jiffies; @gc only
 * @reports: MTU reports of routers
 */
struct pp_accepts {
	struct rhashtable by_wire;
	struct rhashtable by_inner;
	spinlock_t lock;
	struct pp_pending_queue *queues;
	u32 *depths[PP_PENDING_RANKS];
	struct rhashtable by_far;
	struct list_head over;
	u32 over_count;
	struct list_head confirm;
	struct sk_buff_head denials;
	struct sk_buff_head doubts;
	u32 generation;
	atomic_t pending_count;
	atomic_t count;
	u32 pending_limit;
	u32 limit;
	atomic_long_t bytes;
	atomic_long_t kept;
	struct delayed_work gc;
	struct work_struct finish;
	unsigned long swept;
	struct pp_mtu_reports reports;
};

/**
 * struct pp_ulp_state - sockets with the ULP
 * @listeners: number of listeners
 * @clients: number of accepted sockets with a client
 * @kept: memory for their headers
 * @parts: number of incomplete headers
 * @senders: number of sockets that send a header of their own
 */
struct pp_ulp_state {
	atomic_t listeners;
	atomic_t clients;
	atomic_long_t kept;
	atomic_t parts;
	atomic_t senders;
};

/**
 * struct pp_net - state of a network namespace
 * @net: the namespace; outlives this
 * @lock: serialises changes of rules and hooks
 * @rules: rules in force, replaced as a whole; written under @lock
 * @staged: rules that are to replace them, or NULL; @lock
 * @stager: netlink port of the socket that @staged belongs to; @lock
 * @last_rule_id: id given last, in either set; @lock
 * @flows: handshakes in progress
 * @accepts: accepted connections
 * @ulp: sockets that take or send the header themselves
 * @hooks: those of a direction and family, or NULL; @lock
 * @stats: counters; NULL before the first rule or listener
 * @stats_lock: protects @stats_base
 * @stats_base: values of the counters at the last reset; NULL before the first
 */
struct pp_net {
	struct net *net;
	struct mutex lock;
	struct pp_rules __rcu *rules;
	struct pp_rules *staged;
	u32 stager;
	u32 last_rule_id;
	struct pp_flows flows;
	struct pp_accepts accepts;
	struct pp_ulp_state ulp;
	struct pp_hooks *hooks[PP_DIRECTIONS][PP_FAMILIES];
	struct pp_stats __percpu *stats;
	struct mutex stats_lock;
	u64 *stats_base;
};

/**
 * struct pp_direction_ops - what a direction of rules has of its own
 * @hooks: of each family, @hook_count of them; net.c gives them their private data
 * @hook_count: how many
 * @prepare: called before hooks are registered, with pp_net.lock held, or NULL
 * @count_connections: how many connections need the hooks
 * @net_init: a namespace comes
 * @net_exit: it goes; no packet is in the hooks any more
 */
struct pp_direction_ops {
	const struct nf_hook_ops *hooks[PP_FAMILIES];
	unsigned int hook_count;
	int (*prepare)(struct pp_net *pn);
	int (*count_connections)(const struct pp_net *pn);
	int (*net_init)(struct pp_net *pn);
	void (*net_exit)(struct pp_net *pn);
};

extern unsigned int pp_net_id;

static inline struct pp_net *pp_net_of(const struct net *net)
{
	return net_generic(net, pp_net_id);
}

#endif /* _PP_PERNET_H */
