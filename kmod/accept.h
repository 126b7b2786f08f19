/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Accepting: connections whose header is taken out of the stream, from the load
 * balancer's SYN to their end.
 *
 * L is the load balancer, C the client, V the destination. On the wire the
 * connection is L > V; what the host sees above our hooks is C > V.
 */
#ifndef _PP_ACCEPT_H
#define _PP_ACCEPT_H

#include <net/l3mdev.h>
#include <net/netfilter/nf_flow_table.h>
#include "flow.h"
#include "packet.h"

/**
 * enum pp_accept_state - where an accepted connection stands
 * @PP_ACCEPT_SYN: L's SYN went to the listener, which answers L by itself
 * @PP_ACCEPT_HEADER: L's SYN is taken back; the header is gathered
 * @PP_ACCEPT_REPLAY: the same SYN went to the listener as from C
 * @PP_ACCEPT_CONFIRM: the listener answered it; the last ACK is to be delivered
 * @PP_ACCEPT_ESTABLISHED: packets are translated; nothing but counters, the
 *	route and the closing flags changes any more
 * @PP_ACCEPT_DEAD: out of the tables
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
 * enum pp_kept - how the header of a connection is kept
 * @PP_KEPT_NOT: it is not
 * @PP_KEPT_BY_ADDRESSES: it can be written anew
 * @PP_KEPT_BYTES: its bytes are
 */
enum pp_kept {
	PP_KEPT_NOT,
	PP_KEPT_BY_ADDRESSES,
	PP_KEPT_BYTES,
};

/**
 * struct pp_syn_options - what a SYN or SYN-ACK offers
 * @is_signed: it has an MD5 or AO option
 * @others: it has options that are not kept
 * @timestamps: it has a timestamp option
 * @sack: selective acknowledgements
 * @wscale: window scale or PP_NO_WSCALE
 * @ts_val: timestamp
 */
struct pp_syn_options {
	bool is_signed;
	bool others;
	bool timestamps;
	bool sack;
	u8 wscale;
	u32 ts_val;
};

struct pp_accept;
struct pp_segment;

/**
 * struct pp_pending - what a connection needs until it is accepted
 * @entry: the connection
 * @rule: rule that chose it
 * @node: in pp_accepts.pending; pp_accepts.lock
 * @confirm_node: in pp_accepts.confirm, or empty; pp_accepts.lock
 * @mark: of L's SYN
 * @began: of the state, in jiffies
 * @synack_at: when the first SYN-ACK left, in ns
 * @rtt_us: from there to L's first ACK
 * @isn_local: ISN1, the sequence numbers of the last two SYN-ACKs
 * @ts_local: TSval1, timestamp of the last SYN-ACK
 * @ts_local2: TSval2, timestamp of the SYN-ACK to C's SYN
 * @ts_remote: L's last timestamp
 * @window_local: window of the SYN-ACK
 * @window_remote: L's last window, as on the wire
 * @synack: options of the SYN-ACK
 * @outcome: counter of what becomes of the connection
 * @synacks: how many of @isn_local are there
 * @tracked: conntrack has an entry of L's handshake
 * @tos: of L's SYN
 * @syn_len: bytes of @syn
 * @syn: TCP header of L's SYN with its options, as it went to the listener
 * @have: bytes of the header in @buf
 * @room: bytes that @buf can hold
 * @buf: beginning of the header, or NULL
 * @queue: packets of L that hold more than the header
 * @queued: memory of these
 * @queue_end: sequence number behind the last of these
 * @replayed: when C's SYN was sent last, in jiffies
 * @stale_ack: what V's host still expects on a connection of the same ends, if @is_stale
 * @stale_at: when that was seen last, in jiffies
 * @is_stale: it is to be reset
 */
struct pp_pending {
	struct pp_accept *entry;
	struct pp_rule *rule;
	struct list_head node;
	struct list_head confirm_node;
	u32 mark;
	unsigned long began;
	u64 synack_at;
	u32 rtt_us;
	u32 isn_local[2];
	u32 ts_local;
	u32 ts_local2;
	u32 ts_remote;
	u16 window_local;
	u16 window_remote;
	struct pp_syn_options synack;
	u8 outcome;
	u8 synacks;
	bool tracked;
	u8 tos;
	u8 syn_len;
	u8 syn[PP_TCP_HEADER_MAX] __aligned(4);
	unsigned int have;
	unsigned int room;
	u8 *buf;
	struct sk_buff_head queue;
	unsigned int queued;
	u32 queue_end;
	unsigned long replayed;
	unsigned long stale_at;
	u32 stale_ack;
	bool is_stale;
};

/**
 * struct pp_accept - an accepted connection
 * @wire_node: in pp_accepts.by_wire
 * @inner_node: in pp_accepts.by_inner, if @has_inner
 * @wire: L > V
 * @inner: C > V; constant from PP_ACCEPT_REPLAY on
 * @net: its namespace
 * @pending: NULL from PP_ACCEPT_ESTABLISHED on; @lock
 * @dst: route to L, or NULL; exchanged by xchg()
 * @dst_cookie: for dst_check()
 * @orig_dst: destination as the header has it
 * @header: the header, @header_len bytes, if @kept is PP_KEPT_BYTES, else NULL
 * @rule_id: rule that chose it
 * @ifindex: device that L's SYN came by
 * @mark: of what V sent last, by which routes to L may be chosen
 * @isn: initial sequence number of L
 * @isn_local: ISN1, initial sequence number of V as L knows it
 * @delta: what is added to V's sequence numbers as L knows them: ISN2 - ISN1
 * @ts_delta: the same for V's timestamps
 * @created: jiffies of L's SYN
 * @touched: jiffies of the last packet
 * @lock: protects @state and what leads to PP_ACCEPT_ESTABLISHED
 * @client_port: of the client, as the header has it
 * @header_len: bytes of the header; 0: there was none
 * @tlv_len: bytes of TLVs in it
 * @state: enum pp_accept_state
 * @has_inner: it is in pp_accepts.by_inner
 * @is_renamed: @inner is not @wire; constant as @inner
 * @is_here: the application is in this namespace
 * @is_local: so it is, and no NAT leads to it
 * @fin_in: a FIN came from L
 * @fin_out: a FIN came from V
 * @is_reset: a RST came from either, and nothing after it
 * @timestamps: both sides use timestamps
 * @by_cookie: the listener keeps nothing of a handshake but a SYN cookie
 * @is_far: L has sent so much that the header cannot come again
 * @version: of the header
 * @kept: enum pp_kept
 * @rcu: for freeing
 */
struct pp_accept {
	struct rhash_head wire_node;
	struct rhash_head inner_node;
	struct pp_flow_key wire;
	struct pp_flow_key inner;
	struct pp_net *net;
	struct pp_pending *pending;
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
	unsigned long created;
	unsigned long touched;
	spinlock_t lock;
	__be16 client_port;
	u16 header_len;
	u16 tlv_len;
	u8 state;
	bool has_inner;
	bool is_renamed;
	bool is_here;
	bool is_local;
	bool fin_in;
	bool fin_out;
	bool is_reset;
	bool timestamps;
	bool by_cookie;
	bool is_far;
	u8 version;
	u8 kept;
	struct rcu_head rcu;
};

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

/* accept.c */
#define PP_ACCEPT_HOOKS	(2 + PP_FLOWTABLE_TAKES_SYNACK)
extern const struct nf_hook_ops pp_accept_hooks[PP_FAMILIES][PP_ACCEPT_HOOKS];

/* accept_table.c */
struct pp_accept *pp_accept_alloc(struct pp_net *pn, struct pp_rule *rule);
struct pp_accept *pp_accept_insert(struct pp_accept *entry);
bool pp_accept_insert_inner(struct pp_accept *entry);
struct pp_accept *pp_accept_find_wire(struct pp_net *pn, const struct pp_flow_key *key);
struct pp_accept *pp_accept_find_inner(struct pp_net *pn, const struct pp_flow_key *key);
struct pp_pending *pp_accept_established(struct pp_accept *entry);
void pp_accept_free_pending(struct pp_net *pn, struct pp_pending *pending);
void pp_accept_confirm_later(struct pp_accept *entry);
void __pp_accept_kill(struct pp_accept *entry, enum pp_stats_attr reason);
void pp_accept_kill(struct pp_accept *entry, enum pp_stats_attr reason);
int pp_accept_net_init(struct pp_net *pn);
void pp_accept_net_exit(struct pp_net *pn);
int pp_accept_init(void);
void pp_accept_exit(void);

/* accept_gc.c */
void pp_accept_gc(struct work_struct *work);
void pp_accept_finish_work(struct work_struct *work);

/* accept_client.c */
int pp_accept_name_client(struct pp_accept *entry, const struct pp_header *header);
bool pp_accept_has_socket(const struct pp_accept *entry);
bool pp_accept_has_in_flight(const struct pp_accept *entry, u32 seq);
struct sock *pp_accept_find_half_open(const struct pp_accept *entry);
bool pp_accept_is_alive(const struct pp_accept *entry);
bool pp_accept_makes_room(struct pp_accept *old, const struct pp_accept *entry);

/* accept_syn.c */
unsigned int pp_accept_syn(struct pp_net *pn, struct pp_packet *pkt,
			   const struct nf_hook_state *state);
unsigned int pp_accept_repeat_syn(struct pp_accept *entry, struct pp_packet *pkt);
void pp_accept_read_options(const struct tcphdr *th, struct pp_syn_options *opts);
unsigned int pp_accept_answer(struct pp_accept *entry, struct pp_packet *pkt);

/* accept_pending.c; what it shares with accept_header.c is in accept_pending.h */
unsigned int pp_accept_pending_in(struct pp_accept *entry, struct pp_packet *pkt,
				  const struct nf_hook_state *state);
void pp_accept_expire(struct pp_accept *entry, struct net_device *dev);

/* accept_kept.c */
void pp_accept_keep_header(struct pp_accept *entry, const u8 *bytes);
void pp_accept_uncount_header(struct pp_accept *entry);
int pp_accept_header(const struct pp_accept *entry, u8 *buf, size_t size);
const u8 *pp_accept_tlvs(const struct pp_accept *entry);

/* accept_sockopt.c */
int pp_accept_sockopt_init(void);
void pp_accept_sockopt_exit(void);

/* accept_replay.c */
void pp_accept_replay(struct pp_accept *entry, struct net_device *dev);
unsigned int pp_accept_replay_answer(struct pp_accept *entry, struct pp_packet *pkt);
void pp_accept_finish(struct pp_accept *entry, struct net_device *dev);

/* accept_segment.c */
void pp_accept_inject(struct pp_accept *entry, const struct pp_segment *segment,
		      struct net_device *dev, u32 mark);
void pp_accept_take_back(struct pp_accept *entry, struct sock *half_open,
			 struct net_device *dev);
void pp_accept_acknowledge(struct pp_accept *entry);
void pp_accept_acknowledge_all(struct pp_accept *entry, const struct pp_pending *pending);
void pp_accept_refuse(struct pp_accept *entry, enum pp_stats_attr reason,
		      struct net_device *dev);
void pp_accept_replace(struct pp_accept *entry, struct net_device *dev);

/* accept_translate.c */
unsigned int pp_accept_translate_in(struct pp_accept *entry, struct pp_packet *pkt,
				    const struct net_device *in, bool again);
unsigned int pp_accept_translate_out(struct pp_accept *entry, struct pp_packet *pkt);

/* accept_route.c */
struct dst_entry *pp_accept_find_route(const struct pp_accept *entry,
				       const struct pp_flow_key *key, u32 mark);
void pp_accept_note_mark(struct pp_accept *entry, u32 mark);
struct dst_entry *pp_accept_route(struct pp_accept *entry);
void pp_accept_learn_mtu(const struct pp_accept *entry, struct sk_buff *skb, unsigned int off,
			 u32 mtu);
bool pp_accept_route_in(struct sk_buff *skb, const struct pp_accept *entry,
			const struct net_device *in);
unsigned int pp_accept_mtu(struct pp_accept *entry);
bool pp_accept_fits(struct sk_buff *skb, enum pp_family family, const struct dst_entry *dst);

/* accept_icmp.c */
void pp_accept_icmp_in(struct pp_net *pn, struct sk_buff *skb, enum pp_family family);
unsigned int pp_accept_icmp_out(struct pp_net *pn, struct sk_buff *skb,
				enum pp_family family);

/* accept_ipsec.c */
bool pp_accept_ipsec_in(const struct pp_accept *entry, const struct pp_packet *pkt,
			const struct net_device *in);

#endif /* _PP_ACCEPT_H */
