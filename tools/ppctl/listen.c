// SPDX-License-Identifier: GPL-2.0
/*
 * Waits for events until a signal comes or the module is unloaded. The controller of
 * generic netlink announces the unloading.
 */
#include <errno.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/socket.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/genetlink.h>
#include <linux/proxyproto.h>

#include "listen.h"
#include "nl.h"
#include "ppctl.h"

#define RECEIVE_BUFFER	(8 << 20)

static volatile sig_atomic_t ended;

/**
 * struct state - the state of listening
 * @listener: gets the events
 * @family: id of the module's family
 * @status: what the listener returned last
 * @unloaded: the family is unregistered
 */
struct state {
	const struct listener *listener;
	int family;
	int status;
	bool unloaded;
};

static void on_signal(int signal)
{
	(void)signal;
	ended = 1;
}

/* Signals are delivered while ppctl waits, not while it writes */
static void catch_signals(sigset_t *while_waiting)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t ending;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigprocmask(SIG_BLOCK, &ending, while_waiting);
	sigdelset(while_waiting, SIGINT);
	sigdelset(while_waiting, SIGTERM);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static bool is_unloaded(struct nlmsghdr *nlh, const struct state *state)
{
	struct genlmsghdr *header = nlmsg_data(nlh);
	struct nlattr *tb[CTRL_ATTR_MAX + 1];

	return header->cmd == CTRL_CMD_DELFAMILY &&
	       !genlmsg_parse(nlh, 0, tb, CTRL_ATTR_MAX, NULL) &&
	       tb[CTRL_ATTR_FAMILY_ID] &&
	       nla_get_u16(tb[CTRL_ATTR_FAMILY_ID]) == state->family;
}

static int take(struct nl_msg *msg, void *data)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct state *state = data;
	struct genlmsghdr *header = nlmsg_data(nlh);

	if (!genlmsg_valid_hdr(nlh, 0))
		return NL_SKIP;
	if (nlh->nlmsg_type == GENL_ID_CTRL)
		state->unloaded = is_unloaded(nlh, state) || state->unloaded;
	else if (nlh->nlmsg_type == state->family && header->cmd == PP_CMD_EVENT &&
		 !state->status)
		state->status = state->listener->event(nlh);
	return NL_OK;
}

static int join(struct nl_sock *sk, struct state *state)
{
	const int size = RECEIVE_BUFFER;
	int group, error;

	if (genl_connect(sk))
		return failure("cannot open a generic netlink socket: %s", strerror(errno));
	nl_socket_disable_seq_check(sk);
	nl_socket_set_nonblocking(sk);
	if (setsockopt(nl_socket_get_fd(sk), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(nl_socket_get_fd(sk), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	state->family = genl_ctrl_resolve(sk, PP_GENL_NAME);
	group = genl_ctrl_resolve_grp(sk, PP_GENL_NAME, PP_GENL_GROUP_EVENTS);
	if (state->family < 0 || group < 0)
		return failure("the module on this kernel has no events");
	/* The number of the controller's group is that of its family */
	error = nl_socket_add_membership(sk, GENL_ID_CTRL);
	if (!error)
		error = nl_socket_add_membership(sk, group);
	if (error == -NLE_PERM)
		return failure("listening needs CAP_NET_ADMIN in the network namespace");
	if (error)
		return failure("cannot listen: %s", nl_geterror(error));
	return nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, take, state) ?
		failure("cannot listen") : STATUS_OK;
}

static int receive(struct nl_sock *sk, struct state *state)
{
	int error = nl_recvmsgs_default(sk);

	/* libnl turns ENOBUFS into this error */
	if (error == -NLE_NOMEM)
		return state->listener->lost();
	if (error < 0 && error != -NLE_AGAIN && error != -NLE_INTR)
		return failure("cannot receive events: %s", nl_geterror(error));
	if (state->unloaded)
		return failure("the proxyproto kernel module was unloaded");
	return state->status;
}

static int listen_on(struct nl_sock *sk, struct state *state)
{
	struct pollfd fd;
	sigset_t mask;
	int status;

	status = join(sk, state);
	if (status)
		return status;
	catch_signals(&mask);
	fd = (struct pollfd){ .fd = nl_socket_get_fd(sk), .events = POLLIN };
	while (!status && !ended) {
		if (ppoll(&fd, 1, NULL, &mask) > 0)
			status = receive(sk, state);
	}
	return status;
}

/**
 * ppnl_listen - pass on events until SIGINT or SIGTERM
 * @listener: gets the events; a status other than 0 ends listening with that status
 */
int ppnl_listen(const struct listener *listener)
{
	struct state state = { .listener = listener };
	struct nl_sock *sk;
	int status;

	status = ppnl_open();
	if (status)
		return status;
	sk = nl_socket_alloc();
	if (!sk)
		out_of_memory();
	status = listen_on(sk, &state);
	nl_socket_free(sk);
	return status;
}
