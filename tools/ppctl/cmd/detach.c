// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl detach: lets listeners take no more headers. Connections that were accepted stay as they
 * are.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/proxyproto.h>

#include "listener.h"
#include "nl.h"
#include "ppctl.h"

static int report_detach(int error, const char *text)
{
	if (error == ENOENT)
		return failure("the listener on %s is not attached: see ppctl list-sockets", text);
	if (error == EPERM)
		return failure("detaching needs CAP_NET_ADMIN in the network namespace");
	return failure("cannot detach from the listener on %s: %s", text, strerror(error));
}

int cmd_detach(char **args)
{
	static struct listening list[LISTENERS_MAX];
	char text[PREFIX_TEXT_MAX + 16];
	struct listener_name name;
	unsigned int i, count, done = 0;
	int status, error = 0;

	if (!args[0] || strcmp(args[0], "to") || !args[1] || !args[2] ||
	    strcmp(args[2], "port") || !args[3] || args[4])
		return usage_error("detach takes 'to ADDRESS port PORT'");
	status = listener_parse(args[1], args[3], &name);
	if (!status)
		status = ppnl_open();
	if (!status)
		status = listener_take(&name, list, &count);
	if (status)
		return status;
	for (i = 0; i < count; i++) {
		if (!setsockopt(list[i].fd, SOL_IP, PP_SO_DETACH, NULL, 0))
			done++;
		else
			error = errno;
	}
	listener_format(&name, text, sizeof(text));
	return done ? STATUS_OK : report_detach(error, text);
}
