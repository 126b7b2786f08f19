// SPDX-License-Identifier: GPL-2.0
/*
 * pp_rawtcp: a TCP client of its own, on a raw socket, for what no kernel sends:
 * any options up to the longest header, and damaged segments.
 *
 * Talks to a pp_peer server, client first, one segment in flight. The kernel
 * knows nothing of the connection: it has to be kept from resetting it.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>
#include <netinet/tcp.h>

#include "inet_sum.h"
#include "peer.h"

#define OPTIONS_MAX	40
/* Both fit into 1500 bytes with the longest header */
#define PAYLOAD_IPV4	1420
#define PAYLOAD_IPV6	1400
#define REPEAT_MS	700

enum damage { DAMAGE_NONE, DAMAGE_RST, DAMAGE_ACK, DAMAGE_SYN, DAMAGE_NEW_SYN };

/* Options of a header, padded to words */
struct options {
	u8 bytes[OPTIONS_MAX];
	size_t len;
};

/**
 * struct raw - the connection
 * @flow: messages, and the sockets' addresses
 * @syn_options: of the SYN
 * @options: of all other segments
 * @damage: kind of the damaged segment
 * @una: what the other end acknowledged
 * @nxt: what it expects from us next
 * @rcv: what we expect from it next
 * @connected: its SYN came
 */
struct raw {
	struct peer_flow *flow;
	struct options syn_options;
	struct options options;
	enum damage damage;
	u32 una;
	u32 nxt;
	u32 rcv;
	bool connected;
};

static const char usage[] =
"Usage: pp_rawtcp -c ADDR -p PORT -b ADDR --bind-port PORT [OPTION]...\n"
"\n"
"One connection to \"pp_peer server\", from a raw socket. Exit status as pp_peer.\n"
"  --syn-options HEX  TCP options of the SYN\n"
"  --options HEX      of all other segments\n"
"  --damage KIND      behind the handshake goes one more segment, with a wrong\n"
"                     checksum: rst, a reset; ack, a byte ahead of the others that\n"
"                     acknowledges what was never sent; or before its last ACK: syn,\n"
"                     a SYN with another number; new-syn, the same with a right checksum\n"
"  --size, --timeout, --send-header with a port: as of pp_peer\n";

static u16 checksum(const struct peer_flow *flow, const u8 *segment, size_t len)
{
	size_t size = flow->local.family == AF_INET ? 4 : 16;
	u32 sum = inet_sum(segment, len, IPPROTO_TCP + len);

	sum = inet_sum(&flow->local.addr, size, sum);
	sum = inet_sum(&flow->remote.addr, size, sum);
	return htons(~inet_fold(sum));
}

static void emit(struct raw *raw, struct tcphdr th, const void *payload, size_t len, u16 damage)
{
	const struct options *options = th.syn ? &raw->syn_options : &raw->options;
	size_t thlen = sizeof(th) + options->len;
	struct peer_flow *flow = raw->flow;
	struct sockaddr_storage sa;
	struct pp_endpoint to = flow->remote;
	u8 segment[sizeof(th) + OPTIONS_MAX + PAYLOAD_IPV4];

	th.source = flow->local.port;
	th.dest = flow->remote.port;
	th.doff = thlen / 4;
	th.window = htons(65535);
	memcpy(segment, &th, sizeof(th));
	memcpy(segment + sizeof(th), options->bytes, options->len);
	memcpy(segment + thlen, payload, len);
	((struct tcphdr *)segment)->check = checksum(flow, segment, thlen + len) ^ damage;

	/* a raw socket has no ports */
	to.port = 0;
	if (sendto(flow->fd, segment, thlen + len, 0, (struct sockaddr *)&sa,
		   peer_endpoint_to_sockaddr(&to, &sa)) < 0)
		peer_flow_fail(flow, "sendto: %s", strerror(errno));
}

static void emit_ack(struct raw *raw)
{
	emit(raw, (struct tcphdr){ .ack = 1, .seq = htonl(raw->nxt), .ack_seq = htonl(raw->rcv) },
	     "", 0, 0);
}

static void emit_damaged(struct raw *raw)
{
	struct tcphdr th = { .ack = 1, .seq = htonl(raw->nxt), .ack_seq = htonl(raw->rcv) };

	if (raw->damage == DAMAGE_RST) {
		th.rst = 1;
		emit(raw, th, "", 0, 0x5555);
	} else if (raw->damage == DAMAGE_ACK) {
		th.seq = htonl(raw->nxt + 1);
		th.ack_seq = htonl(raw->rcv + 12345);
		emit(raw, th, "?", 1, 0x5555);
	}
}

static void emit_other_syn(struct raw *raw)
{
	struct tcphdr th = { .syn = 1, .seq = htonl(raw->nxt + 123456789) };

	if (raw->damage == DAMAGE_SYN || raw->damage == DAMAGE_NEW_SYN)
		emit(raw, th, "", 0, raw->damage == DAMAGE_SYN ? 0x5555 : 0);
}

static bool is_ours(const struct peer_flow *flow, const struct tcphdr *th,
		    const struct sockaddr_storage *from)
{
	struct pp_endpoint end;

	peer_endpoint_from_sockaddr(&end, from);
	return th->source == flow->remote.port && th->dest == flow->local.port &&
	       !memcmp(&end.addr, &flow->remote.addr, end.family == AF_INET ? 4 : 16);
}

static void accept_synack(struct raw *raw, const struct tcphdr *th)
{
	if (!raw->connected && ntohl(th->ack_seq) != raw->nxt) {
		peer_flow_fail(raw->flow, "the SYN-ACK acknowledges %d bytes too much",
			       (int)(ntohl(th->ack_seq) - raw->nxt));
		return;
	}
	if (raw->connected) {
		emit_ack(raw);
		return;
	}
	raw->connected = true;
	raw->una = raw->nxt;
	raw->rcv = ntohl(th->seq) + 1;
	emit_other_syn(raw);
	emit_ack(raw);
	emit_damaged(raw);
}

static void take(struct raw *raw, const struct tcphdr *th, size_t len)
{
	size_t thlen = th->doff * 4, payload = len - thlen;
	struct peer_flow *flow = raw->flow;

	if (th->rst) {
		peer_flow_fail(flow, "reset by the server");
		return;
	}
	if (th->syn) {
		accept_synack(raw, th);
		return;
	}
	if (th->ack && raw->nxt - ntohl(th->ack_seq) > 0x7fffffff)
		peer_flow_fail(flow, "acknowledges more than was sent");
	else if (th->ack && ntohl(th->ack_seq) - raw->una <= raw->nxt - raw->una)
		raw->una = ntohl(th->ack_seq);
	if (!payload && !th->fin)
		return;
	if (ntohl(th->seq) == raw->rcv) {
		peer_stream_feed(flow, (const u8 *)th + thlen, payload);
		raw->rcv += payload + th->fin;
		flow->rx_eof = th->fin;
	}
	emit_ack(raw);
}

static void receive(struct raw *raw, int timeout)
{
	struct pollfd pfd = { .fd = raw->flow->fd, .events = POLLIN };
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	const struct tcphdr *th;
	u8 packet[65536];
	size_t off = 0;
	ssize_t len;

	if (poll(&pfd, 1, timeout) <= 0)
		return;
	len = recvfrom(pfd.fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &from_len);
	/* an IPv4 packet comes with its IP header */
	if (len > 0 && from.ss_family == AF_INET)
		off = (packet[0] & 15) * 4;
	th = (const struct tcphdr *)(packet + off);
	if (len < 0 || off + sizeof(*th) > (size_t)len || !is_ours(raw->flow, th, &from))
		return;
	take(raw, th, len - off);
}

/* Sends a segment and waits until it is acknowledged */
static bool exchange(struct raw *raw, struct tcphdr th, const void *payload, size_t len)
{
	struct peer_flow *flow = raw->flow;
	u64 repeat = 0, now;

	th.seq = htonl(raw->nxt);
	raw->nxt += len + th.syn + th.fin;
	while (!flow->error[0] && raw->una != raw->nxt) {
		now = peer_flow_now();
		if (now >= flow->deadline) {
			peer_flow_fail(flow, "timeout");
		} else if (now >= repeat) {
			th.ack_seq = htonl(raw->rcv);
			emit(raw, th, payload, len, 0);
			repeat = now + REPEAT_MS;
		}
		receive(raw, repeat > now ? repeat - now : 0);
	}
	return !flow->error[0];
}

static bool send_message(struct raw *raw)
{
	size_t most = raw->flow->local.family == AF_INET ? PAYLOAD_IPV4 : PAYLOAD_IPV6;
	struct peer_sender *tx = &raw->flow->tx;

	while (peer_stream_fill(raw->flow, true)) {
		size_t len = tx->have - tx->pos < most ? tx->have - tx->pos : most;

		if (!exchange(raw, (struct tcphdr){ .ack = 1, .psh = 1 }, tx->buf + tx->pos, len))
			return false;
		tx->pos += len;
	}
	return true;
}

static void run(struct raw *raw)
{
	struct peer_flow *flow = raw->flow;

	if (getrandom(&raw->nxt, sizeof(raw->nxt), 0) != sizeof(raw->nxt))
		raw->nxt = getpid();
	raw->una = raw->nxt;
	flow->tx.header = flow->cfg->sent_header;
	flow->tx.header_len = flow->cfg->sent_header_len;
	peer_stream_init(flow);
	if (!exchange(raw, (struct tcphdr){ .syn = 1 }, "", 0) || !send_message(raw))
		return;
	while (!flow->error[0] && flow->rx.stage != PEER_STAGE_END) {
		if (peer_flow_now() >= flow->deadline)
			peer_flow_fail(flow, "timeout");
		receive(raw, REPEAT_MS);
	}
	if (!exchange(raw, (struct tcphdr){ .ack = 1, .fin = 1 }, "", 0))
		return;
	while (!flow->error[0] && !flow->rx_eof) {
		if (peer_flow_now() >= flow->deadline)
			peer_flow_fail(flow, "timeout");
		receive(raw, REPEAT_MS);
	}
}

static bool parse_hex(struct options *options, const char *text)
{
	unsigned int byte;

	for (; *text; text += 2) {
		if (options->len == OPTIONS_MAX || sscanf(text, "%2x", &byte) != 1 || !text[1])
			return false;
		options->bytes[options->len++] = byte;
	}
	while (options->len % 4)
		options->bytes[options->len++] = 0;
	return true;
}

static const char *const damages[] = {
	[DAMAGE_RST] = "rst",
	[DAMAGE_ACK] = "ack",
	[DAMAGE_SYN] = "syn",
	[DAMAGE_NEW_SYN] = "new-syn",
};

static bool parse_own(struct raw *raw, const char *name, const char *value)
{
	if (!strcmp(name, "--syn-options"))
		return parse_hex(&raw->syn_options, value);
	if (!strcmp(name, "--options"))
		return parse_hex(&raw->options, value);
	for (enum damage d = DAMAGE_RST; d <= DAMAGE_NEW_SYN; d++)
		if (!strcmp(value, damages[d]))
			raw->damage = d;
	return raw->damage != DAMAGE_NONE;
}

/* Takes our own options out of the command line, whose others are pp_peer's */
static bool parse(struct raw *raw, struct peer_config *cfg, int argc, char **argv)
{
	int kept = 0;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--syn-options") && strcmp(argv[i], "--options") &&
		    strcmp(argv[i], "--damage")) {
			argv[kept++] = argv[i];
			argv[kept++] = argv[i + 1];
		} else if (!parse_own(raw, argv[i], argv[i + 1])) {
			return false;
		}
	}
	cfg->role = PEER_CLIENT;
	return argc % 2 && !peer_options_parse(cfg, kept, argv) && cfg->bind.port &&
	       cfg->bind.family != AF_UNSPEC;
}

int main(int argc, char **argv)
{
	static struct peer_config cfg;
	struct raw raw = {};

	if (!parse(&raw, &cfg, argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	raw.flow = peer_flow_new(&cfg);
	raw.flow->local = cfg.bind;
	raw.flow->remote = cfg.target;
	raw.flow->fd = socket(cfg.target.family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);
	if (raw.flow->fd < 0)
		peer_flow_fail(raw.flow, "socket: %s", strerror(errno));
	else
		run(&raw);
	peer_report(raw.flow);
	return raw.flow->error[0] != 0;
}
