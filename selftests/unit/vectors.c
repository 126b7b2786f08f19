// SPDX-License-Identifier: GPL-2.0
/*
 * Good headers, of every kind that is accepted.
 */
#include "unit.h"

#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(b) .bytes = (b), .len = sizeof(b) - 1

#define ZERO4 "\0\0\0\0"
#define ZERO16 ZERO4 ZERO4 ZERO4 ZERO4
#define ZERO74 ZERO16 ZERO16 ZERO16 ZERO16 ZERO4 ZERO4 "\0\0"
#define FILL36 "123456789012345678901234567890123456"
#define FILL216 FILL36 FILL36 FILL36 FILL36 FILL36 FILL36

#define IP4_BLOCK "\xc0\x00\x02\x01" "\xc6\x33\x64\x07" "\xdb\x04" "\x01\xbb"
#define IP6_BLOCK "\x20\x01\x0d\xb8" ZERO4 ZERO4 "\0\0\0\x01" \
	"\x20\x01\x0d\xb8\0\0\0\x05" ZERO4 "\0\0\0\x02" "\xff\xff" "\0\x50"

#define TCP4_SAYS .command = PP_HEADER_PROXY, .family_proto = PP_HEADER_TCP4, \
	.src = "192.0.2.1", .dst = "198.51.100.7", .sport = 56068, .dport = 443
#define TCP6_SAYS .command = PP_HEADER_PROXY, .family_proto = PP_HEADER_TCP6, \
	.src = "2001:db8::1", .dst = "2001:db8:0:5::2", .sport = 65535, .dport = 80
#define UNKNOWN_SAYS .command = PP_HEADER_PROXY, .family_proto = PP_HEADER_UNSPEC

#define ONES6 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

const struct vector vectors[] = {
	{
		.name = "v1 TCP4",
		BYTES("PROXY TCP4 192.0.2.1 198.51.100.7 56068 443\r\n"),
		TCP4_SAYS,
	}, {
		.name = "v1 TCP4, shortest",
		BYTES("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"),
		.command = PP_HEADER_PROXY, .family_proto = PP_HEADER_TCP4,
		.src = "0.0.0.0", .dst = "0.0.0.0",
	}, {
		.name = "v1 TCP4, 56 bytes",
		BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
		.command = PP_HEADER_PROXY, .family_proto = PP_HEADER_TCP4,
		.src = "255.255.255.255", .dst = "255.255.255.255",
		.sport = 65535, .dport = 65535,
	}, {
		.name = "v1 TCP6",
		BYTES("PROXY TCP6 2001:db8::1 2001:DB8:0:5::2 65535 80\r\n"),
		TCP6_SAYS,
	}, {
		.name = "v1 TCP6, leading zeros in groups",
		BYTES("PROXY TCP6 2001:0db8:0000::0001 2001:db8:0:5:0:0:0:2 65535 80\r\n"),
		TCP6_SAYS,
	}, {
		.name = "v1 TCP6, shortest",
		BYTES("PROXY TCP6 :: :: 0 0\r\n"),
		.command = PP_HEADER_PROXY, .family_proto = PP_HEADER_TCP6,
		.src = "::", .dst = "::",
	}, {
		.name = "v1 TCP6, \"::\" at the end and for one group",
		BYTES("PROXY TCP6 1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8 1 2\r\n"),
		.command = PP_HEADER_PROXY, .family_proto = PP_HEADER_TCP6,
		.src = "1:2:3:4:5:6:7:0", .dst = "0:2:3:4:5:6:7:8",
		.sport = 1, .dport = 2,
	}, {
		.name = "v1 TCP6, IPv4-mapped as HAProxy and nginx write it",
		BYTES("PROXY TCP6 ::ffff:192.0.2.1 1:2:3:4:5:6:198.51.100.7 1 2\r\n"),
		.command = PP_HEADER_PROXY, .family_proto = PP_HEADER_TCP6,
		.src = "::ffff:c000:201", .dst = "1:2:3:4:5:6:c633:6407",
		.sport = 1, .dport = 2,
	}, {
		.name = "v1 TCP6, 104 bytes",
		BYTES("PROXY TCP6 " ONES6 " " ONES6 " 65535 65535\r\n"),
		.command = PP_HEADER_PROXY, .family_proto = PP_HEADER_TCP6,
		.src = ONES6, .dst = ONES6, .sport = 65535, .dport = 65535,
	}, {
		.name = "v1 UNKNOWN, short",
		BYTES("PROXY UNKNOWN\r\n"), UNKNOWN_SAYS,
	}, {
		.name = "v1 UNKNOWN, nothing behind the space",
		BYTES("PROXY UNKNOWN \r\n"), UNKNOWN_SAYS,
	}, {
		.name = "v1 UNKNOWN, 107 bytes",
		BYTES("PROXY UNKNOWN " ONES6 " " ONES6 " 65535 65535\r\n"), UNKNOWN_SAYS,
	}, {
		.name = "v1 UNKNOWN, lone CR and LF and NUL",
		BYTES("PROXY UNKNOWN a\rb\nc\n\rd\0\r\r\n"), UNKNOWN_SAYS,
	}, {
		.name = "v2 LOCAL",
		BYTES(SIG "\x20\x00\0\0"),
		.command = PP_HEADER_LOCAL,
	}, {
		.name = "v2 LOCAL of an AWS health check, 100 bytes, no address block",
		BYTES(SIG "\x20\x11\0\x54" "\x03\0\x04\xbc\xe5\x95\x1f" "\x04\0\x4a" ZERO74),
		.command = PP_HEADER_LOCAL, .family_proto = PP_HEADER_TCP4,
	}, {
		.name = "v2 LOCAL, odd length, no TLV, no known family",
		BYTES(SIG "\x20\xff\0\x05" "\xff\xff\xff\xff\xff"),
		.command = PP_HEADER_LOCAL, .family_proto = 0xff,
	}, {
		.name = "v2 TCP4",
		BYTES(SIG "\x21\x11\0\x0c" IP4_BLOCK), TCP4_SAYS,
	}, {
		.name = "v2 TCP4, three TLVs, two of them empty",
		BYTES(SIG "\x21\x11\0\x1a" IP4_BLOCK "\x02\0\x05" "a.org" "\x04\0\0" "\xe0\0\0"),
		TCP4_SAYS, .tlv_len = 14,
	}, {
		.name = "v2 TCP6",
		BYTES(SIG "\x21\x21\0\x24" IP6_BLOCK), TCP6_SAYS,
	}, {
		.name = "v2 TCP6, one TLV of 74 bytes",
		BYTES(SIG "\x21\x21\0\x71" IP6_BLOCK "\x04\0\x4a" ZERO74),
		TCP6_SAYS, .tlv_len = 77,
	}, {
		.name = "v2 UNSPEC",
		BYTES(SIG "\x21\0\0\0"), UNKNOWN_SAYS,
	}, {
		.name = "v2 UNSPEC, one stray byte",
		BYTES(SIG "\x21\0\0\x01" "x"), UNKNOWN_SAYS,
	}, {
		.name = "v2 UDP4, a TLV",
		BYTES(SIG "\x21\x12\0\x10" IP4_BLOCK "\x04\0\x01" "x"),
		.command = PP_HEADER_PROXY, .family_proto = PP_HEADER_UDP4, .tlv_len = 4,
	}, {
		.name = "v2 UDP6",
		BYTES(SIG "\x21\x22\0\x24" IP6_BLOCK),
		.command = PP_HEADER_PROXY, .family_proto = PP_HEADER_UDP6,
	}, {
		.name = "v2 UNIX stream",
		BYTES(SIG "\x21\x31\0\xd8" FILL216),
		.command = PP_HEADER_PROXY, .family_proto = PP_HEADER_UNIX_STREAM,
	}, {
		.name = "v2 UNIX datagram, a TLV",
		BYTES(SIG "\x21\x32\0\xdb" FILL216 "\x04\0\0"),
		.command = PP_HEADER_PROXY, .family_proto = PP_HEADER_UNIX_DGRAM, .tlv_len = 3,
	},
};

const size_t vector_count = ARRAY_SIZE(vectors);
