/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The request and response of load and sink on every connection, how all programs find
 * the other's address, and what they know of time and CPUs. The server closes
 * first, as with HTTP/1.0, so that no port of the client's side rests in TIME_WAIT.
 */
#ifndef _PP_BENCH_H
#define _PP_BENCH_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* 100 bytes */
#define BENCH_REQUEST							\
	"GET /bench HTTP/1.0\r\nHost: bench\r\n"			\
	"X-Fill: ......................................................\r\n\r\n"
/* 200 bytes */
#define BENCH_RESPONSE							\
	"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n"		\
	"Content-Length: 134\r\n\r\n"					\
	"................................................................\n"	\
	"....................................................................\n"

_Static_assert(sizeof(BENCH_REQUEST) - 1 == 100, "request");
_Static_assert(sizeof(BENCH_RESPONSE) - 1 == 200, "response");

static inline bool bench_address(struct sockaddr_in *sa, const char *addr, const char *port)
{
	*sa = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	return inet_pton(AF_INET, addr, &sa->sin_addr) == 1;
}

/* /proc/stat, in ms of all CPUs */
struct cpu {
	uint64_t busy;
	uint64_t idle;
};

static inline uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static inline struct cpu cpu_read(void)
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

#endif /* _PP_BENCH_H */
