// SPDX-License-Identifier: GPL-2.0
/*
 * pp_peer: the course of one connection, from either side.
 *
 * Both sides send their message and verify the other's, in the order asked for.
 * A side is done when both messages are complete; then
 *
 *   fin         both sides send FIN and wait for the other's
 *   half-close  the client sends FIN right behind its message already
 *   rst         the client waits for the server's FIN, which tells that nothing
 *               is on its way any more, and resets
 *   none        nobody does anything, up to the deadline
 */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

u64 peer_flow_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

struct peer_flow *peer_flow_new(const struct peer_config *cfg)
{
	struct peer_flow *flow = calloc(1, sizeof(*flow));

	if (!flow) {
		perror("pp_peer");
		exit(1);
	}
	flow->cfg = cfg;
	flow->fd = -1;
	flow->start = peer_flow_now();
	flow->deadline = flow->start + cfg->timeout * 1000;
	return flow;
}

/* Only the first failure counts: the others follow from it */
void peer_flow_fail(struct peer_flow *flow, const char *fmt, ...)
{
	va_list args;

	if (flow->error[0])
		return;
	va_start(args, fmt);
	vsnprintf(flow->error, sizeof(flow->error), fmt, args);
	va_end(args);
}

static bool sent_all(const struct peer_flow *flow)
{
	return flow->tx.stage == PEER_STAGE_END && flow->tx.pos == flow->tx.have;
}

static bool received_all(const struct peer_flow *flow)
{
	return flow->rx.stage == PEER_STAGE_END;
}

/* Whether it is our turn to send the message; a header goes at any time */
static bool may_speak(const struct peer_flow *flow)
{
	bool server = flow->cfg->role == PEER_SERVER;

	switch (flow->cfg->order) {
	case PEER_ORDER_CLIENT:
		return !server || received_all(flow);
	case PEER_ORDER_SERVER:
		return server || received_all(flow);
	default:
		return flow->rx.stage != PEER_STAGE_HEADER;
	}
}

/* A reset right behind the handshake may overtake what it follows */
static bool expects_nothing(const struct peer_flow *flow)
{
	return flow->cfg->no_data && flow->cfg->end == PEER_END_RST;
}

static void was_reset(struct peer_flow *flow)
{
	const struct peer_config *cfg = flow->cfg;
	bool complete = sent_all(flow) && received_all(flow);

	flow->end = "rst";
	flow->over = true;
	if (cfg->role == PEER_CLIENT) {
		if (!cfg->reset_on_accept)
			peer_flow_fail(flow, "reset by the server");
		return;
	}
	if (expects_nothing(flow) && !flow->rx.have)
		return;
	if (!complete || (cfg->end != PEER_END_RST && cfg->end != PEER_END_NONE))
		peer_flow_fail(flow, "reset by the client");
}

static void failed(struct peer_flow *flow, const char *what)
{
	if (errno == EAGAIN || errno == EINTR || errno == EINPROGRESS)
		return;
	if (errno == ECONNRESET || errno == EPIPE || errno == ENOTCONN)
		was_reset(flow);
	else
		peer_flow_fail(flow, "%s: %s", what, strerror(errno));
}

static void send_some(struct peer_flow *flow)
{
	struct peer_sender *tx = &flow->tx;
	size_t len = tx->have - tx->pos;
	ssize_t ret;

	if (flow->cfg->chunk && len > flow->cfg->chunk)
		len = flow->cfg->chunk;
	ret = send(flow->fd, tx->buf + tx->pos, len, MSG_NOSIGNAL);
	if (ret < 0)
		failed(flow, "send");
	else
		tx->pos += ret;
}

static void got_eof(struct peer_flow *flow)
{
	static const char *const where[] = {
		[PEER_STAGE_HEADER] = "in the PROXY header",
		[PEER_STAGE_PREAMBLE] = "in the preamble",
		[PEER_STAGE_DATA] = "in the data",
		[PEER_STAGE_DIGEST] = "in the digest",
	};

	flow->rx_eof = true;
	flow->end = "fin";
	if (!received_all(flow))
		peer_flow_fail(flow, "FIN %s, after %ju bytes of data", where[flow->rx.stage],
			       (uintmax_t)flow->rx.offset);
}

static void receive_some(struct peer_flow *flow)
{
	u8 bytes[65536];
	ssize_t ret = recv(flow->fd, bytes, sizeof(bytes), 0);

	if (ret < 0)
		failed(flow, "recv");
	else if (ret == 0)
		got_eof(flow);
	else
		peer_stream_feed(flow, bytes, ret);
}

static void shut_when_done(struct peer_flow *flow)
{
	const struct peer_config *cfg = flow->cfg;
	bool done = sent_all(flow) && received_all(flow);

	if (cfg->role == PEER_CLIENT && cfg->end == PEER_END_RST)
		return;
	if (cfg->role == PEER_CLIENT && cfg->end == PEER_END_HALF_CLOSE)
		done = sent_all(flow);
	if (cfg->end == PEER_END_NONE || flow->tx_shut || !done)
		return;
	flow->tx_shut = true;
	if (shutdown(flow->fd, SHUT_WR))
		failed(flow, "shutdown");
}

static bool is_over(const struct peer_flow *flow)
{
	const struct peer_config *cfg = flow->cfg;

	if (flow->over || flow->error[0])
		return true;
	if (cfg->role == PEER_CLIENT && expects_nothing(flow))
		return sent_all(flow);
	if (!flow->rx_eof || !sent_all(flow))
		return false;
	return flow->tx_shut || cfg->end == PEER_END_RST || cfg->end == PEER_END_NONE;
}

static void out_of_time(struct peer_flow *flow)
{
	flow->end = "timeout";
	flow->over = true;
	if (flow->cfg->end == PEER_END_NONE && sent_all(flow) && received_all(flow))
		return;
	peer_flow_fail(flow, "timeout: %s, %ju bytes of data received",
		       sent_all(flow) ? "all sent" : "not all sent", (uintmax_t)flow->rx.offset);
}

static void step(struct peer_flow *flow)
{
	struct pollfd pfd = { .fd = flow->fd };
	u64 now = peer_flow_now();

	if (now >= flow->deadline) {
		out_of_time(flow);
		return;
	}
	if (peer_stream_fill(flow, may_speak(flow)))
		pfd.events |= POLLOUT;
	if (!flow->rx_eof)
		pfd.events |= POLLIN;
	shut_when_done(flow);
	if (is_over(flow) || poll(&pfd, 1, flow->deadline - now) <= 0)
		return;

	if (!flow->rx_eof && pfd.revents & (POLLIN | POLLERR | POLLHUP))
		receive_some(flow);
	if (pfd.events & pfd.revents & POLLOUT && !is_over(flow))
		send_some(flow);
}

static void check_endpoints(struct peer_flow *flow)
{
	const struct peer_config *cfg = flow->cfg;
	const struct peer_receiver *rx = &flow->rx;

	if (!rx->header_len && cfg->header != PEER_HEADER_NONE)
		return;
	peer_endpoint_check(flow, "source", &rx->header.src, &cfg->src, &rx->preamble.local);
	peer_endpoint_check(flow, "destination", &rx->header.dst, &cfg->dst, &rx->preamble.remote);
	peer_endpoint_check(flow, "peer", &flow->remote, &cfg->peer, &rx->preamble.local);
}

/* Whether the other end had to reset, and did not */
static void check_reset(struct peer_flow *flow)
{
	const struct peer_config *cfg = flow->cfg;
	bool wanted = cfg->role == PEER_CLIENT ? cfg->reset_on_accept : cfg->end == PEER_END_RST;

	if (wanted && (!flow->end || strcmp(flow->end, "rst")))
		peer_flow_fail(flow, "not reset by the other end");
}

static void close_it(struct peer_flow *flow)
{
	const struct peer_config *cfg = flow->cfg;

	flow->syn_data = peer_socket_syn_data(flow->fd);
	if (cfg->role == PEER_CLIENT && cfg->end == PEER_END_RST && !flow->error[0]) {
		peer_socket_reset(flow->fd);
		flow->end = "rst";
	} else {
		close(flow->fd);
	}
	flow->fd = -1;
}

/**
 * peer_flow_run - take a connection to its end and close it
 * @flow: its socket is connected, or connects with the first data
 *
 * Leaves the outcome in @flow->end and @flow->error.
 */
void peer_flow_run(struct peer_flow *flow)
{
	peer_stream_init(flow);
	while (!is_over(flow))
		step(flow);
	if (flow->cfg->role == PEER_SERVER)
		check_endpoints(flow);
	check_reset(flow);
	close_it(flow);
}
