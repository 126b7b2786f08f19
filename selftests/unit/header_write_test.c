// SPDX-License-Identifier: GPL-2.0
/*
 * pp_proto_header_write(): the exact bytes, what it refuses, how much room it needs,
 * and that pp_proto_header_read() reads what it wrote.
 */
#include <stdio.h>

#include "proto/tlv.h"
#include "unit.h"
#include "kselftest_harness.h"

#define SIG PP_HEADER_V2_SIGNATURE

static struct pp_header make(u8 version, u8 command, const char *src, const char *dst,
			     u16 sport, u16 dport)
{
	struct pp_header h = { .version = version, .command = command };

	if (!src)
		return h;
	h.src.family = strchr(src, ':') ? AF_INET6 : AF_INET;
	h.dst.family = strchr(dst, ':') ? AF_INET6 : AF_INET;
	inet_pton(h.src.family, src, &h.src.addr);
	inet_pton(h.dst.family, dst, &h.dst.addr);
	h.src.port = htons(sport);
	h.dst.port = htons(dport);
	return h;
}

/* pp_proto_header_write() into a buffer of just @size bytes */
static int write_exact(u8 *out, size_t size, const struct pp_header *h)
{
	u8 *buf = malloc(size);
	int ret;

	memset(buf, 0xaa, size);
	ret = pp_proto_header_write(buf, size, h);
	memcpy(out, buf, size);
	free(buf);
	return ret;
}

static bool writes(const struct pp_header *h, const char *bytes, size_t len)
{
	u8 buf[PP_HEADER_SEND_MAX];

	return pp_proto_header_write(buf, sizeof(buf), h) == (int)len && !memcmp(buf, bytes, len);
}

#define EXPECT_WRITES(h, bytes) do { \
	struct pp_header header = h; \
	EXPECT_TRUE(writes(&header, bytes, sizeof(bytes) - 1)); \
} while (0)

TEST(v2_bytes)
{
	EXPECT_WRITES(make(2, PP_HEADER_PROXY, "192.0.2.1", "198.51.100.7", 56068, 443),
		      SIG "\x21\x11\0\x0c"
		      "\xc0\x00\x02\x01" "\xc6\x33\x64\x07" "\xdb\x04\x01\xbb");
	EXPECT_WRITES(make(2, PP_HEADER_PROXY, "2001:db8::1", "fe80::2", 1, 65535),
		      SIG "\x21\x21\0\x24"
		      "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
		      "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x02" "\0\x01\xff\xff");
	EXPECT_WRITES(make(2, PP_HEADER_LOCAL, NULL, NULL, 0, 0), SIG "\x20\0\0\0");
	EXPECT_WRITES(make(2, PP_HEADER_LOCAL, "1.2.3.4", "5.6.7.8", 1, 2), SIG "\x20\0\0\0");
}

TEST(v1_bytes)
{
	EXPECT_WRITES(make(1, PP_HEADER_PROXY, "192.0.2.1", "198.51.100.7", 56068, 443),
		      "PROXY TCP4 192.0.2.1 198.51.100.7 56068 443\r\n");
	EXPECT_WRITES(make(1, PP_HEADER_PROXY, "0.0.0.0", "255.255.255.255", 0, 65535),
		      "PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n");
	EXPECT_WRITES(make(1, PP_HEADER_PROXY, "2001:DB8::1", "::", 1, 10),
		      "PROXY TCP6 2001:db8::1 :: 1 10\r\n");
	EXPECT_WRITES(make(1, PP_HEADER_LOCAL, "1.2.3.4", "5.6.7.8", 1, 2), "PROXY UNKNOWN\r\n");
	EXPECT_WRITES(make(1, PP_HEADER_LOCAL, NULL, NULL, 0, 0), "PROXY UNKNOWN\r\n");
	EXPECT_WRITES(make(1, PP_HEADER_PROXY, NULL, NULL, 0, 0), "PROXY UNKNOWN\r\n");
}

TEST(v1_ipv6_text)
{
	static const char *const pairs[][2] = {
		{ "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
		{ "0:2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8" },	/* one zero is written */
		{ "1:0:0:4:5:0:0:8", "1::4:5:0:0:8" },		/* the first of equals */
		{ "1:0:0:4:0:0:0:8", "1:0:0:4::8" },		/* the longest */
		{ "0:0:0:4:0:0:0:0", "0:0:0:4::" },
		{ "::1", "::1" },
		{ "1::", "1::" },
		{ "::ffff:192.0.2.1", "::ffff:c000:201" },	/* no dotted quad */
		{ "::192.0.2.1", "::c000:201" },
		{ "a:bc:def:10:100:1000:f:0", "a:bc:def:10:100:1000:f:0" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct pp_header h = make(1, PP_HEADER_PROXY, pairs[i][0], "::", 0, 0);
		char want[128];

		snprintf(want, sizeof(want), "PROXY TCP6 %s :: 0 0\r\n", pairs[i][1]);
		EXPECT_TRUE(writes(&h, want, strlen(want))) TH_LOG("%s", pairs[i][0]);
	}
}

TEST(what_cannot_be_written_is_refused)
{
	struct pp_header good = make(2, PP_HEADER_PROXY, "1.2.3.4", "5.6.7.8", 1, 2), h;
	u8 buf[PP_HEADER_SEND_MAX];

	for (int version = 0; version < 256; version++) {
		h = good;
		h.version = version;
		if (version != 1 && version != 2) {
			EXPECT_EQ(-EINVAL, pp_proto_header_write(buf, sizeof(buf), &h));
		}
	}
	for (int command = 2; command < 256; command++) {
		h = good;
		h.command = command;
		EXPECT_EQ(-EINVAL, pp_proto_header_write(buf, sizeof(buf), &h));
	}
	h = good;
	h.dst.family = AF_INET6;
	EXPECT_EQ(-EINVAL, pp_proto_header_write(buf, sizeof(buf), &h));
	h.version = 1;
	EXPECT_EQ(-EINVAL, pp_proto_header_write(buf, sizeof(buf), &h));
	h.src.family = AF_UNIX;
	h.dst.family = AF_UNIX;
	EXPECT_EQ(-EINVAL, pp_proto_header_write(buf, sizeof(buf), &h));
	h.src.family = AF_UNSPEC;
	h.dst.family = AF_UNSPEC;
	h.version = 2;
	EXPECT_EQ(-EINVAL, pp_proto_header_write(buf, sizeof(buf), &h));
}

TEST(tlvs_follow_the_addresses)
{
	struct pp_header h = make(2, PP_HEADER_PROXY, "1.2.3.4", "5.6.7.8", 1, 2), got;
	u8 tlvs[3 + 300 + 3 + 4], buf[PP_HEADER_SEND_MAX], *p;
	char value[300];

	memset(value, 'x', sizeof(value));
	p = pp_proto_tlv_put(tlvs, PP_TLV_CUSTOM_FIRST, value, sizeof(value));
	p = pp_proto_tlv_put(p, PP_TLV_CRC32C, NULL, 4);
	ASSERT_EQ(tlvs + sizeof(tlvs), p);
	EXPECT_EQ(0, memcmp(tlvs, "\xe0\x01\x2cx", 4));
	EXPECT_EQ(0, memcmp(tlvs + 303, "\x03\0\x04\0\0\0", 7));
	h.tlvs = tlvs;
	h.tlv_len = sizeof(tlvs);
	EXPECT_EQ(-EMSGSIZE, pp_proto_header_write(buf, 28 + sizeof(tlvs) - 1, &h));
	ASSERT_EQ((int)(28 + sizeof(tlvs)), pp_proto_header_write(buf, sizeof(buf), &h));
	EXPECT_EQ(0, memcmp(buf + 28, tlvs, sizeof(tlvs)));
	ASSERT_EQ((int)(28 + sizeof(tlvs)), pp_proto_header_read(buf, 28 + sizeof(tlvs), &got));
	EXPECT_EQ(28, got.tlv_off);
	EXPECT_EQ((int)sizeof(tlvs), got.tlv_len);
	h.command = PP_HEADER_LOCAL;
	EXPECT_EQ(-EINVAL, pp_proto_header_write(buf, sizeof(buf), &h));
	h.command = PP_HEADER_PROXY;
	h.version = 1;
	EXPECT_EQ(-EINVAL, pp_proto_header_write(buf, sizeof(buf), &h));
}

TEST(too_small_a_buffer_is_left_alone)
{
	const struct pp_header headers[] = {
		make(2, PP_HEADER_LOCAL, NULL, NULL, 0, 0),
		make(2, PP_HEADER_PROXY, "1.2.3.4", "5.6.7.8", 1, 2),
		make(2, PP_HEADER_PROXY, "::1", "::2", 1, 2),
		make(1, PP_HEADER_PROXY, NULL, NULL, 0, 0),
		make(1, PP_HEADER_PROXY, "1.2.3.4", "5.6.7.8", 1, 2),
		make(1, PP_HEADER_PROXY, "::1", "::2", 1, 2),
	};
	static const int lengths[] = { 16, 28, 52, 15, 32, 24 };
	u8 buf[PP_HEADER_SEND_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		for (int size = 0; size < lengths[i]; size++) {
			ASSERT_EQ(-EMSGSIZE, write_exact(buf, size, &headers[i]));
			for (int at = 0; at < size; at++) {
				ASSERT_EQ(0xaa, buf[at]);
			}
		}
		EXPECT_EQ(lengths[i], write_exact(buf, lengths[i], &headers[i]));
		/* nothing is written behind the header */
		EXPECT_EQ(lengths[i], write_exact(buf, lengths[i] + 1, &headers[i]));
		EXPECT_EQ(0xaa, buf[lengths[i]]);
	}
}

TEST(longest_headers)
{
	const char *ones = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
	const char *ones4 = "255.255.255.255";
	struct pp_header h = make(1, PP_HEADER_PROXY, ones, ones, 65535, 65535);
	u8 buf[PP_HEADER_SEND_MAX];

	EXPECT_EQ(104, pp_proto_header_write(buf, sizeof(buf), &h));
	h = make(1, PP_HEADER_PROXY, ones4, ones4, 65535, 65535);
	EXPECT_EQ(56, pp_proto_header_write(buf, sizeof(buf), &h));
}

TEST(what_is_written_is_read)
{
	for (int i = 0; i < 200000; i++) {
		u16 family = random_below(2) ? AF_INET : AF_INET6;
		struct pp_header h = { .version = 1 + random_below(2), .command = PP_HEADER_PROXY };
		struct pp_header back;
		u8 buf[PP_HEADER_V1_MAX];
		int len;

		random_endpoint(&h.src, family);
		random_endpoint(&h.dst, family);
		len = pp_proto_header_write(buf, sizeof(buf), &h);
		ASSERT_GT(len, 0);
		ASSERT_EQ(len, read_exact(buf, len, &back)) TH_LOG("%.*s", len, buf);
		ASSERT_EQ(h.version, back.version);
		ASSERT_EQ(PP_HEADER_PROXY, back.command);
		ASSERT_EQ(family == AF_INET ? PP_HEADER_TCP4 : PP_HEADER_TCP6, back.family_proto);
		ASSERT_TRUE(same_endpoint(&h.src, &back.src)) TH_LOG("%.*s", len, buf);
		ASSERT_TRUE(same_endpoint(&h.dst, &back.dst)) TH_LOG("%.*s", len, buf);
	}
}

/* inet_ntop() writes what we write, except for its dotted quads */
TEST(v1_text_as_inet_ntop)
{
	int compared = 0;

	for (int i = 0; i < 200000; i++) {
		u16 family = random_below(2) ? AF_INET : AF_INET6;
		struct pp_header h = { .version = 1, .command = PP_HEADER_PROXY };
		char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN], want[128];
		int len;

		random_endpoint(&h.src, family);
		random_endpoint(&h.dst, family);
		inet_ntop(family, &h.src.addr, src, sizeof(src));
		inet_ntop(family, &h.dst.addr, dst, sizeof(dst));
		if (family == AF_INET6 && (strchr(src, '.') || strchr(dst, '.')))
			continue;
		len = snprintf(want, sizeof(want), "PROXY TCP%d %s %s %u %u\r\n",
			       family == AF_INET ? 4 : 6, src, dst,
			       ntohs(h.src.port), ntohs(h.dst.port));
		ASSERT_TRUE(writes(&h, want, len)) TH_LOG("%s", want);
		compared++;
	}
	EXPECT_GT(compared, 150000);
}

TEST_HARNESS_MAIN
