/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Keeping a connection from flow offload: while its header is on the
 * way, or for as long as its packets have to be translated.
 */
#ifndef _PP_OFFLOAD_H
#define _PP_OFFLOAD_H

#include <linux/types.h>

struct nf_conn;

int pp_offload_deny(struct nf_conn *ct);
bool pp_offload_deny_for_good(struct nf_conn *ct);
bool pp_offload_is_denied(const struct nf_conn *ct);
bool pp_offload_is_adjusted(const struct nf_conn *ct);
void pp_offload_allow(struct nf_conn *ct, bool denied_for_good);

#endif /* _PP_OFFLOAD_H */
