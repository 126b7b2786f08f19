// SPDX-License-Identifier: GPL-2.0
/*
 * sink: a light server of short connections, for benchmarks.
 *
 * Takes a request, answers, closes. If told whose header must come first, it
 * reads that and resets any connection without it. On SIGTERM it tells in one
 * line of JSON how many connections there were.
 *
 * Usage: sink ADDRESS PORT [CLIENT]
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../kmod/proto/header.h"
#include "bench.h"

#define MAX_FDS 65536

/* The bytes received on a connection so far; found by its descriptor */
struct conn {
	size_t have;
	bool watched;
	u8 buf[512];
};

static struct conn *conns[MAX_FDS];
static unsigned long good, bad;
static struct in_addr client;
static bool want_header;
static int epfd;
static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static void reset(int fd)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	bad++;
}

/* Length of the header, -EAGAIN if more has to come, or another error */
static int header_length(const struct conn *c)
{
	struct pp_header h;
	int len;

	if (!want_header)
		return 0;
	len = pp_proto_header_read(c->buf, c->have, &h);
	if (len > 0 && (h.src.family != AF_INET || h.src.addr.ip != client.s_addr))
		return -EBADMSG;
	return len;
}

/* A wrong request of the right length does not count */
static bool answer(int fd, struct conn *c)
{
	const size_t request = sizeof(BENCH_REQUEST) - 1;
	int len = header_length(c);

	if (len == -EAGAIN || (len >= 0 && c->have < len + request))
		return false;
	if (len < 0 || c->have > len + request || memcmp(c->buf + len, BENCH_REQUEST, request) ||
	    write(fd, BENCH_RESPONSE, sizeof(BENCH_RESPONSE) - 1) != sizeof(BENCH_RESPONSE) - 1) {
		reset(fd);
		return true;
	}
	good++;
	close(fd);
	return true;
}

static void take(int fd)
{
	struct conn *c = conns[fd];
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };
	ssize_t got;

	for (;;) {
		got = read(fd, c->buf + c->have, sizeof(c->buf) - c->have);
		if (got < 0 && errno == EAGAIN)
			break;
		if (got <= 0) {
			reset(fd);
			return;
		}
		c->have += got;
		if (answer(fd, c))
			return;
	}
	if (!c->watched && epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev))
		reset(fd);
	c->watched = true;
}

static void accept_all(int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		if (fd >= MAX_FDS || (!conns[fd] && !(conns[fd] = malloc(sizeof(**conns))))) {
			reset(fd);
			continue;
		}
		conns[fd]->have = 0;
		conns[fd]->watched = false;
		take(fd);
	}
}

static int listen_at(const char *addr, const char *port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
	struct sockaddr_in sa;

	if (fd < 0 || !bench_address(&sa, addr, port))
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, 4096))
		return -1;
	return fd;
}

int main(int argc, char **argv)
{
	struct epoll_event ev = { .events = EPOLLIN }, events[256];
	int listener, n;

	want_header = argc == 4;
	if (argc < 3 || argc > 4 || (want_header && inet_pton(AF_INET, argv[3], &client) != 1)) {
		fprintf(stderr, "Usage: sink ADDRESS PORT [CLIENT]\n");
		return 2;
	}
	listener = listen_at(argv[1], argv[2]);
	epfd = epoll_create1(0);
	ev.data.fd = listener;
	if (listener < 0 || epfd < 0 || epoll_ctl(epfd, EPOLL_CTL_ADD, listener, &ev)) {
		perror("sink");
		return 1;
	}
	/* not signal(), which would go on waiting */
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = on_term }, NULL);
	signal(SIGPIPE, SIG_IGN);
	while (!stop) {
		n = epoll_wait(epfd, events, 256, 1000);
		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == listener)
				accept_all(listener);
			else
				take(events[i].data.fd);
		}
	}
	printf("{\"good\":%lu,\"bad\":%lu}\n", good, bad);
	return 0;
}
