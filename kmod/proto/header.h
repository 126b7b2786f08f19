/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The PROXY protocol header as bytes: written and read.
 *
 * Pure functions of buffers: no packets, no allocation, no locks. The unit tests
 * compile the same source in user space.
 */
#ifndef _PP_HEADER_H
#define _PP_HEADER_H

#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/in6.h>
#include <linux/socket.h>
#include <linux/string.h>
#include <linux/types.h>
#else
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <linux/types.h>
#include <netinet/in.h>
#include <sys/socket.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
#endif

/* Longest header that is sent: one segment of the smallest MTU (SPEC 2) */
#define PP_HEADER_SEND_MAX	536
/* Longest v1 line with its CRLF (SPEC 2.1) */
#define PP_HEADER_V1_MAX	107
/* First 12 bytes of every v2 header (SPEC 2.2) */
#define PP_HEADER_V2_SIGNATURE	"\r\n\r\n\0\r\nQUIT\n"
#define PP_HEADER_V2_SIGNATURE_LEN 12
/* Signature, version and command, family and protocol, length (SPEC 2.2) */
#define PP_HEADER_V2_FIXED	16
/* Byte 14 of a v2 header: address family and transport protocol */
#define PP_HEADER_UNSPEC	0x00
#define PP_HEADER_TCP4		0x11
#define PP_HEADER_UDP4		0x12
#define PP_HEADER_TCP6		0x21
#define PP_HEADER_UDP6		0x22
#define PP_HEADER_UNIX_STREAM	0x31
#define PP_HEADER_UNIX_DGRAM	0x32
/* Longest header that is read, TLVs included */
#define PP_HEADER_READ_MAX	4096

enum pp_header_command {
	PP_HEADER_LOCAL = 0,	/* the connection belongs to the proxy itself */
	PP_HEADER_PROXY = 1,	/* the connection is relayed for src */
};

/**
 * struct pp_endpoint - an IP address and a TCP port
 * @family: AF_INET, AF_INET6, or AF_UNSPEC when not known
 * @port: network byte order
 * @addr: IPv4 in @addr.ip, IPv6 in @addr.in6; network byte order
 */
struct pp_endpoint {
	u16 family;
	__be16 port;
	union {
		__be32 ip;
		struct in6_addr in6;
	} addr;
};

/**
 * struct pp_header - what a header says
 * @version: 1 or 2
 * @command: enum pp_header_command; PP_HEADER_PROXY for every v1 line read
 * @family_proto: v2 byte 14 as on the wire, LOCAL included; for v1
 *	PP_HEADER_TCP4, PP_HEADER_TCP6, or PP_HEADER_UNSPEC for UNKNOWN; not looked
 *	at when a header is written, which goes by @src.family
 * @src: the client; @src.family is AF_UNSPEC when the receiver must use the
 *	real endpoints: LOCAL, UNKNOWN, UNSPEC, UNIX, DGRAM
 * @dst: the destination that the client asked for; family as that of @src
 * @tlv_off: offset of the first TLV in the header, v2 only; 0 for LOCAL, UNSPEC and pairs
 *	that SPEC does not list, whose addresses have no known length
 * @tlv_len: bytes of TLVs, v2 only; 0 when there are none
 * @tlvs: when a header is written, its @tlv_len bytes of TLVs, or NULL if it has
 *	none; not set when one is read
 */
struct pp_header {
	u8 version;
	u8 command;
	u8 family_proto;
	struct pp_endpoint src;
	struct pp_endpoint dst;
	u16 tlv_off;
	u16 tlv_len;
	const u8 *tlvs;
};

/* Whether an IPv6 address stands for an IPv4 one: ::ffff:a.b.c.d (RFC 4291, 2.5.5.2) */
static inline bool pp_proto_is_mapped(const struct pp_endpoint *end)
{
	static const u8 prefix[12] = { [10] = 0xff, [11] = 0xff };

	return end->family == AF_INET6 && !memcmp(&end->addr.in6, prefix, sizeof(prefix));
}

/* Turn an address of which pp_proto_is_mapped() is true into the IPv4 address */
static inline void pp_proto_unmap(struct pp_endpoint *end)
{
	memcpy(&end->addr.ip, end->addr.in6.s6_addr + 12, sizeof(end->addr.ip));
	end->family = AF_INET;
}

/* The same of both ends, or of none, so that they stay of one family */
static inline void pp_proto_unmap_ends(struct pp_header *h)
{
	if (pp_proto_is_mapped(&h->src) && pp_proto_is_mapped(&h->dst)) {
		pp_proto_unmap(&h->src);
		pp_proto_unmap(&h->dst);
	}
}

int pp_proto_header_write(u8 *buf, size_t size, const struct pp_header *h);
int pp_proto_header_read(const u8 *buf, size_t len, struct pp_header *h);

#endif /* _PP_HEADER_H */
