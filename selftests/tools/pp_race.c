// SPDX-License-Identifier: GPL-2.0
/*
 * pp_race: ends many handshakes with two segments at the same time, each sent by a processor of its
 * own, from a raw socket. The kernel knows nothing of the connections: it has to be kept from
 * resetting them.
 *
 * IPv4 only: what is raced for does not depend on the family.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "inet_sum.h"

#define HEADER_LEN	28
#define DATA_LEN	100
#define ANSWER_MS	2000
#define QUIET_MS	500
/* How much later the rival is, at most 200 us */
#define LINGER_STEPS	40
#define LINGER_NS	5000

/* What the second processor sends while the first one sends the header and data */
enum rival { RIVAL_BARE, RIVAL_SAME, RIVAL_PART };

/**
 * struct segment - a segment to be sent
 * @bytes: TCP header and data
 * @len: length of both
 */
struct segment {
	uint8_t bytes[sizeof(struct tcphdr) + HEADER_LEN + DATA_LEN];
	size_t len;
};

static struct sockaddr_in from = { .sin_family = AF_INET }, to = { .sin_family = AF_INET };
static unsigned int count, first_port, resets;
static enum rival rival;
/* A raw socket sends one packet at a time */
static int fd, rival_fd;

static struct segment of_rival;
static atomic_uint round_begun, round_ended, at_barrier;

static const char usage[] =
"Usage: pp_race CLIENT SERVER PORT COUNT FIRST-PORT bare|same|part\n"
"\n"
"COUNT connections, from FIRST-PORT on, each with a PROXY header of version 2. With it, another\n"
"processor sends a bare ACK, the same segment, or, if a part of the header has come before, that\n"
"part. Exit status: 0, no connection was reset; 1, some were; 2, usage; 3, cannot run.\n";

static void die(const char *what)
{
	perror(what);
	exit(3);
}

static void make_segment(struct segment *seg, uint16_t port, uint8_t flags, uint32_t seq,
			 uint32_t ack, const uint8_t *data, size_t len)
{
	struct tcphdr th = {
		.source = htons(port),
		.dest = to.sin_port,
		.seq = htonl(seq),
		.ack_seq = htonl(ack),
		.window = htons(0xffff),
		.doff = sizeof(th) / 4,
	};
	uint32_t sum;

	((uint8_t *)&th)[13] = flags;
	seg->len = sizeof(th) + len;
	memcpy(seg->bytes, &th, sizeof(th));
	if (len)
		memcpy(seg->bytes + sizeof(th), data, len);
	sum = inet_sum(seg->bytes, seg->len, IPPROTO_TCP + seg->len);
	sum = inet_sum(&from.sin_addr, 4, inet_sum(&to.sin_addr, 4, sum));
	th.check = htons(~inet_fold(sum));
	memcpy(seg->bytes, &th, sizeof(th));
}

static void send_segment(int socket, const struct segment *seg)
{
	if (sendto(socket, seg->bytes, seg->len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("sendto");
}

/* Read what has come. Return: whether a SYN-ACK for @port was among it; its number is in @isn */
static bool read_answers(uint16_t port, uint32_t *isn, int wait_ms)
{
	struct pollfd polled = { .fd = fd, .events = POLLIN };
	uint8_t buf[2048];
	ssize_t len;

	while (poll(&polled, 1, wait_ms) > 0) {
		struct tcphdr th;

		len = recv(fd, buf, sizeof(buf), 0);
		if (len < (ssize_t)(20 + sizeof(th)))
			continue;
		memcpy(&th, buf + (buf[0] & 15) * 4, sizeof(th));
		if (th.source != to.sin_port || ntohs(th.dest) < first_port ||
		    ntohs(th.dest) >= first_port + count)
			continue;
		resets += th.rst;
		if (th.syn && th.ack && ntohs(th.dest) == port) {
			*isn = ntohl(th.seq);
			return true;
		}
	}
	return false;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void wait_for_both(unsigned int round)
{
	atomic_fetch_add(&at_barrier, 1);
	while (atomic_load(&at_barrier) < 2 * round)
		;
}

/* The moment that matters is a different one on each machine: later by a little in each round */
static void linger(unsigned int round)
{
	uint64_t end = now_ns() + round % LINGER_STEPS * LINGER_NS;

	while (now_ns() < end)
		;
}

static void use_processor(unsigned int number)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(number, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("two processors");
}

static void *send_as_rival(void *unused)
{
	use_processor(1);
	for (unsigned int round = 1; round <= count; round++) {
		while (atomic_load(&round_begun) < round)
			sched_yield();
		wait_for_both(round);
		linger(round);
		send_segment(rival_fd, &of_rival);
		atomic_store(&round_ended, round);
	}
	return unused;
}

static void make_bytes(uint8_t *bytes, uint16_t port)
{
	static const uint8_t begin[] = { 13, 10, 13, 10, 0, 13, 10, 'Q', 'U', 'I', 'T', 10,
					 0x21, 0x11, 0, 12, 192, 0, 2, 1, 192, 0, 2, 2 };

	memcpy(bytes, begin, sizeof(begin));
	memcpy(bytes + 24, (uint8_t []){ port >> 8, port, 1, 187 }, 4);
	memset(bytes + HEADER_LEN, 'x', DATA_LEN);
}

static void run(unsigned int round)
{
	uint16_t port = first_port + round - 1;
	uint32_t isn, answered, skip = 0;
	uint8_t bytes[HEADER_LEN + DATA_LEN];
	struct segment seg;

	if (getrandom(&isn, sizeof(isn), 0) != sizeof(isn))
		die("getrandom");
	make_bytes(bytes, port);
	make_segment(&seg, port, TH_SYN, isn, 0, NULL, 0);
	send_segment(fd, &seg);
	if (!read_answers(port, &answered, ANSWER_MS)) {
		fprintf(stderr, "no answer to the SYN of port %u\n", port);
		exit(3);
	}
	if (rival == RIVAL_PART) {
		skip = 10;
		make_segment(&of_rival, port, TH_ACK, isn + 1, answered + 1, bytes, skip);
		send_segment(fd, &of_rival);
	} else {
		make_segment(&of_rival, port, TH_ACK, isn + 1, answered + 1, bytes,
			     rival == RIVAL_SAME ? sizeof(bytes) : 0);
	}
	make_segment(&seg, port, TH_ACK, isn + 1 + skip, answered + 1, bytes + skip,
		     sizeof(bytes) - skip);
	atomic_store(&round_begun, round);
	wait_for_both(round);
	send_segment(fd, &seg);
	/* The rival's segment must not change before it has left */
	while (atomic_load(&round_ended) < round)
		sched_yield();
	read_answers(0, &answered, 0);
}

static bool parse(char **argv)
{
	static const char *const rivals[] = { "bare", "same", "part" };

	if (!inet_aton(argv[0], &from.sin_addr) || !inet_aton(argv[1], &to.sin_addr))
		return false;
	to.sin_port = htons(atoi(argv[2]));
	count = atoi(argv[3]);
	first_port = atoi(argv[4]);
	for (rival = 0; rival < 3; rival++)
		if (!strcmp(argv[5], rivals[rival]))
			return count && first_port && to.sin_port;
	return false;
}

int main(int argc, char **argv)
{
	int room = 16 << 20;
	pthread_t thread;
	uint32_t isn;

	if (argc != 7 || !parse(argv + 1)) {
		fputs(usage, stderr);
		return 2;
	}
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
	rival_fd = socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
	if (fd < 0 || rival_fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		die("raw socket");
	use_processor(0);
	if (pthread_create(&thread, NULL, send_as_rival, NULL))
		die("pthread_create");
	for (unsigned int round = 1; round <= count; round++)
		run(round);
	pthread_join(thread, NULL);
	read_answers(0, &isn, QUIET_MS);
	printf("%u connections, %u resets\n", count, resets);
	return resets != 0;
}
