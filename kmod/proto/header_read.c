// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the PROXY protocol header from a stream that may still be arriving.
 *
 * A v2 header has a fixed part, addresses of a known size, and TLVs, and is read
 * here. A v1 line is read in header_line.c. Both refuse the first byte that no
 * valid header can have at its place.
 */
#include "proto/header.h"
#include "proto/header_line.h"
#include "proto/tlv.h"

/* Reads the fixed part, and returns the length of the whole header */
static int read_v2_fixed(const u8 *buf, size_t len, struct pp_header *h)
{
	size_t sig = len < PP_HEADER_V2_SIGNATURE_LEN ? len : PP_HEADER_V2_SIGNATURE_LEN;
	int total = PP_HEADER_V2_FIXED;

	if (memcmp(buf, PP_HEADER_V2_SIGNATURE, sig))
		return -EBADMSG;
	if (len > 12) {
		h->version = buf[12] >> 4;
		h->command = buf[12] & 0x0f;
		if (h->version != 2 || h->command > PP_HEADER_PROXY)
			return -EBADMSG;
	}
	if (len > 13) {
		h->family_proto = buf[13];
		if (h->command == PP_HEADER_PROXY &&
		    (buf[13] >> 4 > 0x3 || (buf[13] & 0x0f) > 0x2))
			return -EBADMSG;
	}
	if (len > 14)
		total += buf[14] << 8;
	if (len > 15)
		total += buf[15];
	if (total > PP_HEADER_READ_MAX)
		return -EBADMSG;
	return len < PP_HEADER_V2_FIXED ? -EAGAIN : total;
}

/* Bytes of addresses and ports; 0 if SPEC gives this byte no layout */
static int v2_address_size(u8 family_proto)
{
	switch (family_proto) {
	case PP_HEADER_TCP4:
	case PP_HEADER_UDP4:
		return 2 * 4 + 2 * 2;
	case PP_HEADER_TCP6:
	case PP_HEADER_UDP6:
		return 2 * 16 + 2 * 2;
	case PP_HEADER_UNIX_STREAM:
	case PP_HEADER_UNIX_DGRAM:
		return 2 * 108;
	default:
		return 0;
	}
}

static int check_tlvs(const u8 *buf, size_t len, const struct pp_header *h)
{
	struct pp_tlv_walk walk = { .pos = buf + h->tlv_off, .left = h->tlv_len };
	struct pp_tlv tlv;
	int ret;

	if (len > h->tlv_off)
		walk.have = len - h->tlv_off;
	do
		ret = pp_proto_tlv_next(&walk, &tlv);
	while (ret > 0);
	return ret;
}

static void read_v2_endpoints(const u8 *p, struct pp_header *h)
{
	bool ipv4 = h->family_proto == PP_HEADER_TCP4;
	size_t addr_len = ipv4 ? sizeof(h->src.addr.ip) : sizeof(h->src.addr.in6);

	h->src.family = ipv4 ? AF_INET : AF_INET6;
	h->dst.family = h->src.family;
	memcpy(&h->src.addr, p, addr_len);
	memcpy(&h->dst.addr, p + addr_len, addr_len);
	p += 2 * addr_len;
	memcpy(&h->src.port, p, sizeof(h->src.port));
	memcpy(&h->dst.port, p + sizeof(h->src.port), sizeof(h->dst.port));
}

static int read_v2(const u8 *buf, size_t len, struct pp_header *h)
{
	int total = read_v2_fixed(buf, len, h);
	int size, ret;

	if (total < 0)
		return total;
	size = h->command == PP_HEADER_PROXY ? v2_address_size(h->family_proto) : 0;
	if (size) {
		if (total < PP_HEADER_V2_FIXED + size)
			return -EBADMSG;
		h->tlv_off = PP_HEADER_V2_FIXED + size;
		h->tlv_len = total - h->tlv_off;
		ret = check_tlvs(buf, len, h);
		if (ret)
			return ret;
	}
	if (len < (size_t)total)
		return -EAGAIN;
	if (size && (h->family_proto == PP_HEADER_TCP4 || h->family_proto == PP_HEADER_TCP6))
		read_v2_endpoints(buf + PP_HEADER_V2_FIXED, h);
	return total;
}

/**
 * pp_proto_header_read - read a header at the beginning of a stream
 * @buf: the stream
 * @len: bytes received so far; may be more than the header
 * @h: filled if the result is above 0, else not changed
 *
 * Context: any; no allocation, no locks. After -EAGAIN call it again with more
 * bytes, from the beginning.
 *
 * Where SPEC leaves a choice, or where receivers differ:
 *
 * - A header may arrive in parts: SPEC 2 recommends to accept that, SPEC 2.2 forbids
 *   it. A caller that does not want parts treats -EAGAIN as an error.
 * - The version of a v2 header is the high nibble of byte 13, as in the sample
 *   of SPEC 9. SPEC 2.2 compares the whole byte, which would exclude PROXY.
 * - v1 lines: see pp_proto_line_read().
 * - LOCAL: as many bytes as the length says are skipped, unread. Neither the family
 *   nor the content matters (SPEC 2.2): health checks of AWS say 0x11 and have no
 *   addresses.
 * - PROXY of UNIX sockets and of datagrams: accepted as UNSPEC, as SPEC 2.2
 *   demands of receivers that do not support them. The length must hold the
 *   addresses, as HAProxy and nginx require it for TCP.
 * - PROXY of 0x00 and of the pairs that SPEC does not list (0x01, 0x02, 0x10,
 *   0x20, 0x30): accepted as UNSPEC. The rest has no known layout and is
 *   skipped, unread.
 * - All other families and protocols are refused (SPEC 2.2).
 * - TLVs must fill the header exactly, as in HAProxy; see pp_proto_tlv_next(). No
 *   value is checked here, not even that of a CRC32C.
 * - More than PP_HEADER_READ_MAX bytes are refused, for LOCAL too, as in nginx.
 *
 * Return: length of the header; -EAGAIN if all of @buf may be the beginning of a
 * header; -EBADMSG as soon as it cannot be.
 */
int pp_proto_header_read(const u8 *buf, size_t len, struct pp_header *h)
{
	struct pp_header header = {};
	int ret;

	if (!len)
		return -EAGAIN;
	if (buf[0] == PP_HEADER_V2_SIGNATURE[0])
		ret = read_v2(buf, len, &header);
	else
		ret = pp_proto_line_read(buf, len, &header);
	if (ret > 0)
		*h = header;
	return ret;
}
