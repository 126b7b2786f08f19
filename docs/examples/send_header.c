// SPDX-License-Identifier: GPL-2.0
/*
 * Asks an HTTP server for its first page in the name of a client: the connection begins with a
 * PROXY header, which the kernel sends.
 *
 * Usage: send_header SERVER PORT CLIENT CLIENT-PORT DESTINATION DESTINATION-PORT
 */
#include <arpa/inet.h>
#include <linux/proxyproto.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* An IPv4 address and a port, as the header has them */
static struct pp_so_end end_of(const char *address, const char *port)
{
	struct pp_so_end end = { .family = AF_INET, .port = htons(atoi(port)) };

	if (inet_pton(AF_INET, address, end.addr) != 1) {
		fprintf(stderr, "%s: not an IPv4 address\n", address);
		exit(1);
	}
	return end;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

int main(int argc, char **argv)
{
	static const char request[] = "GET / HTTP/1.0\r\n\r\n";
	struct sockaddr_in server = { .sin_family = AF_INET };
	struct pp_so_send send = { .version = 2, .flags = PP_SO_SEND_CRC32C };
	char buf[4096];
	ssize_t len;
	int fd;

	if (argc != 7)
		return 1;
	server.sin_port = htons(atoi(argv[2]));
	if (inet_pton(AF_INET, argv[1], &server.sin_addr) != 1)
		return 1;
	send.client = end_of(argv[3], argv[4]);
	send.dst = end_of(argv[5], argv[6]);

	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, PP_ULP_NAME, strlen(PP_ULP_NAME)))
		fail("TCP_ULP");
	if (setsockopt(fd, IPPROTO_IP, PP_SO_SEND, &send, sizeof(send)))
		fail("PP_SO_SEND");
	if (connect(fd, (struct sockaddr *)&server, sizeof(server)))
		fail("connect");
	/* From here on, nothing differs from any other connection */
	if (write(fd, request, sizeof(request) - 1) < 0)
		fail("write");
	while ((len = read(fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, len, stdout);
	close(fd);
}
