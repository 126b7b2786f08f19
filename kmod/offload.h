/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Keeping a connection from flow offload while its header is on the way.
 */
#ifndef _PP_OFFLOAD_H
#define _PP_OFFLOAD_H

struct nf_conn;

int pp_offload_deny(struct nf_conn *ct);
bool pp_offload_is_adjusted(const struct nf_conn *ct);
void pp_offload_allow(struct nf_conn *ct);

#endif /* _PP_OFFLOAD_H */
