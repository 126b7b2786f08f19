// SPDX-License-Identifier: GPL-2.0
/*
 * pp_netlink_fuzz dump: lists of rules that take many messages, read while
 * rules change, and through a socket that holds little. Prints lines of TAP
 * without numbers. Leaves no rules.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pp_netlink.h"

/* Many times what fits one message of a dump */
#define RULES	1000

static int failed;

static void result(bool good, const char *name, const struct pp_answer *answer)
{
	printf("%s - %s\n", good ? "ok" : "not ok", name);
	if (!good)
		printf("# %u rules, last id %u, %s, %s, error %d\n", answer->replies,
		       answer->last_id, answer->rising ? "rising" : "not rising",
		       answer->interrupted ? "interrupted" : "not interrupted", answer->error);
	failed |= !good;
}

static void ask(int fd, struct pp_msg *msg, struct pp_answer *answer)
{
	pp_socket_ask(fd, msg, answer);
	if (!answer->ended || answer->error)
		die("refused: %s %s", strerror(answer->error), answer->text);
}

static uint32_t add(int fd, uint32_t number)
{
	uint32_t wire = htonl(0x0a000000 + number);
	struct pp_answer answer = { 0 };
	struct pp_msg msg;
	size_t nest;

	pp_msg_begin(&msg, PP_CMD_RULE_ADD, NLM_F_ACK);
	nest = pp_msg_nest(&msg, PP_ATTR_RULE | NLA_F_NESTED);
	pp_msg_number(&msg, PP_RULE_ATTR_DIRECTION, 1, PP_DIRECTION_SEND);
	pp_msg_put(&msg, PP_RULE_ATTR_TO, &wire, sizeof(wire));
	pp_msg_nest_end(&msg, nest);
	ask(fd, &msg, &answer);
	return answer.last_id;
}

static void delete(int fd, uint32_t id)
{
	struct pp_answer answer = { 0 };
	struct pp_msg msg;
	size_t nest;

	pp_msg_begin(&msg, PP_CMD_RULE_DEL, NLM_F_ACK);
	nest = pp_msg_nest(&msg, PP_ATTR_RULE | NLA_F_NESTED);
	pp_msg_number(&msg, PP_RULE_ATTR_ID, 4, id);
	pp_msg_nest_end(&msg, nest);
	ask(fd, &msg, &answer);
}

static void flush(int fd)
{
	struct pp_answer answer = { 0 };
	struct pp_msg msg;

	pp_msg_begin(&msg, PP_CMD_RULE_FLUSH, NLM_F_ACK);
	ask(fd, &msg, &answer);
}

static void start(int fd)
{
	struct pp_msg msg;

	pp_msg_begin(&msg, PP_CMD_RULE_GET, NLM_F_DUMP);
	pp_socket_send(fd, &msg);
}

/* One datagram of a list, a change, and the rest */
static void change_during(int fd, int other, uint32_t *id, void (*change)(int fd, uint32_t *id),
			  struct pp_answer *answer)
{
	pp_answer_begin(answer);
	start(fd);
	pp_socket_receive(fd, answer, true);
	if (answer->ended)
		die("the list came in one piece");
	change(other, id);
	while (!answer->ended)
		pp_socket_receive(fd, answer, true);
}

static void change_nothing(int fd, uint32_t *id)
{
	(void)fd;
	(void)id;
}

static void change_add(int fd, uint32_t *id)
{
	*id = add(fd, RULES);
}

static void change_delete(int fd, uint32_t *id)
{
	delete(fd, *id);
}

static void change_flush(int fd, uint32_t *id)
{
	(void)id;
	flush(fd);
}

static void test_changes(int fd, int other)
{
	struct pp_answer answer = { 0 };
	uint32_t id = 0, last;

	change_during(fd, other, &id, change_nothing, &answer);
	result(!answer.interrupted && answer.replies == RULES && answer.rising,
	       "netlink: nothing changes during a dump -> all rules in order, not interrupted",
	       &answer);
	last = answer.last_id;
	change_during(fd, other, &id, change_add, &answer);
	result(answer.interrupted && answer.replies == RULES + 1 && answer.last_id == id &&
	       id > last, "netlink: rule added during a dump -> NLM_F_DUMP_INTR, and the rule is there",
	       &answer);
	change_during(fd, other, &id, change_delete, &answer);
	result(answer.interrupted && answer.replies == RULES && answer.rising,
	       "netlink: rule deleted during a dump -> NLM_F_DUMP_INTR, and the rule is not there",
	       &answer);
	change_during(fd, other, &id, change_flush, &answer);
	result(answer.interrupted && answer.replies < RULES && !answer.error,
	       "netlink: rules flushed during a dump -> NLM_F_DUMP_INTR, and it ends", &answer);
}

/* The kernel goes on with a dump only when the reader has made room */
static void test_small_buffer(void)
{
	struct pp_answer answer = { 0 };
	int fd = pp_socket_open(), least = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
	pp_answer_begin(&answer);
	start(fd);
	while (!answer.ended)
		pp_socket_receive(fd, &answer, true);
	result(answer.replies == RULES && answer.rising && !answer.error && !answer.interrupted,
	       "netlink: least receive buffer -> each rule once, in order", &answer);
	close(fd);
}

/* The kernel must give up the dump of a socket that is closed */
static void test_abandoned(int other)
{
	struct pp_answer answer = { 0 };
	int i, fd;

	for (i = 0; i < 50; i++) {
		fd = pp_socket_open();
		pp_answer_begin(&answer);
		start(fd);
		pp_socket_receive(fd, &answer, true);
		close(fd);
	}
	pp_socket_list(other, &answer);
	result(answer.replies == RULES, "netlink: 50 dumps given up half-way -> the next is whole",
	       &answer);
}

int pp_fuzz_dump(int fd)
{
	int other = pp_socket_open();
	uint32_t i;

	flush(fd);
	for (i = 0; i < RULES; i++)
		add(fd, i);
	test_small_buffer();
	test_abandoned(other);
	test_changes(fd, other);
	flush(fd);
	close(other);
	return failed;
}
