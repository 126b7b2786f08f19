// SPDX-License-Identifier: GPL-2.0
/*
 * load: short TCP connections, one after the other on each of some slots, as
 * many as a time allows, for benchmarks.
 *
 * A connection is: connect, send the request, read the response to the end of
 * the stream, close. Prints a line of JSON: how many were right and how many
 * not, bytes of the right responses, the time, what all CPUs of the machine did
 * meanwhile, and latencies, of the whole connection and up to the first byte of
 * the response.
 *
 * Usage: load [OPTION]... ADDRESS PORT SECONDS CONNECTIONS-AT-A-TIME
 *   -c CLIENT   a PROXY header v2 before each request, which names this address
 *               and a port of its own for each connection
 *   -g PATH     the request is a GET of this path, from a web server
 *   -e BODY     the response ends with this (instead of being sink's)
 *   -l LENGTH   and is longer than this many bytes
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench.h"
#include "../../kmod/proto/header.h"

#define MAX_SLOTS 10000
#define MAX_SAMPLES 4000000
/* For connections that are not finished when the time is over */
#define GRACE_NS 10000000000ull

/* Only the last bytes of a long response are checked */
#define TAIL 64

struct slot {
	int fd;
	bool sent;
	size_t have;
	uint64_t start;
	uint64_t first;
	char buf[sizeof(BENCH_RESPONSE) + TAIL];
};

static struct slot slots[MAX_SLOTS];
/* To the end of the response, and to its first byte */
static uint32_t *latencies, *firsts;
static unsigned long good, failed, open_slots;
static struct sockaddr_in target;
static uint64_t end;
static int epfd;

static struct pp_header header = { .version = 2, .command = PP_HEADER_PROXY };
static bool with_header;
static char request[512] = BENCH_REQUEST;
static const char *expected;
static size_t longer_than;
static uint64_t bytes;
static char scratch[1 << 18];

/* A slot that is unused when time is over has not failed */
static void open_next(struct slot *s)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = s };

	for (s->start = now(); s->start < end; s->start = now()) {
		s->sent = false;
		s->have = 0;
		s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (s->fd >= 0 &&
		    (!connect(s->fd, (struct sockaddr *)&target, sizeof(target)) ||
		     errno == EINPROGRESS) &&
		    !epoll_ctl(epfd, EPOLL_CTL_ADD, s->fd, &ev))
			return;
		failed++;
		if (s->fd >= 0)
			close(s->fd);
	}
	s->fd = -1;
	open_slots--;
}

static void finish(struct slot *s, bool ok)
{
	if (ok) {
		if (good < MAX_SAMPLES) {
			latencies[good] = (now() - s->start) / 1000;
			firsts[good] = (s->first - s->start) / 1000;
		}
		good++;
		bytes += s->have;
	} else {
		failed++;
	}
	close(s->fd);
	open_next(s);
}

/* The response as far as the slot has it: all of it, or the end of a long one */
static bool right(const struct slot *s)
{
	const size_t have = s->have < sizeof(s->buf) ? s->have : TAIL;
	size_t len;

	if (!expected)
		return s->have == sizeof(BENCH_RESPONSE) - 1 &&
		       !memcmp(s->buf, BENCH_RESPONSE, s->have);
	len = strlen(expected);
	return s->have > longer_than && have >= len && !memcmp(s->buf + have - len, expected, len);
}

/* The whole response as long as it fits, from then on its last bytes */
static void keep(struct slot *s, size_t got)
{
	const size_t have = s->have;

	s->have += got;
	if (s->have < sizeof(s->buf)) {
		memcpy(s->buf + have, scratch, got);
	} else if (got >= TAIL) {
		memcpy(s->buf, scratch + got - TAIL, TAIL);
	} else {
		if (have < sizeof(s->buf))
			memmove(s->buf, s->buf + have - (TAIL - got), TAIL - got);
		else
			memmove(s->buf, s->buf + got, TAIL - got);
		memcpy(s->buf + TAIL - got, scratch, got);
	}
}

static void receive(struct slot *s)
{
	ssize_t got;

	for (;;) {
		got = read(s->fd, scratch, sizeof(scratch));
		if (got < 0 && errno == EAGAIN)
			return;
		if (got <= 0)
			break;
		if (!s->have)
			s->first = now();
		keep(s, got);
	}
	finish(s, !got && right(s));
}

static bool send_request(struct slot *s)
{
	struct iovec iov[] = { { .iov_base = scratch }, { .iov_base = request } };
	static uint16_t port;

	if (with_header) {
		header.src.port = htons(1024 + port++ % 64000);
		iov[0].iov_len = pp_proto_header_write((u8 *)scratch, sizeof(scratch), &header);
	}
	iov[1].iov_len = strlen(request);
	return writev(s->fd, iov, 2) == (ssize_t)(iov[0].iov_len + iov[1].iov_len);
}

static void handle(struct slot *s, uint32_t events)
{
	if (!s->sent && events & EPOLLOUT) {
		s->sent = true;
		if (!send_request(s)) {
			finish(s, false);
			return;
		}
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive(s);
}

static void run(void)
{
	struct epoll_event events[256];
	int n;

	while (open_slots && now() < end + GRACE_NS) {
		n = epoll_wait(epfd, events, 256, 1000);
		for (int i = 0; i < n; i++)
			handle(events[i].data.ptr, events[i].events);
	}
	failed += open_slots;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void print_latencies(const char *prefix, uint32_t *samples)
{
	size_t count = good < MAX_SAMPLES ? good : MAX_SAMPLES, last = count ? count - 1 : 0;

	qsort(samples, count, sizeof(*samples), by_value);
	printf(",\"%sp50_us\":%u,\"%sp99_us\":%u,\"%sp999_us\":%u,\"%smax_us\":%u", prefix,
	       samples[last * 50 / 100], prefix, samples[last * 99 / 100], prefix,
	       samples[last * 999 / 1000], prefix, samples[last]);
}

static bool read_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "c:g:e:l:")) != -1) {
		switch (c) {
		case 'c':
			with_header = true;
			header.src.family = AF_INET;
			if (inet_pton(AF_INET, optarg, &header.src.addr.ip) != 1)
				return false;
			break;
		case 'g':
			snprintf(request, sizeof(request), "GET %s HTTP/1.0\r\nHost: bench\r\n\r\n",
				 optarg);
			break;
		case 'e':
			expected = optarg;
			if (strlen(expected) > TAIL)
				return false;
			break;
		case 'l':
			longer_than = strtoul(optarg, NULL, 10);
			break;
		default:
			return false;
		}
	}
	return argc - optind == 4;
}

int main(int argc, char **argv)
{
	struct cpu before, after;
	unsigned long count;
	double seconds;
	uint64_t start;

	if (!read_options(argc, argv))
		goto usage;
	argv += optind;
	seconds = atof(argv[2]);
	count = strtoul(argv[3], NULL, 10);
	if (!count || count > MAX_SLOTS || seconds <= 0 ||
	    !bench_address(&target, argv[0], argv[1]))
		goto usage;
	header.dst = (struct pp_endpoint){ .family = AF_INET, .port = target.sin_port,
					   .addr.ip = target.sin_addr.s_addr };
	epfd = epoll_create1(0);
	latencies = calloc(MAX_SAMPLES, sizeof(*latencies));
	firsts = calloc(MAX_SAMPLES, sizeof(*firsts));
	if (epfd < 0 || !latencies || !firsts) {
		perror("load");
		return 1;
	}
	before = cpu_read();
	start = now();
	end = start + seconds * 1e9;
	open_slots = count;
	for (unsigned long i = 0; i < count; i++)
		open_next(&slots[i]);
	run();
	seconds = (now() - start) / 1e9;
	after = cpu_read();
	printf("{\"good\":%lu,\"failed\":%lu,\"bytes\":%ju,\"seconds\":%.3f,\"busy_ms\":%ju,"
	       "\"idle_ms\":%ju", good, failed, (uintmax_t)bytes, seconds,
	       (uintmax_t)(after.busy - before.busy), (uintmax_t)(after.idle - before.idle));
	print_latencies("", latencies);
	print_latencies("first_", firsts);
	printf("}\n");
	return 0;
usage:
	fprintf(stderr, "Usage: load [-c CLIENT] [-g PATH] [-e BODY] [-l LENGTH] "
			"ADDRESS PORT SECONDS CONNECTIONS-AT-A-TIME\n");
	return 2;
}
