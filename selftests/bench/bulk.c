// SPDX-License-Identifier: GPL-2.0
/*
 * bulk: long TCP connections, one after the other, for benchmarks: both ends.
 *
 * A connection is: the client says which way how many bytes are to go, and they
 * go; what it uploads is acknowledged by a byte. The server, if told whose PROXY
 * header must come first, resets any connection without it. The client makes
 * connections until time is over and prints a line of JSON: how many were right
 * and how many not, their bytes, the time and what all CPUs did meanwhile.
 *
 * Usage: bulk serve ADDRESS PORT [CLIENT]
 *        bulk get|put ADDRESS PORT SECONDS BYTES [CLIENT]
 *   CLIENT  the address in the header that is wanted, or that the client sends
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "../../kmod/proto/header.h"

/* "get" or "put", a space, 15 digits, and a newline */
#define COMMAND		20
#define CHUNK		(1 << 17)

static u8 buf[CHUNK];
static struct in_addr client;
static bool with_header;

/* Length of the header, -EAGAIN if more has to come, or another error */
static int header_length(size_t have)
{
	struct pp_header h;
	int len;

	if (!with_header)
		return 0;
	len = pp_proto_header_read(buf, have, &h);
	if (len > 0 && (h.src.family != AF_INET || h.src.addr.ip != client.s_addr))
		return -EBADMSG;
	return len;
}

/* Reads up to the end of the command. Return: bytes behind it, or -1 */
static ssize_t read_command(int fd, char *command)
{
	size_t have = 0;
	ssize_t got;
	int len;

	while ((got = read(fd, buf + have, sizeof(buf) - have)) > 0) {
		have += got;
		len = header_length(have);
		if (len < 0 && len != -EAGAIN)
			return -1;
		if (len < 0 || have < (size_t)len + COMMAND)
			continue;
		memcpy(command, buf + len, COMMAND);
		command[COMMAND - 1] = '\0';
		return have - len - COMMAND;
	}
	return -1;
}

static bool send_bytes(int fd, size_t count)
{
	ssize_t sent;

	for (; count; count -= sent) {
		sent = send(fd, buf, count < CHUNK ? count : CHUNK, MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
	}
	return true;
}

static bool receive_bytes(int fd, size_t count)
{
	ssize_t got;

	for (; count; count -= got) {
		got = read(fd, buf, count < CHUNK ? count : CHUNK);
		if (got <= 0)
			return false;
	}
	return true;
}

static void serve_one(int fd)
{
	struct linger now = { .l_onoff = 1 };
	char command[COMMAND];
	ssize_t behind = read_command(fd, command);
	size_t count = behind < 0 ? 0 : strtoul(command + 4, NULL, 10);
	bool ok = false;

	if (behind >= 0 && !memcmp(command, "get ", 4))
		ok = !behind && send_bytes(fd, count);
	else if (behind >= 0 && !memcmp(command, "put ", 4))
		ok = receive_bytes(fd, count - behind) && send_bytes(fd, 1);
	if (!ok)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static int serve(const char *address, const char *port)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1, fd;
	struct sockaddr_in sa;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!bench_address(&sa, address, port) ||
	    bind(listener, (struct sockaddr *)&sa, sizeof(sa)) ||
	    listen(listener, 128)) {
		perror("bulk");
		return 1;
	}
	while ((fd = accept(listener, NULL, NULL)) >= 0)
		serve_one(fd);
	perror("bulk: accept");
	return 1;
}

static size_t put_header(const struct sockaddr_in *target)
{
	static uint16_t port;
	struct pp_header header = {
		.version = 2, .command = PP_HEADER_PROXY,
		.src = { .family = AF_INET, .port = htons(1024 + port++ % 64000),
			 .addr.ip = client.s_addr },
		.dst = { .family = AF_INET, .port = target->sin_port,
			 .addr.ip = target->sin_addr.s_addr },
	};

	return with_header ? pp_proto_header_write(buf, sizeof(buf), &header) : 0;
}

/* One connection, to the end of the stream */
static bool transfer(const struct sockaddr_in *target, const char *way, size_t bytes)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool ok = fd >= 0 && !connect(fd, (const struct sockaddr *)target, sizeof(*target));
	size_t len = put_header(target);

	snprintf((char *)buf + len, COMMAND + 1, "%s %015zu\n", way, bytes);
	ok = ok && send_bytes(fd, len + COMMAND);
	if (!strcmp(way, "get"))
		ok = ok && receive_bytes(fd, bytes);
	else
		ok = ok && send_bytes(fd, bytes) && receive_bytes(fd, 1);
	ok = ok && !read(fd, buf, 1);
	close(fd);
	return ok;
}

static int load(char **argv)
{
	const double seconds = atof(argv[3]);
	const size_t bytes = strtoul(argv[4], NULL, 10);
	unsigned long good = 0, failed = 0;
	struct sockaddr_in target;
	struct cpu before, after;
	uint64_t start, time;

	if (!bench_address(&target, argv[1], argv[2]))
		return 2;
	before = cpu_read();
	start = now();
	do {
		if (transfer(&target, argv[0], bytes))
			good++;
		else
			failed++;
		time = now() - start;
	} while (time < seconds * 1e9);
	after = cpu_read();
	printf("{\"good\":%lu,\"failed\":%lu,\"bytes\":%zu,\"seconds\":%.6f,\"busy_ms\":%ju,"
	       "\"idle_ms\":%ju}\n", good, failed, good * bytes, time / 1e9,
	       (uintmax_t)(after.busy - before.busy), (uintmax_t)(after.idle - before.idle));
	return 0;
}

int main(int argc, char **argv)
{
	const bool server = argc > 1 && !strcmp(argv[1], "serve");
	const int least = server ? 4 : 6;

	with_header = argc == least + 1;
	if (argc < least || argc > least + 1 ||
	    (with_header && inet_pton(AF_INET, argv[least], &client) != 1)) {
		fprintf(stderr, "Usage: bulk serve ADDRESS PORT [CLIENT]\n"
				"       bulk get|put ADDRESS PORT SECONDS BYTES [CLIENT]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	return server ? serve(argv[2], argv[3]) : load(argv + 1);
}
