// SPDX-License-Identifier: GPL-2.0
/*
 * pp_netlink_fuzz random: sends valid messages in which some bytes, lengths or
 * attributes were changed at random. Any answer is right; the kernel must live
 * through it. The same seed gives the same messages.
 */
#include <stdio.h>
#include <string.h>

#include <linux/genetlink.h>

#include "pp_netlink.h"

/* Accepted rules are deleted that often, so that dumps stay short */
#define FLUSH_EVERY	500
#define HEADERS		(NLMSG_HDRLEN + GENL_HDRLEN)

static const char * const valid[] = {
	"add rule{ direction=1 to:0a010203 ports{ first=80 last=89 } version=1 comment\"web",
	"add rule{ direction=1 to:0a010000 to_len=16 mark=0x10 mask=0xf0 origin=1 comment\"a_b",
	"add rule{ direction=1 to:fd000000000000000000000000000001 to_len=128 ports{ first=443 }",
	"add rule{ direction=1 to:fd000000000000000000000000000000 to_len=64 ports*8 mark=5",
	"add rule{ direction=1 ports{ first=1000 last=1999 } ports{ first=3000 last=3001 } version=2",
	"add rule{ direction=1 comment\"................................................................",
	"add rule{ direction=2 to:0a010203 from{ prefix:0a000001 } from{ prefix:0a000000 prefix_len=8 }",
	"find rule{ direction=2 to:0a000002 ports{ first=22 } from{ prefix:0a000001 } }",
	"add rule{ direction=2 ports{ first=22 last=25 } from{ } header=1 timeout=10 comment\"any",
	"add rule{ direction=2 to:fd000000000000000000000000000001 from{ prefix:fd000000000000000000000000000002 prefix_len=128 }",
	"del rule{ id=1 } rule{ id=2 }",
	"get rule{ id=3 }",
	"get+dump",
	"conns+dump",
	"stats",
	"limits",
	"set limits{ handshakes=1000 }",
	"set limits{ pending=1000 accepted=2000 }",
};

static uint64_t state;

/* xorshift64: not good, but the same everywhere */
static uint32_t any_below(uint32_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 16) % limit;
}

static size_t any_place(const struct pp_msg *msg)
{
	return HEADERS + any_below(msg->len - HEADERS);
}

static void change_byte(struct pp_msg *msg)
{
	msg->data[any_place(msg)] = any_below(256);
}

static void flip_bit(struct pp_msg *msg)
{
	msg->data[any_place(msg)] ^= 1 << any_below(8);
}

/* A u16 at a place where a length or a type can be */
static void change_word(struct pp_msg *msg)
{
	static const uint16_t values[] = { 0, 1, 2, 3, 4, 5, 8, 255, 0x7fff, 0x8000, 0xffff };
	uint16_t value = any_below(4) ? any_below(64) :
			 values[any_below(sizeof(values) / sizeof(values[0]))];
	size_t at = any_place(msg) & ~(size_t)1;

	memcpy(msg->data + at, &value, sizeof(value));
}

static void cut_end(struct pp_msg *msg)
{
	msg->len = any_place(msg);
}

static void append_bytes(struct pp_msg *msg)
{
	size_t len = 1 + any_below(64);
	unsigned char *at = pp_msg_room(msg, len);

	while (len--)
		*at++ = any_below(256);
}

/* Some attributes, or parts of them, twice */
static void repeat_part(struct pp_msg *msg)
{
	size_t from = any_place(msg) & ~(size_t)3, len = (msg->len - from) & ~(size_t)3;
	unsigned char copy[256];

	if (len > sizeof(copy))
		len = sizeof(copy);
	memcpy(copy, msg->data + from, len);
	msg->len &= ~(size_t)3;
	memcpy(pp_msg_room(msg, len), copy, len);
}

static void change_command(struct pp_msg *msg)
{
	struct genlmsghdr *genl = (void *)(msg->data + NLMSG_HDRLEN);

	genl->cmd = any_below(PP_CMD_MAX + 3);
	if (genl->cmd == PP_CMD_RULE_FLUSH && any_below(8))
		genl->cmd = PP_CMD_RULE_ADD;
}

static void change_flags(struct pp_msg *msg)
{
	static const uint16_t flags[] = {
		0, 0, NLM_F_ECHO, NLM_F_ACK | NLM_F_ECHO, NLM_F_DUMP, NLM_F_ROOT, NLM_F_MATCH,
	};
	uint16_t chosen = flags[any_below(sizeof(flags) / sizeof(flags[0]))];

	msg->nlh.nlmsg_flags = NLM_F_REQUEST | (any_below(8) ? chosen : any_below(65536));
}

static void (*const mutations[])(struct pp_msg *msg) = {
	change_byte, change_byte, flip_bit, flip_bit, change_word, change_word, change_word,
	cut_end, append_bytes, repeat_part, change_command, change_flags,
};

static void mutate(struct pp_msg *msg)
{
	unsigned int times = 1 + any_below(4);

	while (times-- && msg->len > HEADERS)
		mutations[any_below(sizeof(mutations) / sizeof(mutations[0]))](msg);
	msg->nlh.nlmsg_len = msg->len;
}

static void flush(int fd)
{
	struct pp_answer answer = { 0 };
	struct pp_msg msg;

	pp_msg_begin(&msg, PP_CMD_RULE_FLUSH, NLM_F_ACK);
	pp_socket_ask(fd, &msg, &answer);
	if (!answer.ended || answer.error)
		die("the rules cannot be flushed: %s", strerror(answer.error));
}

/* Prints how many were accepted: a run of refusals alone proves little */
int pp_fuzz_random(int fd, uint64_t seed, unsigned long count)
{
	unsigned long done = 0, refused = 0, silent = 0, i;
	struct pp_answer answer = { 0 };
	struct pp_msg msg;

	state = seed ? seed : 1;
	for (i = 0; i < count; i++) {
		if (i % FLUSH_EVERY == 0)
			flush(fd);
		if (!pp_msg_from_text(&msg, valid[any_below(sizeof(valid) / sizeof(valid[0]))]))
			die("a valid message is not understood");
		mutate(&msg);
		pp_socket_ask(fd, &msg, &answer);
		if (!answer.ended)
			silent++;
		else if (answer.error)
			refused++;
		else
			done++;
	}
	printf("# %lu messages: %lu refused, %lu done, %lu done without acknowledgement\n",
	       count, refused, done, silent);
	if (!done || !refused || !silent)
		die("the messages are not mixed");
	return 0;
}
