// SPDX-License-Identifier: GPL-2.0
/*
 * pp_peer: a connection as one line of JSON.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>

#include "peer.h"

static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

static void print_endpoint(const char *addr_key, const char *port_key,
			   const struct pp_endpoint *end)
{
	char text[INET6_ADDRSTRLEN];

	if (end->family == AF_UNSPEC) {
		printf(",\"%s\":null,\"%s\":null", addr_key, port_key);
		return;
	}
	peer_endpoint_text(end, text, sizeof(text));
	printf(",\"%s\":\"%s\",\"%s\":%u", addr_key, text, port_key, ntohs(end->port));
}

static void print_digest(const char *key, bool complete, const u8 *digest)
{
	if (!complete) {
		printf(",\"%s\":null", key);
		return;
	}
	printf(",\"%s\":\"", key);
	for (int i = 0; i < SHA256_DIGEST_SIZE; i++)
		printf("%02x", digest[i]);
	putchar('"');
}

static void print_header(const struct peer_receiver *rx)
{
	if (rx->header_len)
		printf(",\"version\":%u,\"command\":\"%s\"", rx->header.version,
		       rx->header.command == PP_HEADER_LOCAL ? "LOCAL" : "PROXY");
	else
		printf(",\"version\":null,\"command\":null");
	print_endpoint("src", "sport", &rx->header.src);
	print_endpoint("dst", "dport", &rx->header.dst);
	printf(",\"hlen\":%d", rx->header_len);
}

/* Errors are our own texts and strerror(): nothing in them needs quoting */
static void print_text(const char *key, const char *text)
{
	if (text && *text)
		printf(",\"%s\":\"%s\"", key, text);
	else
		printf(",\"%s\":null", key);
}

/**
 * peer_report - print the result of a flow
 * @flow: finished
 */
void peer_report(const struct peer_flow *flow)
{
	const struct peer_sender *tx = &flow->tx;
	const struct peer_receiver *rx = &flow->rx;
	bool messages = !flow->cfg->no_data;

	pthread_mutex_lock(&output);
	printf("{\"ok\":%s", flow->error[0] ? "false" : "true");
	if (flow->cfg->role == PEER_SERVER)
		print_header(rx);
	else
		printf(",\"syn_data\":%s", flow->syn_data ? "true" : "false");
	printf(",\"bytes_in\":%ju", (uintmax_t)rx->offset);
	print_digest("sha256_in", messages && rx->stage == PEER_STAGE_END, rx->digest);
	printf(",\"bytes_out\":%ju", (uintmax_t)tx->offset);
	print_digest("sha256_out", messages && tx->stage == PEER_STAGE_END, tx->digest);
	print_endpoint("local", "local_port", &flow->local);
	print_endpoint("peer", "peer_port", &flow->remote);
	print_text("end", flow->end);
	printf(",\"ms\":%ju", (uintmax_t)(peer_flow_now() - flow->start));
	print_text("error", flow->error);
	printf("}\n");
	fflush(stdout);
	pthread_mutex_unlock(&output);
}
