// SPDX-License-Identifier: GPL-2.0
/*
 * pp_packet_fuzz: the client or the server of many TCP connections at once that
 * goes on with each in a sensible way for half of the time; the rest are packets
 * that overlap, repeat, lie about their numbers, flags, options and lengths, or
 * are no TCP at all.
 *
 * Whatever the packets, the byte at each place of a connection's stream is always
 * the same one, unless --noise allows otherwise: an application at the other end
 * that receives another byte has found a mistake of the kernel between them.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "packet_fuzz.h"

#define FLOWS		64
#define CLIENT_PORT	31744	/* a multiple of that */
#define HEADERS_MAX	16

/**
 * struct flow - a connection
 * @isn: our initial sequence number; each connection of a port has one far from
 *	the last, so that no packet of that is in the window of this
 * @next: offset that is sent next
 * @rcv: what is expected from the other end
 * @heard: its SYN has come
 * @over: begins anew
 * @is_asked: the other end asks whether an older connection is over, which it is
 * @asked: by this acknowledgement
 * @first: which of the beginnings it has
 * @client: port of the client
 */
struct flow {
	uint32_t isn;
	uint32_t next;
	uint32_t rcv;
	bool heard;
	bool over;
	bool is_asked;
	uint32_t asked;
	unsigned int first;
	uint16_t client;
};

static struct {
	bool server;
	bool noise;
	const char *device;
	const char *mac;
	struct fuzz_end local, remote, spoof;
	uint16_t port;
	unsigned long count;
	int pause;
	uint64_t seed;
	struct fuzz_stream streams[HEADERS_MAX];
	unsigned int streams_count;
	uint8_t then;
} cfg = { .count = 1000, .pause = 20, .seed = 1, .then = 'd' };

static struct flow flows[FLOWS];
static unsigned long syns, shaken;

static const char usage[] =
"Usage: pp_packet_fuzz -i DEV -m MAC -l ADDR -r ADDR -p PORT [OPTION]...\n"
"\n"
"Talks from ADDR to ADDR through DEV, whose next hop is MAC; 64 ports of clients.\n"
"  -S            server at PORT of -l; else clients of PORT of -r\n"
"  -b HEX        how a connection begins; up to 16 times, one of them is taken\n"
"  -t CHAR       and how it goes on (d)\n"
"  -N, --noise   bytes may also be wrong\n"
"  -x ADDR       packets come from this address, too\n"
"  -n COUNT      packets to send (1000)\n"
"  -w MS         pause after eight packets (20)\n"
"  -s SEED       decides what they are (1)\n";

/* In one of 16 connections the numbers wrap where they are most looked at */
static void restart(struct flow *flow)
{
	flow->isn = ((flow->isn >> 28) + 2) << 28;
	flow->isn -= fuzz_below(700);
	flow->next = 0;
	flow->heard = false;
	flow->over = false;
	flow->is_asked = false;
	flow->first = fuzz_below(cfg.streams_count);
}

/* Without this the next connection from the same port would hardly succeed */
static void answer_challenge(struct flow *flow, struct fuzz_packet *pkt)
{
	pkt->th.rst = 1;
	pkt->th.seq = htonl(flow->asked);
	pkt->offset = flow->asked - flow->isn - 1;
	flow->is_asked = false;
}

/* The next packet of a correct connection */
static void sensible(struct flow *flow, struct fuzz_packet *pkt)
{
	static const size_t lengths[] = { 0, 1, 5, 12, 16, 60, 107, 400, 1300, 8000 };
	struct tcphdr *th = &pkt->th;

	pkt->offset = flow->next;
	th->syn = !flow->heard || (cfg.server && !flow->next && fuzz_chance(60));
	th->ack = flow->heard;
	if (!th->syn) {
		pkt->len = lengths[fuzz_below(10)];
		if (fuzz_chance(20))
			pkt->offset = fuzz_below(flow->next + 1);
		th->psh = pkt->len && fuzz_chance(50);
		th->fin = fuzz_chance(2);
		th->rst = fuzz_chance(1);
		if (pkt->offset == flow->next)
			flow->next += pkt->len;
	} else {
		syns++;
	}
	if (pkt->len > 1400)
		pkt->gso_size = 1300;
	flow->over = th->fin || th->rst;
	th->seq = htonl(flow->isn + pkt->offset + !th->syn);
	th->ack_seq = htonl(th->ack ? flow->rcv : 0);
	th->window = htons(fuzz_chance(90) ? 65535 : fuzz_below(3000));
	fuzz_options(pkt);
}

/* Goes on with a connection; false if it is not our turn */
static bool step(unsigned int i)
{
	struct flow *flow = &flows[i];
	struct fuzz_packet pkt = { .stream = &cfg.streams[flow->first] };
	uint16_t server = htons(cfg.port);

	if (cfg.server && !flow->heard)
		return false;
	pkt.th.source = cfg.server ? server : flow->client;
	pkt.th.dest = cfg.server ? flow->client : server;
	if (flow->is_asked)
		answer_challenge(flow, &pkt);
	else
		sensible(flow, &pkt);
	if (fuzz_chance(40))
		fuzz_mutate(&pkt, !cfg.noise);
	fuzz_wire_send(&pkt, !cfg.noise);
	if (flow->over || fuzz_chance(1))
		restart(flow);
	return true;
}

/* A server forgets a client for the next one with a suitable port */
static struct flow *find(const struct tcphdr *th)
{
	uint16_t client = cfg.server ? th->source : th->dest;
	uint16_t server = cfg.server ? th->dest : th->source;
	struct flow *flow = &flows[ntohs(client) % FLOWS];

	if (cfg.server && th->syn)
		flow->client = client;
	return client == flow->client && ntohs(server) == cfg.port ? flow : NULL;
}

/* Goes on with any; false if none has its turn */
static bool step_any(void)
{
	for (unsigned int tries = 0; tries < FLOWS; tries++)
		if (step(fuzz_below(FLOWS)))
			return true;
	return false;
}

static void take(const struct tcphdr *th, size_t len)
{
	struct flow *flow = find(th);
	uint32_t seq = ntohl(th->seq), payload;

	if (!flow || len < th->doff * 4u)
		return;
	payload = len - th->doff * 4 + th->fin;
	if (th->syn && cfg.server == !th->ack) {
		if (cfg.server && (!flow->heard || flow->rcv != seq + 1))
			restart(flow);
		else if (!cfg.server && ntohl(th->ack_seq) == flow->isn + 1)
			shaken++;
		flow->heard = true;
		flow->rcv = seq + 1;
	} else if (flow->heard && seq == flow->rcv) {
		/* a part of it, sometimes */
		flow->rcv += fuzz_chance(80) ? payload : fuzz_below(payload + 1);
	}
	if (!cfg.server && !flow->heard && th->ack && !th->syn && !th->rst) {
		flow->is_asked = fuzz_chance(80);
		flow->asked = ntohl(th->ack_seq);
	}
	if (th->rst && fuzz_chance(50))
		flow->over = true;
	if (flow->over)
		restart(flow);
}

static bool parse_end(struct fuzz_end *end, const char *text)
{
	end->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	return inet_pton(end->family, text, end->addr) == 1;
}

static bool add_stream(const char *hex)
{
	size_t len = strlen(hex) / 2;
	uint8_t *bytes = malloc(len + 1);

	if (!bytes || cfg.streams_count == HEADERS_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (sscanf(hex + 2 * i, "%2hhx", &bytes[i]) != 1)
			return false;
	cfg.streams[cfg.streams_count++] = (struct fuzz_stream){ .first = bytes, .first_len = len };
	return true;
}

static bool parse_option(int option)
{
	switch (option) {
	case 'S':
		cfg.server = true;
		break;
	case 'N':
		cfg.noise = true;
		break;
	case 'i':
		cfg.device = optarg;
		break;
	case 'm':
		cfg.mac = optarg;
		break;
	case 'l':
		return parse_end(&cfg.local, optarg);
	case 'r':
		return parse_end(&cfg.remote, optarg);
	case 'x':
		return parse_end(&cfg.spoof, optarg);
	case 'p':
		cfg.port = atoi(optarg);
		break;
	case 'n':
		cfg.count = strtoul(optarg, NULL, 10);
		break;
	case 'w':
		cfg.pause = atoi(optarg);
		break;
	case 's':
		cfg.seed = strtoull(optarg, NULL, 10);
		break;
	case 't':
		cfg.then = *optarg;
		break;
	case 'b':
		return add_stream(optarg);
	default:
		return false;
	}
	return true;
}

static bool parse(int argc, char **argv)
{
	static const struct option options[] = { { "noise", no_argument, NULL, 'N' }, {} };
	int option;

	while ((option = getopt_long(argc, argv, "SNi:m:l:r:x:p:n:w:s:t:b:", options, NULL)) != -1)
		if (!parse_option(option))
			return false;
	if (!cfg.streams_count)
		add_stream("");
	for (unsigned int i = 0; i < cfg.streams_count; i++)
		cfg.streams[i].then = cfg.then;
	return optind == argc && cfg.device && cfg.mac && cfg.port && cfg.local.family &&
	       cfg.local.family == cfg.remote.family &&
	       (!cfg.spoof.family || cfg.spoof.family == cfg.local.family);
}

/*
 * Others need time for their answers, and to give up connections; else all our ports are taken
 * soon. Simulated time stands until we sleep.
 */
static void pass_time(void)
{
	usleep(cfg.pause * 1000);
}

int main(int argc, char **argv)
{
	const struct tcphdr *th;
	bool is_idle = false;
	size_t len;

	if (!parse(argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	fuzz_seed(cfg.seed);
	if (!fuzz_wire_open(cfg.device, cfg.port, cfg.mac, &cfg.local, &cfg.remote,
			    &cfg.spoof)) {
		perror(cfg.device);
		return 1;
	}
	puts("ready");
	fflush(stdout);
	for (unsigned int i = 0; i < FLOWS; i++) {
		flows[i].client = htons(CLIENT_PORT + i);
		restart(&flows[i]);
	}
	for (unsigned long n = 0; n < cfg.count;) {
		if (is_idle || n % 8 == 0)
			pass_time();
		while ((th = fuzz_wire_receive(&len)))
			take(th, len);
		is_idle = !step_any();
		n += !is_idle;
	}
	printf("%lu SYNs, %lu handshakes\n", syns, shaken);
	return 0;
}
