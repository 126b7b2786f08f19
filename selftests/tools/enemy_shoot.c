// SPDX-License-Identifier: GPL-2.0
/*
 * pp_enemy: the attacker's packets, which bypass the ends' own TCP.
 */
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_packet.h>

#include "enemy_wire.h"
#include "inet_sum.h"

#define SEGMENT_MAX	1500

static uint32_t number(const struct enemy_seen *by, const struct enemy_number *number)
{
	switch (number->base) {
	case ENEMY_BASE_NEXT:
		return by->next + number->offset;
	case ENEMY_BASE_ISN:
		return by->isn + number->offset;
	default:
		return number->offset;
	}
}

static size_t write_segment(const struct enemy_shot *shot, const struct enemy_seen *own,
			    const struct enemy_seen *other, const uint16_t *ports, uint8_t *segment)
{
	struct tcphdr th = {
		.source = htons(ports[0]),
		.dest = htons(ports[1]),
		.seq = htonl(number(own, &shot->seq)),
		.ack_seq = htonl(number(other, &shot->ack)),
		.window = htons(shot->window),
		.doff = shot->timestamps ? 8 : 5,
	};
	uint32_t stamps[] = { htonl(own->tsval + 1), htonl(other->tsval) };
	uint8_t option[4] = { TCPOPT_NOP, TCPOPT_NOP, TCPOPT_TIMESTAMP, 10 };

	((uint8_t *)&th)[13] = shot->flags;
	memcpy(segment, &th, sizeof(th));
	if (shot->timestamps) {
		memcpy(segment + 20, option, 4);
		memcpy(segment + 24, stamps, 8);
	}
	memset(segment + th.doff * 4, 'X', shot->len);
	return th.doff * 4 + shot->len;
}

static size_t write_ip(uint8_t *ip, const struct fuzz_end *from, const struct fuzz_end *to,
		       size_t len)
{
	size_t addr_len = enemy_addr_len(), off = addr_len == 4 ? 20 : 40;
	struct tcphdr *th = (struct tcphdr *)(ip + off);
	uint8_t *addrs = ip + (addr_len == 4 ? 12 : 8);
	uint16_t check;
	uint32_t sum;

	memset(ip, 0, off);
	memcpy(addrs, from->addr, addr_len);
	memcpy(addrs + addr_len, to->addr, addr_len);
	sum = inet_sum(addrs, 2 * addr_len, inet_sum(th, len, IPPROTO_TCP + len));
	th->check = htons(~inet_fold(sum));
	if (addr_len == 16) {
		ip[0] = 0x60;
		memcpy(ip + 4, (uint8_t []){ len >> 8, len, IPPROTO_TCP, ENEMY_TTL }, 4);
		return off + len;
	}
	len += off;
	memcpy(ip, (uint8_t []){ 0x45, 0, len >> 8, len }, 4);
	memcpy(ip + 6, (uint8_t []){ 0x40, 0, ENEMY_TTL, IPPROTO_TCP }, 4);
	check = htons(~inet_fold(inet_sum(ip, off, 0)));
	memcpy(ip + 10, &check, 2);
	return len;
}

/**
 * enemy_shoot - send a packet of the attacker
 * @shot: what packet
 * @conn: number of the connection
 */
void enemy_shoot(const struct enemy_shot *shot, unsigned int conn)
{
	bool is_reply = shot->name == ENEMY_AS_SERVER, is_named = shot->name == ENEMY_AS_NAMED;
	const struct enemy_wire *wire = is_reply ? &enemy_back : &enemy_front;
	struct fuzz_end named = enemy_named_end(enemy_front.client_port, conn);
	const struct fuzz_end *client = is_named ? &named : &wire->client;
	uint16_t client_port = is_named ? enemy_named_port(enemy_front.client_port, conn) :
					  wire->client_port;
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = wire->index,
		.sll_protocol = htons(enemy_cfg.family == AF_INET ? ETHERTYPE_IP : ETHERTYPE_IPV6),
		.sll_halen = wire->hop_len,
	};
	uint16_t ports[] = { is_reply ? wire->server_port : client_port,
			     is_reply ? client_port : wire->server_port };
	uint8_t ip[SEGMENT_MAX];
	size_t off = enemy_cfg.family == AF_INET ? 20 : 40, len;

	enemy_wires_read();
	memcpy(to.sll_addr, wire->hop, wire->hop_len);
	len = write_segment(shot, &wire->by[is_reply], &wire->by[!is_reply], ports, ip + off);
	len = write_ip(ip, is_reply ? &wire->server : client, is_reply ? client : &wire->server,
		       len);
	if (sendto(wire->fd, ip, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		perror("sendto");
}
