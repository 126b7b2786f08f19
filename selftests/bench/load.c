// SPDX-License-Identifier: GPL-2.0
/*
 * load: short TCP connections, one after the other on each of some slots, as
 * many as a time allows, for benchmarks.
 *
 * A connection is: connect, send the request, read the response to the end of
 * the stream, close. Prints a line of JSON: how many were right and how many
 * not, the time, what all CPUs of the machine did meanwhile, and latencies.
 *
 * Usage: load ADDRESS PORT SECONDS CONNECTIONS-AT-A-TIME
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define MAX_SLOTS 10000
#define MAX_SAMPLES 4000000
/* To connections that are not finished when the time is over */
#define GRACE_NS 10000000000ull

struct slot {
	int fd;
	bool sent;
	size_t have;
	uint64_t start;
	char buf[sizeof(BENCH_RESPONSE)];
};

/* /proc/stat, in ms of all CPUs */
struct cpu {
	uint64_t busy;
	uint64_t idle;
};

static struct slot slots[MAX_SLOTS];
static uint32_t *latencies;
static unsigned long good, failed, open_slots;
static struct sockaddr_in target;
static uint64_t end;
static int epfd;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static struct cpu cpu_read(void)
{
	unsigned long long user, nice, sys, idle, iowait, irq, softirq, steal;
	const long ms = 1000 / sysconf(_SC_CLK_TCK);
	struct cpu cpu = {};
	FILE *f = fopen("/proc/stat", "r");

	if (f && fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &sys, &idle,
			&iowait, &irq, &softirq, &steal) == 8) {
		cpu.busy = (user + nice + sys + irq + softirq + steal) * ms;
		cpu.idle = (idle + iowait) * ms;
	}
	if (f)
		fclose(f);
	return cpu;
}

/* Nothing is wrong with a slot that is not used any more when time is over */
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
		if (good < MAX_SAMPLES)
			latencies[good] = (now() - s->start) / 1000;
		good++;
	} else {
		failed++;
	}
	close(s->fd);
	open_next(s);
}

static void receive(struct slot *s)
{
	ssize_t got;

	for (;;) {
		got = read(s->fd, s->buf + s->have, sizeof(s->buf) - s->have);
		if (got < 0 && errno == EAGAIN)
			return;
		if (got <= 0)
			break;
		s->have += got;
	}
	finish(s, !got && s->have == sizeof(BENCH_RESPONSE) - 1 &&
	       !memcmp(s->buf, BENCH_RESPONSE, s->have));
}

static void handle(struct slot *s, uint32_t events)
{
	const ssize_t len = sizeof(BENCH_REQUEST) - 1;

	if (!s->sent && events & EPOLLOUT) {
		s->sent = true;
		if (write(s->fd, BENCH_REQUEST, len) != len) {
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

static unsigned int percentile(unsigned int p)
{
	size_t count = good < MAX_SAMPLES ? good : MAX_SAMPLES;

	return count ? latencies[(count - 1) * p / 100] : 0;
}

int main(int argc, char **argv)
{
	unsigned long count = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
	double seconds = argc == 5 ? atof(argv[3]) : 0;
	struct cpu before, after;
	uint64_t start;

	if (!count || count > MAX_SLOTS || seconds <= 0 || !bench_address(&target, argv[1], argv[2])) {
		fprintf(stderr, "Usage: load ADDRESS PORT SECONDS CONNECTIONS-AT-A-TIME\n");
		return 2;
	}
	epfd = epoll_create1(0);
	latencies = calloc(MAX_SAMPLES, sizeof(*latencies));
	if (epfd < 0 || !latencies) {
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
	qsort(latencies, good < MAX_SAMPLES ? good : MAX_SAMPLES, sizeof(*latencies), by_value);
	printf("{\"good\":%lu,\"failed\":%lu,\"seconds\":%.3f,\"busy_ms\":%ju,\"idle_ms\":%ju,"
	       "\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u}\n", good, failed, seconds,
	       (uintmax_t)(after.busy - before.busy), (uintmax_t)(after.idle - before.idle),
	       percentile(50), percentile(99), percentile(100));
	return 0;
}
