// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink transport: one socket, one request at a time. libnl builds and
 * takes apart the messages; sending and receiving are done here, so that what
 * is reported is the kernel's own errno and text.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
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

/* How an exchange went, apart from what the extack says */
struct exchange {
	const struct nlmsghdr *request;
	struct replies *replies;
	struct extack extack;
	bool interrupted;
	bool done;
};

static int netlink_fd = -1;
static uint16_t family;
static uint32_t sequence;

static void take_message(struct exchange *exchange, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_seq != exchange->request->nlmsg_seq)
		return;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		exchange->interrupted = true;

	switch (nlh->nlmsg_type) {
	case NLMSG_ERROR:
	case NLMSG_DONE:
		extack_read(&exchange->extack, nlh, exchange->request);
		exchange->done = true;
		break;
	case NLMSG_NOOP:
	case NLMSG_OVERRUN:
		break;
	default:
		if (exchange->replies)
			replies_append(exchange->replies, nlh);
	}
}

/* Returns an errno, or 0 with the length of a datagram of the kernel */
static int receive_datagram(char *buffer, size_t size, size_t *len)
{
	struct sockaddr_nl from = { .nl_family = AF_NETLINK };
	struct iovec iov = { .iov_base = buffer, .iov_len = size };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t received;

	do {
		msg.msg_namelen = sizeof(from);
		received = recvmsg(netlink_fd, &msg, 0);
		if (received < 0 && errno != EINTR)
			return errno;
	} while (received < 0 || from.nl_pid != 0);
	if (!received)
		return ECONNRESET;
	*len = (size_t)received;
	return (msg.msg_flags & MSG_TRUNC) ? EMSGSIZE : 0;
}

static int receive_all(struct exchange *exchange)
{
	static char buffer[DATAGRAM_MAX]
		__attribute__((aligned(__alignof__(struct nlmsghdr))));
	struct nlmsghdr *nlh;
	size_t size = 0;
	int error, len;

	while (!exchange->done) {
		error = receive_datagram(buffer, sizeof(buffer), &size);
		if (error)
			return error;
		len = (int)size;
		for (nlh = (struct nlmsghdr *)buffer;
		     !exchange->done && nlmsg_ok(nlh, len);
		     nlh = nlmsg_next(nlh, &len))
			take_message(exchange, nlh);
	}
	return 0;
}

static int send_request(const struct nlmsghdr *request)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t sent;

	do {
		sent = sendto(netlink_fd, request, request->nlmsg_len, 0,
			      (struct sockaddr *)&kernel, sizeof(kernel));
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? errno : 0;
}

/*
 * Sends a request and reads all answers. Whether it failed on the way or in
 * the kernel, exchange->extack.error says so.
 */
static void run_exchange(struct exchange *exchange, struct nl_msg *msg,
			 uint16_t type)
{
	struct nlmsghdr *request = nlmsg_hdr(msg);
	int error;

	request->nlmsg_type = type;
	request->nlmsg_seq = ++sequence;
	exchange->request = request;

	error = send_request(request);
	if (!error)
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

/* The kernel loads the module for this, if it can */
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

/* None of these is fatal: without them errors say less, or come sooner */
static void set_options(void)
{
	const int on = 1, send_buffer = SEND_BUFFER, receive_buffer = RECEIVE_BUFFER;

	setsockopt(netlink_fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(netlink_fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(netlink_fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer,
		   sizeof(receive_buffer));
	if (setsockopt(netlink_fd, SOL_SOCKET, SO_SNDBUFFORCE, &send_buffer,
		       sizeof(send_buffer)))
		setsockopt(netlink_fd, SOL_SOCKET, SO_SNDBUF, &send_buffer,
			   sizeof(send_buffer));
}

/**
 * ppnl_open - enter the chosen namespace and find the module in it
 *
 * Requests do so by themselves.
 */
int ppnl_open(void)
{
	int status;

	if (netlink_fd >= 0)
		return STATUS_OK;
	status = netns_enter();
	if (status)
		return status;
	netlink_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (netlink_fd < 0)
		return failure("cannot open a generic netlink socket: %s",
			       strerror(errno));
	set_options();
	return resolve_family();
}

/**
 * ppnl_request - begin a request
 * @command: enum pp_cmd
 * @room: bytes of attributes that it must hold
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
 * ppnl_do - send a request that is answered or done at once
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
 * ppnl_do_unless - the same, of a request that may fail as the caller expects
 * @request: from ppnl_request(); is released
 * @error: errno that is not reported
 * @failed: is set if it came
 */
int ppnl_do_unless(struct nl_msg *request, int error, bool *failed)
{
	struct exchange exchange = { 0 };
	int status;

	*failed = false;
	status = ppnl_open();
	if (!status) {
		run_exchange(&exchange, request, family);
		*failed = exchange.extack.error == error;
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

/* One reading of a dump; sets @again if it is not consistent */
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
 * ppnl_dump - read all of a kind
 * @command: enum pp_cmd
 * @kind: what to do if it changes meanwhile
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
