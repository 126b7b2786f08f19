/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pp_enemy: honest connections and an attacker who sends packets in their name; what
 * its files share.
 *
 * A trial is a list of steps, which two honest programs take on ordinary sockets, and
 * a list of shots, packets that the enemy sends at some moment of a step. It is run
 * without a rule and with one. The method is described in docs/testing.md.
 */
#ifndef _PP_ENEMY_H
#define _PP_ENEMY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>

#include "packet_fuzz.h"

#define ENEMY_STEPS_MAX	40	/* two connections have 38 at most */
#define ENEMY_SHOTS_MAX	8
#define ENEMY_HEADER_MAX 52
#define ENEMY_ONLY_MAX	64
#define ENEMY_TTL	77	/* of packets that the enemy sends */

/*
 * A kind of attack is a kind of packet; ALL draws from all of them, NONE sends nothing, NAMED
 * sends in the name of the client that a header names
 */
enum enemy_kind { ENEMY_ALL, ENEMY_NONE, ENEMY_NAMED, ENEMY_SYN, ENEMY_SYNACK, ENEMY_RST,
		  ENEMY_ACK, ENEMY_FIN, ENEMY_DATA, ENEMY_KINDS };

/**
 * enum enemy_act - what the honest ends do in a step
 * @ENEMY_CONNECT: the client connects, the next connection from the same port
 * @ENEMY_SAY: the client sends bytes, which the server reads
 * @ENEMY_ANSWER: the server sends bytes, which the client reads
 * @ENEMY_WAIT: nothing, for some time
 * @ENEMY_CLIENT_FIN: the client sends its FIN, and the server reads it
 * @ENEMY_SERVER_FIN: the same the other way round
 * @ENEMY_CLIENT_RST: the client resets the connection, and the server notices
 * @ENEMY_SERVER_RST: the same the other way round
 * @ENEMY_VANISH_CLIENT: the client's socket is gone, without a packet
 * @ENEMY_VANISH_SERVER: the server's is
 */
enum enemy_act { ENEMY_CONNECT, ENEMY_SAY, ENEMY_ANSWER, ENEMY_WAIT, ENEMY_CLIENT_FIN,
		 ENEMY_SERVER_FIN, ENEMY_CLIENT_RST, ENEMY_SERVER_RST, ENEMY_VANISH_CLIENT,
		 ENEMY_VANISH_SERVER };

/**
 * struct enemy_step - one step of a connection's life
 * @act: what is done
 * @arg: bytes, or milliseconds
 * @has_header: the bytes have (a part of) a header, which is left out without the rule
 * @skipped: left out while a failure is shrunk
 */
struct enemy_step {
	enum enemy_act act;
	uint32_t arg;
	bool has_header;
	bool skipped;
};

/* What a sequence or acknowledgement number is relative to, as seen on the wire so far */
enum enemy_base { ENEMY_BASE_NEXT, ENEMY_BASE_ISN, ENEMY_BASE_ZERO };

/**
 * struct enemy_number - a number that the enemy sends
 * @base: of which number
 * @offset: how far from that
 */
struct enemy_number {
	enum enemy_base base;
	int32_t offset;
};

/* In whose name a packet is sent */
enum enemy_name { ENEMY_AS_CLIENT, ENEMY_AS_SERVER, ENEMY_AS_NAMED };

/**
 * struct enemy_shot - a packet of the attacker
 * @step: during which step
 * @after: milliseconds after its beginning
 * @name: of whom, to the other end; ENEMY_AS_NAMED is the client that a header names
 * @flags: TCP flags
 * @seq: sequence number, relative to those of the end that it imitates
 * @ack: acknowledgement number, relative to those of the other end
 * @len: bytes of payload
 * @window: window
 * @timestamps: it has the timestamps that a packet of the connection would have
 * @skipped: left out while a failure is shrunk
 */
struct enemy_shot {
	unsigned int step;
	uint32_t after;
	enum enemy_name name;
	uint8_t flags;
	struct enemy_number seq;
	struct enemy_number ack;
	uint16_t len;
	uint16_t window;
	bool timestamps;
	bool skipped;
};

/**
 * struct enemy_trial - a connection's life and the attack on it
 * @number: of the trial, which with the seed decides all the rest
 * @cookies: tcp_syncookies of the server
 * @steps: steps
 * @steps_count: number of them
 * @shots: shots
 * @shots_count: number of them
 */
struct enemy_trial {
	unsigned int number;
	int cookies;
	struct enemy_step steps[ENEMY_STEPS_MAX];
	unsigned int steps_count;
	struct enemy_shot shots[ENEMY_SHOTS_MAX];
	unsigned int shots_count;
};

/**
 * struct enemy_result - the result of a trial
 * @failed: the failure in one word; NULL: none
 * @is_absolute: no attack may cause it, whether or not the connection would
 *	survive without a rule or not
 * @detail: the same in more words
 * @step: in which step
 * @took: milliseconds of each step
 */
struct enemy_result {
	const char *failed;
	bool is_absolute;
	char detail[200];
	unsigned int step;
	uint32_t took[ENEMY_STEPS_MAX];
};

/**
 * enum enemy_verdict - what a trial shows
 * @ENEMY_SURVIVED: without the rule and with it
 * @ENEMY_MOOT: nothing, since it fails without the rule as well
 * @ENEMY_FAILED: it fails with the rule alone, or in a way that no attack may cause
 */
enum enemy_verdict { ENEMY_SURVIVED, ENEMY_MOOT, ENEMY_FAILED };

/**
 * struct enemy_config - the command line
 * @accept: the rule is an accept rule; else a send rule
 * @by_socket: the listener with the rule has the TCP ULP
 * @family: AF_INET or AF_INET6
 * @client: address of the client, or of the load balancer
 * @target: where it connects to
 * @backend: address of the server
 * @target_port: port to connect to, with the rule [1] and without [0]
 * @listen_port: port that the server listens on, likewise
 * @client_ns: network namespace of the client
 * @server_ns: of the server
 * @others_ns: of the clients that headers name, where no packet may come; or NULL
 * @kind: kind of enemy
 * @trials: number of trials
 * @only: the only trials to be run, if there are any
 * @only_count: number of those
 * @seed: decides them
 * @first_port: of the client; each run of a trial has the next one
 * @wait_max: longest ENEMY_WAIT
 * @failures_max: how many failures to look for
 * @verbose: shows trials that prove nothing, too
 */
struct enemy_config {
	bool accept;
	bool by_socket;
	int family;
	struct fuzz_end client, target, backend;
	uint16_t target_port[2], listen_port[2];
	const char *client_ns, *server_ns, *others_ns;
	enum enemy_kind kind;
	unsigned int trials;
	unsigned int only[ENEMY_ONLY_MAX];
	unsigned int only_count;
	uint64_t seed;
	uint16_t first_port;
	uint32_t wait_max;
	unsigned int failures_max;
	bool verbose;
};

extern struct enemy_config enemy_cfg;

/* enemy_draw.c */
void enemy_draw(struct enemy_trial *trial, unsigned int number);

/* enemy_names.c */
bool enemy_enter(const char *name);
struct fuzz_end enemy_named_end(uint16_t port, unsigned int conn);
uint16_t enemy_named_port(uint16_t port, unsigned int conn);
size_t enemy_header(uint8_t *header, uint16_t port, unsigned int conn);
size_t enemy_addr_len(void);
socklen_t enemy_sockaddr(struct sockaddr_storage *sa, const struct fuzz_end *end, uint16_t port);

/* enemy_wire.c */
bool enemy_wires_open(void);
unsigned int enemy_wires_fds(int *fds);
void enemy_wires_begin(bool with_rule, uint16_t client_port);
void enemy_wires_read(void);
const char *enemy_wires_leak(void);

/* enemy_shoot.c */
void enemy_shoot(const struct enemy_shot *shot, unsigned int conn);

/* enemy_honest.c */
bool enemy_honest_open(void);
void enemy_honest_begin(const struct enemy_trial *trial, bool with_rule, uint16_t client_port);
void enemy_honest_start(const struct enemy_step *step);
bool enemy_honest_done(const struct enemy_step *step);
void enemy_honest_poll(int timeout_ms);
bool enemy_honest_failed(struct enemy_result *result);
unsigned int enemy_honest_conn(void);
void enemy_honest_end(void);

/* enemy_run.c */
enum enemy_verdict enemy_judge(const struct enemy_trial *trial, struct enemy_result *result);

/* enemy_shrink.c */
void enemy_shrink(struct enemy_trial *trial, struct enemy_result *result);

/* enemy_text.c */
void enemy_print(const struct enemy_trial *trial, const struct enemy_result *result);

#endif /* _PP_ENEMY_H */
