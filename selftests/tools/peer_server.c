// SPDX-License-Identifier: GPL-2.0
/*
 * pp_peer server: accepts connections and runs each in a thread of its own.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

/* Seconds that connections have to finish after SIGTERM */
#define GRACE 2

/**
 * struct server - what the threads of a server share
 * @lock: guards the numbers
 * @changed: @running went down
 * @accepted: connections accepted; the main thread alone uses it
 * @running: connections not finished
 * @exact: connections finished without a failure
 */
struct server {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	u64 accepted;
	u64 running;
	u64 exact;
};

static struct server server = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
};

/* From the start: pthread_detach() reads what a thread that has ended takes with it */
static pthread_attr_t detached;

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static void *serve(void *arg)
{
	struct peer_flow *flow = arg;

	if (flow->cfg->reset_on_accept) {
		peer_socket_reset(flow->fd);
		flow->end = "rst";
	} else {
		peer_flow_run(flow);
	}
	peer_report(flow);

	pthread_mutex_lock(&server.lock);
	server.running--;
	server.exact += !flow->error[0];
	pthread_cond_signal(&server.changed);
	pthread_mutex_unlock(&server.lock);
	free(flow);
	return NULL;
}

static void start(const struct peer_config *cfg, int fd)
{
	struct peer_flow *flow = peer_flow_new(cfg);
	pthread_t thread;
	int error;

	flow->fd = fd;
	peer_socket_names(flow);
	server.accepted++;
	pthread_mutex_lock(&server.lock);
	server.running++;
	pthread_mutex_unlock(&server.lock);

	error = pthread_create(&thread, &detached, serve, flow);
	if (error) {
		fprintf(stderr, "pp_peer: pthread_create: %s\n", strerror(error));
		exit(1);
	}
}

/* Returns false when no connection came in time, or the server was stopped */
static bool accept_one(const struct peer_config *cfg, int listener, const sigset_t *awake)
{
	struct timespec timeout = { .tv_sec = cfg->timeout };
	struct pollfd pfd = { .fd = listener, .events = POLLIN };
	int ready = ppoll(&pfd, 1, cfg->count ? &timeout : NULL, awake);
	int fd;

	if (stopped)
		return false;
	if (ready == 0) {
		fprintf(stderr, "pp_peer: no connection for %ju s\n", (uintmax_t)cfg->timeout);
		return false;
	}
	/* without the peer's name: Linux refuses to accept what was reset meanwhile */
	fd = ready < 0 ? -1 : accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		start(cfg, fd);
	else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		fprintf(stderr, "pp_peer: accept: %s\n", strerror(errno));
	return true;
}

/* Every flow has a deadline, so this ends; sooner when the server was stopped */
static u64 wait_for_flows(void)
{
	struct timespec until;
	u64 left;
	int error = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += GRACE;
	pthread_mutex_lock(&server.lock);
	while (server.running && !error) {
		if (stopped)
			error = pthread_cond_timedwait(&server.changed, &server.lock, &until);
		else
			error = pthread_cond_wait(&server.changed, &server.lock);
	}
	left = server.running;
	pthread_mutex_unlock(&server.lock);
	return left;
}

int peer_server(const struct peer_config *cfg)
{
	struct sigaction action = { .sa_handler = stop };
	int listener = peer_socket_listen(cfg);
	sigset_t signals, awake;
	u64 unfinished, exact;

	if (listener < 0 || pthread_attr_init(&detached) ||
	    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED))
		return 1;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	/* the signals come through while ppoll() waits, and at no other time */
	pthread_sigmask(SIG_BLOCK, &signals, &awake);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);

	while (!cfg->count || server.accepted < cfg->count) {
		if (!accept_one(cfg, listener, &awake))
			break;
	}
	close(listener);
	unfinished = wait_for_flows();

	pthread_mutex_lock(&server.lock);
	exact = server.exact;
	pthread_mutex_unlock(&server.lock);
	fprintf(stderr, "pp_peer: %ju connections, %ju exact, %ju unfinished\n",
		(uintmax_t)server.accepted, (uintmax_t)exact, (uintmax_t)unfinished);
	return server.accepted < cfg->count || exact != server.accepted;
}
