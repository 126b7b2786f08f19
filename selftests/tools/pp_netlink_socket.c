// SPDX-License-Identifier: GPL-2.0
/*
 * A generic netlink socket to the module: sends messages just as they are, and
 * reads what comes back.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/genetlink.h>

#include "pp_netlink.h"

#define DATAGRAM_MAX	65536
#define BUFFER		(8 << 20)

static uint16_t family;
static uint32_t sequence;

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "pp_netlink: ");
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

/**
 * pp_attr_find - the first attribute of a type
 * @data: attributes
 * @len: their bytes
 */
const struct nlattr *pp_attr_find(const void *data, size_t len, uint16_t type)
{
	const struct nlattr *attr = data;

	while (len >= NLA_HDRLEN && attr->nla_len >= NLA_HDRLEN && attr->nla_len <= len) {
		size_t step = NLA_ALIGN(attr->nla_len);

		if ((attr->nla_type & NLA_TYPE_MASK) == type)
			return attr;
		if (step >= len)
			break;
		len -= step;
		attr = (const struct nlattr *)((const char *)attr + step);
	}
	return NULL;
}

const void *pp_attr_data(const struct nlattr *attr)
{
	return (const char *)attr + NLA_HDRLEN;
}

/* The errno comes first; then the request's header or all of it, if it is an error */
static void take_end(struct pp_answer *answer, const struct nlmsghdr *nlh)
{
	const char *payload = NLMSG_DATA(nlh);
	const struct nlmsgerr *err = NLMSG_DATA(nlh);
	size_t len = NLMSG_PAYLOAD(nlh, 0), fixed = sizeof(int);
	const struct nlattr *text;

	answer->ended = true;
	answer->error = -err->error;
	if (nlh->nlmsg_type == NLMSG_ERROR)
		fixed = nlh->nlmsg_flags & NLM_F_CAPPED || !err->error ?
			sizeof(*err) : sizeof(int) + NLMSG_ALIGN(err->msg.nlmsg_len);
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || fixed >= len)
		return;
	text = pp_attr_find(payload + fixed, len - fixed, NLMSGERR_ATTR_MSG);
	if (text)
		snprintf(answer->text, sizeof(answer->text), "%s",
			 (const char *)pp_attr_data(text));
}

static void take_reply(struct pp_answer *answer, const struct nlmsghdr *nlh)
{
	const unsigned char *data = (const unsigned char *)NLMSG_DATA(nlh) + GENL_HDRLEN;
	size_t i, len = NLMSG_PAYLOAD(nlh, GENL_HDRLEN);
	const struct nlattr *nest = pp_attr_find(data, len, PP_ATTR_RULE), *id = NULL;
	uint32_t number;

	answer->replies++;
	for (i = 0; i < len; i++)
		answer->hash = (answer->hash ^ data[i]) * 0x100000001b3;
	if (nest)
		id = pp_attr_find(pp_attr_data(nest), nest->nla_len - NLA_HDRLEN, PP_RULE_ATTR_ID);
	if (!id)
		return;
	if (answer->each)
		answer->each(nest, answer->data);
	memcpy(&number, pp_attr_data(id), sizeof(number));
	answer->rising &= number > answer->last_id;
	answer->last_id = number;
}

static void take(struct pp_answer *answer, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		answer->interrupted = true;
	if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE)
		take_end(answer, nlh);
	else
		take_reply(answer, nlh);
}

/**
 * pp_socket_receive - read a datagram, and add it to an answer
 * @wait: for one to come
 *
 * Return: whether one had come
 */
bool pp_socket_receive(int fd, struct pp_answer *answer, bool wait)
{
	static char buffer[DATAGRAM_MAX] __attribute__((aligned(8)));
	ssize_t len = recv(fd, buffer, sizeof(buffer), wait ? 0 : MSG_DONTWAIT);
	struct nlmsghdr *nlh;
	unsigned int rest;

	if (len < 0 && errno == EAGAIN)
		return false;
	if (len < 0)
		die("cannot receive: %s", strerror(errno));
	rest = len;
	for (nlh = (void *)buffer; NLMSG_OK(nlh, rest); nlh = NLMSG_NEXT(nlh, rest))
		take(answer, nlh);
	return true;
}

/**
 * pp_answer_begin - nothing has been read yet; @each and @data stay
 */
void pp_answer_begin(struct pp_answer *answer)
{
	*answer = (struct pp_answer){
		.each = answer->each,
		.data = answer->data,
		.hash = 0xcbf29ce484222325,
		.rising = true,
	};
}

/**
 * pp_socket_stamp - give a message its family and its number
 */
void pp_socket_stamp(struct pp_msg *msg)
{
	msg->nlh.nlmsg_type = family;
	msg->nlh.nlmsg_seq = ++sequence;
}

/**
 * pp_socket_send_raw - send bytes as they are: several messages, or none
 */
void pp_socket_send_raw(int fd, const struct pp_msg *msg)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	if (sendto(fd, msg->data, msg->len, 0, (void *)&kernel, sizeof(kernel)) < 0)
		die("cannot send: %s", strerror(errno));
}

void pp_socket_send(int fd, struct pp_msg *msg)
{
	pp_socket_stamp(msg);
	pp_socket_send_raw(fd, msg);
}

/**
 * pp_socket_answer - read one answer to its end
 */
void pp_socket_answer(int fd, struct pp_answer *answer)
{
	pp_answer_begin(answer);
	while (!answer->ended)
		pp_socket_receive(fd, answer, true);
}

/**
 * pp_socket_ask - send a message and read all that it brings about
 *
 * The kernel answers while it is sent to, so that nothing more will come when
 * nothing is there: some messages have no answer.
 */
void pp_socket_ask(int fd, struct pp_msg *msg, struct pp_answer *answer)
{
	pp_answer_begin(answer);
	pp_socket_send(fd, msg);
	while (pp_socket_receive(fd, answer, false))
		;
}

/**
 * pp_socket_list - read all rules
 */
void pp_socket_list(int fd, struct pp_answer *answer)
{
	struct pp_msg msg;

	pp_msg_begin(&msg, PP_CMD_RULE_GET, NLM_F_DUMP);
	pp_socket_send(fd, &msg);
	pp_socket_answer(fd, answer);
	if (answer->error)
		die("cannot list the rules: %s", strerror(answer->error));
}

static uint16_t find_family(int fd)
{
	char buffer[4096] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = (void *)buffer;
	const struct nlattr *id;
	struct pp_msg msg;
	ssize_t len;
	uint16_t found;

	family = GENL_ID_CTRL;
	pp_msg_begin(&msg, CTRL_CMD_GETFAMILY, 0);
	pp_msg_put(&msg, CTRL_ATTR_FAMILY_NAME, PP_GENL_NAME, sizeof(PP_GENL_NAME));
	pp_socket_send(fd, &msg);
	len = recv(fd, buffer, sizeof(buffer), 0);
	if (len < (ssize_t)NLMSG_HDRLEN || nlh->nlmsg_type == NLMSG_ERROR)
		die("the module is not loaded");
	id = pp_attr_find((char *)NLMSG_DATA(nlh) + GENL_HDRLEN, NLMSG_PAYLOAD(nlh, GENL_HDRLEN),
			  CTRL_ATTR_FAMILY_ID);
	if (!id)
		die("the module has no number");
	memcpy(&found, pp_attr_data(id), sizeof(found));
	return found;
}

int pp_socket_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	const int on = 1, size = BUFFER;

	if (fd < 0)
		die("no netlink socket: %s", strerror(errno));
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	family = find_family(fd);
	return fd;
}
