// SPDX-License-Identifier: GPL-2.0
/* Accepts a connection and shows the PROXY header that the kernel took out of it. */
#include <arpa/inet.h>
#include <linux/proxyproto.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in listen_at = { .sin_family = AF_INET }, asked;
	socklen_t asked_len = sizeof(asked), len;
	unsigned char header[4096];
	char text[INET_ADDRSTRLEN];
	int listener, conn, on = 1;

	listen_at.sin_port = htons(argc > 1 ? atoi(argv[1]) : 8080);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&listen_at, sizeof(listen_at)) ||
	    listen(listener, 10) || (conn = accept(listener, NULL, NULL)) < 0)
		return 1;
	if (getsockopt(conn, IPPROTO_IP, PP_SO_ORIGINAL_DST, &asked, &asked_len))
		perror("original destination");
	else
		printf("asked for %s:%d\n", inet_ntop(AF_INET, &asked.sin_addr, text, sizeof(text)),
		       ntohs(asked.sin_port));
	len = sizeof(header);
	if (getsockopt(conn, IPPROTO_IP, PP_SO_HEADER, header, &len)) {
		perror("header");
		return 1;
	}
	for (socklen_t i = 0; i < len; i++)
		printf("%02x%s", header[i], i + 1 < len ? "" : "\n");
	close(conn);
}
