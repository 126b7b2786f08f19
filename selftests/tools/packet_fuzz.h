/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pp_packet_fuzz: malformed TCP packets; what its files share.
 */
#ifndef _PP_PACKET_FUZZ_H
#define _PP_PACKET_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#define FUZZ_PACKET_MAX	20000
#define FUZZ_PAYLOAD_MAX 16000
#define FUZZ_OPTIONS_MAX 40

/**
 * struct fuzz_end - an end of all connections
 * @family: AF_INET or AF_INET6
 * @addr: its address, 4 or 16 bytes
 */
struct fuzz_end {
	int family;
	uint8_t addr[16];
};

/**
 * struct fuzz_stream - the stream of one side of a connection; the byte at each offset
 * depends on the offset alone, however the packets overlap
 * @first: bytes that it begins with
 * @first_len: bytes of that
 * @then: all bytes behind these
 */
struct fuzz_stream {
	const uint8_t *first;
	size_t first_len;
	uint8_t then;
};

/**
 * struct fuzz_packet - a packet before it is bytes
 * @th: its header; ports, numbers and flags as they are sent
 * @options: TCP options, padded
 * @options_len: bytes of that
 * @offset: of its payload in the stream
 * @len: bytes of payload
 * @stream: where that comes from
 * @gso_size: longest segment, for a packet that stands for many; or 0
 * @noise: bytes of the payload are changed
 */
struct fuzz_packet {
	struct tcphdr th;
	uint8_t options[FUZZ_OPTIONS_MAX];
	size_t options_len;
	uint32_t offset;
	size_t len;
	const struct fuzz_stream *stream;
	uint16_t gso_size;
	bool noise;
};

/* packet_fuzz_random.c */
void fuzz_seed(uint64_t seed);
uint32_t fuzz_below(uint32_t limit);
bool fuzz_chance(uint32_t percent);
void fuzz_options(struct fuzz_packet *pkt);
void fuzz_mutate(struct fuzz_packet *pkt, bool truthful);

/* packet_fuzz_wire.c */
bool fuzz_wire_open(const char *device, uint16_t port, const char *mac,
		    const struct fuzz_end *local, const struct fuzz_end *remote,
		    const struct fuzz_end *spoofed);
void fuzz_wire_send(const struct fuzz_packet *pkt, bool truthful);
const struct tcphdr *fuzz_wire_receive(size_t *len);

#endif /* _PP_PACKET_FUZZ_H */
