// SPDX-License-Identifier: GPL-2.0
/*
 * pp_proto_header_read() of v1: what must be refused, how early, and how long a line
 * may be; addresses against inet_pton().
 */
#include <stdio.h>

#include "unit.h"
#include "kselftest_harness.h"

TEST(bad_lines_are_refused)
{
	static const char *const lines[] = {
		/* spaces */
		"PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n", "PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n",
		"PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8  1 2\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 1  2\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n",
		" PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", "PROXY\tTCP4 1.2.3.4 5.6.7.8 1 2\r\n",
		/* keywords */
		"proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n", "PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n",
		"PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n", "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n",
		"PROXY TCP 1.2.3.4 5.6.7.8 1 2\r\n", "PROXY TCP44 1.2.3.4 5.6.7.8 1 2\r\n",
		"PROXY unknown\r\n", "PROXY UNKNOWNS\r\n", "PROXY UNKNOWN\n",
		"PROXY UNKNOWN\r \r\n",
		"PROXY \r\n", "PROXY\r\n", "PROXY UNSPEC\r\n",
		/* IPv4 addresses */
		"PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n", "PROXY TCP4 1.2.3.00 5.6.7.8 1 2\r\n",
		"PROXY TCP4 1.2.3.256 5.6.7.8 1 2\r\n", "PROXY TCP4 1.2.3.1000 5.6.7.8 1 2\r\n",
		"PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n", "PROXY TCP4 1.2.3.4.5 5.6.7.8 1 2\r\n",
		"PROXY TCP4 1..3.4 5.6.7.8 1 2\r\n", "PROXY TCP4 .1.2.3 5.6.7.8 1 2\r\n",
		"PROXY TCP4 1.2.3.-4 5.6.7.8 1 2\r\n", "PROXY TCP4 0x1.2.3.4 5.6.7.8 1 2\r\n",
		"PROXY TCP4 16909060 5.6.7.8 1 2\r\n", "PROXY TCP4  5.6.7.8 1 2\r\n",
		/* IPv6 addresses */
		"PROXY TCP6 1:2:3:4:5:6:7 ::1 1 2\r\n", "PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2\r\n",
		"PROXY TCP6 1:2:3:4:5:6:7:8:: ::1 1 2\r\n", "PROXY TCP6 1::2::3 ::1 1 2\r\n",
		"PROXY TCP6 1::2:3:4:5:6:7:8 ::1 1 2\r\n", "PROXY TCP6 ::: ::1 1 2\r\n",
		"PROXY TCP6 : ::1 1 2\r\n", "PROXY TCP6 :1:2:3:4:5:6:7 ::1 1 2\r\n",
		"PROXY TCP6 1:2:3:4:5:6:7: ::1 1 2\r\n", "PROXY TCP6 12345:: ::1 1 2\r\n",
		"PROXY TCP6 00001:: ::1 1 2\r\n", "PROXY TCP6 g:: ::1 1 2\r\n",
		"PROXY TCP6 ::1%eth0 ::1 1 2\r\n", "PROXY TCP6 [::1] ::1 1 2\r\n",
		"PROXY TCP6 ::1/64 ::1 1 2\r\n", "PROXY TCP6 ::1.2.3 ::1 1 2\r\n",
		"PROXY TCP6 ::1.2.3.256 ::1 1 2\r\n", "PROXY TCP6 ::1.2.3.4:5 ::1 1 2\r\n",
		"PROXY TCP6 ::01.2.3.4 ::1 1 2\r\n", "PROXY TCP6 ::a.2.3.4 ::1 1 2\r\n",
		"PROXY TCP6 1:2:3:4:5:6:7:1.2.3.4 ::1 1 2\r\n",
		"PROXY TCP6 ::1:2:3:4:5:6:1.2.3.4 ::1 1 2\r\n",
		/* the keyword names another family */
		"PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
		"PROXY TCP4 1.2.3.4 ::1 1 2\r\n", "PROXY TCP6 ::1 1.2.3.4 1 2\r\n",
		/* ports */
		"PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 00\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 1 02\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 1 \r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 99999999999 2\r\n",
		/* the end of the line */
		"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n\r", "PROXY TCP4 1.2.3.4\r\n",
		"PROXY TCP6 ::1 ::1 1 2\n",
		/* not PROXY at all */
		"GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n", "\x16\x03\x01", "\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		EXPECT_EQ(-EBADMSG, read_text(lines[i])) TH_LOG("%s", lines[i]);
	}
}

/* Each of these is refused with its last byte, and not before */
TEST(bad_lines_are_refused_at_once)
{
	static const char *const lines[] = {
		"PROXZ", "PROXY X", "PROXY UX", "PROXY TCP5", "PROXY TCP4  ",
		"PROXY TCP4 256", "PROXY TCP4 00", "PROXY TCP4 1.2.3.4.",
		"PROXY TCP4 1.2.3.4 5.6.7.8 65536", "PROXY TCP4 1.2.3.4 5.6.7.8 00",
		"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rx",
		"PROXY TCP6 1:2:3:4:5:6:7 ", "PROXY TCP6 1:2:3:4:5:6:7:8:",
		"PROXY TCP6 1::2::", "PROXY TCP6 12345", "PROXY TCP6 :1", "PROXY TCP6 :::",
		"PROXY TCP6 1:2:3.", "PROXY TCP6 ::ffff:256.", "PROXY TCP6 1:2:3:4:5:6:7::8",
		"PROXY UNKNOWN\n", "PROXY UNKNOWN\r ", "PROXY UNKNOWNx",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct pp_header h;

		EXPECT_EQ(-EBADMSG, read_text(lines[i])) TH_LOG("%s", lines[i]);
		EXPECT_EQ(-EAGAIN, read_exact(lines[i], strlen(lines[i]) - 1, &h))
			TH_LOG("%s", lines[i]);
	}
}

/* "PROXY UNKNOWN " and enough behind it for a line of @total with its CRLF */
static int read_unknown(size_t total, size_t received)
{
	char line[256];
	struct pp_header h;

	memset(line, 'x', sizeof(line));
	memcpy(line, "PROXY UNKNOWN ", 14);
	memcpy(line + total - 2, "\r\n", 2);
	return read_exact(line, received, &h);
}

TEST(unknown_line_ends_within_107_bytes)
{
	EXPECT_EQ(106, read_unknown(106, 106));
	EXPECT_EQ(107, read_unknown(107, 107));
	EXPECT_EQ(107, read_unknown(107, 200));
	EXPECT_EQ(-EBADMSG, read_unknown(108, 108));
	EXPECT_EQ(-EBADMSG, read_unknown(200, 250));
	/* without a CR in the last place but one no CRLF can come in time */
	EXPECT_EQ(-EAGAIN, read_unknown(107, 106));
	EXPECT_EQ(-EAGAIN, read_unknown(108, 105));
	EXPECT_EQ(-EBADMSG, read_unknown(108, 106));
}

/* Only dotted quads are that long; the address alone has 45 characters here */
static int read_quads(const char *port, int *len)
{
	char line[256];

	*len = snprintf(line, sizeof(line), "PROXY TCP6 %s %s 65535 %s\r\n",
			"1000:2000:3000:4000:5000:6000:255.255.255.255",
			"1000:2000:3000:4000::255.255.255.255", port);
	return read_text(line);
}

TEST(tcp6_line_ends_within_104_bytes)
{
	int len;

	EXPECT_EQ(103, read_quads("2", &len));
	EXPECT_EQ(103, len);
	EXPECT_EQ(104, read_quads("20", &len));
	EXPECT_EQ(-EBADMSG, read_quads("200", &len));
	EXPECT_EQ(105, len);
}

/* Text that looks like an address, often a bad one */
static void random_address(char *text, size_t size, const char *separators)
{
	static const char *const parts[] = {
		"", "0", "1", "00", "01", "10", "ff", "255", "256", "abcd", "FFFF", "12345",
	};
	size_t len = 0;

	for (int part = random_below(12); part >= 0; part--) {
		const char *digits = parts[random_below(ARRAY_SIZE(parts))];
		char separator = separators[random_below(strlen(separators))];

		len += snprintf(text + len, size - len, "%s", digits);
		if (part)
			len += snprintf(text + len, size - len, "%c", separator);
	}
}

static void good_or_random_ipv6(char *text, size_t size)
{
	struct pp_endpoint end;

	if (random_below(3) == 0) {
		random_address(text, size, "::::::::.");
		return;
	}
	random_endpoint(&end, AF_INET6);
	inet_ntop(AF_INET6, &end.addr, text, size);
	/* one character off */
	if (random_below(2) && *text)
		text[random_below(strlen(text))] = "0123456789abcF:."[random_below(16)];
}

TEST(ipv6_addresses_as_inet_pton)
{
	int accepted = 0;

	for (int i = 0; i < 200000; i++) {
		char text[128], line[256];
		struct pp_header h;
		struct in6_addr want;
		int len, ret;
		bool good;

		good_or_random_ipv6(text, sizeof(text));
		len = snprintf(line, sizeof(line), "PROXY TCP6 %s :: 1 2\r\n", text);
		good = inet_pton(AF_INET6, text, &want) == 1;
		ret = read_exact(line, len, &h);
		ASSERT_EQ(good ? len : -EBADMSG, ret) TH_LOG("%s", text);
		if (good) {
			ASSERT_EQ(0, memcmp(&want, &h.src.addr.in6, 16)) TH_LOG("%s", text);
		}
		accepted += good;
	}
	EXPECT_GT(accepted, 50000);
	EXPECT_LT(accepted, 190000);
}

TEST(ipv4_addresses_as_inet_pton)
{
	int accepted = 0;

	for (int i = 0; i < 200000; i++) {
		char text[128], line[256];
		struct pp_header h;
		struct in_addr want;
		int len, ret;
		bool good;

		if (random_below(2)) {
			random_address(text, sizeof(text), ".");
		} else {
			u32 ip = random_u32();

			inet_ntop(AF_INET, &ip, text, sizeof(text));
			if (random_below(2))
				text[random_below(strlen(text))] = "0123456789."[random_below(11)];
		}
		len = snprintf(line, sizeof(line), "PROXY TCP4 1.2.3.4 %s 1 2\r\n", text);
		good = inet_pton(AF_INET, text, &want) == 1;
		ret = read_exact(line, len, &h);
		ASSERT_EQ(good ? len : -EBADMSG, ret) TH_LOG("%s", text);
		if (good) {
			ASSERT_EQ(want.s_addr, h.dst.addr.ip) TH_LOG("%s", text);
		}
		accepted += good;
	}
	EXPECT_GT(accepted, 30000);
	EXPECT_LT(accepted, 190000);
}

TEST(every_port)
{
	for (int port = 0; port < 70000; port++) {
		char line[64];
		struct pp_header h;
		int len = snprintf(line, sizeof(line), "PROXY TCP4 1.2.3.4 5.6.7.8 %d %d\r\n",
				   port, 65535 - port % 65536);

		ASSERT_EQ(port < 65536 ? len : -EBADMSG, read_exact(line, len, &h));
		if (port < 65536) {
			ASSERT_EQ(port, ntohs(h.src.port));
			ASSERT_EQ(65535 - port, ntohs(h.dst.port));
		}
	}
}

TEST_HARNESS_MAIN
