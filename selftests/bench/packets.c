// SPDX-License-Identifier: GPL-2.0
/*
 * packets: both ends of the connections that a host forwards, packet by packet,
 * for benchmarks.
 *
 * The host has two tun devices, front and back; what is written to one of them
 * is forwarded to the other while write() lasts, and read there. Each packet is
 * timed from there to when all that it leads to has been read, and checked. No
 * socket, no wire and no other process takes part.
 *
 * Usage: packets [-f|-k|-p] KIND DESTINATION PORT FIRST COUNT
 *   KIND  plain, send or accept: whose packets are to be expected
 *   -f    the client speaks first: its request follows the last ACK at once, or comes
 *	   with the header; otherwise it waits until the header is acknowledged
 *   -k    leaves the connections as soon as they are established
 *   -p    leaves them in progress: before the header is acknowledged, or comes
 *
 * Connections FIRST to FIRST + COUNT - 1 come from ports of 10.32.0.0/11, and
 * their headers name 172.16.0.0/12. Prints a line of JSON: for each step the
 * median, the least and the mean of its time, and what memory grew by.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>

#include "bench.h"
#include "../tools/inet_sum.h"
#include "../../kmod/proto/header.h"

#define SOURCES		0x0a200000	/* 10.32.0.0 */
#define CLIENTS		0xac100000	/* 172.16.0.0 */
#define PORTS		60000
#define REQUEST		100
#define RESPONSE	200
/* The most packets that one packet may cause on one device */
#define MOST		4

enum side { FRONT, BACK };

enum step {
	SYN, SYNACK, ACK, HEADER, SYNACK2, HEADER_ACK, REQ, RESP, FIN_BACK, FIN_FRONT, LAST_ACK,
	STEPS, TOTAL = STEPS,
};

static const char *const names[] = {
	[SYN] = "syn", [SYNACK] = "synack", [ACK] = "ack", [HEADER] = "header",
	[SYNACK2] = "synack2", [HEADER_ACK] = "header_ack", [REQ] = "request",
	[RESP] = "response", [FIN_BACK] = "fin_back", [FIN_FRONT] = "fin_front",
	[LAST_ACK] = "last_ack", [TOTAL] = "total",
};

struct packet {
	struct iphdr ip;
	struct tcphdr tcp;
	u8 rest[1500 - sizeof(struct iphdr) - sizeof(struct tcphdr)];
};

/* One connection: ends as on the wire in front, and behind; next numbers of both */
struct conn {
	struct in_addr source;
	struct in_addr seen;	/* by the backend */
	uint16_t port;
	uint32_t isn;
	uint32_t nxt;
	uint32_t back;
	uint64_t ns[STEPS + 1];
};

static const u8 syn_options[] = { 2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 7 };

static struct sockaddr_in target;
static const char *kind;
static bool at_once, keep, pending;
static int fds[2];
static struct packet got[2][MOST];
static size_t got_len[2][MOST];

static void fail(const struct conn *c, const char *what)
{
	fprintf(stderr, "packets: port %u: %s\n", ntohs(c->port), what);
	exit(1);
}

static void missing(const struct conn *c, enum step at, enum side of)
{
	fprintf(stderr, "packets: %s: ", names[at]);
	fail(c, of == FRONT ? "nothing comes back" : "nothing comes through");
}

/* What all packets of a connection have; @th has numbers, flags */
static size_t make(struct packet *p, enum side of, const struct conn *c, struct tcphdr th,
		   const void *data, size_t len)
{
	size_t options = th.syn ? sizeof(syn_options) : 0;
	size_t tcp_len = sizeof(th) + options + len;
	uint32_t sum;

	th.doff = (sizeof(th) + options) / 4;
	th.window = htons(th.syn ? 64240 : 502);
	th.source = of == FRONT ? c->port : target.sin_port;
	th.dest = of == FRONT ? target.sin_port : c->port;
	p->ip = (struct iphdr){
		.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP,
		.frag_off = htons(IP_DF), .tot_len = htons(sizeof(p->ip) + tcp_len),
		.saddr = of == FRONT ? c->source.s_addr : target.sin_addr.s_addr,
		.daddr = of == FRONT ? target.sin_addr.s_addr : c->seen.s_addr,
	};
	p->ip.check = htons(~inet_fold(inet_sum(&p->ip, sizeof(p->ip), 0)));
	p->tcp = th;
	memcpy(p->rest, syn_options, options);
	memcpy(p->rest + options, data, len);
	sum = inet_sum(&p->ip.saddr, 8, IPPROTO_TCP + tcp_len);
	p->tcp.check = htons(~inet_fold(inet_sum(&p->tcp, tcp_len, sum)));
	return sizeof(p->ip) + tcp_len;
}

static void take(const struct conn *c, enum step at, enum side of, unsigned int count)
{
	struct pollfd pfd = { .fd = fds[of], .events = POLLIN };
	ssize_t len;

	for (unsigned int i = 0; i < count; i++) {
		do {
			len = read(fds[of], &got[of][i], sizeof(got[of][i]));
		} while (len < 0 && errno == EAGAIN && poll(&pfd, 1, 5000) > 0);
		if (len < (ssize_t)(sizeof(struct iphdr) + sizeof(struct tcphdr)))
			missing(c, at, of);
		got_len[of][i] = len;
	}
}

/* Sends one packet, which causes so many in front and so many behind, and no more */
static void step(struct conn *c, enum step at, enum side from, struct tcphdr th,
		 const void *data, size_t len, unsigned int front, unsigned int back)
{
	struct packet p;
	size_t size = make(&p, from, c, th, data, len);
	uint64_t began = now();
	u8 more[2000];

	if (write(fds[from], &p, size) != (ssize_t)size)
		fail(c, "cannot be written");
	take(c, at, BACK, back);
	take(c, at, FRONT, front);
	c->ns[at] = now() - began;
	c->ns[TOTAL] += c->ns[at];
	/* not of very many */
	if (keep || pending)
		return;
	/* modules of some commits forward the acknowledgement of the header */
	if ((read(fds[FRONT], more, sizeof(more)) > 0 && at != HEADER_ACK) ||
	    read(fds[BACK], more, sizeof(more)) > 0) {
		fprintf(stderr, "packets: %s: ", names[at]);
		fail(c, "leads to too much");
	}
}

static const struct tcphdr *tcp_of(enum side of, unsigned int i)
{
	return &got[of][i].tcp;
}

static const u8 *data_of(enum side of, unsigned int i, size_t *len)
{
	const struct packet *p = &got[of][i];
	size_t off = sizeof(p->ip) + p->tcp.doff * 4;

	*len = ntohs(p->ip.tot_len) - off;
	return (const u8 *)p + off;
}

static void from_client(struct conn *c, enum step s, struct tcphdr th, size_t len,
			unsigned int front, unsigned int back)
{
	static const u8 data[REQUEST];

	th.seq = htonl(c->nxt);
	th.ack_seq = htonl(th.ack ? c->back : 0);
	step(c, s, FRONT, th, data, len, front, back);
	c->nxt += len + th.syn + th.fin;
}

static void from_backend(struct conn *c, enum step s, struct tcphdr th, uint32_t ack, size_t len,
			 unsigned int front, unsigned int back)
{
	static const u8 data[RESPONSE];

	th.ack = 1;
	th.seq = htonl(c->back);
	th.ack_seq = htonl(ack);
	step(c, s, BACK, th, data, len, front, back);
	c->back += len + th.syn + th.fin;
}

/* SYN, SYN-ACK and ACK, which leads to so many; returns by how much the SYN was moved */
static uint32_t shake_hands(struct conn *c, unsigned int back)
{
	uint32_t isn;

	from_client(c, SYN, (struct tcphdr){ .syn = 1 }, 0, 0, 1);
	isn = ntohl(tcp_of(BACK, 0)->seq);
	from_backend(c, SYNACK, (struct tcphdr){ .syn = 1 }, isn + 1, 0, 1, 0);
	if (ntohl(tcp_of(FRONT, 0)->ack_seq) != c->nxt)
		fail(c, "the SYN-ACK acknowledges something else");
	from_client(c, ACK, (struct tcphdr){ .ack = 1 }, 0, 0, back);
	return c->isn - isn;
}

static void request(struct conn *c)
{
	from_client(c, REQ, (struct tcphdr){ .ack = 1, .psh = 1 }, REQUEST, 0, 1);
}

static void begin_plain(struct conn *c)
{
	size_t len;

	if (shake_hands(c, 1))
		fail(c, "moved without a rule");
	data_of(BACK, 0, &len);
	if (len)
		fail(c, "a header without a rule");
	if (at_once)
		request(c);
}

static void begin_send(struct conn *c)
{
	uint32_t moved = shake_hands(c, !at_once);
	struct tcphdr none = {};
	struct pp_header h;
	const u8 *data;
	size_t len;

	if (at_once)
		request(c);
	data = data_of(BACK, 0, &len);
	if (at_once)
		len -= REQUEST;
	if (!moved || len != moved || pp_proto_header_read(data, len, &h) != (int)len ||
	    h.src.addr.ip != c->source.s_addr || h.src.port != c->port)
		fail(c, "no header, or a wrong one");
	if (!pending && !at_once)
		from_backend(c, HEADER_ACK, none, c->nxt, 0, 0, 0);
}

/* The SYN, taken back by a reset, and then again as from the client */
static void begin_accept(struct conn *c)
{
	struct pp_header h = { .version = 2, .command = PP_HEADER_PROXY };
	uint32_t client = CLIENTS + (ntohl(c->source.s_addr) - SOURCES);
	u8 data[PP_HEADER_SEND_MAX + REQUEST] = {};
	int len, more = at_once ? REQUEST : 0;
	size_t had;

	if (shake_hands(c, 1) || !tcp_of(BACK, 0)->rst)
		fail(c, "the first handshake is not taken back");
	if (pending)
		return;
	h.src = (struct pp_endpoint){ .family = AF_INET, .port = c->port,
				      .addr.ip = htonl(client) };
	h.dst = (struct pp_endpoint){ .family = AF_INET, .port = target.sin_port,
				      .addr.ip = target.sin_addr.s_addr };
	len = pp_proto_header_write(data, PP_HEADER_SEND_MAX, &h);
	step(c, HEADER, FRONT, (struct tcphdr){ .ack = 1, .psh = 1, .seq = htonl(c->nxt),
	     .ack_seq = htonl(c->back) }, data, len + more, 0, 1);
	c->nxt += len;
	if (!tcp_of(BACK, 0)->syn || got[BACK][0].ip.saddr != h.src.addr.ip)
		fail(c, "the client's SYN does not come");
	/* numbers of the second handshake */
	c->seen.s_addr = h.src.addr.ip;
	c->back += 1000000;
	from_backend(c, SYNACK2, (struct tcphdr){ .syn = 1 }, c->nxt, 0, !at_once, 1);
	c->back -= 1000001;
	c->nxt += more;
	if (!at_once && ntohl(tcp_of(FRONT, 0)->ack_seq) != c->nxt)
		fail(c, "the header is not acknowledged");
	data_of(BACK, 0, &had);
	if ((int)had != more)
		fail(c, "the request does not come");
}

/* Of an accepted connection the backend's numbers are those of the second handshake */
static void exchange(struct conn *c)
{
	uint32_t moved = c->seen.s_addr == c->source.s_addr ? 0 : 1000001;

	if (!at_once)
		request(c);
	if (ntohl(tcp_of(BACK, 0)->ack_seq) != c->back + moved)
		fail(c, "the request acknowledges something else");
	c->back += moved;
	from_backend(c, RESP, (struct tcphdr){ .psh = 1 }, c->nxt, RESPONSE, 1, 0);
	c->back -= moved;
	if (ntohl(tcp_of(FRONT, 0)->seq) != c->back - RESPONSE)
		fail(c, "the response has a wrong number");
}

static void end(struct conn *c)
{
	uint32_t moved = c->seen.s_addr == c->source.s_addr ? 0 : 1000001;

	c->back += moved;
	from_backend(c, FIN_BACK, (struct tcphdr){ .fin = 1 }, c->nxt, 0, 1, 0);
	c->back -= moved;
	from_client(c, FIN_FRONT, (struct tcphdr){ .ack = 1, .fin = 1 }, 0, 0, 1);
	c->back += moved;
	from_backend(c, LAST_ACK, (struct tcphdr){ .fin = 0 }, c->nxt, 0, 1, 0);
}

static void run(struct conn *c, unsigned long number)
{
	c->source.s_addr = htonl(SOURCES + number / PORTS);
	c->seen = c->source;
	c->port = htons(1024 + number % PORTS);
	c->isn = number * 2654435761u;
	c->nxt = c->isn;
	c->back = number * 40503u + 12345;
	if (!strcmp(kind, "plain"))
		begin_plain(c);
	else if (!strcmp(kind, "send"))
		begin_send(c);
	else
		begin_accept(c);
	if (keep || pending)
		return;
	exchange(c);
	end(c);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void print_step(const uint64_t *ns, const char *name, unsigned long count, bool first)
{
	double mean = 0;

	for (unsigned long i = 0; i < count; i++)
		mean += (double)ns[i] / count;
	printf("%s\"%s\":{\"median\":%ju,\"min\":%ju,\"mean\":%.0f}", first ? "" : ",", name,
	       (uintmax_t)ns[count / 2], (uintmax_t)ns[0], mean);
}

static long meminfo(const char *name)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	long kb = -1;

	while (f && kb < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			kb = atol(line + strlen(name));
	if (f)
		fclose(f);
	return kb;
}

static bool is_running(const char *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq ifr = {};
	bool running;

	strcpy(ifr.ifr_name, name);
	running = !ioctl(fd, SIOCGIFFLAGS, &ifr) && ifr.ifr_flags & IFF_RUNNING;
	close(fd);
	return running;
}

/* The device drops packets until the kernel has noticed that someone is there */
static int open_tun(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

	strcpy(ifr.ifr_name, name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr)) {
		perror(name);
		exit(1);
	}
	for (int i = 0; i < 5000 && !is_running(name); i++)
		usleep(1000);
	/* it says so a little before */
	usleep(20000);
	return fd;
}

/* The samples of each step, one step after the other */
static uint64_t *samples;

static void measure(unsigned long first, unsigned long count)
{
	struct conn c;

	for (unsigned long i = 0; i < count; i++) {
		memset(&c, 0, sizeof(c));
		run(&c, first + i);
		for (int s = 0; s <= TOTAL; s++)
			samples[s * count + i] = c.ns[s];
	}
}

int main(int argc, char **argv)
{
	long slab = meminfo("Slab:"), available = meminfo("MemAvailable:");
	unsigned long count;
	bool first = true;
	int c;

	while ((c = getopt(argc, argv, "fkp")) != -1) {
		at_once = at_once || c == 'f';
		keep = keep || c == 'k';
		pending = pending || c == 'p';
	}
	argv += optind;
	if (argc - optind != 5 || !bench_address(&target, argv[1], argv[2]) ||
	    !(count = strtoul(argv[4], NULL, 10))) {
		fprintf(stderr, "Usage: packets [-f|-k|-p] KIND DESTINATION PORT FIRST COUNT\n");
		return 2;
	}
	kind = argv[0];
	fds[FRONT] = open_tun("front");
	fds[BACK] = open_tun("back");
	samples = calloc(count * (STEPS + 1), sizeof(*samples));
	measure(strtoul(argv[3], NULL, 10), count);
	printf("{\"kind\":\"%s\",\"good\":%lu,\"slab_kb\":%ld,\"memory_kb\":%ld,\"ns\":{",
	       kind, count, meminfo("Slab:") - slab, available - meminfo("MemAvailable:"));
	for (int s = 0; s <= TOTAL; s++) {
		qsort(samples + s * count, count, sizeof(*samples), by_value);
		if (!samples[s * count])
			continue;
		print_step(samples + s * count, names[s], count, first);
		first = false;
	}
	printf("}}\n");
	return 0;
}
