// SPDX-License-Identifier: GPL-2.0
/*
 * pp_peer: sockets with the options of the command line, listening and connected.
 */
#include <linux/proxyproto.h>
#include <linux/tcp.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "peer.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static int set(int fd, int level, int option, int value, const char *name)
{
	if (!setsockopt(fd, level, option, &value, sizeof(value)))
		return 0;
	fprintf(stderr, "pp_peer: %s: %s\n", name, strerror(errno));
	return -1;
}

/* One key for every address of the family */
static int set_md5(int fd, const struct peer_config *cfg)
{
	struct tcp_md5sig sig = { .tcpm_flags = TCP_MD5SIG_FLAG_PREFIX };
	struct sockaddr_storage any;
	struct pp_endpoint end = { .family = cfg->target.family };

	peer_endpoint_to_sockaddr(&end, &any);
	memcpy(&sig.tcpm_addr, &any, sizeof(any));
	sig.tcpm_keylen = strlen(cfg->md5);
	memcpy(sig.tcpm_key, cfg->md5, sig.tcpm_keylen);
	if (!setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG_EXT, &sig, sizeof(sig)))
		return 0;
	fprintf(stderr, "pp_peer: TCP_MD5SIG_EXT: %s\n", strerror(errno));
	return -1;
}

static int set_transparent(int fd, const struct peer_config *cfg)
{
	if (cfg->target.family == AF_INET)
		return set(fd, SOL_IP, IP_TRANSPARENT, 1, "IP_TRANSPARENT");
	return set(fd, SOL_IPV6, IPV6_TRANSPARENT, 1, "IPV6_TRANSPARENT");
}

static int set_ulp(int fd)
{
	if (!setsockopt(fd, IPPROTO_TCP, TCP_ULP, PP_ULP_NAME, strlen(PP_ULP_NAME)))
		return 0;
	fprintf(stderr, "pp_peer: TCP_ULP: %s\n", strerror(errno));
	return -1;
}

static int name_header(int fd, const struct peer_config *cfg)
{
	if (set_ulp(fd))
		return -1;
	if (!setsockopt(fd, cfg->target.family == AF_INET ? SOL_IP : SOL_IPV6, PP_SO_SEND_READY,
			cfg->sent_header, cfg->sent_header_len))
		return 0;
	fprintf(stderr, "pp_peer: PP_SO_SEND_READY: %s\n", strerror(errno));
	return -1;
}

static int set_options(int fd, const struct peer_config *cfg)
{
	int ret = set(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");

	if (cfg->rcvbuf)
		ret |= set(fd, SOL_SOCKET, SO_RCVBUF, cfg->rcvbuf, "SO_RCVBUF");
	if (cfg->mark)
		ret |= set(fd, SOL_SOCKET, SO_MARK, cfg->mark, "SO_MARK");
	if (cfg->mss)
		ret |= set(fd, IPPROTO_TCP, TCP_MAXSEG, cfg->mss, "TCP_MAXSEG");
	if (cfg->no_delay)
		ret |= set(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
	if (cfg->transparent)
		ret |= set_transparent(fd, cfg);
	if (cfg->md5)
		ret |= set_md5(fd, cfg);
	return ret;
}

/* A socket with its options, or -1 and a message */
static int new_socket(const struct peer_config *cfg)
{
	int fd = socket(cfg->target.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			cfg->mptcp ? IPPROTO_MPTCP : IPPROTO_TCP);

	if (fd < 0) {
		fprintf(stderr, "pp_peer: socket: %s\n", strerror(errno));
		return -1;
	}
	if (set_options(fd, cfg)) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool local_name(int fd, struct pp_endpoint *end)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len))
		return false;
	peer_endpoint_from_sockaddr(end, &sa);
	return true;
}

/* Names that the socket does not tell, since it was reset, stay as they are */
void peer_socket_names(struct peer_flow *flow)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	local_name(flow->fd, &flow->local);
	if (!getpeername(flow->fd, (struct sockaddr *)&sa, &len))
		peer_endpoint_from_sockaddr(&flow->remote, &sa);
}

/**
 * peer_socket_listen - open the server's socket
 * @cfg: the command line
 *
 * Says on stderr where it listens, so that a script can wait for it.
 *
 * Return: the socket, or -1 after a message.
 */
int peer_socket_listen(const struct peer_config *cfg)
{
	int fd = new_socket(cfg);
	struct sockaddr_storage sa;
	socklen_t len = peer_endpoint_to_sockaddr(&cfg->target, &sa);
	char text[INET6_ADDRSTRLEN];
	struct pp_endpoint at;

	if (fd < 0)
		return -1;
	if (cfg->fastopen && set(fd, IPPROTO_TCP, TCP_FASTOPEN, 256, "TCP_FASTOPEN")) {
		close(fd);
		return -1;
	}
	if (cfg->ulp && set_ulp(fd)) {
		close(fd);
		return -1;
	}
	if (bind(fd, (struct sockaddr *)&sa, len) || listen(fd, 4096) || !local_name(fd, &at)) {
		fprintf(stderr, "pp_peer: listen: %s\n", strerror(errno));
		close(fd);
		return -1;
	}
	peer_endpoint_text(&at, text, sizeof(text));
	fprintf(stderr, "pp_peer: listening on %s port %u\n", text, ntohs(at.port));
	return fd;
}

/* The address that the route to the target would give us */
static void route_source(const struct peer_config *cfg, struct pp_endpoint *source)
{
	struct sockaddr_storage sa;
	socklen_t len = peer_endpoint_to_sockaddr(&cfg->target, &sa);
	int fd = socket(cfg->target.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (!connect(fd, (struct sockaddr *)&sa, len) && local_name(fd, source))
		source->port = 0;
	close(fd);
}

static int bind_client(struct peer_flow *flow)
{
	const struct peer_config *cfg = flow->cfg;
	struct pp_endpoint source = cfg->bind;
	struct sockaddr_storage sa;
	socklen_t len;

	/* the preamble tells our address, and here it leaves before we have one */
	if (cfg->fastopen && source.family == AF_UNSPEC) {
		route_source(cfg, &source);
		source.port = cfg->bind.port;
	}
	if (source.family == AF_UNSPEC && !source.port)
		return 0;
	source.family = cfg->target.family;
	len = peer_endpoint_to_sockaddr(&source, &sa);
	return bind(flow->fd, (struct sockaddr *)&sa, len);
}

static int wait_connected(struct peer_flow *flow)
{
	struct pollfd pfd = { .fd = flow->fd, .events = POLLOUT };
	socklen_t len = sizeof(errno);
	u64 now = peer_flow_now();
	int error;

	while (now < flow->deadline && poll(&pfd, 1, flow->deadline - now) <= 0)
		now = peer_flow_now();
	if (!pfd.revents) {
		flow->end = "timeout";
		errno = ETIMEDOUT;
		return -1;
	}
	if (getsockopt(flow->fd, SOL_SOCKET, SO_ERROR, &error, &len))
		return -1;
	errno = error;
	return error ? -1 : 0;
}

/**
 * peer_socket_connect - connect a client's flow
 * @flow: gets the socket and its names
 *
 * With Fast Open the SYN leaves with the first data only.
 *
 * Return: 0, or -1 with the failure in @flow.
 */
int peer_socket_connect(struct peer_flow *flow)
{
	const struct peer_config *cfg = flow->cfg;
	struct sockaddr_storage sa;
	socklen_t len = peer_endpoint_to_sockaddr(&cfg->target, &sa);

	flow->fd = new_socket(cfg);
	if (flow->fd < 0) {
		peer_flow_fail(flow, "no socket");
		return -1;
	}
	if (cfg->fastopen)
		set(flow->fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1, "TCP_FASTOPEN_CONNECT");
	if (cfg->ulp && name_header(flow->fd, cfg)) {
		peer_flow_fail(flow, "the header cannot be named");
		return -1;
	}
	if (bind_client(flow)) {
		peer_flow_fail(flow, "bind: %s", strerror(errno));
		return -1;
	}
	if (connect(flow->fd, (struct sockaddr *)&sa, len) &&
	    (errno != EINPROGRESS || (!cfg->fastopen && wait_connected(flow)))) {
		/* the server's reset may come before connect() has seen the handshake */
		if (errno == ECONNRESET && cfg->reset_on_accept) {
			flow->end = "rst";
			return -1;
		}
		peer_flow_fail(flow, "connect: %s", strerror(errno));
		return -1;
	}
	peer_socket_names(flow);
	flow->remote = cfg->target;
	return 0;
}

/* Whether the SYN carried data and the other end took it */
bool peer_socket_syn_data(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	return !getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) &&
	       info.tcpi_options & TCPI_OPT_SYN_DATA;
}

/* Closes with a reset */
void peer_socket_reset(int fd)
{
	struct linger now = { .l_onoff = 1 };

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)))
		perror("pp_peer: SO_LINGER");
	close(fd);
}
