// SPDX-License-Identifier: GPL-2.0
/*
 * pp_proto_tlv_next(): a walk over complete TLVs and over those still arriving.
 */
#include "proto/tlv.h"
#include "unit.h"
#include "kselftest_harness.h"

/* Walks to the end; returns the last result, and the TLVs seen in *count */
static int walk_all(const void *bytes, size_t have, size_t left, int *count)
{
	u8 *copy = malloc(have);
	struct pp_tlv_walk walk = { .pos = copy, .have = have, .left = left };
	struct pp_tlv tlv;
	int ret;

	if (have)
		memcpy(copy, bytes, have);
	*count = 0;
	while ((ret = pp_proto_tlv_next(&walk, &tlv)) > 0)
		++*count;
	free(copy);
	return ret;
}

TEST(tlvs_are_returned_in_order)
{
	const u8 bytes[] = "\x02\0\x05" "a.org" "\x04\0\0" "\xee\0\x02" "\x01\xff";
	struct pp_tlv_walk walk = { bytes, sizeof(bytes) - 1, sizeof(bytes) - 1 };
	struct pp_tlv tlv;

	ASSERT_EQ(1, pp_proto_tlv_next(&walk, &tlv));
	EXPECT_EQ(0x02, tlv.type);
	EXPECT_EQ(5, tlv.len);
	EXPECT_EQ(0, memcmp("a.org", tlv.value, 5));
	ASSERT_EQ(1, pp_proto_tlv_next(&walk, &tlv));
	EXPECT_EQ(0x04, tlv.type);
	EXPECT_EQ(0, tlv.len);
	ASSERT_EQ(1, pp_proto_tlv_next(&walk, &tlv));
	EXPECT_EQ(0xee, tlv.type);
	EXPECT_EQ(2, tlv.len);
	EXPECT_EQ(bytes + sizeof(bytes) - 3, tlv.value);
	EXPECT_EQ(0, pp_proto_tlv_next(&walk, &tlv));
	EXPECT_EQ(0, pp_proto_tlv_next(&walk, &tlv));
}

TEST(length_has_sixteen_bits)
{
	static u8 bytes[3 + 0x0123] = { 0x04, 0x01, 0x23 };
	int count;

	EXPECT_EQ(0, walk_all(bytes, sizeof(bytes), sizeof(bytes), &count));
	EXPECT_EQ(1, count);
}

TEST(stray_bytes_are_refused_before_they_arrive)
{
	int count;

	EXPECT_EQ(0, walk_all("", 0, 0, &count));
	EXPECT_EQ(-EBADMSG, walk_all("", 0, 1, &count));
	EXPECT_EQ(-EBADMSG, walk_all("", 0, 2, &count));
	EXPECT_EQ(-EAGAIN, walk_all("", 0, 3, &count));
	EXPECT_EQ(-EBADMSG, walk_all("\x04\0\x01", 3, 5, &count));
	EXPECT_EQ(-EBADMSG, walk_all("\x04\0\x01", 3, 6, &count));
	EXPECT_EQ(-EAGAIN, walk_all("\x04\0\x01", 3, 7, &count));
}

TEST(overrun_is_refused_with_the_byte_that_tells)
{
	int count;

	EXPECT_EQ(-EAGAIN, walk_all("\x04", 1, 10, &count));
	EXPECT_EQ(-EBADMSG, walk_all("\x04\x01", 2, 10, &count));
	EXPECT_EQ(-EAGAIN, walk_all("\x04\0", 2, 10, &count));
	EXPECT_EQ(-EBADMSG, walk_all("\x04\0\x08", 3, 10, &count));
	EXPECT_EQ(-EAGAIN, walk_all("\x04\0\x07", 3, 10, &count));
	EXPECT_EQ(-EBADMSG, walk_all("\x04\xff\xff", 3, 10, &count));
}

/* A random chain of TLVs, cut anywhere: it waits, and whole it is right */
TEST(random_chains)
{
	for (int i = 0; i < 2000; i++) {
		int tlvs = random_below(6), count;
		u8 bytes[512];
		size_t len = 0;

		for (int n = 0; n < tlvs; n++) {
			u8 value = random_below(80);

			bytes[len] = random_u32();
			bytes[len + 1] = 0;
			bytes[len + 2] = value;
			memset(bytes + len + 3, random_u32(), value);
			len += 3 + value;
		}
		for (size_t have = 0; have < len; have++) {
			ASSERT_EQ(-EAGAIN, walk_all(bytes, have, len, &count));
		}
		ASSERT_EQ(0, walk_all(bytes, len, len, &count));
		ASSERT_EQ(tlvs, count);
	}
}

TEST_HARNESS_MAIN
