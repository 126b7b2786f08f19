// SPDX-License-Identifier: GPL-2.0
/*
 * pp_enemy: the honest client and server, on ordinary sockets: what they do in a step,
 * when that is done, and whether something went wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/tcp.h>

#include "enemy_talk.h"

static struct enemy_life life;

/* Longer than a client waits before its header */
#define DEFER_S	30

/* Closes a socket without a packet */
static void vanish(struct enemy_talk *talk)
{
	int on = 1;

	if (talk->fd < 0)
		return;
	if (setsockopt(talk->fd, SOL_TCP, TCP_REPAIR, &on, sizeof(on)))
		perror("TCP_REPAIR");
	close(talk->fd);
	talk->fd = -1;
}

static int tcp_socket(void)
{
	return socket(enemy_cfg.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static bool prepare_listener(int fd, bool with_rule)
{
	static const char ulp[] = "proxyproto";

	return !enemy_cfg.by_socket || !with_rule ||
	       !setsockopt(fd, SOL_TCP, TCP_ULP, ulp, strlen(ulp));
}

/*
 * With the ULP, a connection waits for its header as with TCP_DEFER_ACCEPT, half-open. So without
 * the rule it waits in half of the runs, too.
 */
static void change_deferral(void)
{
	static unsigned int runs;
	int seconds = runs++ / 2 % 2 ? 0 : DEFER_S;

	if (setsockopt(life.listeners[0], SOL_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds)))
		perror("TCP_DEFER_ACCEPT");
}

static int listen_on(bool with_rule)
{
	uint16_t port = enemy_cfg.listen_port[with_rule];
	struct sockaddr_storage sa;
	int one = 1, fd = tcp_socket();

	if (fd < 0 || !prepare_listener(fd, with_rule) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&sa, enemy_sockaddr(&sa, &enemy_cfg.backend, port)) ||
	    listen(fd, 1000))
		return -1;
	return fd;
}

/**
 * enemy_honest_open - the server begins to listen, with the rule and without
 *
 * Return: false, with errno, if that is not possible
 */
bool enemy_honest_open(void)
{
	if (!enemy_enter(enemy_cfg.server_ns))
		return false;
	life.listeners[0] = listen_on(false);
	life.listeners[1] = listen_on(true);
	return life.listeners[0] >= 0 && life.listeners[1] >= 0;
}

static void set_cookies(int cookies)
{
	int fd;

	if (!enemy_enter(enemy_cfg.server_ns))
		return;
	fd = open("/proc/sys/net/ipv4/tcp_syncookies", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || dprintf(fd, "%d\n", cookies) < 0)
		perror("tcp_syncookies");
	if (fd >= 0)
		close(fd);
}

/* Connections that came after the end of the trial before */
static void forget_late(int listener)
{
	struct enemy_talk late;

	while ((late.fd = accept(listener, NULL, NULL)) >= 0)
		vanish(&late);
}

/**
 * enemy_honest_begin - before the first step of a trial
 * @trial: the trial
 * @with_rule: whether the rule is in the way
 * @port: of the client, for all connections
 */
void enemy_honest_begin(const struct enemy_trial *trial, bool with_rule, uint16_t port)
{
	life.trial = trial;
	life.with_rule = with_rule;
	life.port = port;
	life.conn = 0;
	life.served_count = 0;
	life.client = (struct enemy_talk){ .fd = -1 };
	life.stranger[0] = '\0';
	for (unsigned int i = 0; i < 4; i++)
		life.header_len = enemy_header(life.headers[i], port, i);
	forget_late(life.listeners[with_rule]);
	set_cookies(trial->cookies);
	if (enemy_cfg.by_socket && !with_rule)
		change_deferral();
}

/* The newest that may be the client's */
static struct enemy_talk *honest(void)
{
	struct enemy_talk *best = NULL;

	for (unsigned int i = 0; i < life.served_count; i++) {
		struct enemy_talk *talk = &life.served[i];

		if (talk->is_old || talk->is_foreign || talk->no_header ||
		    (talk->conn && talk->conn != life.conn))
			continue;
		if (!best || talk->conn || !best->conn)
			best = talk;
	}
	return best;
}

/**
 * enemy_honest_conn - number of the newest connection
 */
unsigned int enemy_honest_conn(void)
{
	return life.conn;
}

static void reset(struct enemy_talk *talk)
{
	struct linger linger = { .l_onoff = 1 };

	if (talk->fd < 0)
		return;
	setsockopt(talk->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(talk->fd);
	talk->fd = -1;
}

static void finish(struct enemy_talk *talk)
{
	if (talk->fd < 0)
		return;
	shutdown(talk->fd, SHUT_WR);
	talk->fin = true;
	if (!talk->eof)
		return;
	close(talk->fd);
	talk->fd = -1;
}

static void connect_again(void)
{
	struct enemy_talk *client = &life.client;
	struct sockaddr_storage sa;
	int one = 1;

	life.conn++;
	for (unsigned int i = 0; i < life.served_count; i++)
		life.served[i].is_old = true;
	life.is_connected = false;
	life.is_over = false;
	vanish(client);
	*client = (struct enemy_talk){ .fd = -1, .conn = life.conn };
	if (!enemy_enter(enemy_cfg.client_ns))
		return;
	client->fd = tcp_socket();
	setsockopt(client->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(client->fd, (struct sockaddr *)&sa,
		 enemy_sockaddr(&sa, &enemy_cfg.client, life.port)) ||
	    (connect(client->fd, (struct sockaddr *)&sa,
		     enemy_sockaddr(&sa, &enemy_cfg.target,
				    enemy_cfg.target_port[life.with_rule])) &&
	     errno != EINPROGRESS)) {
		client->error = errno;
		vanish(client);
	}
}

/* A connection that the trial has ended with cannot fail any more */
static bool is_end(enum enemy_act act)
{
	return act == ENEMY_CLIENT_RST || act == ENEMY_SERVER_RST || act == ENEMY_VANISH_CLIENT ||
	       act == ENEMY_VANISH_SERVER;
}

/**
 * enemy_honest_start - the ends begin with a step
 * @step: step
 */
void enemy_honest_start(const struct enemy_step *step)
{
	struct enemy_talk *server = honest();

	life.is_answering = false;
	life.is_over |= is_end(step->act);
	if (step->act == ENEMY_CONNECT)
		connect_again();
	else if (step->act == ENEMY_SAY)
		life.client.goal += step->arg;
	else if (step->act == ENEMY_CLIENT_FIN)
		finish(&life.client);
	else if (step->act == ENEMY_CLIENT_RST)
		reset(&life.client);
	else if (step->act == ENEMY_VANISH_CLIENT)
		vanish(&life.client);
	if (!server)
		return;
	if (step->act == ENEMY_SERVER_FIN)
		finish(server);
	else if (step->act == ENEMY_SERVER_RST)
		reset(server);
	else if (step->act == ENEMY_VANISH_SERVER)
		vanish(server);
}

/* Bytes that the server has to read until the client has sent all of its goal */
static uint32_t wanted(void)
{
	uint32_t goal = life.client.goal;

	if (!life.with_rule)
		return goal;
	if (enemy_cfg.accept)
		return goal > life.header_len ? goal - life.header_len : 0;
	return goal + life.header_len;
}

static bool is_answered(struct enemy_talk *server, uint32_t len)
{
	if (server && !life.is_answering) {
		server->goal += len;
		life.is_answering = true;
	}
	return server && life.client.got == server->goal;
}

/**
 * enemy_honest_done - whether a step has reached its goal
 * @step: step, begun; not ENEMY_WAIT
 */
bool enemy_honest_done(const struct enemy_step *step)
{
	struct enemy_talk *server = honest();

	switch (step->act) {
	case ENEMY_CONNECT:
		return life.is_connected;
	case ENEMY_SAY:
		return life.client.sent == life.client.goal &&
		       (!wanted() || (server && server->got == wanted()));
	case ENEMY_ANSWER:
		return is_answered(server, step->arg);
	case ENEMY_CLIENT_FIN:
		return server && server->eof;
	case ENEMY_SERVER_FIN:
		return life.client.eof;
	case ENEMY_CLIENT_RST:
		return !server || server->error || server->eof;
	case ENEMY_SERVER_RST:
		return life.client.error;
	default:
		return true;
	}
}

/**
 * enemy_honest_poll - let both ends send and receive
 * @timeout_ms: how long to wait for something to do
 */
void enemy_honest_poll(int timeout_ms)
{
	enemy_talk_poll(&life, timeout_ms);
}

static bool fail(struct enemy_result *result, const char *failed, const char *detail)
{
	result->failed = failed;
	snprintf(result->detail, sizeof(result->detail), "%s", detail);
	return true;
}

static bool fail_absolutely(struct enemy_result *result, const char *failed, const char *detail)
{
	result->is_absolute = true;
	return fail(result, failed, detail);
}

/* Failures of any connection that reaches the application with a rule */
static bool served_failed(struct enemy_result *result, const struct enemy_talk *talk)
{
	if (talk->no_header)
		return fail_absolutely(result, "header", "a connection begins without the client's header");
	if (enemy_cfg.accept && talk->has_header)
		return fail_absolutely(result, "header", "the application reads a header");
	if (enemy_cfg.accept && talk->conn && talk->named && talk->conn != talk->named)
		return fail_absolutely(result, "client", "the application sees another client");
	return false;
}

/**
 * enemy_honest_failed - whether there is a failure that no waiting repairs
 * @result: says what
 */
bool enemy_honest_failed(struct enemy_result *result)
{
	struct enemy_talk *server = honest();

	for (unsigned int i = 0; life.with_rule && i < life.served_count; i++)
		if (served_failed(result, &life.served[i]))
			return true;
	if (life.stranger[0])
		return fail_absolutely(result, "stolen", life.stranger);
	if (life.is_over)
		return false;
	if (life.client.wrong || (server && server->wrong))
		return fail(result, "bytes", life.client.wrong ? "the client read a wrong byte" :
								 "the server read a wrong byte");
	if (life.client.error || (server && server->error))
		return fail(result, "reset", strerror(life.client.error ?: server->error));
	life.is_over = life.client.fd < 0;
	return false;
}

/**
 * enemy_honest_end - a trial is over, and no end sends anything more
 */
void enemy_honest_end(void)
{
	vanish(&life.client);
	for (unsigned int i = 0; i < life.served_count; i++)
		vanish(&life.served[i]);
}
