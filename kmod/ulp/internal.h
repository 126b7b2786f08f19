/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sockets with the ULP: what its files offer to each other, by file. For ulp/ alone.
 */
#ifndef _PP_ULP_INTERNAL_H
#define _PP_ULP_INTERNAL_H

#include <linux/mutex.h>
#include <linux/net.h>
#include <net/inet_connection_sock.h>
#include <net/tcp.h>
#include "proto/header_stack.h"
#include "rule/rule.h"
#include "trace/state.h"
#include "ulp/ulp.h"

struct pp_ulp_sender;

/**
 * struct pp_ulp_attached - a socket with the ULP
 * @node: in the list of listeners; empty until the socket listens; written under the lock of that
 *	list, read under RCU
 * @sk: the socket
 * @policy: its own policy, an accept rule that is in no table; NULL: none; written under the lock
 *	of the list, read under RCU
 * @by_rule: without @policy, the namespace's accept rules decide; written under the same lock
 * @sender: the header that the socket sends, NULL: none was named; written with the socket locked,
 *	read under RCU. A socket with a sender never listens.
 * @rcu: for freeing
 */
struct pp_ulp_attached {
	struct list_head node;
	struct sock *sk;
	struct pp_rule __rcu *policy;
	bool by_rule;
	struct pp_ulp_sender __rcu *sender;
	struct rcu_head rcu;
};

/**
 * struct pp_ulp_named - a header that a program has named
 * @ends: what it says
 * @unique_id: offset of the unique id in @bytes, or 0
 * @len: bytes of the header
 * @bytes: the header
 */
struct pp_ulp_named {
	struct pp_header ends;
	u16 unique_id;
	u16 len;
	u8 bytes[PP_SO_SEND_MAX];
};

/**
 * struct pp_ulp_client - an accepted socket whose peer is the client of a header
 * @conn: what lists and events show
 * @node: in the table of accepted sockets, by @sk
 * @sk: the socket
 * @destruct: the socket's own sk_destruct
 * @is_gone: the socket was disconnected, and is about to be used for something else
 * @ops_lock: keeps changes of the socket's proto_ops apart
 * @rcu: for freeing
 * @bytes: the header, if it is kept
 */
struct pp_ulp_client {
	struct pp_ulp_conn conn;
	struct hlist_node node;
	struct sock *sk;
	void (*destruct)(struct sock *sk);
	bool is_gone;
	struct mutex ops_lock;
	struct rcu_head rcu;
	u8 bytes[];
};

/**
 * struct pp_ulp_attempt - a segment that may end a handshake
 * @conn: its connection
 * @rule: rule or policy that trusts L; valid under RCU
 * @listener: the listening socket
 * @req: the half-open connection
 * @skb: the segment; data begins with the TCP header
 * @is_cookie: the half-open connection was made from a SYN cookie, and is forgotten if it has to
 *	wait
 * @start: sequence number of the header's first byte
 * @client: made from a complete header, or NULL
 */
struct pp_ulp_attempt {
	struct pp_ulp_conn conn;
	struct pp_rule *rule;
	const struct sock *listener;
	struct request_sock *req;
	struct sk_buff *skb;
	bool is_cookie;
	u32 start;
	struct pp_ulp_client *client;
};

/* Bytes of data in the segment */
static inline unsigned int pp_ulp_payload(const struct pp_ulp_attempt *at)
{
	return at->skb->len - tcp_hdrlen(at->skb);
}

static inline bool pp_ulp_requires_header(const struct pp_ulp_attempt *at)
{
	return at->rule->accept.header_need != PP_HEADER_OPTIONAL;
}

static inline void pp_ulp_trace_state(const struct pp_ulp_conn *conn, u8 state,
				      enum pp_stats_attr reason)
{
	trace_pp_ulp_state(conn->pn, &conn->wire, &conn->ends.src, conn->rule_id, state, reason);
}

/* attach.c */
struct pp_ulp_attached *pp_ulp_attached_of(const struct sock *sk);

/* borrow.c */
bool pp_ulp_is_plain(const struct sock *sk);
const struct proto_ops *pp_ulp_base_ops(const struct sock *sk);
void pp_ulp_base_destruct(struct sock *sk);
const struct proto_ops *pp_ulp_wrap_ops(const struct proto_ops *ops);
void pp_ulp_put_on(struct sock *sk);
const struct inet_connection_sock_af_ops *pp_ulp_base_af(const struct sock *sk);
void pp_ulp_take_off(struct sock *sk);
void pp_ulp_put_on_listener(struct sock *sk);
void pp_ulp_put_on_sender(struct sock *sk, void (*state_change)(struct sock *sk));
void pp_ulp_base_state_change(struct sock *sk);
void pp_ulp_borrow(void);

/* socket.c */
extern const struct proto_ops pp_ulp_socket_ops;

/* write.c */
void pp_ulp_write_fill(struct proto_ops *ops);

/* listener.c */
int pp_ulp_listener_check(const struct sock *sk);
int pp_ulp_listener_begin(struct sock *sk);
void pp_ulp_listener_add(struct pp_ulp_attached *attached);
void pp_ulp_listener_end(struct pp_ulp_attached *attached);
int pp_ulp_listener_attach(struct sock *sk, sockptr_t arg, unsigned int len);
int pp_ulp_listener_detach(struct sock *sk);
struct pp_rule *pp_ulp_find_policy(const struct sock *sk, const struct pp_conn_key *key,
				   const struct net_device *in);

/* receive.c */
struct sock *pp_ulp_syn_recv(const struct sock *sk, struct sk_buff *skb, struct request_sock *req,
			     struct dst_entry *dst, struct request_sock *req_unhash,
			     PP_CHILD_INIT_PARAM(bool *own_req));

/* part.c */
int pp_ulp_part_gather(struct pp_ulp_attempt *at, unsigned int *have, bool *like_header);
void pp_ulp_part_drop(const struct pp_ulp_attempt *at);
void pp_ulp_part_exit(void);

/* client.c */
void pp_ulp_client_init(void);
int pp_ulp_client_make(struct pp_ulp_attempt *at, const u8 *bytes, struct pp_stack *stack,
		       unsigned int len);
void pp_ulp_client_discard(struct pp_ulp_client *client);
void pp_ulp_client_publish(struct pp_ulp_client *client, struct sock *child);
struct pp_ulp_client *pp_ulp_client_find(const struct sock *sk);

/* named.c */
int pp_ulp_named_read(struct pp_ulp_named *named, int option, sockptr_t arg, unsigned int len);

/* sender.c */
void pp_ulp_sender_init(void);
int pp_ulp_sender_name(struct sock *sk, int option, sockptr_t arg, unsigned int len);
int pp_ulp_sender_arm(struct sock *sk);
bool pp_ulp_sender_waits(const struct sock *sk);
void pp_ulp_sender_queue(struct sock *sk, gfp_t gfp);
void pp_ulp_sender_end(struct pp_ulp_attached *attached);

/* starved.c */
void pp_ulp_starved_add(struct list_head *node);
void pp_ulp_starved_remove(struct list_head *node);
void pp_ulp_starved_exit(void);
struct sock *pp_ulp_sender_hold(struct list_head *node);

#endif /* _PP_ULP_INTERNAL_H */
