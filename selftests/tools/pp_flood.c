// SPDX-License-Identifier: GPL-2.0
/*
 * pp_flood: SYNs of senders that do not answer, at a rate that is exact in simulated time.
 */
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "inet_sum.h"

#define PARTS		100
#define PART_NS		(1000000000L / PARTS)
#define BURST_MAX	1024
#define FIRST_PORT	1024
#define OPTIONS_LEN	4
#define TCP_LEN		(sizeof(struct tcphdr) + OPTIONS_LEN)

static const char usage[] =
"Usage: pp_flood SOURCE[/PREFIX] DESTINATION PORT RATE SECONDS\n"
"\n"
"Says \"begin\", then sends RATE SYNs a second, 100 times a second an equal part of them, and says\n"
"how many it has sent. Ports above 1023 and sequence numbers are drawn, and with a prefix the last\n"
"bits of the sources, too. Exit status: 0; 2, usage; 3, cannot send.\n";

/**
 * union packet - a SYN with its IP header
 * @ip4: header of IPv4
 * @tcp4: what follows it
 * @ip6: header of IPv6
 * @tcp6: what follows it
 */
union packet {
	struct {
		struct iphdr ip4;
		uint8_t tcp4[TCP_LEN];
	};
	struct {
		struct ip6_hdr ip6;
		uint8_t tcp6[TCP_LEN];
	};
};

static union packet packets[BURST_MAX];
static struct iovec vectors[BURST_MAX];
static struct mmsghdr messages[BURST_MAX];

static bool is_ipv6;
static uint8_t source[16], target[16];
static size_t addr_len;
static unsigned int prefix;
static uint16_t port;

static void draw(void *buffer, size_t size)
{
	if (getrandom(buffer, size, 0) != (ssize_t)size)
		exit(3);
}

/* The bits of @prefix stay */
static void draw_source(uint8_t *addr)
{
	uint8_t drawn[16];
	size_t i;

	draw(drawn, addr_len);
	for (i = 0; i < addr_len; i++) {
		unsigned int kept = prefix > 8 * i ? prefix - 8 * i : 0;
		uint8_t mask = kept >= 8 ? 0xff : (uint8_t)(0xff00 >> kept);

		addr[i] = (source[i] & mask) | (drawn[i] & ~mask);
	}
}

static void write_tcp(uint8_t *tcp, const uint8_t *addr)
{
	static const uint8_t mss[OPTIONS_LEN] = {
		TCPOPT_MAXSEG, OPTIONS_LEN, 1460 >> 8, 1460 & 0xff
	};
	uint16_t sport;
	struct tcphdr th = {
		.dest = htons(port),
		.doff = TCP_LEN / 4,
		.syn = 1,
		.window = htons(65535),
	};
	uint32_t sum;

	draw(&sport, sizeof(sport));
	th.source = htons(FIRST_PORT + sport % (65536 - FIRST_PORT));
	draw(&th.seq, sizeof(th.seq));
	memcpy(tcp, &th, sizeof(th));
	memcpy(tcp + sizeof(th), mss, sizeof(mss));
	sum = inet_sum(addr, addr_len, inet_sum(target, addr_len, IPPROTO_TCP + TCP_LEN));
	sum = ~inet_fold(inet_sum(tcp, TCP_LEN, sum));
	th.check = htons((uint16_t)sum);
	memcpy(tcp, &th, sizeof(th));
}

/* The kernel fills in the checksum and the length of IPv4 */
static void write_packet(union packet *pkt)
{
	uint8_t addr[16];

	draw_source(addr);
	memset(pkt, 0, sizeof(*pkt));
	if (is_ipv6) {
		pkt->ip6.ip6_flow = htonl(6u << 28);
		pkt->ip6.ip6_plen = htons(TCP_LEN);
		pkt->ip6.ip6_nxt = IPPROTO_TCP;
		pkt->ip6.ip6_hlim = 64;
		memcpy(&pkt->ip6.ip6_src, addr, addr_len);
		memcpy(&pkt->ip6.ip6_dst, target, addr_len);
		write_tcp(pkt->tcp6, addr);
		return;
	}
	pkt->ip4.version = 4;
	pkt->ip4.ihl = sizeof(pkt->ip4) / 4;
	pkt->ip4.frag_off = htons(IP_DF);
	pkt->ip4.ttl = 64;
	pkt->ip4.protocol = IPPROTO_TCP;
	memcpy(&pkt->ip4.saddr, addr, addr_len);
	memcpy(&pkt->ip4.daddr, target, addr_len);
	write_tcp(pkt->tcp4, addr);
}

static void burst(int fd, unsigned int count)
{
	unsigned int done = 0;

	for (unsigned int i = 0; i < count; i++)
		write_packet(&packets[i]);
	while (done < count) {
		int sent = sendmmsg(fd, messages + done, count - done, 0);

		if (sent <= 0) {
			perror("pp_flood: sendmmsg");
			exit(3);
		}
		done += sent;
	}
}

static void flood(int fd, unsigned int rate, unsigned int seconds)
{
	unsigned long sent = 0;
	struct timespec next;

	printf("begin\n");
	fflush(stdout);
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (unsigned int part = 0; part < seconds * PARTS; part++) {
		for (unsigned int left = rate / PARTS; left; ) {
			unsigned int count = left < BURST_MAX ? left : BURST_MAX;

			burst(fd, count);
			left -= count;
			sent += count;
		}
		next.tv_nsec += PART_NS;
		if (next.tv_nsec >= 1000000000L) {
			next.tv_nsec -= 1000000000L;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	printf("%lu\n", sent);
}

static bool read_arguments(char **argv)
{
	char *slash = strchr(argv[1], '/');
	int family;

	is_ipv6 = strchr(argv[2], ':');
	family = is_ipv6 ? AF_INET6 : AF_INET;
	addr_len = is_ipv6 ? 16 : 4;
	prefix = 8 * addr_len;
	if (slash) {
		*slash = '\0';
		prefix = strtoul(slash + 1, NULL, 10);
	}
	port = strtoul(argv[3], NULL, 10);
	return inet_pton(family, argv[1], source) == 1 && inet_pton(family, argv[2], target) == 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	int fd, room = 1 << 22;

	if (argc != 6 || !read_arguments(argv)) {
		fputs(usage, stderr);
		return 2;
	}
	memcpy(&to6.sin6_addr, target, 16);
	memcpy(&to4.sin_addr, target, 4);
	for (unsigned int i = 0; i < BURST_MAX; i++) {
		vectors[i].iov_base = &packets[i];
		vectors[i].iov_len = TCP_LEN;
		vectors[i].iov_len += is_ipv6 ? sizeof(packets[i].ip6) : sizeof(packets[i].ip4);
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
		messages[i].msg_hdr.msg_name = is_ipv6 ? (void *)&to6 : (void *)&to4;
		messages[i].msg_hdr.msg_namelen = is_ipv6 ? sizeof(to6) : sizeof(to4);
	}
	fd = socket(is_ipv6 ? AF_INET6 : AF_INET, SOCK_RAW, IPPROTO_RAW);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room))) {
		perror("pp_flood: socket");
		return 3;
	}
	flood(fd, strtoul(argv[4], NULL, 10), strtoul(argv[5], NULL, 10));
	return 0;
}
