// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink transport: one socket, one request at a time, all by libnl. Its own error
 * numbers know less than the kernel's: EMLINK and ESTALE, for example, are both "unspecific
 * failure". So callbacks take the kernel's errno and text from its messages.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/handlers.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/proxyproto.h>

#include "extack.h"
#include "netns.h"
#include "nl.h"
#include "ppctl.h"
#include "replies.h"

/* A dump comes in datagrams of 32 KiB at most */
#define DATAGRAM_MAX		65536
#define SEND_BUFFER		(8 << 20)
#define RECEIVE_BUFFER		(1 << 20)

#define DUMP_TRIES		20
#define DUMP_WAIT_NS		10000000L

/* How an exchange went, beside its extack */
struct exchange {
	const struct nlmsghdr *request;
	struct replies *replies;
	int (*each)(const struct nlmsghdr *nlh, void *data);
	void *data;
	int status;
	struct extack extack;
	bool interrupted;
	bool done;
};

static struct nl_sock *nl_socket;
static uint16_t family;
static uint32_t sequence;

static bool is_answer(const struct exchange *exchange, const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_seq == exchange->request->nlmsg_seq;
}

/* The answers of an exchange that failed may still come: is_answer() tells them apart */
static int on_sequence(struct nl_msg *msg, void *unused)
{
	(void)msg;
	(void)unused;
	return NL_OK;
}

static int on_reply(struct nl_msg *msg, void *arg)
{
	const struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct exchange *exchange = arg;

	if (!is_answer(exchange, nlh))
		return NL_SKIP;
	if (exchange->each && !exchange->status)
		exchange->status = exchange->each(nlh, exchange->data);
	if (exchange->replies)
		replies_append(exchange->replies, nlh);
	return NL_OK;
}

static int on_interrupted(struct nl_msg *msg, void *arg)
{
	struct exchange *exchange = arg;

	if (is_answer(exchange, nlmsg_hdr(msg)))
		exchange->interrupted = true;
	return NL_OK;
}

static int end_exchange(struct exchange *exchange, const struct nlmsghdr *nlh)
{
	if (!is_answer(exchange, nlh))
		return NL_SKIP;
	extack_read(&exchange->extack, nlh, exchange->request);
	exchange->done = true;
	return NL_STOP;
}

/* An acknowledgement, or the end of a dump, which may have failed */
static int on_end(struct nl_msg *msg, void *arg)
{
	return end_exchange(arg, nlmsg_hdr(msg));
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	(void)from;
	return end_exchange(arg, (const struct nlmsghdr *)((char *)error - NLMSG_HDRLEN));
}

static void set_callbacks(struct nl_cb *callbacks, struct exchange *exchange)
{
	nl_cb_set(callbacks, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_sequence, NULL);
	nl_cb_set(callbacks, NL_CB_VALID, NL_CB_CUSTOM, on_reply, exchange);
	nl_cb_set(callbacks, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interrupted, exchange);
	nl_cb_set(callbacks, NL_CB_ACK, NL_CB_CUSTOM, on_end, exchange);
	nl_cb_set(callbacks, NL_CB_FINISH, NL_CB_CUSTOM, on_end, exchange);
	nl_cb_err(callbacks, NL_CB_CUSTOM, on_error, exchange);
}

/* Returns an errno: libnl leaves that of the system call */
static int receive_all(struct exchange *exchange)
{
	struct nl_cb *callbacks = nl_cb_alloc(NL_CB_DEFAULT);
	int error = 0;

	if (!callbacks)
		out_of_memory();
	set_callbacks(callbacks, exchange);
	while (!exchange->done && !error) {
		errno = 0;
		if (nl_recvmsgs(nl_socket, callbacks) < 0 && !exchange->done)
			error = errno ? errno : EBADMSG;
	}
	nl_cb_put(callbacks);
	return error;
}

/*
 * Sends a request and reads all answers. exchange->extack.error is set if the request
 * failed, on its way or in the kernel.
 */
static void run_exchange(struct exchange *exchange, struct nl_msg *msg,
			 uint16_t type)
{
	struct nlmsghdr *request = nlmsg_hdr(msg);
	int error;

	request->nlmsg_type = type;
	request->nlmsg_seq = ++sequence;
	exchange->request = request;

	errno = 0;
	if (nl_send(nl_socket, msg) < 0)
		error = errno ? errno : EIO;
	else
		error = receive_all(exchange);
	if (error) {
		memset(&exchange->extack, 0, sizeof(exchange->extack));
		exchange->extack.error = error;
	}
}

static int family_failed(const struct extack *extack)
{
	if (extack->error == ENOENT)
		return failure("the proxyproto kernel module is not loaded and could not be loaded: modprobe proxyproto");
	return extack_report(extack);
}

static int read_family(const struct replies *replies)
{
	struct nlattr *tb[CTRL_ATTR_MAX + 1];

	if (!replies->len ||
	    genlmsg_parse((struct nlmsghdr *)replies->data, 0, tb,
			  CTRL_ATTR_MAX, NULL))
		return reply_bad();
	family = (uint16_t)reply_number(tb[CTRL_ATTR_FAMILY_ID], 0);
	return family ? STATUS_OK : reply_bad();
}

/* The kernel loads the module for this request, if it can */
static int resolve_family(void)
{
	struct replies replies = { 0 };
	struct exchange exchange = { .replies = &replies };
	struct nl_msg *msg;
	int status;

	msg = ppnl_request(CTRL_CMD_GETFAMILY, nla_total_size(sizeof(PP_GENL_NAME)));
	if (nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, PP_GENL_NAME))
		out_of_memory();
	run_exchange(&exchange, msg, GENL_ID_CTRL);
	status = exchange.extack.error ? family_failed(&exchange.extack) :
					 read_family(&replies);
	nlmsg_free(msg);
	replies_free(&replies);
	return status;
}

/* Failures are not fatal: then errors say less, or come sooner */
static void set_options(void)
{
	const int on = 1, send_buffer = SEND_BUFFER;
	int fd = nl_socket_get_fd(nl_socket);

	nl_socket_set_buffer_size(nl_socket, RECEIVE_BUFFER, SEND_BUFFER);
	/* Or libnl looks at the length of each datagram before it reads it */
	nl_socket_set_msg_buf_size(nl_socket, DATAGRAM_MAX);
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &send_buffer, sizeof(send_buffer));
}

/**
 * ppnl_open - enter the chosen namespace and find the module in it
 *
 * ppnl_do() and ppnl_dump() call it themselves.
 */
int ppnl_open(void)
{
	int status;

	if (nl_socket)
		return STATUS_OK;
	status = netns_enter();
	if (status)
		return status;
	nl_socket = nl_socket_alloc();
	if (!nl_socket)
		out_of_memory();
	if (genl_connect(nl_socket))
		return failure("cannot open a generic netlink socket: %s",
			       strerror(errno));
	set_options();
	return resolve_family();
}

/**
 * ppnl_request - begin a request
 * @command: enum pp_cmd
 * @room: bytes for its attributes
 *
 * Returns the message; ppnl_do() releases it.
 */
struct nl_msg *ppnl_request(uint8_t command, size_t room)
{
	struct nl_msg *msg;

	msg = nlmsg_alloc_size(NLMSG_ALIGN(NLMSG_HDRLEN + GENL_HDRLEN + room));
	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, 0, 0,
				 NLM_F_REQUEST | NLM_F_ACK, command,
				 PP_GENL_VERSION))
		out_of_memory();
	/* Zero: the kernel binds the socket to a free port by itself */
	nlmsg_hdr(msg)->nlmsg_pid = 0;
	return msg;
}

/**
 * ppnl_do - send a request that is no dump
 * @request: from ppnl_request(); is released
 * @replies: gets the answers, to be released; NULL if none is expected
 */
int ppnl_do(struct nl_msg *request, struct replies *replies)
{
	struct exchange exchange = { .replies = replies };
	int status;

	status = ppnl_open();
	if (!status) {
		run_exchange(&exchange, request, family);
		status = extack_report(&exchange.extack);
	}
	nlmsg_free(request);
	return status;
}

/**
 * ppnl_do_unless - send a request that may fail in a way that the caller expects
 * @request: from ppnl_request(); is released
 * @replies: as of ppnl_do()
 * @expected: each an errno that is not reported
 * @failed: is set to the one that the request failed with, or to 0
 */
int ppnl_do_unless(struct nl_msg *request, struct replies *replies,
		   const int expected[2], int *failed)
{
	struct exchange exchange = { .replies = replies };
	int status;

	*failed = 0;
	status = ppnl_open();
	if (!status) {
		run_exchange(&exchange, request, family);
		if (exchange.extack.error == expected[0] || exchange.extack.error == expected[1])
			*failed = exchange.extack.error;
		status = *failed ? STATUS_REFUSED : extack_report(&exchange.extack);
	}
	nlmsg_free(request);
	return status;
}

static void wait_before_try(int try)
{
	struct timespec pause = { .tv_nsec = try * DUMP_WAIT_NS };

	nanosleep(&pause, NULL);
}

/* Reads a dump once; sets @again if it is not consistent */
static int dump_once(uint8_t command, enum dump_kind kind,
		     struct replies *replies, bool *again)
{
	struct exchange exchange = { .replies = replies };
	struct nl_msg *request;

	request = ppnl_request(command, 0);
	nlmsg_hdr(request)->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	run_exchange(&exchange, request, family);
	nlmsg_free(request);
	*again = kind == DUMP_SNAPSHOT && exchange.interrupted &&
		 !exchange.extack.error;
	return *again ? STATUS_OK : extack_report(&exchange.extack);
}

/**
 * ppnl_dump - read a dump
 * @command: enum pp_cmd
 * @kind: what to do if the objects change meanwhile
 * @replies: gets the answers, to be released
 */
int ppnl_dump(uint8_t command, enum dump_kind kind, struct replies *replies)
{
	bool again = true;
	int status, try;

	status = ppnl_open();
	for (try = 0; !status && again; try++) {
		if (try == DUMP_TRIES)
			return failure("the list changed each of the %d times it was read: try again",
				       DUMP_TRIES);
		wait_before_try(try);
		replies->len = 0;
		status = dump_once(command, kind, replies, &again);
	}
	return status;
}

/**
 * ppnl_stream - pass on the answers of a dump as they come, whatever changes meanwhile
 * @command: enum pp_cmd
 * @each: gets each answer; after a status other than 0 it is not called again
 * @data: what @each gets
 */
int ppnl_stream(uint8_t command, int (*each)(const struct nlmsghdr *nlh, void *data),
		void *data)
{
	struct exchange exchange = { .each = each, .data = data };
	struct nl_msg *request;
	int status;

	status = ppnl_open();
	if (status)
		return status;
	request = ppnl_request(command, 0);
	nlmsg_hdr(request)->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	run_exchange(&exchange, request, family);
	nlmsg_free(request);
	return exchange.status ? exchange.status : extack_report(&exchange.extack);
}
