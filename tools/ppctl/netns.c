// SPDX-License-Identifier: GPL-2.0
/*
 * The network namespace that a command acts on. It is chosen while options are
 * read and entered just before the netlink socket is opened, so that a mistake
 * in the command is reported before anything is asked of the system.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netns.h"
#include "ppctl.h"

/* Where ip-netns(8) keeps the names */
#define NETNS_DIR	"/run/netns"

static const char *selected;

/**
 * netns_select - choose the namespace that netns_enter() will enter
 * @name: name under NETNS_DIR, or a path, which has a slash; must stay valid
 */
int netns_select(const char *name)
{
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return usage_error("'%s' is not a name of a network namespace", name);
	selected = name;
	return STATUS_OK;
}

static int open_failed(const char *path, int error)
{
	if (error == ENOENT)
		return failure("there is no network namespace %s (%s)",
			       selected, path);
	return failure("cannot open network namespace %s (%s): %s",
		       selected, path, strerror(error));
}

static int enter_failed(int error)
{
	if (error == EINVAL)
		return failure("%s is not a network namespace", selected);
	if (error == EPERM)
		return failure("cannot enter network namespace %s: needs CAP_SYS_ADMIN",
			       selected);
	return failure("cannot enter network namespace %s: %s",
		       selected, strerror(error));
}

/**
 * netns_enter - enter the chosen namespace, if one was chosen
 */
int netns_enter(void)
{
	const char *dir = NETNS_DIR "/";
	char path[4096];
	int fd, len, error;

	if (!selected)
		return STATUS_OK;
	len = snprintf(path, sizeof(path), "%s%s",
		       strchr(selected, '/') ? "" : dir, selected);
	if (len < 0 || (size_t)len >= sizeof(path))
		return failure("the name of the network namespace is too long");

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return open_failed(path, errno);
	error = setns(fd, CLONE_NEWNET) ? errno : 0;
	close(fd);
	return error ? enter_failed(error) : STATUS_OK;
}
