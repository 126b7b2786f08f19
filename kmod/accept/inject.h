/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Accepting: injecting packets into the host, and sending packets to the load balancer.
 *
 * For accept/ alone, for the files that make segments of their own.
 */
#ifndef _PP_ACCEPT_INJECT_H
#define _PP_ACCEPT_INJECT_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>

struct pp_accept;

bool pp_accept_is_injected(struct sk_buff *skb);
void pp_accept_inject_packet(struct pp_accept *entry, struct sk_buff *skb, struct net_device *dev);
void pp_accept_transmit_packet(struct pp_accept *entry, struct sk_buff *skb);

#endif /* _PP_ACCEPT_INJECT_H */
