// SPDX-License-Identifier: GPL-2.0
/*
 * pp_proto_stack_read(): several headers in a row, how many are wanted, which one names the client,
 * and the longest ones.
 */
#include "unit.h"
#include "proto/header_stack.h"
#include "kselftest_harness.h"

#define LINE_A "PROXY TCP4 192.0.2.1 198.51.100.1 1111 80\r\n"
#define LINE_B "PROXY TCP6 2001:db8::2 2001:db8::3 2222 443\r\n"
#define UNKNOWN "PROXY UNKNOWN\r\n"

/* The result for a buffer of just these bytes, so that a read beyond them is seen */
static int stack_of(const void *bytes, size_t len, unsigned int want, struct pp_stack *stack)
{
	u8 *copy = malloc(len ? len : 1);
	int ret;

	memcpy(copy, bytes, len);
	ret = pp_proto_stack_read(copy, len, want, stack);
	free(copy);
	return ret;
}

static int stack_of_text(const char *text, unsigned int want, struct pp_stack *stack)
{
	return stack_of(text, strlen(text), want, stack);
}

/* A v2 header of TCP4 with one TLV, @total bytes in all */
static void put_long(u8 *buf, size_t total)
{
	size_t len = total - PP_HEADER_V2_FIXED, tlv = total - PP_HEADER_V2_FIXED - 12 - 3;

	memset(buf, 0, total);
	memcpy(buf, PP_HEADER_V2_SIGNATURE, PP_HEADER_V2_SIGNATURE_LEN);
	buf[12] = 0x21;
	buf[13] = PP_HEADER_TCP4;
	buf[14] = len >> 8;
	buf[15] = len;
	buf[PP_HEADER_V2_FIXED + 12] = 0xe0;
	buf[PP_HEADER_V2_FIXED + 13] = tlv >> 8;
	buf[PP_HEADER_V2_FIXED + 14] = tlv;
}

TEST(the_last_header_names_the_client)
{
	struct pp_stack stack;

	ASSERT_EQ((int)strlen(LINE_A LINE_B), stack_of_text(LINE_A LINE_B "data", 2, &stack));
	EXPECT_EQ(2, stack.count);
	EXPECT_EQ(AF_INET6, stack.named.src.family);
	EXPECT_EQ(2222, ntohs(stack.named.src.port));
	EXPECT_EQ(strlen(LINE_A), stack.start);
	EXPECT_EQ(strlen(LINE_A LINE_B), stack.end);
}

TEST(no_more_than_wanted_are_read)
{
	struct pp_stack stack;

	ASSERT_EQ((int)strlen(LINE_A), stack_of_text(LINE_A LINE_B, 1, &stack));
	EXPECT_EQ(1, stack.count);
	EXPECT_EQ(1111, ntohs(stack.named.src.port));
}

TEST(fewer_than_wanted_wait_or_are_refused)
{
	static const char both[] = LINE_A LINE_B;
	struct pp_stack stack;
	size_t len;

	for (len = 0; len < sizeof(both) - 1; len++)
		ASSERT_EQ(-EAGAIN, stack_of(both, len, 2, &stack)) TH_LOG("%zu", len);
	EXPECT_EQ(-EBADMSG, stack_of_text(LINE_A "data", 2, &stack));
	EXPECT_EQ(-EBADMSG, stack_of_text(LINE_A "PROXY TCP5", 2, &stack));
	EXPECT_EQ(-EBADMSG, stack_of_text("data" LINE_A, 2, &stack));
}

TEST(a_header_without_addresses_is_the_last_one)
{
	static const u8 local[16] = "\r\n\r\n\0\r\nQUIT\n\x20";
	struct pp_stack stack;
	u8 bytes[128];

	ASSERT_EQ((int)strlen(UNKNOWN), stack_of_text(UNKNOWN LINE_A, 8, &stack));
	EXPECT_EQ(1, stack.count);
	EXPECT_EQ(AF_UNSPEC, stack.named.src.family);

	ASSERT_EQ((int)strlen(LINE_A UNKNOWN), stack_of_text(LINE_A UNKNOWN LINE_B, 8, &stack));
	EXPECT_EQ(2, stack.count);
	EXPECT_EQ(1111, ntohs(stack.named.src.port));
	EXPECT_EQ(0, stack.start);
	EXPECT_EQ(strlen(LINE_A), stack.end);

	memcpy(bytes, LINE_A, strlen(LINE_A));
	memcpy(bytes + strlen(LINE_A), local, sizeof(local));
	ASSERT_EQ((int)(strlen(LINE_A) + sizeof(local)),
		  stack_of(bytes, strlen(LINE_A) + sizeof(local), 3, &stack));
	EXPECT_EQ(1111, ntohs(stack.named.src.port));
}

TEST(tlvs_are_found_from_the_beginning_of_all)
{
	u8 bytes[256];
	struct pp_stack stack;

	memcpy(bytes, LINE_A, strlen(LINE_A));
	put_long(bytes + strlen(LINE_A), 50);
	ASSERT_EQ((int)strlen(LINE_A) + 50, stack_of(bytes, strlen(LINE_A) + 50, 2, &stack));
	EXPECT_EQ(strlen(LINE_A) + 28, stack.named.tlv_off);
	EXPECT_EQ(22, stack.named.tlv_len);
}

TEST(all_together_have_a_longest_length)
{
	static u8 bytes[2 * PP_HEADER_READ_MAX];
	struct pp_stack stack;
	size_t len;

	put_long(bytes, 4000);
	put_long(bytes + 4000, 96);
	EXPECT_EQ(4096, stack_of(bytes, 4096, 2, &stack));
	EXPECT_EQ(4096, stack_of(bytes, 4096 + 9, 2, &stack));
	put_long(bytes + 4000, 97);
	EXPECT_EQ(-EBADMSG, stack_of(bytes, 4097, 2, &stack));
	for (len = 4000; len < 4096; len++)
		ASSERT_EQ(-EAGAIN, stack_of(bytes, len, 2, &stack));
	EXPECT_EQ(-EBADMSG, stack_of(bytes, 4096, 2, &stack));
	/* A line whose end comes too late */
	put_long(bytes, 4090);
	memcpy(bytes + 4090, LINE_A, strlen(LINE_A));
	EXPECT_EQ(-EAGAIN, stack_of(bytes, 4095, 2, &stack));
	EXPECT_EQ(-EBADMSG, stack_of(bytes, 4096, 2, &stack));
	/* Nothing has come of the last one, and there is no room for it */
	put_long(bytes, 4096);
	EXPECT_EQ(-EBADMSG, stack_of(bytes, 4096, 2, &stack));
}

TEST_HARNESS_MAIN
