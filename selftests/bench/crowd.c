// SPDX-License-Identifier: GPL-2.0
/*
 * crowd: connections that send a few bytes and stay, as many as there is
 * memory for, for benchmarks.
 *
 * Opens COUNT connections from each source address, some at a time, sends TEXT
 * on each, says in one line of JSON how many there are, and waits for SIGTERM.
 *
 * Usage: crowd ADDRESS PORT COUNT TEXT SOURCE...
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

/* Connections that are being opened at the same time */
#define AT_A_TIME 128

static struct sockaddr_in target;
static const char *text;
static unsigned long open_now, failed, opening;
static int epfd;
static int why; /* did the first one fail */

static void give_up(int fd)
{
	if (!failed)
		why = errno;
	failed++;
	if (fd >= 0)
		close(fd);
}

static void begin(const struct sockaddr_in *source)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
	struct epoll_event ev = { .events = EPOLLOUT, .data.fd = fd };

	/* the port is chosen at connect(), so that both ends count */
	if (fd >= 0 && !setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)) &&
	    !bind(fd, (const struct sockaddr *)source, sizeof(*source)) &&
	    connect(fd, (const struct sockaddr *)&target, sizeof(target)) && errno == EINPROGRESS &&
	    !epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev)) {
		opening++;
		return;
	}
	give_up(fd);
}

static void greet(int fd)
{
	size_t len = strlen(text);

	opening--;
	epoll_ctl(epfd, EPOLL_CTL_DEL, fd, NULL);
	if (send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len) {
		open_now++;
		return;
	}
	give_up(fd);
}

/* Until no more than @most connections are being opened */
static void settle(unsigned long most)
{
	struct epoll_event events[AT_A_TIME];
	int n;

	while (opening > most) {
		n = epoll_wait(epfd, events, AT_A_TIME, -1);
		for (int i = 0; i < n; i++)
			greet(events[i].data.fd);
	}
}

int main(int argc, char **argv)
{
	struct rlimit files = { .rlim_cur = 1 << 20, .rlim_max = 1 << 20 };
	struct sockaddr_in source;
	unsigned long count;
	sigset_t term;
	int sig;

	if (argc < 6 || !bench_address(&target, argv[1], argv[2])) {
		fprintf(stderr, "Usage: crowd ADDRESS PORT COUNT TEXT SOURCE...\n");
		return 2;
	}
	count = strtoul(argv[3], NULL, 10);
	text = argv[4];
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	epfd = epoll_create1(0);
	if (epfd < 0 || setrlimit(RLIMIT_NOFILE, &files)) {
		perror("crowd");
		return 1;
	}
	for (char **arg = argv + 5; *arg; arg++) {
		if (!bench_address(&source, *arg, "0")) {
			fprintf(stderr, "crowd: %s is no address\n", *arg);
			return 2;
		}
		for (unsigned long i = 0; i < count; i++) {
			begin(&source);
			settle(AT_A_TIME - 1);
		}
	}
	settle(0);
	printf("{\"open\":%lu,\"failed\":%lu,\"why\":\"%s\"}\n", open_now, failed,
	       failed ? strerror(why) : "");
	fflush(stdout);
	sigwait(&term, &sig);
	return 0;
}
