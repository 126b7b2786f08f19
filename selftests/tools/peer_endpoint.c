// SPDX-License-Identifier: GPL-2.0
/*
 * pp_peer: addresses and ports: as text, as sockaddr, and against what is
 * expected of them.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "peer.h"

/* Sets family and address, not the port */
bool peer_endpoint_parse(struct pp_endpoint *end, const char *text)
{
	end->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	return inet_pton(end->family, text, &end->addr) == 1;
}

void peer_endpoint_text(const struct pp_endpoint *end, char *text, size_t size)
{
	if (end->family == AF_UNSPEC || !inet_ntop(end->family, &end->addr, text, size))
		snprintf(text, size, "none");
}

socklen_t peer_endpoint_to_sockaddr(const struct pp_endpoint *end, struct sockaddr_storage *sa)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)sa;
	struct sockaddr_in *sin = (struct sockaddr_in *)sa;

	memset(sa, 0, sizeof(*sa));
	sa->ss_family = end->family;
	if (end->family == AF_INET) {
		sin->sin_addr.s_addr = end->addr.ip;
		sin->sin_port = end->port;
		return sizeof(*sin);
	}
	sin6->sin6_addr = end->addr.in6;
	sin6->sin6_port = end->port;
	return sizeof(*sin6);
}

void peer_endpoint_from_sockaddr(struct pp_endpoint *end, const struct sockaddr_storage *sa)
{
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)sa;
	const struct sockaddr_in *sin = (const struct sockaddr_in *)sa;

	memset(end, 0, sizeof(*end));
	end->family = sa->ss_family;
	if (sa->ss_family == AF_INET) {
		end->addr.ip = sin->sin_addr.s_addr;
		end->port = sin->sin_port;
	} else if (sa->ss_family == AF_INET6) {
		end->addr.in6 = sin6->sin6_addr;
		end->port = sin6->sin6_port;
	}
}

static bool same_address(const struct pp_endpoint *a, const struct pp_endpoint *b)
{
	size_t len = a->family == AF_INET ? sizeof(a->addr.ip) : sizeof(a->addr.in6);

	return a->family == b->family && !memcmp(&a->addr, &b->addr, len);
}

/*
 * Fails the flow unless the endpoint that was seen is the one expected. @client
 * is what the client told of it.
 */
void peer_endpoint_check(struct peer_flow *flow, const char *what, const struct pp_endpoint *seen,
			 const struct peer_match *match, const struct pp_endpoint *client)
{
	const struct pp_endpoint *addr = match->addr == PEER_WANT_CLIENT ? client : &match->value;
	const struct pp_endpoint *port = match->port == PEER_WANT_CLIENT ? client : &match->value;
	char seen_text[INET6_ADDRSTRLEN], want_text[INET6_ADDRSTRLEN];

	if (match->addr != PEER_WANT_ANY && !same_address(seen, addr)) {
		peer_endpoint_text(seen, seen_text, sizeof(seen_text));
		peer_endpoint_text(addr, want_text, sizeof(want_text));
		peer_flow_fail(flow, "%s address is %s, not %s", what, seen_text, want_text);
	}
	if (match->port != PEER_WANT_ANY && seen->port != port->port)
		peer_flow_fail(flow, "%s port is %u, not %u", what, ntohs(seen->port),
			       ntohs(port->port));
}
