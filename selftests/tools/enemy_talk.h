/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pp_enemy: what the honest ends know of a trial; for enemy_honest.c and enemy_talk.c.
 */
#ifndef _PP_ENEMY_TALK_H
#define _PP_ENEMY_TALK_H

#include "enemy.h"

#define ENEMY_TALKS_MAX	32

/**
 * struct enemy_talk - one end of a connection
 * @fd: socket, or -1
 * @conn: number of the connection; 0 if that has not arrived
 * @named: connection whose header named the peer that the application sees; 0: none did
 * @goal: bytes that are to be sent
 * @sent: those that were
 * @got: bytes that came
 * @is_old: of an earlier connection
 * @is_foreign: begins as no honest one
 * @no_header: begins with something else than the header
 * @has_header: begins with a header, behind the one that belongs there
 * @wrong: another byte than the right one came
 * @eof: the other end has sent its FIN
 * @fin: this end has sent its FIN
 * @error: errno of the connection's end
 */
struct enemy_talk {
	int fd;
	unsigned int conn, named;
	uint32_t goal, sent, got;
	bool is_old, is_foreign, no_header, has_header, wrong, eof, fin;
	int error;
};

/**
 * struct enemy_life - a trial as far as the honest ends have come
 * @trial: the trial
 * @with_rule: whether the rule is in the way
 * @is_connected: the client is
 * @is_over: failures no longer count
 * @is_answering: the server has begun with the answer of this step
 * @conn: number of the newest connection
 * @port: port of the client
 * @listeners: without the rule, and with it
 * @client: the client's end
 * @served: the server's ends, of all who came
 * @served_count: number of those
 * @headers: of each connection
 * @header_len: bytes of a header
 * @stranger: a peer that the application saw though no header named it; or ""
 */
struct enemy_life {
	const struct enemy_trial *trial;
	bool with_rule, is_connected, is_answering, is_over;
	unsigned int conn;
	uint16_t port;
	int listeners[2];
	struct enemy_talk client, served[ENEMY_TALKS_MAX];
	unsigned int served_count;
	uint8_t headers[4][ENEMY_HEADER_MAX];
	uint32_t header_len;
	char stranger[100];
};

/* enemy_talk.c */
void enemy_talk_poll(struct enemy_life *life, int timeout_ms);

#endif /* _PP_ENEMY_TALK_H */
