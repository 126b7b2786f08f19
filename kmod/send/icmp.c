// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: ICMP errors that quote a packet of a handshake in progress.
 *
 * Owns the sequence number in the quoted TCP header. On the wire it may lie in the borrowed space,
 * which the client does not know. The client would ignore such an error. Then it would wait for a
 * timeout although there is no route, or it would never learn the path's MTU.
 */
#include "packet/quote.h"
#include "send/internal.h"

/*
 * Find the SYN in whose borrowed space a quoted number lies, and raise the number out of it. A
 * quoted ISN belongs to a SYN that this host has rejected before it was moved.
 */
static bool raise_quoted_seq(const struct pp_flow *flow, u32 *seq)
{
	const struct pp_attempt *other;
	u32 isn = flow->syn.isn;

	pp_send_for_each_other(other, flow)
		if (*seq - (other->isn - flow->header_len) < flow->header_len)
			isn = other->isn;
	if (*seq - (isn - flow->header_len) >= flow->header_len)
		return false;
	*seq = *seq == isn - flow->header_len ? isn : isn + 1;
	return true;
}

/**
 * pp_send_handle_icmp - change the quoted sequence number in an ICMP error to a client
 * @pn: namespace
 * @skb: packet that is not TCP
 * @family: enum pp_family
 * @dev: device by which the packet comes or leaves
 *
 * Context: under RCU; pp_flow.lock not held.
 */
void pp_send_handle_icmp(struct pp_net *pn, struct sk_buff *skb, enum pp_family family,
			 const struct net_device *dev)
{
	struct pp_quoted_tcp *th;
	struct pp_conn_key key;
	struct pp_quote quote;
	struct pp_flow *flow;
	bool is_raised;
	u32 seq;

	if (!pp_packet_quote_find(skb, family, &quote, &key))
		return;
	pp_send_set_scope(&key, skb, dev);
	flow = pp_send_flow_find(pn, &key);
	if (!flow)
		return;
	seq = ntohl(quote.th.seq);
	spin_lock_bh(&flow->lock);
	is_raised = raise_quoted_seq(flow, &seq);
	spin_unlock_bh(&flow->lock);
	if (!is_raised)
		return;
	th = pp_packet_quote_make_writable(skb, &quote);
	if (!th)
		return;
	pp_packet_quote_set_seq(skb, &quote, th, htonl(seq));
	pp_stats_inc(pn, ICMP);
}
