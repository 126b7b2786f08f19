// SPDX-License-Identifier: GPL-2.0
/*
 * pp_enemy: what the enemy sees, on packet sockets at both ends of the path; and what
 * reaches the network of the clients that headers name, where no packet of the server's
 * may ever come.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_packet.h>

#include "enemy_wire.h"

struct enemy_wire enemy_front, enemy_back;
static int others = -1;
static char leak[120];

/* Where the TCP header begins, or 0 */
static size_t tcp_at(const uint8_t *ip, size_t len)
{
	size_t off = ip[0] >> 4 == 4 ? (ip[0] & 15) * 4 : 40;

	if (ip[0] >> 4 != (enemy_cfg.family == AF_INET ? 4 : 6) ||
	    len < off + sizeof(struct tcphdr) || ip[ip[0] >> 4 == 4 ? 9 : 6] != IPPROTO_TCP)
		return 0;
	return off;
}

static uint32_t timestamp_of(const struct tcphdr *th, size_t len)
{
	const uint8_t *opt = (const uint8_t *)(th + 1);
	size_t left = th->doff * 4 - sizeof(*th);
	uint32_t value = 0;

	if (th->doff * 4 > len)
		return 0;
	while (left >= 10 && opt[0] != TCPOPT_EOL) {
		size_t size = opt[0] == TCPOPT_NOP ? 1 : opt[1];

		if (opt[0] == TCPOPT_TIMESTAMP) {
			memcpy(&value, opt + 2, 4);
			break;
		}
		if (!size || size > left)
			break;
		opt += size;
		left -= size;
	}
	return ntohl(value);
}

/* A reset has the number that a packet asked for, which is not the next number of its end */
static void note_numbers(struct enemy_seen *by, const struct tcphdr *th, uint32_t payload,
			 size_t len)
{
	uint32_t seq = ntohl(th->seq), end = seq + payload + th->syn + th->fin;

	if (th->rst)
		return;
	if (th->syn && by->isn != seq) {
		by->isn = seq;
		by->next = seq + 1;
	}
	if ((int32_t)(end - by->next) > 0)
		by->next = end;
	by->tsval = timestamp_of(th, len) ?: by->tsval;
}

static void note_packet(struct enemy_wire *wire, const uint8_t *ip, size_t len, size_t off)
{
	const struct tcphdr *th = (const struct tcphdr *)(ip + off);
	bool is_v4 = ip[0] >> 4 == 4;
	const uint8_t *addrs = ip + (is_v4 ? 12 : 8);
	size_t total = is_v4 ? ip[2] << 8 | ip[3] : 40 + (ip[4] << 8 | ip[5]);
	uint32_t payload = total > off + th->doff * 4 ? total - off - th->doff * 4 : 0;

	if (ntohs(th->dest) == wire->server_port && th->syn && !th->ack &&
	    (wire == &enemy_back || ntohs(th->source) == wire->client_port)) {
		memcpy(wire->client.addr, addrs, enemy_addr_len());
		memcpy(wire->server.addr, addrs + enemy_addr_len(), enemy_addr_len());
		wire->client_port = ntohs(th->source);
	}
	if (ntohs(th->dest) == wire->server_port && ntohs(th->source) == wire->client_port)
		note_numbers(&wire->by[0], th, payload, len - off);
	else if (ntohs(th->source) == wire->server_port && ntohs(th->dest) == wire->client_port)
		note_numbers(&wire->by[1], th, payload, len - off);
}

/* The attacker's own packets do not count; a router on the way lowers their TTL by one */
static bool is_enemys(const uint8_t *ip)
{
	uint8_t ttl = ip[ip[0] >> 4 == 4 ? 8 : 7];

	return ttl <= ENEMY_TTL && ttl > ENEMY_TTL - 6;
}

static void read_wire(struct enemy_wire *wire)
{
	struct sockaddr_ll from;
	uint8_t ip[256];
	ssize_t len;
	size_t off;

	for (;;) {
		socklen_t from_len = sizeof(from);

		len = recvfrom(wire->fd, ip, sizeof(ip), MSG_DONTWAIT, (struct sockaddr *)&from,
			       &from_len);
		if (len < 0)
			return;
		if (from.sll_pkttype == PACKET_HOST && from.sll_halen <= sizeof(wire->hop)) {
			wire->hop_len = from.sll_halen;
			memcpy(wire->hop, from.sll_addr, from.sll_halen);
		}
		off = tcp_at(ip, len);
		if (off && !is_enemys(ip))
			note_packet(wire, ip, len, off);
	}
}

/* Connections of an earlier trial, whose ends are gone, do not count */
static void note_leak(const uint8_t *ip, const struct tcphdr *th)
{
	const uint8_t *to = ip + (ip[0] >> 4 == 4 ? 16 : 24);
	char text[INET6_ADDRSTRLEN];
	bool is_named = false;

	for (unsigned int conn = 1; conn < 4; conn++) {
		struct fuzz_end end = enemy_named_end(enemy_front.client_port, conn);

		is_named |= !memcmp(end.addr, to, enemy_addr_len());
	}
	if (!is_named)
		return;
	inet_ntop(enemy_cfg.family, to, text, sizeof(text));
	snprintf(leak, sizeof(leak), "a packet of the server's (%s%s%s%s%s) went to %s port %u",
		 th->syn ? "S" : "", th->rst ? "R" : "", th->fin ? "F" : "", th->psh ? "P" : "",
		 th->ack ? "." : "", text, ntohs(th->dest));
}

static void read_others(void)
{
	uint8_t ip[256];
	ssize_t len;
	size_t off;

	while (others >= 0 && (len = recv(others, ip, sizeof(ip), MSG_DONTWAIT)) > 0) {
		off = tcp_at(ip, len);
		if (off && !is_enemys(ip) && !leak[0])
			note_leak(ip, (const struct tcphdr *)(ip + off));
	}
}

/**
 * enemy_wires_read - takes note of all packets that have passed
 */
void enemy_wires_read(void)
{
	read_wire(&enemy_front);
	read_wire(&enemy_back);
	read_others();
}

/**
 * enemy_wires_leak - a packet that came where none may come, or NULL
 */
const char *enemy_wires_leak(void)
{
	return leak[0] ? leak : NULL;
}

static int open_socket(const char *ns, int *index)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
	};
	int fd, size = 4 << 20, one = 1;

	if (!enemy_enter(ns))
		return -1;
	at.sll_ifindex = if_nametoindex("eth0");
	/* With a single protocol it would not see packets that leave */
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && (bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
			setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
			/* the enemy is quicker than the link that the honest ends have */
			setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)))) {
		close(fd);
		fd = -1;
	}
	*index = at.sll_ifindex;
	return fd;
}

/**
 * enemy_wires_open - prepares to see and to send
 *
 * Return: false, with errno, if that is not possible
 */
bool enemy_wires_open(void)
{
	int index;

	enemy_front.fd = open_socket(enemy_cfg.client_ns, &enemy_front.index);
	enemy_back.fd = open_socket(enemy_cfg.server_ns, &enemy_back.index);
	if (enemy_cfg.others_ns)
		others = open_socket(enemy_cfg.others_ns, &index);
	return enemy_front.fd >= 0 && enemy_back.fd >= 0 && (!enemy_cfg.others_ns || others >= 0);
}

/**
 * enemy_wires_fds - what to poll for reading
 * @fds: room for three
 *
 * Return: how many there are
 */
unsigned int enemy_wires_fds(int *fds)
{
	fds[0] = enemy_front.fd;
	fds[1] = enemy_back.fd;
	fds[2] = others;
	return others < 0 ? 2 : 3;
}

/**
 * enemy_wires_begin - forgets the trial before
 * @with_rule: which ports to look at
 * @client_port: port of the client
 */
void enemy_wires_begin(bool with_rule, uint16_t client_port)
{
	enemy_wires_read();
	enemy_front.server_port = enemy_cfg.target_port[with_rule];
	enemy_front.client_port = client_port;
	enemy_front.client = enemy_cfg.client;
	enemy_front.server = enemy_cfg.target;
	enemy_back.server_port = enemy_cfg.listen_port[with_rule];
	enemy_back.client_port = 0;
	enemy_back.client = enemy_cfg.client;
	enemy_back.server = enemy_cfg.backend;
	memset(enemy_front.by, 0, sizeof(enemy_front.by));
	memset(enemy_back.by, 0, sizeof(enemy_back.by));
	leak[0] = '\0';
}
