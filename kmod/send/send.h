/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sending: the header is put before the data of connections to tagged backends.
 *
 * For code outside send/. Declares the operations of the send direction, the number of handshakes
 * in progress, and the path for replies to a load balancer on this host.
 */
#ifndef _PP_SEND_H
#define _PP_SEND_H

#include <linux/skbuff.h>
#include "key.h"
#include "pernet.h"

extern const struct pp_direction_ops pp_send_ops;

/* Return: the number of handshakes in progress in the namespace; read without a lock */
static inline int pp_send_count(const struct pp_net *pn)
{
	return atomic_read(&pn->flows.table.nelems);
}

unsigned int pp_send_handle_local_reply(struct pp_net *pn, struct sk_buff *skb,
					enum pp_family family);

#endif /* _PP_SEND_H */
