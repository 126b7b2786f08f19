// SPDX-License-Identifier: GPL-2.0
/*
 * pp_peer client: opens connections, some of them at a time.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "peer.h"

static atomic_ullong started, exact;

/* The header that --send-header asks for, if it is to tell our own port */
static void own_header(struct peer_flow *flow, u8 *buf, size_t size)
{
	struct pp_header h = {
		.version = flow->cfg->send_own_header,
		.command = PP_HEADER_PROXY,
		.src = flow->local,
		.dst = flow->remote,
	};
	int ret;

	if (flow->cfg->sent_src.family != AF_UNSPEC) {
		h.src = flow->cfg->sent_src;
		h.src.port = flow->local.port;
		h.dst = flow->cfg->sent_dst;
	}
	ret = pp_proto_header_write(buf, size, &h);
	if (ret < 0) {
		peer_flow_fail(flow, "no header of our addresses: %s", strerror(-ret));
		return;
	}
	flow->tx.header_len += ret;
}

static void run(struct peer_flow *flow)
{
	u8 header[sizeof(flow->cfg->sent_header) + PP_HEADER_SEND_MAX];

	if (peer_socket_connect(flow))
		return;
	flow->tx.header = flow->cfg->sent_header;
	flow->tx.header_len = flow->cfg->ulp ? 0 : flow->cfg->sent_header_len;
	if (flow->cfg->send_own_header) {
		memcpy(header, flow->tx.header, flow->tx.header_len);
		flow->tx.header = header;
		own_header(flow, header + flow->tx.header_len, PP_HEADER_SEND_MAX);
	}
	peer_flow_run(flow);
}

static void *worker(void *arg)
{
	const struct peer_config *cfg = arg;

	while (atomic_fetch_add(&started, 1) < cfg->count) {
		struct peer_flow *flow = peer_flow_new(cfg);

		run(flow);
		if (flow->fd >= 0)
			close(flow->fd);
		peer_report(flow);
		if (!flow->error[0])
			atomic_fetch_add(&exact, 1);
		free(flow);
	}
	return NULL;
}

int peer_client(const struct peer_config *cfg)
{
	u64 workers = cfg->parallel < cfg->count ? cfg->parallel : cfg->count;
	u64 start = peer_flow_now();
	pthread_t *threads = calloc(workers, sizeof(*threads));

	for (u64 i = 0; i < workers; i++) {
		if (!threads || pthread_create(&threads[i], NULL, worker, (void *)cfg)) {
			fprintf(stderr, "pp_peer: cannot start %ju threads\n", (uintmax_t)workers);
			return 1;
		}
	}
	for (u64 i = 0; i < workers; i++)
		pthread_join(threads[i], NULL);
	free(threads);

	fprintf(stderr, "pp_peer: %ju connections, %ju exact, %ju ms\n", (uintmax_t)cfg->count,
		(uintmax_t)exact, (uintmax_t)(peer_flow_now() - start));
	return exact != cfg->count;
}
