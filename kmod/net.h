/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module keeps for each network namespace.
 */
#ifndef _PP_NET_H
#define _PP_NET_H

#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/rhashtable.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/netns/generic.h>
#include "stats.h"

/* Both address families, as indices of arrays */
enum pp_family {
	PP_IPV4,
	PP_IPV6,
	PP_FAMILIES
};

/* Directions, enum pp_direction, as indices of arrays */
#define PP_DIRECTIONS		(PP_DIRECTION_ACCEPT + 1)

/* Prefix lengths 0 to 128 */
#define PP_PREFIX_LENGTHS	129

/**
 * struct pp_rules - a set of rules and their index: that in force, or one to come
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
 */
struct pp_rules {
	struct xarray by_id;
	u32 count;
	u32 generation;
	u32 of_family[PP_DIRECTIONS][PP_FAMILIES];
	DECLARE_BITMAP(lengths[PP_DIRECTIONS][PP_FAMILIES], PP_PREFIX_LENGTHS);
	u32 dests_of_length[PP_DIRECTIONS][PP_FAMILIES][PP_PREFIX_LENGTHS];
	struct rhashtable dests;
	struct rhashtable blocks;
};

/**
 * struct pp_flows - the handshakes in progress of a namespace
 * @table: struct pp_flow by wire addresses and ports
 * @count: entries, those about to be inserted included
 * @unbound: entries that have not kept a conntrack entry from flow offload
 * @limit: most of them
 * @filter: how many of @table share a hash of addresses and ports that is the same for both
 *	directions; NULL before the first send rule
 * @gc: removes the dead; armed while @count is not 0
 * @hold: ACKs that wait for the client's data
 */
struct pp_flows {
	struct rhashtable table;
	atomic_t count;
	atomic_t unbound;
	u32 limit;
	atomic_t *filter;
	struct delayed_work gc;
	struct pp_hold __percpu *hold;
};

/**
 * struct pp_accepts - the accepted connections of a namespace, and the pending
 * @by_wire: struct pp_accept by the addresses and ports on the wire
 * @by_inner: the same by those that the application sees, once they are known
 * @lock: protects the lists; inside pp_accept.lock
 * @pending: struct pp_pending of connections that are not accepted yet
 * @confirm: those of @pending whose second handshake is to be finished
 * @pending_count: entries of @pending
 * @count: all entries
 * @pending_limit: most entries of @pending
 * @limit: most entries beside those
 * @bytes: memory for incomplete headers and for what came behind them
 * @kept: memory for headers of accepted connections
 * @gc: removes the dead; armed while @count is not 0
 * @finish: works on @confirm
 * @swept: when all entries were last looked at, in jiffies
 */
struct pp_accepts {
	struct rhashtable by_wire;
	struct rhashtable by_inner;
	spinlock_t lock;
	struct list_head pending;
	struct list_head confirm;
	atomic_t pending_count;
	atomic_t count;
	u32 pending_limit;
	u32 limit;
	atomic_long_t bytes;
	atomic_long_t kept;
	struct delayed_work gc;
	struct work_struct finish;
	unsigned long swept;
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
 * @hooks: those of a direction and family, or NULL; @lock
 * @stats: counters
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
	struct pp_hooks *hooks[PP_DIRECTIONS][PP_FAMILIES];
	struct pp_stats __percpu *stats;
};

extern unsigned int pp_net_id;

static inline struct pp_net *pp_net(const struct net *net)
{
	return net_generic(net, pp_net_id);
}

int pp_net_hook(struct pp_net *pn, const struct pp_rules *rules);
void pp_net_unhook_idle(struct pp_net *pn);
int pp_net_init(void);
void pp_net_exit(void);

#endif /* _PP_NET_H */
