// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: which packets the receiving TCP would accept.
 *
 * Owns the record of the sequence numbers that both ends of a handshake have used, and decides by
 * them whether a packet belongs to the connection. Whoever knows addresses and ports can forge a
 * packet. So a packet changes the state of an entry only if the receiving TCP would act on it
 * (RFC 9293, 3.10.7; RFC 5961).
 */
#include <net/tcp.h>
#include "offload.h"
#include "packet/option.h"
#include "send/internal.h"

/*
 * If the client's window is not known: how many bytes the backend may be ahead of what this host
 * has seen of it
 */
#define BACKEND_AHEAD	BIT(20)

/**
 * pp_send_ack_is_credible - whether the client acknowledges what the backend has sent
 * @flow: handshake in progress
 * @pkt: packet of the client with an ACK
 *
 * A sender that only forges the client's address does not know the backend's numbers. Behind
 * SYNPROXY the client's numbers are others, and every acknowledgement counts as credible.
 *
 * Context: pp_flow.lock held.
 * Return: whether the acknowledgement number is one of the connection
 */
bool pp_send_ack_is_credible(const struct pp_flow *flow, const struct pp_packet *pkt)
{
	u32 first = flow->syn.backend_isn + 1;

	if (flow->ct && pp_offload_is_adjusted(flow->ct))
		return true;
	if (!flow->proven)
		return pp_send_attempt_is_acked(&flow->syn, pkt->ack_seq);
	return pkt->ack_seq - first <= flow->backend_end - first;
}

/*
 * Whether a packet ends in the window that the backend has advertised. A FIN and a window probe may
 * exceed the window by one each. If no window is known, every packet does.
 */
static bool is_in_backend_window(const struct pp_flow *flow, u32 end)
{
	return !flow->syn.told || end - (flow->syn.isn + 1) <= flow->syn.told + 2;
}

static u32 client_window(const struct pp_flow *flow, const struct pp_packet *pkt)
{
	const struct pp_attempt *syn = &flow->syn;
	u32 window = ntohs(pkt->th.window);

	if (syn->client_wscale != PP_NO_WSCALE && syn->backend_wscale != PP_NO_WSCALE)
		return window << syn->client_wscale;
	/* An entry made from conntrackd's copy does not know the scale: assume the largest */
	return flow->is_remade ? window << TCP_MAX_WSCALE : window;
}

static void note_client_ack(struct pp_flow *flow, const struct pp_packet *pkt)
{
	u32 edge = pkt->ack_seq + client_window(flow, pkt);

	if (!flow->proven) {
		if (pkt->ack_seq == flow->syn.late_isn + 1)
			swap(flow->syn.backend_isn, flow->syn.late_isn);
		flow->backend_end = flow->syn.backend_isn + 1;
		flow->client_ack = pkt->ack_seq;
		flow->client_edge = edge;
	}
	if (pkt->ack_seq - flow->client_ack < PP_SEQ_SPAN)
		flow->client_ack = pkt->ack_seq;
	if (edge - flow->client_edge < PP_SEQ_SPAN)
		flow->client_edge = edge;
}

/**
 * pp_send_note_client - record the progress of the client
 * @flow: handshake in progress
 * @pkt: packet of the client with an ACK; ignored if the backend would not accept it
 *
 * Context: pp_flow.lock held.
 */
void pp_send_note_client(struct pp_flow *flow, const struct pp_packet *pkt)
{
	u32 end = pkt->seq + pkt->payload + pkt->th.fin;

	if (!pp_send_ack_is_credible(flow, pkt) || !is_in_backend_window(flow, end))
		return;
	note_client_ack(flow, pkt);
	pp_send_half_open_remove(flow);
	WRITE_ONCE(flow->proven, true);
	if (end - flow->client_end < PP_SEQ_SPAN)
		flow->client_end = end;
	pp_send_flow_touch(flow);
}

/**
 * pp_send_backend_believes - whether the backend may accept a reset of the client
 * @flow: handshake in progress
 * @pkt: reset
 *
 * The backend accepts a reset at the number that it expects next. This host does not know which one
 * that is: it lies between ISN+1 and client_end. If the SYN has no answer, it may be a stray one in
 * a running connection, whose numbers this entry does not know.
 *
 * Context: pp_flow.lock held.
 * Return: whether the reset ends the connection for the backend
 */
bool pp_send_backend_believes(const struct pp_flow *flow, const struct pp_packet *pkt)
{
	u32 first = flow->syn.isn + 1;

	return flow->syn.answered && pkt->seq - first <= flow->client_end - first;
}

/**
 * pp_send_client_takes - whether a packet of the backend is in the client's window
 * @flow: handshake in progress
 * @pkt: packet of the backend
 *
 * A client behind SYNPROXY or a NAT helper knows other numbers than those seen here. For such a
 * client the packet must only be near what the backend has sent.
 *
 * Context: pp_flow.lock held.
 * Return: whether it is; false as long as the client has not acknowledged the SYN-ACK
 */
bool pp_send_client_takes(const struct pp_flow *flow, const struct pp_packet *pkt)
{
	u32 end = pkt->seq + pkt->payload + pkt->th.fin;

	if (!flow->proven)
		return false;
	if (flow->ct && pp_offload_is_adjusted(flow->ct))
		return pkt->seq - flow->syn.backend_isn <=
		       flow->backend_end - flow->syn.backend_isn + BACKEND_AHEAD;
	return end - flow->client_ack < PP_SEQ_SPAN && flow->client_edge - pkt->seq < PP_SEQ_SPAN;
}

/**
 * pp_send_client_believes - whether the client may accept a reset of the backend
 * @flow: handshake in progress
 * @pkt: reset
 *
 * A client that waits for a SYN-ACK accepts a reset that acknowledges its SYN. A client that has
 * the SYN-ACK accepts a reset at the number that it expects next.
 *
 * Context: pp_flow.lock held.
 * Return: whether the reset ends the connection for the client
 */
bool pp_send_client_believes(const struct pp_flow *flow, const struct pp_packet *pkt)
{
	u32 first = flow->proven ? flow->client_ack : flow->syn.backend_isn + 1;

	if (pkt->th.ack && pkt->ack_seq == pp_send_header_seq(flow, &flow->syn) && !flow->proven)
		return true;
	return flow->syn.answered && (pkt->seq - first <= flow->backend_end - first ||
				      (!flow->proven && pkt->seq == flow->syn.late_isn + 1));
}

/**
 * pp_send_note_backend - record the progress of the backend
 * @flow: handshake in progress
 * @pkt: packet of the backend for which pp_send_client_takes() is true
 *
 * Context: pp_flow.lock held.
 */
void pp_send_note_backend(struct pp_flow *flow, const struct pp_packet *pkt)
{
	u32 end = pkt->seq + pkt->payload + pkt->th.fin;

	if (end - flow->backend_end < PP_SEQ_SPAN)
		flow->backend_end = end;
	pp_send_flow_touch(flow);
}
