// SPDX-License-Identifier: GPL-2.0
/*
 * The network namespace that a command acts on. It is chosen while options are read,
 * and entered just before the netlink socket is opened. So a mistake in the command is
 * reported before the namespace is looked for.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netns.h"
#include "ppctl.h"

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

static int selected_path(char *path, size_t size)
{
	int len;

	len = snprintf(path, size, "%s%s",
		       strchr(selected, '/') ? "" : NETNS_DIR "/", selected);
	if (len < 0 || (size_t)len >= size)
		return failure("the name of the network namespace is too long");
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
	char path[4096];
	int fd, error, status;

	if (!selected)
		return STATUS_OK;
	status = selected_path(path, sizeof(path));
	if (status)
		return status;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return open_failed(path, errno);
	error = setns(fd, CLONE_NEWNET) ? errno : 0;
	close(fd);
	return error ? enter_failed(error) : STATUS_OK;
}

/* Whether a name is that of a namespace; a link to it or a mount of it counts, too */
static bool is_name_of(const struct stat *ns, const char *name)
{
	char path[sizeof(NETNS_DIR) + 256];
	struct stat named;

	if (*name == '.')
		return false;
	snprintf(path, sizeof(path), NETNS_DIR "/%s", name);
	return !stat(path, &named) && named.st_dev == ns->st_dev &&
	       named.st_ino == ns->st_ino;
}

static bool find_name(const struct stat *ns, char *name, size_t size)
{
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	dir = opendir(NETNS_DIR);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		found = strlen(entry->d_name) < size &&
			is_name_of(ns, entry->d_name);
		if (found)
			strcpy(name, entry->d_name);
	}
	closedir(dir);
	return found;
}

/**
 * netns_name - name of the chosen namespace or, without a choice, of ppctl's own
 * @name: gets the name under NETNS_DIR, or the number of its inode
 * @size: bytes of @name
 */
int netns_name(char *name, size_t size)
{
	char path[4096] = "/proc/self/ns/net";
	struct stat ns;
	int status;

	status = selected ? selected_path(path, sizeof(path)) : STATUS_OK;
	if (status)
		return status;
	if (stat(path, &ns))
		return selected ? open_failed(path, errno) :
				  failure("cannot read %s: %s", path, strerror(errno));
	if (!find_name(&ns, name, size))
		snprintf(name, size, "%" PRIuMAX, (uintmax_t)ns.st_ino);
	return STATUS_OK;
}

/**
 * netns_selected - the choice of netns_select(), or NULL
 */
const char *netns_selected(void)
{
	return selected;
}
