/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Accepting: headers are taken out of connections from trusted load balancers.
 *
 * For the folders outside accept/. It declares the operations of this direction, the functions that
 * find an accepted connection and read its header, and init and exit.
 */
#ifndef _PP_ACCEPT_H
#define _PP_ACCEPT_H

#include "accept/conn.h"

struct pp_rule;

extern const struct pp_direction_ops pp_accept_ops;

struct pp_rule *pp_accept_find_rule(struct pp_net *pn, const struct pp_conn_key *key,
				    const struct net_device *in);
bool pp_accept_is_possible_client(const struct pp_endpoint *end);
struct pp_accept *pp_accept_find_inner(struct pp_net *pn, const struct pp_conn_key *key);
const u8 *pp_accept_find_tlvs(const struct pp_accept *entry);
const u8 *pp_accept_find_stacked(const struct pp_accept *entry);
bool pp_accept_read_client(const struct pp_accept *entry, struct pp_endpoint *client);
int pp_accept_read_ends(const struct pp_accept *entry, struct pp_header *header);

int pp_accept_init(void);
void pp_accept_exit(void);
int pp_accept_sockopt_init(void);
void pp_accept_sockopt_exit(void);

#endif /* _PP_ACCEPT_H */
