// SPDX-License-Identifier: GPL-2.0
/*
 * Adds many rules over one netlink socket, several messages at a time.
 *
 * "hosts": rules FIRST to FIRST + COUNT - 1, each for a host of its own, of
 * four kinds in turn; "ranges": nested port ranges around 20000 of one host,
 * with the comments r1, r2 ...; "chain": port ranges that all begin at port 1;
 * "trusting": accept rules, each for a host of its own and with 64 sources;
 * "sources": accept rules, all for the same host and port, each with 64 sources
 * of its own.
 * Prints how long it took. The first rule that is refused is the last one.
 *
 * "find": asks COUNT times which accept rule a connection from the source FIRST
 * meets. Prints the processor's cycles for a question, or nanoseconds where the
 * processor cannot be asked (in simulated time the clock stands while a program
 * runs): the 10th percentile, since other programs disturb.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "pp_netlink.h"

/* Messages in one datagram, whose answers fit the receive buffer */
#define BATCH		64
#define HOSTS		0x0a800000U	/* 10.128.0.0 */
#define RANGES_HOST	0x0a000202U	/* 10.0.2.2 */
#define RANGES_CENTRE	20000
#define SOURCES		64
#define SOURCES_NET	0x20000000U	/* 32.0.0.0 */

static void put_ip(struct pp_msg *msg, uint32_t address)
{
	uint32_t wire = htonl(address);

	pp_msg_put(msg, PP_RULE_ATTR_TO, &wire, sizeof(wire));
}

/* fd80::N */
static void put_ip6(struct pp_msg *msg, uint32_t number)
{
	unsigned char wire[16] = { 0xfd, 0x80 };

	number = htonl(number);
	memcpy(wire + 12, &number, sizeof(number));
	pp_msg_put(msg, PP_RULE_ATTR_TO, wire, sizeof(wire));
}

static void put_ports(struct pp_msg *msg, uint16_t first, uint16_t last)
{
	size_t nest = pp_msg_nest(msg, PP_RULE_ATTR_PORTS | NLA_F_NESTED);

	pp_msg_number(msg, PP_PORTS_ATTR_FIRST, 2, first);
	pp_msg_number(msg, PP_PORTS_ATTR_LAST, 2, last);
	pp_msg_nest_end(msg, nest);
}

/* One port, any port, one port of IPv6, a range that is many blocks */
static void put_hosts(struct pp_msg *msg, uint32_t number)
{
	if (number % 4 == 2)
		put_ip6(msg, number);
	else
		put_ip(msg, HOSTS + number);
	if (number % 4 == 3)
		put_ports(msg, 8001, 8099);
	else if (number % 4 != 1)
		put_ports(msg, 8080, 8080);
}

static void put_ranges(struct pp_msg *msg, uint32_t number)
{
	char comment[16];
	int len = snprintf(comment, sizeof(comment), "r%u", number);

	pp_msg_put(msg, PP_RULE_ATTR_COMMENT, comment, len + 1);
	put_ip(msg, RANGES_HOST);
	put_ports(msg, RANGES_CENTRE - number, RANGES_CENTRE + number);
}

static void put_chain(struct pp_msg *msg, uint32_t number)
{
	put_ip(msg, RANGES_HOST);
	put_ports(msg, 1, number);
}

static void put_source(struct pp_msg *msg, uint32_t number)
{
	size_t nest = pp_msg_nest(msg, PP_RULE_ATTR_FROM | NLA_F_NESTED);
	uint32_t wire = htonl(SOURCES_NET + number);

	pp_msg_put(msg, PP_FROM_ATTR_PREFIX, &wire, sizeof(wire));
	pp_msg_nest_end(msg, nest);
}

static void put_trusting(struct pp_msg *msg, uint32_t number)
{
	uint32_t i;

	put_ip(msg, HOSTS + number);
	put_ports(msg, 8080, 8080);
	for (i = 0; i < SOURCES; i++)
		put_source(msg, i);
}

static void put_sources(struct pp_msg *msg, uint32_t number)
{
	uint32_t i;

	put_ip(msg, RANGES_HOST);
	put_ports(msg, 8080, 8080);
	for (i = 0; i < SOURCES; i++)
		put_source(msg, number * SOURCES + i);
}

static const struct kind {
	const char *name;
	void (*put)(struct pp_msg *msg, uint32_t number);
	uint8_t direction;
	uint32_t batch;
} kinds[] = {
	{ "hosts", put_hosts, PP_DIRECTION_SEND, BATCH },
	{ "ranges", put_ranges, PP_DIRECTION_SEND, BATCH },
	{ "chain", put_chain, PP_DIRECTION_SEND, BATCH },
	{ "trusting", put_trusting, PP_DIRECTION_ACCEPT, BATCH / 4 },
	{ "sources", put_sources, PP_DIRECTION_ACCEPT, BATCH / 4 },
};

static void append(struct pp_msg *batch, const struct kind *kind, uint32_t number)
{
	static struct pp_msg msg;
	size_t nest;

	pp_msg_begin(&msg, PP_CMD_RULE_ADD, NLM_F_ACK);
	nest = pp_msg_nest(&msg, PP_ATTR_RULE | NLA_F_NESTED);
	pp_msg_number(&msg, PP_RULE_ATTR_DIRECTION, 1, kind->direction);
	kind->put(&msg, number);
	pp_msg_nest_end(&msg, nest);
	pp_socket_stamp(&msg);
	memcpy((char *)batch->data + batch->len, msg.data, msg.len);
	batch->len += msg.len;
}

static bool load(int fd, const struct kind *kind, uint32_t first, uint32_t count)
{
	struct pp_answer answer = { 0 };
	struct pp_msg batch;
	uint32_t sent, i, now;

	for (sent = 0; sent < count; sent += now) {
		now = count - sent < kind->batch ? count - sent : kind->batch;
		batch.len = 0;
		for (i = 0; i < now; i++)
			append(&batch, kind, first + sent + i);
		pp_socket_send_raw(fd, &batch);
		for (i = 0; i < now; i++) {
			pp_socket_answer(fd, &answer);
			if (!answer.error)
				continue;
			printf("rule %u refused: %s: %s\n", first + sent + i,
			       strerrorname_np(answer.error), answer.text);
			return false;
		}
	}
	return true;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

static uint64_t now_cycles(void)
{
#ifdef __x86_64__
	return __builtin_ia32_rdtsc();
#else
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
#endif
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static int find(int fd, uint32_t source, uint32_t count)
{
	struct pp_answer answer = { 0 };
	uint64_t *took = calloc(count, sizeof(*took));
	struct pp_msg msg;
	uint64_t began;
	size_t nest;
	uint32_t i;

	if (!took || !count)
		die("no memory, or nothing to ask");
	pp_msg_begin(&msg, PP_CMD_RULE_FIND, NLM_F_ACK);
	nest = pp_msg_nest(&msg, PP_ATTR_RULE | NLA_F_NESTED);
	pp_msg_number(&msg, PP_RULE_ATTR_DIRECTION, 1, PP_DIRECTION_ACCEPT);
	put_ip(&msg, RANGES_HOST);
	put_ports(&msg, 8080, 8080);
	put_source(&msg, source);
	pp_msg_nest_end(&msg, nest);
	for (i = 0; i < count; i++) {
		began = now_cycles();
		pp_socket_ask(fd, &msg, &answer);
		took[i] = now_cycles() - began;
		if (answer.error || answer.replies != 1)
			die("no answer: %s", answer.text);
	}
	qsort(took, count, sizeof(*took), compare_numbers);
	printf("%llu\n", (unsigned long long)took[count / 10]);
	free(took);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t began = now_ms();
	uint32_t first, count;
	size_t i;

	if (argc != 4)
		die("usage: pp_netlink_load { hosts | ranges | chain | trusting | sources | find } FIRST COUNT");
	first = strtoul(argv[2], NULL, 0);
	count = strtoul(argv[3], NULL, 0);
	if (!strcmp(argv[1], "find"))
		return find(pp_socket_open(), first, count);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[1], kinds[i].name))
			break;
	if (i == sizeof(kinds) / sizeof(kinds[0]))
		die("no such kind: %s", argv[1]);
	if (!load(pp_socket_open(), &kinds[i], first, count))
		return 1;
	printf("%u rules in %llu ms\n", count, (unsigned long long)(now_ms() - began));
	return 0;
}
