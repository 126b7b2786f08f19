// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: ICMP errors that quote a packet of a handshake in progress.
 *
 * Owns the sequence number in the quoted TCP header. As it left this host it
 * may lie in the borrowed space, which the client does not know: it would
 * ignore the error, and wait for a timeout where it should hear at once that
 * there is no route, or never learn the path's MTU.
 */
#include "quote.h"
#include "send.h"

/**
 * pp_send_icmp_error - an ICMP error may be on its way to a client
 * @pn: namespace
 * @skb: packet that is not TCP
 * @family: enum pp_family
 * @dev: device that it comes in or leaves by
 */
void pp_send_icmp_error(struct pp_net *pn, struct sk_buff *skb, enum pp_family family,
			const struct net_device *dev)
{
	struct pp_quoted_tcp *th;
	struct pp_flow_key key;
	struct pp_quote quote;
	struct pp_flow *flow;
	u32 syn, off;

	if (!pp_quote_find(skb, family, &quote, &key))
		return;
	pp_send_set_scope(&key, skb, dev);
	flow = pp_flow_find(pn, &key);
	if (!flow)
		return;
	syn = flow->isn - flow->header_len;
	off = ntohl(quote.th.seq) - syn;
	if (off > flow->header_len)
		return;
	th = pp_quote_write(skb, &quote);
	if (!th)
		return;
	pp_quote_set_seq(skb, &quote, th, htonl(off ? flow->isn + 1 : flow->isn));
	pp_stats_inc(pn, ICMP);
}
