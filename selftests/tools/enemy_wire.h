/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pp_enemy: what the enemy knows of a connection; for enemy_wire.c, which sees it, and
 * enemy_shoot.c, which uses it.
 */
#ifndef _PP_ENEMY_WIRE_H
#define _PP_ENEMY_WIRE_H

#include "enemy.h"

/* What an end of a connection has sent; of whom nothing was seen everything is 0 */
struct enemy_seen {
	uint32_t isn;
	uint32_t next;
	uint32_t tsval;
};

/**
 * struct enemy_wire - one end of the path
 * @fd: packet socket
 * @index: device
 * @hop: link-layer address of the next hop, once a packet has come from there
 * @hop_len: its length
 * @server_port: the only port of the server that is looked at
 * @client: the client as it is called here
 * @client_port: its port
 * @server: the server as it is called here
 * @by: what both have sent, client first
 */
struct enemy_wire {
	int fd;
	int index;
	uint8_t hop[8];
	uint8_t hop_len;
	uint16_t server_port;
	struct fuzz_end client;
	uint16_t client_port;
	struct fuzz_end server;
	struct enemy_seen by[2];
};

/* Of the client, and of the server */
extern struct enemy_wire enemy_front, enemy_back;

#endif /* _PP_ENEMY_WIRE_H */
