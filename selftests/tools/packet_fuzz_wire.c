// SPDX-License-Identifier: GPL-2.0
/*
 * pp_packet_fuzz: packets as bytes, on a packet socket. IP headers are at times
 * wrong, too, and so are lengths, checksums and fragments; what is damaged so
 * never has the right checksum where the payload must stay what it was.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>

#include "inet_sum.h"
#include "packet_fuzz.h"

/* Packets that may be sent once more */
#define RECENT		64
#define IPV4_LEN	20
#define IPV6_LEN	40

struct bytes {
	struct virtio_net_hdr vnet;
	uint8_t ip[FUZZ_PACKET_MAX];
	size_t len;
};

static int fd = -1;
static struct ether_header ether;
static struct fuzz_end from, to, spoof;
static struct bytes recent[RECENT];
static unsigned int sent;

/* Only TCP packets from the other ends: other sockets on the device have packets of their own */
static bool listen_to(uint16_t port)
{
	/* After the Ethernet header: protocol, and ports at X, behind IPv4 options */
	struct sock_filter ipv4[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_HLEN + 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 6),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, ETH_HLEN),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, ETH_HLEN),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 2, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, ETH_HLEN + 2),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_filter ipv6[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_HLEN + 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 5),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, ETH_HLEN + IPV6_LEN),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 2, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, ETH_HLEN + IPV6_LEN + 2),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { sizeof(ipv4) / sizeof(ipv4[0]), ipv4 };

	if (from.family == AF_INET6)
		program = (struct sock_fprog){ sizeof(ipv6) / sizeof(ipv6[0]), ipv6 };
	return !setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static bool open_socket(const char *device, uint16_t port)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = ether.ether_type,
		.sll_ifindex = if_nametoindex(device),
	};
	int one = 1;

	fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
	return fd >= 0 && listen_to(port) &&
	       !setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) &&
	       !setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) &&
	       !bind(fd, (struct sockaddr *)&at, sizeof(at));
}

/**
 * fuzz_wire_open - prepares to send and to receive
 * @device: name of a network device
 * @port: of the server
 * @mac: address of the next hop
 * @local: our end of all connections
 * @remote: the other one
 * @spoofed: where packets pretend to come from at times; no family: nowhere
 *
 * Return: false, with errno, if that is not possible
 */
bool fuzz_wire_open(const char *device, uint16_t port, const char *mac,
		    const struct fuzz_end *local, const struct fuzz_end *remote,
		    const struct fuzz_end *spoofed)
{
	from = *local;
	to = *remote;
	spoof = *spoofed;
	ether.ether_type = htons(from.family == AF_INET ? ETHERTYPE_IP : ETHERTYPE_IPV6);
	if (!ether_aton_r(mac, (struct ether_addr *)ether.ether_dhost)) {
		errno = EINVAL;
		return false;
	}
	return open_socket(device, port);
}

static size_t addr_len(void)
{
	return from.family == AF_INET ? 4 : 16;
}

/* The device completes the checksum of what it has yet to cut into segments */
static void write_checksum(bool is_gso, const struct fuzz_end *source, uint8_t *segment, size_t len)
{
	uint8_t *field = segment + offsetof(struct tcphdr, check);
	uint32_t sum = inet_sum(source->addr, addr_len(), IPPROTO_TCP + len);
	uint16_t check;

	memset(field, 0, sizeof(check));
	sum = inet_sum(to.addr, addr_len(), sum);
	check = is_gso ? inet_fold(sum) : ~inet_fold(inet_sum(segment, len, sum));
	check = htons(check);
	memcpy(field, &check, sizeof(check));
}

static size_t write_segment(const struct fuzz_packet *pkt, const struct fuzz_end *source,
			    uint8_t *segment)
{
	size_t thlen = sizeof(pkt->th) + pkt->options_len, len = thlen + pkt->len;
	const struct fuzz_stream *stream = pkt->stream;
	struct tcphdr th = pkt->th;

	th.doff = thlen / 4;
	memcpy(segment, &th, sizeof(th));
	memcpy(segment + sizeof(th), pkt->options, pkt->options_len);
	for (size_t i = 0; i < pkt->len; i++) {
		uint32_t at = pkt->offset + i;

		segment[thlen + i] = at < stream->first_len ? stream->first[at] : stream->then;
		if (pkt->noise && fuzz_chance(3))
			segment[thlen + i] = fuzz_below(256);
	}
	write_checksum(pkt->gso_size, source, segment, len);
	return len;
}

static size_t write_ip(uint8_t *ip, const struct fuzz_end *source, size_t len)
{
	uint16_t check;

	if (from.family == AF_INET6) {
		memcpy(ip, (uint8_t []){ 0x60, 0, 0, 0, len >> 8, len, IPPROTO_TCP, 64 }, 8);
		memcpy(ip + 8, source->addr, 16);
		memcpy(ip + 24, to.addr, 16);
		return IPV6_LEN + len;
	}
	len += IPV4_LEN;
	memcpy(ip, (uint8_t []){ 0x45, 0, len >> 8, len, fuzz_below(256), fuzz_below(256) }, 6);
	memcpy(ip + 6, (uint8_t []){ 0x40, 0, 64, IPPROTO_TCP, 0, 0 }, 6);
	memcpy(ip + 12, source->addr, 4);
	memcpy(ip + 16, to.addr, 4);
	check = htons(~inet_fold(inet_sum(ip, IPV4_LEN, 0)));
	memcpy(ip + 10, &check, sizeof(check));
	return len;
}

static void write_vnet(struct bytes *bytes, const struct fuzz_packet *pkt)
{
	size_t ip = sizeof(ether) + (from.family == AF_INET ? IPV4_LEN : IPV6_LEN);

	memset(&bytes->vnet, 0, sizeof(bytes->vnet));
	if (!pkt->gso_size)
		return;
	bytes->vnet = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = from.family == AF_INET ? VIRTIO_NET_HDR_GSO_TCPV4 :
						     VIRTIO_NET_HDR_GSO_TCPV6,
		.hdr_len = ip + sizeof(pkt->th) + pkt->options_len,
		.gso_size = pkt->gso_size,
		.csum_start = ip,
		.csum_offset = offsetof(struct tcphdr, check),
	};
}

/* IPv6 headers between the first one and TCP; their checksum stays right */
static void add_extension(struct bytes *bytes)
{
	static const uint8_t types[] = { 0, 43, 44, 60, 135, 59 };
	uint8_t *next = bytes->ip + IPV6_LEN;

	memmove(next + 8, next, bytes->len - IPV6_LEN);
	memcpy(next, (uint8_t []){ bytes->ip[6], 0, 1, 4, 0, 0, 0, 0 }, 8);
	bytes->ip[6] = types[fuzz_below(sizeof(types))];
	if (bytes->ip[6] == 44)
		memcpy(next + 2, (uint8_t []){ 0, fuzz_below(2) }, 2);
	bytes->len += 8;
	bytes->ip[4] = (bytes->len - IPV6_LEN) >> 8;
	bytes->ip[5] = bytes->len - IPV6_LEN;
}

static void damage_ipv4(struct bytes *bytes)
{
	uint16_t check = 0;

	switch (fuzz_below(4)) {
	case 0:
		bytes->ip[0] = 0x40 | fuzz_below(16);
		break;
	case 1:
		bytes->ip[6] = fuzz_below(256);
		bytes->ip[7] = fuzz_below(256);
		break;
	case 2:
		bytes->ip[8] = fuzz_below(3);
		break;
	default:
		bytes->ip[2] = fuzz_below(256);
		bytes->ip[3] = fuzz_below(256);
	}
	memcpy(bytes->ip + 10, &check, sizeof(check));
	check = htons(~inet_fold(inet_sum(bytes->ip, IPV4_LEN, 0)));
	memcpy(bytes->ip + 10, &check, sizeof(check));
}

/*
 * What is left may have a right checksum only if no payload is at stake. The wrong checksum is made
 * from the damaged bytes: damage to, say, the length of the options must not make it right again.
 */
static void damage(struct bytes *bytes, const struct fuzz_end *source, bool truthful)
{
	size_t headers = from.family == AF_INET ? IPV4_LEN : IPV6_LEN, len = bytes->len - headers;
	uint8_t *segment = bytes->ip + headers;

	switch (fuzz_below(5)) {
	case 0:
		segment[12] = fuzz_below(256);
		break;
	case 1:
		bytes->len = 1 + fuzz_below(bytes->len);
		break;
	case 2:
		segment[fuzz_below(len)] = fuzz_below(256);
		break;
	default:
		if (from.family == AF_INET)
			damage_ipv4(bytes);
		else
			bytes->ip[fuzz_below(7)] = fuzz_below(256);
	}
	if (!truthful)
		return;
	write_checksum(false, source, segment, len);
	segment[offsetof(struct tcphdr, check) + fuzz_below(2)] ^= 1 + fuzz_below(255);
}

static void transmit(const struct bytes *bytes)
{
	struct iovec iov[] = {
		{ (void *)&bytes->vnet, sizeof(bytes->vnet) },
		{ &ether, sizeof(ether) },
		{ (void *)bytes->ip, bytes->len },
	};

	/* The kernel refuses some, which is an answer as well */
	if (writev(fd, iov, 3) < 0 && errno == EBADF)
		perror("writev");
}

/**
 * fuzz_wire_send - sends a packet, perhaps damaged, perhaps several times, perhaps
 * from a wrong address; or an older one once more
 * @pkt: packet
 * @truthful: as of fuzz_mutate()
 */
void fuzz_wire_send(const struct fuzz_packet *pkt, bool truthful)
{
	size_t headers = from.family == AF_INET ? IPV4_LEN : IPV6_LEN;
	struct bytes *bytes = &recent[sent++ % RECENT];
	bool is_spoofed = spoof.family && fuzz_chance(5);
	const struct fuzz_end *source = is_spoofed ? &spoof : &from;

	bytes->len = write_ip(bytes->ip, source, write_segment(pkt, source, bytes->ip + headers));
	write_vnet(bytes, pkt);
	/* The checksum of a packet that has yet to be cut is not checked */
	if (from.family == AF_INET6 && !pkt->gso_size && fuzz_chance(5))
		add_extension(bytes);
	else if ((!pkt->gso_size || !truthful) && fuzz_chance(10))
		damage(bytes, source, truthful);
	transmit(bytes);
	if (fuzz_chance(10))
		transmit(bytes);
	if (fuzz_chance(10) && sent > RECENT)
		transmit(&recent[fuzz_below(RECENT)]);
}

/**
 * fuzz_wire_receive - the next TCP packet that has come from the other end
 * @len: bytes from its TCP header on
 *
 * Return: its TCP header, or NULL if there is none
 */
const struct tcphdr *fuzz_wire_receive(size_t *len)
{
	static uint8_t buf[sizeof(struct virtio_net_hdr) + sizeof(ether) + 65536];
	const size_t front = sizeof(struct virtio_net_hdr) + sizeof(ether);
	const uint8_t *ip = buf + front;
	size_t headers;
	ssize_t got;

	while ((got = recv(fd, buf, sizeof(buf), 0)) >= 0) {
		got -= front;
		headers = from.family == AF_INET ? (ip[0] & 15) * 4 : IPV6_LEN;
		if (got < (ssize_t)(headers + sizeof(struct tcphdr)))
			continue;
		*len = got - headers;
		return (const struct tcphdr *)(ip + headers);
	}
	return NULL;
}
