// SPDX-License-Identifier: GPL-2.0
/*
 * pp_enemy: the bytes on the honest ends' sockets.
 *
 * A connection says "H", its number in the trial and then bytes of its own. What begins
 * otherwise is the enemy's ("X"). A header, the module's (send) or the client's (accept),
 * is in front of that.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "enemy_talk.h"

#define CHUNK		16384
#define FDS_MAX		(ENEMY_TALKS_MAX + 6)

static uint8_t body_byte(const struct enemy_life *life, unsigned int conn, bool answer, uint32_t at)
{
	if (at < 2 && !answer)
		return at ? '0' + conn : 'H';
	return conn * 31 + answer * 17 + at * 7 + (at >> 8) * 13 + life->trial->number;
}

static uint8_t client_byte(const struct enemy_life *life, uint32_t at)
{
	if (!enemy_cfg.accept)
		return body_byte(life, life->conn, false, at);
	if (at < life->header_len)
		return life->headers[life->conn][at];
	return body_byte(life, life->conn, false, at - life->header_len);
}

static void send_some(struct enemy_life *life, struct enemy_talk *talk)
{
	uint32_t left = talk->goal - talk->sent;
	uint8_t buf[CHUNK];
	ssize_t len;

	left = left < CHUNK ? left : CHUNK;
	for (uint32_t i = 0; i < left; i++)
		buf[i] = talk == &life->client ?
			client_byte(life, talk->sent + i) :
			body_byte(life, life->conn, true, talk->sent + i);
	len = send(talk->fd, buf, left, MSG_NOSIGNAL);
	if (len > 0)
		talk->sent += len;
	else if (len < 0 && errno != EAGAIN)
		talk->error = errno;
}

/* The server reads a byte; which one is right depends on which connection it is of */
static void check_byte(const struct enemy_life *life, struct enemy_talk *talk, uint8_t byte)
{
	uint32_t front = enemy_cfg.accept == life->with_rule ? 0 : life->header_len;
	uint32_t at = talk->got++;

	if (at < front) {
		talk->no_header |= byte != life->headers[enemy_cfg.accept ? life->conn : 0][at];
		return;
	}
	at -= front;
	if (!at) {
		talk->is_foreign |= byte != 'H';
		talk->has_header = byte == life->headers[0][0];
	}
	if (at == 1 && !talk->is_foreign && byte > '0' && byte <= '0' + life->conn)
		talk->conn = byte - '0';
	else if (at == 1)
		talk->is_foreign = true;
	else if (at && !talk->is_foreign)
		talk->wrong |= byte != body_byte(life, talk->conn, false, at);
}

static void read_some(struct enemy_life *life, struct enemy_talk *talk)
{
	uint8_t buf[CHUNK];
	ssize_t len = recv(talk->fd, buf, sizeof(buf), 0);

	if (len < 0 && errno != EAGAIN)
		talk->error = errno;
	else if (!len)
		talk->eof = true;
	for (ssize_t i = 0; i < len; i++) {
		if (talk != &life->client)
			check_byte(life, talk, buf[i]);
		else
			talk->wrong |= buf[i] != body_byte(life, life->conn, true, talk->got++);
	}
}

static void handle(struct enemy_life *life, struct enemy_talk *talk, short events)
{
	socklen_t len = sizeof(talk->error);

	if (talk == &life->client && !life->is_connected) {
		getsockopt(talk->fd, SOL_SOCKET, SO_ERROR, &talk->error, &len);
		life->is_connected = !talk->error && events & POLLOUT;
	} else if (events & (POLLIN | POLLERR | POLLHUP) && !talk->eof) {
		read_some(life, talk);
	}
	if (talk->sent < talk->goal && !talk->error && !talk->fin)
		send_some(life, talk);
	if (talk->eof && events & (POLLERR | POLLHUP) && !talk->fin && !talk->error)
		getsockopt(talk->fd, SOL_SOCKET, SO_ERROR, &talk->error, &len);
	if ((talk->eof && talk->fin) || talk->error) {
		close(talk->fd);
		talk->fd = -1;
	}
}

static void note_peer(struct enemy_life *life, struct enemy_talk *talk,
		      const struct sockaddr_storage *sa)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
	const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
	const void *addr = sa->ss_family == AF_INET6 ? (void *)&in6->sin6_addr : &in->sin_addr;
	char text[INET6_ADDRSTRLEN];

	for (unsigned int i = 1; i <= life->conn; i++) {
		struct fuzz_end end = enemy_named_end(life->port, i);

		if (!memcmp(addr, end.addr, enemy_addr_len()))
			talk->named = i;
	}
	if (talk->named || !enemy_cfg.accept || !life->with_rule)
		return;
	inet_ntop(sa->ss_family, addr, text, sizeof(text));
	snprintf(life->stranger, sizeof(life->stranger), "the application got a connection of %s port %u",
		 text, ntohs(in->sin_port));
}

static void accept_all(struct enemy_life *life, int listener)
{
	struct sockaddr_storage sa;
	struct enemy_talk *talk;
	int fd;

	for (;;) {
		socklen_t len = sizeof(sa);

		fd = accept4(listener, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		if (life->served_count == ENEMY_TALKS_MAX) {
			close(fd);
			continue;
		}
		talk = &life->served[life->served_count++];
		*talk = (struct enemy_talk){ .fd = fd };
		note_peer(life, talk, &sa);
	}
}

static void add(struct pollfd *pfd, struct enemy_talk **talks, unsigned int *count,
		struct enemy_talk *talk, bool wants_out)
{
	/* An ended socket is always ready to read, so it is left out */
	if (talk->fd < 0 || (talk->eof && !wants_out))
		return;
	pfd[*count].fd = talk->fd;
	pfd[*count].events = (talk->eof ? 0 : POLLIN) | (wants_out ? POLLOUT : 0);
	talks[(*count)++] = talk;
}

/**
 * enemy_talk_poll - let the honest ends work, and the attacker see packets
 * @life: trial
 * @timeout_ms: how long to wait for that
 */
void enemy_talk_poll(struct enemy_life *life, int timeout_ms)
{
	struct enemy_talk *talks[FDS_MAX] = { NULL };
	struct pollfd pfd[FDS_MAX];
	int wires[3];
	unsigned int count = enemy_wires_fds(wires), plain = count;

	for (unsigned int i = 0; i < count; i++)
		pfd[i] = (struct pollfd){ .fd = wires[i], .events = POLLIN };
	pfd[count++] = (struct pollfd){ .fd = life->listeners[life->with_rule], .events = POLLIN };
	add(pfd, talks, &count, &life->client,
	    !life->is_connected || life->client.sent < life->client.goal);
	for (unsigned int i = 0; i < life->served_count; i++)
		add(pfd, talks, &count, &life->served[i],
		    life->served[i].sent < life->served[i].goal);
	if (poll(pfd, count, timeout_ms) <= 0)
		return;
	enemy_wires_read();
	if (pfd[plain].revents)
		accept_all(life, pfd[plain].fd);
	for (unsigned int i = plain + 1; i < count; i++)
		if (pfd[i].revents)
			handle(life, talks[i], pfd[i].revents);
}
