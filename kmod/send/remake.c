// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: makes the entry of a handshake again when its client goes on.
 *
 * The entry was evicted or has expired. Or it was on another load balancer that is gone, and
 * conntrackd has copied only the conntrack entry to this host. Owns how the entry is made again.
 * Conntrack's entry has the ISN and the length of the header (guard.c), the window scales and the
 * backend's first number. All else is as for a SYN. If the rule is gone, or now gives a header of
 * another length, the header does not fit into the borrowed space, and the connection is refused.
 */
#include <net/netfilter/nf_conntrack.h>
#include "netlink/event.h"
#include "packet/option.h"
#include "send/internal.h"

/*
 * Set what the SYN-ACK said, as far as conntrack has kept it. A conntrack entry from conntrackd has
 * kept nothing. Then the client's acknowledgement tells the backend's number, and the header may
 * have been sent before.
 */
static void recall_synack(struct pp_flow *flow, const struct pp_packet *pkt, struct nf_conn *ct)
{
	const struct ip_ct_tcp_state *seen = ct->proto.tcp.seen;

	spin_lock_bh(&ct->lock);
	if (seen[0].flags & seen[1].flags & IP_CT_TCP_FLAG_WINDOW_SCALE) {
		flow->syn.client_wscale = seen[IP_CT_DIR_ORIGINAL].td_scale;
		flow->syn.backend_wscale = seen[IP_CT_DIR_REPLY].td_scale;
	}
	flow->backend_end = seen[IP_CT_DIR_REPLY].td_end;
	spin_unlock_bh(&ct->lock);
	if (pkt->ack_seq - flow->backend_end >= PP_SEQ_SPAN) {
		flow->backend_end = pkt->ack_seq;
		flow->sent = 1;
	}
	flow->syn.backend_isn = flow->backend_end - 1;
	flow->syn.late_isn = flow->syn.backend_isn;
	flow->syn.backend_mss = pp_send_default_mss(flow->key.family);
	flow->syn.answered = true;
	flow->is_remade = true;
	flow->client_end = pkt->seq + pkt->payload + pkt->th.fin;
	flow->dev_client = pkt->dev->ifindex;
}

static struct pp_flow *enter_remade(struct pp_flow *flow, const struct pp_packet *pkt,
				    struct nf_conn *ct)
{
	struct pp_flow *entered;
	int err;

	recall_synack(flow, pkt, ct);
	err = pp_send_bind_ct(flow, ct);
	if (err) {
		pp_send_flow_free(flow);
		return ERR_PTR(err);
	}
	entered = pp_send_flow_insert(flow);
	if (IS_ERR(entered))
		return entered;
	/* Another CPU was faster, with another packet of the client or with a SYN */
	if (entered != flow)
		return entered->syn.isn == flow->syn.isn ? entered : ERR_PTR(-EAGAIN);
	pp_stats_inc(flow->net, REMADE);
	/* The header has a new unique id */
	if (flow->unique_id)
		pp_netlink_event_tagged(flow);
	return flow;
}

/**
 * pp_send_remake_flow - make an entry for a client that goes on
 * @pn: namespace
 * @pkt: packet of the client, not its SYN
 * @state: of the hook
 * @key: its connection
 * @ct: its conntrack entry
 * @isn: initial sequence number of the client
 * @header_len: bytes by which its SYN was moved
 *
 * Context: under RCU; no pp_flow.lock held.
 * Return: the entry, in the table, or ERR_PTR(); -ENOENT if the connection cannot get its header
 * any more
 */
struct pp_flow *pp_send_remake_flow(struct pp_net *pn, const struct pp_packet *pkt,
				    const struct nf_hook_state *state,
				    const struct pp_conn_key *key, struct nf_conn *ct, u32 isn,
				    u16 header_len)
{
	struct pp_rule *rule = pp_send_find_rule(pn, pkt, key, ct);
	struct pp_flow *flow;

	if (!rule)
		return ERR_PTR(-ENOENT);
	flow = pp_send_make_flow(pn, pkt, state, key, ct, rule, isn);
	if (IS_ERR(flow)) {
		if (PTR_ERR(flow) == -ENOSPC)
			pp_send_count_limit(pn, rule, key);
		else
			pp_stats_inc(pn, NOMEM);
		return flow;
	}
	if (flow->header_len != header_len) {
		pp_send_flow_free(flow);
		return ERR_PTR(-ENOENT);
	}
	return enter_remade(flow, pkt, ct);
}
