// SPDX-License-Identifier: GPL-2.0
/*
 * Writes the PROXY protocol header: a line of text (v1) or bytes (v2).
 *
 * Text is made without printf, so that kernel and user space write the same bytes.
 * Addresses and ports are read byte by byte, since they are in network order on
 * any host.
 */
#include "proto/header.h"

#define IPV6_GROUPS	8

static u16 port_number(__be16 port)
{
	const u8 *bytes = (const u8 *)&port;

	return bytes[0] << 8 | bytes[1];
}

static char *put_text(char *p, const char *text)
{
	while (*text)
		*p++ = *text++;
	return p;
}

static char *put_number(char *p, unsigned int value, unsigned int base)
{
	unsigned int unit = 1;

	while (value / unit >= base)
		unit *= base;
	for (; unit; unit /= base)
		*p++ = "0123456789abcdef"[value / unit % base];
	return p;
}

static char *put_text_ipv4(char *p, const __be32 *ip)
{
	const u8 *bytes = (const u8 *)ip;
	int i;

	for (i = 0; i < 4; i++) {
		if (i)
			*p++ = '.';
		p = put_number(p, bytes[i], 10);
	}
	return p;
}

static unsigned int ipv6_group(const struct in6_addr *addr, int i)
{
	return addr->s6_addr[2 * i] << 8 | addr->s6_addr[2 * i + 1];
}

/*
 * The groups that "::" stands for: the longest run of two or more zeros, and the
 * first of equally long runs (RFC 5952, 4.2). Without a run, *len is 0 and the
 * start is behind the last group.
 */
static int ipv6_zero_run(const struct in6_addr *addr, int *len)
{
	int start = IPV6_GROUPS, run = 0, i;

	*len = 0;
	for (i = 0; i < IPV6_GROUPS; i++) {
		run = ipv6_group(addr, i) ? 0 : run + 1;
		if (run > 1 && run > *len) {
			*len = run;
			start = i + 1 - run;
		}
	}
	return start;
}

/*
 * As in RFC 5952, except that an IPv4-mapped address has hex groups, too: SPEC 2.1
 * and strict receivers know no dotted quads.
 */
static char *put_text_ipv6(char *p, const struct in6_addr *addr)
{
	int zeros, start = ipv6_zero_run(addr, &zeros);
	int i = 0;

	while (i < IPV6_GROUPS) {
		if (i == start) {
			p = put_text(p, "::");
			i += zeros;
			continue;
		}
		if (i && i != start + zeros)
			*p++ = ':';
		p = put_number(p, ipv6_group(addr, i++), 16);
	}
	return p;
}

static char *put_text_address(char *p, const struct pp_endpoint *end)
{
	*p++ = ' ';
	if (end->family == AF_INET)
		return put_text_ipv4(p, &end->addr.ip);
	return put_text_ipv6(p, &end->addr.in6);
}

static char *put_text_port(char *p, const struct pp_endpoint *end)
{
	*p++ = ' ';
	return put_number(p, port_number(end->port), 10);
}

static int write_v1(u8 *buf, size_t size, const struct pp_header *h)
{
	char line[PP_HEADER_V1_MAX];
	char *p = line;

	if (h->command == PP_HEADER_LOCAL || h->src.family == AF_UNSPEC) {
		p = put_text(p, "PROXY UNKNOWN");
	} else {
		p = put_text(p, h->src.family == AF_INET ? "PROXY TCP4" : "PROXY TCP6");
		p = put_text_address(p, &h->src);
		p = put_text_address(p, &h->dst);
		p = put_text_port(p, &h->src);
		p = put_text_port(p, &h->dst);
	}
	p = put_text(p, "\r\n");

	if (size < (size_t)(p - line))
		return -EMSGSIZE;
	memcpy(buf, line, p - line);
	return p - line;
}

static u8 *put_bytes(u8 *p, const void *bytes, size_t len)
{
	memcpy(p, bytes, len);
	return p + len;
}

static int write_v2(u8 *buf, size_t size, const struct pp_header *h)
{
	bool local = h->command == PP_HEADER_LOCAL;
	size_t addr_len = h->src.family == AF_INET ? sizeof(h->src.addr.ip) :
						     sizeof(h->src.addr.in6);
	size_t tlv_len = h->tlvs ? h->tlv_len : 0;
	size_t len = local ? 0 : 2 * addr_len + 2 * sizeof(h->src.port) + tlv_len;
	u8 *p = buf;

	if (size < PP_HEADER_V2_FIXED + len)
		return -EMSGSIZE;

	p = put_bytes(p, PP_HEADER_V2_SIGNATURE, PP_HEADER_V2_SIGNATURE_LEN);
	*p++ = 0x20 | h->command;
	if (local)
		*p++ = PP_HEADER_UNSPEC;
	else
		*p++ = h->src.family == AF_INET ? PP_HEADER_TCP4 : PP_HEADER_TCP6;
	*p++ = len >> 8;
	*p++ = len & 0xff;
	if (!local) {
		p = put_bytes(p, &h->src.addr, addr_len);
		p = put_bytes(p, &h->dst.addr, addr_len);
		p = put_bytes(p, &h->src.port, sizeof(h->src.port));
		p = put_bytes(p, &h->dst.port, sizeof(h->dst.port));
		if (tlv_len)
			p = put_bytes(p, h->tlvs, tlv_len);
	}
	return p - buf;
}

/* Whether a header of @h's version can say what @h says */
static bool can_write(const struct pp_header *h)
{
	if (h->version != 1 && h->version != 2)
		return false;
	/* Receivers do not look for TLVs in a LOCAL header without addresses */
	if (h->tlvs && (h->version == 1 || h->command == PP_HEADER_LOCAL))
		return false;
	if (h->command == PP_HEADER_LOCAL)
		return true;
	if (h->command != PP_HEADER_PROXY || h->src.family != h->dst.family)
		return false;
	/* HAProxy closes a TCP stream after a v2 PROXY header of any other family */
	return h->src.family == AF_INET || h->src.family == AF_INET6 ||
	       (h->src.family == AF_UNSPEC && h->version == 1);
}

/**
 * pp_proto_header_write - write a header
 * @buf: gets the header; not changed on error
 * @size: bytes of @buf; PP_HEADER_V1_MAX is always enough without TLVs
 * @h: what to write; only the version, the command and, unless that is LOCAL,
 *	the endpoints and the TLVs count
 *
 * Context: any; no allocation, no locks.
 *
 * v2 (SPEC 2.2): LOCAL has 16 bytes, family 0x00 and length 0. PROXY has 28 bytes
 * over IPv4 and 52 over IPv6, always as TCP, and the TLVs as they are. A v2 PROXY
 * header without addresses is never written: SPEC allows it, but HAProxy closes
 * the connection.
 *
 * v1 (SPEC 2.1): a TCP4 or TCP6 line of canonical addresses. v1 has no LOCAL:
 * LOCAL, and endpoints of AF_UNSPEC, become "PROXY UNKNOWN" in the short form,
 * since HAProxy takes no other.
 *
 * Return: bytes written; -EINVAL if @h cannot be written (unknown version, command
 * or family, two families, or TLVs where there can be none); -EMSGSIZE if @size is
 * too small.
 */
int pp_proto_header_write(u8 *buf, size_t size, const struct pp_header *h)
{
	if (!can_write(h))
		return -EINVAL;
	return h->version == 1 ? write_v1(buf, size, h) : write_v2(buf, size, h);
}
