/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Accepting: struct pp_accept, the entry of one connection.
 *
 * An entry lives from the load balancer's SYN to the end of the connection. Any folder may read it;
 * only accept/ writes to it.
 *
 * L is the load balancer, C the client that the header names, V the destination. On the wire the
 * connection is L > V. The host sees it above our hooks as C > V.
 */
#ifndef _PP_ACCEPT_CONN_H
#define _PP_ACCEPT_CONN_H

#include <linux/rhashtable.h>
#include <linux/spinlock.h>
#include <net/l3mdev.h>
#include "key.h"
#include "pernet.h"
#include "proto/header.h"

struct dst_entry;
struct pp_far;
struct pp_pending;

/**
 * enum pp_accept_state - progress of a connection
 * @PP_ACCEPT_SYN: L's SYN went to the listener, which answers L itself
 * @PP_ACCEPT_HEADER: L has acknowledged the SYN-ACK, and the listener's half-open connection is
 *	taken back; the header is gathered
 * @PP_ACCEPT_REPLAY: the header is complete, and L's SYN was injected as C's
 * @PP_ACCEPT_CONFIRM: the listener has answered it; the last ACK is to be delivered
 * @PP_ACCEPT_ESTABLISHED: packets are translated; only counters, the route and the flags of the
 *	closing still change
 * @PP_ACCEPT_DEAD: removed from the tables
 */
enum pp_accept_state {
	PP_ACCEPT_SYN,
	PP_ACCEPT_HEADER,
	PP_ACCEPT_REPLAY,
	PP_ACCEPT_CONFIRM,
	PP_ACCEPT_ESTABLISHED,
	PP_ACCEPT_DEAD,
};

/**
 * enum pp_kept - how the header of an accepted connection is kept
 * @PP_KEPT_NOT: not at all
 * @PP_KEPT_BY_ADDRESSES: it can be written anew from the addresses in the entry
 * @PP_KEPT_BYTES: as a copy of its bytes
 */
enum pp_kept {
	PP_KEPT_NOT,
	PP_KEPT_BY_ADDRESSES,
	PP_KEPT_BYTES,
};

/**
 * struct pp_accept - a connection from a load balancer, pending or accepted
 * @wire_node: in pp_accepts.by_wire
 * @inner_node: in pp_accepts.by_inner, if @has_inner
 * @wire: L > V
 * @inner: C > V; constant from PP_ACCEPT_REPLAY on
 * @net: its namespace
 * @pending: data of the handshakes; NULL from PP_ACCEPT_ESTABLISHED on; @lock
 * @far: the ends that V knows, if V is elsewhere and has or may have the connection, else NULL;
 *	@lock
 * @dst: route to L, or NULL; exchanged by xchg()
 * @dst_cookie: for dst_check()
 * @rule_id: id of the rule that chose the connection
 * @ifindex: device on which L's SYN came in
 * @orig_dst: original destination from the header
 * @header: the @header_len bytes of the header, if @kept is PP_KEPT_BYTES, else NULL
 * @mark: mark of V's last packet; the route to L may depend on it
 * @isn: initial sequence number of L
 * @isn_local: ISN1, V's initial sequence number in the first handshake, which L knows
 * @delta: ISN2 - ISN1, what is added to V's sequence numbers as L knows them
 * @ts_delta: TSval2 - TSval1, the same for V's timestamps
 * @address_diff: change of a checksum when C's address replaces L's; this and the four fields above
 *	are constant from PP_ACCEPT_CONFIRM on
 * @port_diff: the same for C's port; constant as @address_diff
 * @lock: protects @state, and all changes up to PP_ACCEPT_ESTABLISHED
 * @created: time of L's SYN, in jiffies
 * @fin_seq: sequence number behind L's FIN; valid if @fin_seen
 * @touched: time of the last packet, in jiffies
 * @client_port: the client's port from the header
 * @header_len: bytes of the header, or of all headers in a row; 0: the connection has none
 * @tlv_len: bytes of TLVs in the header that names the client
 * @state: enum pp_accept_state
 * @has_inner: the entry is in pp_accepts.by_inner
 * @is_renamed: @inner differs from @wire; constant as @inner
 * @is_here: the application is in this namespace
 * @has_local_socket: the application is here, and its socket is found under the ends that C knows,
 *	since no NAT is in between
 * @timestamps: both ends use timestamps
 * @is_own_client: the client's address is an address of this host
 * @is_hidden: the header names a client that the application cannot be shown
 * @is_mapped: the application is shown an address of its own family instead of the client's; the
 *	client is in @header
 * @fin_seen: L has sent a FIN, which ends at @fin_seq
 * @fin_in: V has acknowledged L's FIN
 * @fin_out: V has sent a FIN
 * @is_doubted: one end has sent a RST, and V has sent nothing since
 * @is_reset: the connection was reset: conntrack has accepted the number of the RST
 * @is_denied: V's host seems to have forgotten the connection, as it has answered a new SYN by a
 *	SYN-ACK
 * @is_far: L's sequence numbers are so far on that a retransmitted header cannot come any more
 * @window_shift: how much more V's windows are scaled than L knows
 * @version: version of the header that names the client
 * @header_count: number of headers in a row
 * @kept: enum pp_kept
 * @rcu: for freeing
 */
struct pp_accept {
	struct rhash_head wire_node;
	struct rhash_head inner_node;
	struct pp_conn_key wire;
	struct pp_conn_key inner;
	struct pp_net *net;
	struct pp_pending *pending;
	struct pp_far *far;
	struct dst_entry *dst;
	u32 dst_cookie;
	u32 rule_id;
	int ifindex;
	struct pp_endpoint orig_dst;
	u8 *header;
	u32 mark;
	u32 isn;
	u32 isn_local;
	u32 delta;
	u32 ts_delta;
	__wsum address_diff;
	__wsum port_diff;
	spinlock_t lock;
	u32 created;
	u32 fin_seq;
	u32 touched;
	__be16 client_port;
	u16 header_len;
	u16 tlv_len;
	u8 state;
	/* Written with @lock held, and constant from PP_ACCEPT_CONFIRM on */
	u8 has_inner:1;
	u8 is_renamed:1;
	u8 is_here:1;
	u8 has_local_socket:1;
	u8 timestamps:1;
	u8 is_own_client:1;
	u8 is_hidden:1;
	u8 is_mapped:1;
	/* Each has writers of its own, without a lock */
	bool fin_seen;
	bool fin_in;
	bool fin_out;
	bool is_doubted;
	bool is_reset;
	bool is_denied;
	bool is_far;
	s8 window_shift;
	u8 version;
	u8 header_count;
	u8 kept;
	struct rcu_head rcu;
};

/* Whether both ends have closed it, or it was reset. V's socket may still be in TIME_WAIT. */
static inline bool pp_accept_is_closed(const struct pp_accept *entry)
{
	return READ_ONCE(entry->is_reset) ||
	       (READ_ONCE(entry->fin_in) && READ_ONCE(entry->fin_out));
}

/* First sequence number behind the header */
static inline u32 pp_accept_data_seq(const struct pp_accept *entry)
{
	return entry->isn + 1 + entry->header_len;
}

/* Index of the VRF device that L's packets belong to, or 0 */
static inline int pp_accept_vrf(const struct pp_accept *entry)
{
	return l3mdev_master_ifindex_by_index(entry->net->net, entry->ifindex);
}

#endif /* _PP_ACCEPT_CONN_H */
