/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What load and sink say to each other on every connection, and how both find
 * the other's address. The server closes first, as with HTTP/1.0, so that no
 * port of the client's side rests in TIME_WAIT.
 */
#ifndef _PP_BENCH_H
#define _PP_BENCH_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>

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

#endif /* _PP_BENCH_H */
