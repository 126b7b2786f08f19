// SPDX-License-Identifier: GPL-2.0
/*
 * pp_proto_header_read(): good headers of both versions, arriving in parts, and v2
 * headers of every command, family and length.
 */
#include "unit.h"
#include "kselftest_harness.h"

#define SIG PP_HEADER_V2_SIGNATURE

static bool endpoint_is(const struct pp_endpoint *end, const char *addr, u16 port)
{
	int family = addr && strchr(addr, ':') ? AF_INET6 : AF_INET;
	struct pp_endpoint want = { .port = htons(port) };

	if (!addr)
		return end->family == AF_UNSPEC;
	want.family = family;
	return inet_pton(family, addr, &want.addr) == 1 && same_endpoint(end, &want);
}

/* A v2 header with @len bytes behind the fixed part; returns all of them */
static size_t make_v2(u8 *buf, u8 ver_cmd, u8 fam, size_t len, u8 fill)
{
	memset(buf, fill, PP_HEADER_V2_FIXED + len);
	memcpy(buf, SIG, PP_HEADER_V2_SIGNATURE_LEN);
	buf[12] = ver_cmd;
	buf[13] = fam;
	buf[14] = len >> 8;
	buf[15] = len;
	return PP_HEADER_V2_FIXED + len;
}

/* make_v2() and pp_proto_header_read() */
static int read_v2(u8 ver_cmd, u8 fam, size_t len, u8 fill, struct pp_header *h)
{
	static u8 buf[PP_HEADER_V2_FIXED + 65536];
	size_t total = make_v2(buf, ver_cmd, fam, len, fill);

	return read_exact(buf, total, h);
}

static int address_size(u8 fam)
{
	static const int sizes[256] = {
		[0x11] = 12, [0x12] = 12, [0x21] = 36, [0x22] = 36, [0x31] = 216, [0x32] = 216,
	};

	return sizes[fam];
}

TEST(vectors_are_read)
{
	for (size_t i = 0; i < vector_count; i++) {
		const struct vector *v = &vectors[i];
		struct pp_header h;

		ASSERT_EQ((int)v->len, read_exact(v->bytes, v->len, &h)) TH_LOG("%s", v->name);
		EXPECT_EQ(v->bytes[0] == 'P' ? 1 : 2, h.version) TH_LOG("%s", v->name);
		EXPECT_EQ(v->command, h.command) TH_LOG("%s", v->name);
		EXPECT_EQ(v->family_proto, h.family_proto) TH_LOG("%s", v->name);
		EXPECT_TRUE(endpoint_is(&h.src, v->src, v->sport)) TH_LOG("%s", v->name);
		EXPECT_TRUE(endpoint_is(&h.dst, v->dst, v->dport)) TH_LOG("%s", v->name);
		EXPECT_EQ(v->tlv_len, h.tlv_len) TH_LOG("%s", v->name);
		EXPECT_EQ(v->tlv_len ? v->len - v->tlv_len : h.tlv_off, h.tlv_off);
	}
}

TEST(nothing_is_read_of_an_empty_stream)
{
	struct pp_header h;

	EXPECT_EQ(-EAGAIN, read_exact("", 0, &h));
}

TEST(every_beginning_waits_for_more)
{
	for (size_t i = 0; i < vector_count; i++) {
		const struct vector *v = &vectors[i];
		struct pp_header h;

		for (size_t len = 0; len < v->len; len++) {
			ASSERT_EQ(-EAGAIN, read_exact(v->bytes, len, &h))
				TH_LOG("%s: %zu bytes", v->name, len);
		}
	}
}

TEST(what_follows_the_header_is_not_looked_at)
{
	char stream[2 * PP_HEADER_READ_MAX];

	for (size_t i = 0; i < vector_count; i++) {
		const struct vector *v = &vectors[i];
		struct pp_header h;

		for (int fill = 0; fill < 256; fill++) {
			memset(stream, fill, sizeof(stream));
			memcpy(stream, v->bytes, v->len);
			ASSERT_EQ((int)v->len, read_exact(stream, v->len + 1, &h));
			ASSERT_EQ((int)v->len, read_exact(stream, sizeof(stream), &h));
		}
	}
}

TEST(header_is_left_alone_unless_complete)
{
	struct pp_header h, before;

	memset(&h, 0x5a, sizeof(h));
	before = h;
	EXPECT_EQ(-EAGAIN, read_exact(SIG "\x21\x11\0\x0c", 16, &h));
	EXPECT_EQ(0, memcmp(&before, &h, sizeof(h)));
	EXPECT_EQ(-EAGAIN, read_exact("PROXY TCP4 1.2.3.4 5", 20, &h));
	EXPECT_EQ(-EBADMSG, read_exact("PROXY TCP4 1.2.3.4 x", 20, &h));
	EXPECT_EQ(0, memcmp(&before, &h, sizeof(h)));
}

/* "Wait" means that some byte leads on; "bad" means that none ever will */
TEST(every_byte_after_every_beginning)
{
	char stream[PP_HEADER_READ_MAX];

	for (size_t i = 0; i < vector_count; i++) {
		const struct vector *v = &vectors[i];

		for (size_t len = 0; len < v->len; len++) {
			int open = 0;

			memcpy(stream, v->bytes, v->len);
			for (int c = 0; c < 256; c++) {
				struct pp_header h;
				int ret;

				stream[len] = c;
				ret = read_exact(stream, len + 1, &h);
				open += ret != -EBADMSG;
				if (ret > 0) {
					ASSERT_EQ((int)len + 1, ret) TH_LOG("%s", v->name);
				}
				if (ret != -EBADMSG)
					continue;
				/* refused once, refused with all that may come */
				ASSERT_EQ(-EBADMSG, read_exact(stream, v->len, &h))
					TH_LOG("%s: byte %zu = %#x", v->name, len, c);
			}
			ASSERT_GT(open, 0) TH_LOG("%s: byte %zu", v->name, len);
		}
	}
}

/* Random walks: from any state that waits, a byte leads on, up to an end */
TEST(whatever_waits_can_be_completed)
{
	const char *text = "PROXYTCP46UNKW :.0123456789abcdefF\r\n";

	for (int walk = 0; walk < 3000; walk++) {
		char stream[PP_HEADER_V1_MAX + 1] = "PROXY TCP6 ";
		size_t len = strlen(stream);
		int ret = -EAGAIN;

		while (ret == -EAGAIN) {
			size_t first = random_below(strlen(text)), i;
			struct pp_header h;

			ASSERT_LT(len, sizeof(stream));
			for (i = 0; i < strlen(text); i++) {
				stream[len] = text[(first + i) % strlen(text)];
				ret = read_exact(stream, len + 1, &h);
				if (ret != -EBADMSG)
					break;
			}
			len++;
		}
		/* a long dotted quad may run into the cap; nothing else is a dead end */
		if (ret != (int)len) {
			ASSERT_GE((int)len, 104) TH_LOG("%.*s", (int)len, stream);
		}
	}
}

TEST(first_byte_decides)
{
	for (int c = 0; c < 256; c++) {
		struct pp_header h;
		u8 byte = c;

		EXPECT_EQ(c == 'P' || c == '\r' ? -EAGAIN : -EBADMSG, read_exact(&byte, 1, &h));
	}
}

/* 64 KiB: every byte 13 with every byte 14, with room for any address block */
TEST(every_version_command_family_and_protocol)
{
	for (int i = 0; i < 65536; i++) {
		int version = i >> 12, command = i >> 8 & 0xf, fam = i & 0xff;
		bool legal = fam >> 4 <= 3 && (fam & 0xf) <= 2;
		bool good = version == 2 && (command == 0 || (command == 1 && legal));
		bool tcp = command == 1 && (fam == 0x11 || fam == 0x21);
		struct pp_header h;

		ASSERT_EQ(good ? 232 : -EBADMSG, read_v2(i >> 8, fam, 216, 0, &h))
			TH_LOG("%#x", i);
		if (!good)
			continue;
		ASSERT_EQ(command, h.command);
		ASSERT_EQ(fam, h.family_proto);
		ASSERT_EQ(!tcp ? AF_UNSPEC : fam == 0x11 ? AF_INET : AF_INET6, h.src.family);
		ASSERT_EQ(h.src.family, h.dst.family);
	}
}

TEST(command_and_family_are_refused_before_the_length_arrives)
{
	struct pp_header h;

	EXPECT_EQ(-EBADMSG, read_exact(SIG "\x11", 13, &h));
	EXPECT_EQ(-EBADMSG, read_exact(SIG "\x22", 13, &h));
	EXPECT_EQ(-EAGAIN, read_exact(SIG "\x21", 13, &h));
	EXPECT_EQ(-EBADMSG, read_exact(SIG "\x21\x41", 14, &h));
	EXPECT_EQ(-EBADMSG, read_exact(SIG "\x21\x13", 14, &h));
	EXPECT_EQ(-EAGAIN, read_exact(SIG "\x20\x41", 14, &h));
	EXPECT_EQ(-EBADMSG, read_exact(SIG "\x20\x00\x10", 15, &h));
	EXPECT_EQ(-EAGAIN, read_exact(SIG "\x20\x00\x0f", 15, &h));
}

/* Every length of every family; the fill 0 is a chain of empty TLVs */
TEST(every_length_of_every_family)
{
	const size_t most = PP_HEADER_READ_MAX - PP_HEADER_V2_FIXED;

	for (int fam = 0; fam < 0x33; fam++) {
		size_t size = address_size(fam);

		if ((fam & 0xf) > 2)
			continue;
		for (size_t len = 0; len < most + 3; len += len < 300 || len > most - 9 ? 1 : 7) {
			bool fits = len <= most;
			bool whole = !size || (len >= size && (len - size) % 3 == 0);
			struct pp_header h;

			ASSERT_EQ(fits ? (int)len + 16 : -EBADMSG,
				  read_v2(0x20, fam, len, 0xff, &h));
			if (fits) {
				ASSERT_EQ(0, h.tlv_len);
			}
			ASSERT_EQ(fits && whole ? (int)len + 16 : -EBADMSG,
				  read_v2(0x21, fam, len, 0, &h)) TH_LOG("%#x %zu", fam, len);
		}
	}
}

TEST(longest_length_field_is_refused)
{
	struct pp_header h;

	EXPECT_EQ(-EBADMSG, read_v2(0x20, 0, 65535, 0, &h));
	EXPECT_EQ(-EBADMSG, read_v2(0x21, 0x11, 65535, 0, &h));
}

TEST(tlvs_must_fill_the_header)
{
	u8 buf[64];
	struct pp_header h;

	for (size_t room = 0; room < 16; room++) {
		for (size_t tlv = 0; tlv < 16; tlv++) {
			size_t len = make_v2(buf, 0x21, 0x11, 12 + room, 0);
			int rest = (int)room - 3 - (int)tlv;
			bool good = !room || (rest >= 0 && rest % 3 == 0);

			buf[30] = room >= 3 ? tlv : 0;
			ASSERT_EQ(good ? (int)len : -EBADMSG, read_exact(buf, len, &h))
				TH_LOG("room %zu, tlv %zu", room, tlv);
			/* the promise: no later than with the bytes that tell */
			if (!good && rest < 3 && room) {
				ASSERT_EQ(-EBADMSG, read_exact(buf, room < 3 ? 16 : 31, &h));
			}
		}
	}
}

TEST_HARNESS_MAIN
