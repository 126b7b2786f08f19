/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sockets with the TCP ULP "proxyproto": a listener hands out connections behind their header, and
 * a socket that connects sends one.
 *
 * For the folders outside ulp/. It declares what lists and events read, the questions whether a
 * listener takes the header itself or a socket sends it, and init and exit.
 */
#ifndef _PP_ULP_H
#define _PP_ULP_H

#include "key.h"
#include "pernet.h"
#include "proto/header.h"

struct net_device;
struct pp_rule;
struct sock;

/**
 * struct pp_ulp_conn - a connection of a listener with the ULP; constant once others can find it
 * @pn: its namespace
 * @wire: L > V
 * @rule_id: id of the rule that chose it; 0: the listener's own policy
 * @created: time of its header, in jiffies
 * @client: the client that getpeername() shows; AF_UNSPEC: it shows L
 * @ends: what the header says, of headers in a row the one that names the client
 * @header_len: bytes of all headers; 0: none has come yet
 * @header_count: number of headers in a row
 * @header: all headers, or NULL: there was no memory to keep them
 */
struct pp_ulp_conn {
	struct pp_net *pn;
	struct pp_conn_key wire;
	u32 rule_id;
	u32 created;
	struct pp_endpoint client;
	struct pp_header ends;
	u16 header_len;
	u8 header_count;
	const u8 *header;
};

/**
 * struct pp_ulp_sent - a connection whose socket sends a header
 * @pn: its namespace
 * @wire: this host > backend
 * @created: when the program has called connect(), in jiffies
 * @state: enum pp_conn_state
 * @ends: what the header says
 * @header_len: bytes of the header
 * @unique_id: PP_UNIQUE_ID_LEN characters, or NULL
 */
struct pp_ulp_sent {
	struct pp_net *pn;
	struct pp_conn_key wire;
	u32 created;
	u8 state;
	const struct pp_header *ends;
	u16 header_len;
	const u8 *unique_id;
};

/**
 * struct pp_ulp_walk - position in a list
 * @bucket: hash bucket
 * @skip: how many of the bucket have been seen
 */
struct pp_ulp_walk {
	unsigned int bucket;
	unsigned int skip;
};

/**
 * struct pp_ulp_listening - a listener with the ULP, as lists show it
 * @local: address and port
 * @policy: its own policy, as an accept rule that is in no table; NULL: rules decide
 */
struct pp_ulp_listening {
	struct pp_endpoint local;
	const struct pp_rule *policy;
};

bool pp_ulp_serves(struct pp_net *pn, const struct pp_conn_key *key, const struct net_device *in);
const struct pp_ulp_conn *pp_ulp_find_conn(const struct sock *sk);
int pp_ulp_each_conn(struct pp_net *pn, struct pp_ulp_walk *walk,
		     int (*emit)(const struct pp_ulp_conn *conn, void *arg), void *arg);
int pp_ulp_each_listener(struct pp_net *pn, struct pp_ulp_walk *walk,
			 int (*emit)(const struct pp_ulp_listening *listening, void *arg),
			 void *arg);

bool pp_ulp_sends(const struct sock *sk);
const u8 *pp_ulp_find_sent(const struct sock *sk, unsigned int *len);
int pp_ulp_each_sent(struct pp_net *pn, struct pp_ulp_walk *walk,
		     int (*emit)(const struct pp_ulp_sent *sent, void *arg), void *arg);

int pp_ulp_init(void);
void pp_ulp_exit(void);
void pp_ulp_net_exit(struct pp_net *pn);

#endif /* _PP_ULP_H */
