// SPDX-License-Identifier: GPL-2.0
/*
 * pp_enemy: addresses, the clients that headers name, and their headers.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "enemy.h"

static const uint8_t signature[12] = { 13, 10, 13, 10, 0, 13, 10, 'Q', 'U', 'I', 'T', 10 };

/**
 * enemy_enter - goes to a network namespace, where sockets are made from now on
 * @name: as of ip-netns(8)
 *
 * Return: false, with errno, if that is not possible
 */
bool enemy_enter(const char *name)
{
	char path[PATH_MAX];
	bool is_there;
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	is_there = fd >= 0 && !setns(fd, CLONE_NEWNET);
	if (fd >= 0)
		close(fd);
	return is_there;
}

/**
 * enemy_addr_len - bytes of an address
 */
size_t enemy_addr_len(void)
{
	return enemy_cfg.family == AF_INET ? 4 : 16;
}

/**
 * enemy_sockaddr - an address and port for the kernel
 * @sa: is overwritten
 * @end: address
 * @port: port
 *
 * Return: its length
 */
socklen_t enemy_sockaddr(struct sockaddr_storage *sa, const struct fuzz_end *end, uint16_t port)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)sa;
	struct sockaddr_in *in = (struct sockaddr_in *)sa;

	memset(sa, 0, sizeof(*sa));
	sa->ss_family = end->family;
	in->sin_port = htons(port);
	if (end->family == AF_INET) {
		memcpy(&in->sin_addr, end->addr, 4);
		return sizeof(*in);
	}
	memcpy(&in6->sin6_addr, end->addr, 16);
	return sizeof(*in6);
}

/**
 * enemy_named_end - the client that the header of a connection names
 * @port: of the connections' client; each run of a trial has another one
 * @conn: number of the connection in it
 *
 * Return: its address, which no two connections of a run share, nor of one shortly before
 */
struct fuzz_end enemy_named_end(uint16_t port, unsigned int conn)
{
	struct fuzz_end end = { .family = enemy_cfg.family };
	uint16_t last = htons(1 + (port * 4 + conn) % 250);

	if (end.family == AF_INET)
		inet_pton(AF_INET, "192.0.2.0", end.addr);
	else
		inet_pton(AF_INET6, "2001:db8::", end.addr);
	memcpy(end.addr + enemy_addr_len() - 1, (uint8_t *)&last + 1, 1);
	return end;
}

/**
 * enemy_named_port - the port of that client
 * @port: of the connections' client
 * @conn: number of the connection in it
 */
uint16_t enemy_named_port(uint16_t port, unsigned int conn)
{
	return 2000 + (port * 4 + conn) % 60000;
}

/**
 * enemy_header - the header of a connection, as version 2 has it
 * @header: is overwritten
 * @port: of the connections' client
 * @conn: number of the connection
 *
 * Return: its length
 */
size_t enemy_header(uint8_t *header, uint16_t port, unsigned int conn)
{
	size_t len = enemy_addr_len();
	struct fuzz_end source = enemy_cfg.client, asked = enemy_cfg.target;
	uint16_t ports[2] = { htons(port), htons(enemy_cfg.target_port[1]) };

	if (enemy_cfg.accept) {
		source = enemy_named_end(port, conn);
		ports[0] = htons(enemy_named_port(port, conn));
		ports[1] = htons(443);
	}
	memcpy(header, signature, 12);
	memcpy(header + 12, (uint8_t []){ 0x21, len == 4 ? 0x11 : 0x21, 0, 2 * len + 4 }, 4);
	memcpy(header + 16, source.addr, len);
	memcpy(header + 16 + len, asked.addr, len);
	memcpy(header + 16 + 2 * len, ports, 4);
	return 20 + 2 * len;
}
