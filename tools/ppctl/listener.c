// SPDX-License-Identifier: GPL-2.0
/*
 * Listening sockets of other processes: found by /proc, taken by pidfd_getfd(2).
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "listener.h"
#include "parse.h"
#include "ppctl.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open	434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd	438
#endif

/* State of a listening socket in /proc/net/tcp */
#define STATE_LISTEN	0x0a
/* How long a thread may take to stop, in steps of 10 ms */
#define STOP_STEPS	100

/**
 * listener_parse - read an address and a port
 * @address: of the listener itself, or any
 * @port: one port
 * @name: is filled
 */
int listener_parse(const char *address, const char *port, struct listener_name *name)
{
	uint64_t number;
	int status;

	status = prefix_parse(address, &name->address);
	if (status)
		return status;
	if (name->address.family != AF_UNSPEC &&
	    name->address.len != 8 * address_bytes(name->address.family))
		return usage_error("'%s' is a prefix: a listener has one address, or any",
				   address);
	if (!parse_number(port, UINT16_MAX, &number) || !number)
		return usage_error("bad port '%s': one port from 1 to 65535", port);
	name->port = (uint16_t)number;
	return STATUS_OK;
}

/**
 * listener_format - write a name as text
 */
void listener_format(const struct listener_name *name, char *text, size_t size)
{
	char address[PREFIX_TEXT_MAX];

	prefix_format(&name->address, address);
	snprintf(text, size, "%s port %u", address, name->port);
}

/* The address is printed as words of 32 bits in the processor's byte order */
static bool read_address(const char *text, int family, unsigned char *bytes)
{
	size_t i, words = address_bytes(family) / sizeof(uint32_t);
	char word[9] = "";
	uint32_t value;
	char *end;

	for (i = 0; i < words; i++) {
		memcpy(word, text + 8 * i, 8);
		value = (uint32_t)strtoul(word, &end, 16);
		if (end != word + 8)
			return false;
		memcpy(bytes + i * sizeof(value), &value, sizeof(value));
	}
	return text[8 * words] == ':';
}

static bool is_named(const struct listener_name *name, int family,
		     const unsigned char *bytes)
{
	static const unsigned char zeros[ADDRESS_BYTES_MAX];
	size_t size = address_bytes(family);

	if (name->address.family == AF_UNSPEC)
		return !memcmp(bytes, zeros, size);
	return name->address.family == family && !memcmp(bytes, name->address.bytes, size);
}

static void read_line(const char *line, int family, const struct listener_name *name,
		      struct listening *list, unsigned int *count)
{
	unsigned char bytes[ADDRESS_BYTES_MAX];
	char local[64], remote[64];
	unsigned int port, state;
	uint64_t inode;

	if (sscanf(line, " %*u: %63s %63s %x %*s %*s %*s %*u %*u %" SCNu64, local, remote,
		   &state, &inode) != 4 ||
	    state != STATE_LISTEN || !read_address(local, family, bytes) ||
	    sscanf(strchr(local, ':'), ":%x", &port) != 1)
		return;
	if (port != name->port || !is_named(name, family, bytes) || *count == LISTENERS_MAX)
		return;
	list[(*count)++] = (struct listening){ .fd = -1, .inode = inode };
}

static void read_table(const char *path, int family, const struct listener_name *name,
		       struct listening *list, unsigned int *count)
{
	char *line = NULL;
	size_t room = 0;
	FILE *file;

	file = fopen(path, "re");
	if (!file)
		return;
	while (getline(&line, &room, file) > 0)
		read_line(line, family, name, list, count);
	free(line);
	fclose(file);
}

static int take_descriptor(int pid, int fd)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), taken, error;

	if (pidfd < 0)
		return -1;
	taken = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	error = errno;
	close(pidfd);
	errno = error;
	return taken;
}

/* Calls @visit with each number that is the name of an entry; ends when it returns true */
static bool each_number(const char *path, bool (*visit)(int number, void *data), void *data)
{
	const struct dirent *entry;
	bool ended = false;
	DIR *dir = opendir(path);

	if (!dir)
		return false;
	while (!ended && (entry = readdir(dir))) {
		if (*entry->d_name >= '0' && *entry->d_name <= '9')
			ended = visit(atoi(entry->d_name), data);
	}
	closedir(dir);
	return ended;
}

/**
 * struct search - where a socket is looked for
 * @pid: process
 * @listening: the socket
 * @error: why it could not be taken, or 0
 */
struct search {
	int pid;
	struct listening *listening;
	int error;
};

static bool has_socket(int pid, int fd, uint64_t inode)
{
	char path[64], target[64];
	uint64_t number;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = '\0';
	return sscanf(target, "socket:[%" SCNu64 "]", &number) == 1 && number == inode;
}

static bool try_descriptor(int fd, void *data)
{
	struct search *search = data;
	struct listening *listening = search->listening;

	if (!has_socket(search->pid, fd, listening->inode))
		return false;
	listening->fd = take_descriptor(search->pid, fd);
	if (listening->fd < 0) {
		search->error = errno;
		return false;
	}
	listening->pid = search->pid;
	return true;
}

static bool try_process(int pid, void *data)
{
	struct search *search = data;
	char path[32];

	search->pid = pid;
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	return each_number(path, try_descriptor, search);
}

static int take_one(struct listening *listening)
{
	struct search search = { .listening = listening };

	if (each_number("/proc", try_process, &search))
		return STATUS_OK;
	if (search.error)
		return failure("cannot take the listener of process %d: %s", search.pid,
			       strerror(search.error));
	return failure("cannot find the process of a listener: is it in another PID namespace, or not ours (needs root)?");
}

/**
 * listener_take - find listening sockets, and take a descriptor of each
 * @name: which
 * @list: is filled; room for LISTENERS_MAX
 * @count: is set
 *
 * Must be called in the network namespace of the listeners.
 */
int listener_take(const struct listener_name *name, struct listening *list,
		  unsigned int *count)
{
	char text[PREFIX_TEXT_MAX + 16];
	unsigned int i;
	int status;

	*count = 0;
	read_table("/proc/thread-self/net/tcp", AF_INET, name, list, count);
	read_table("/proc/thread-self/net/tcp6", AF_INET6, name, list, count);
	listener_format(name, text, sizeof(text));
	if (!*count)
		return failure("no process listens on %s: start it first, and name the address that it listens on, or any",
			       text);
	for (i = 0; i < *count; i++) {
		status = take_one(&list[i]);
		if (status)
			return status;
	}
	return STATUS_OK;
}

static bool is_accept(long number)
{
#ifdef SYS_accept
	if (number == SYS_accept)
		return true;
#endif
	return number == SYS_accept4;
}

/* Whether a thread may be in accept(); if that cannot be read, it may */
static bool may_be_accepting(int pid, int tid)
{
	char path[64];
	long number;
	FILE *file;
	bool may;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", pid, tid);
	file = fopen(path, "re");
	if (!file)
		return true;
	may = fscanf(file, "%ld", &number) == 1 && is_accept(number);
	fclose(file);
	return may;
}

static bool wait_for_stop(int tid)
{
	const struct timespec step = { .tv_nsec = 10000000 };
	int i, status;

	for (i = 0; i < STOP_STEPS; i++) {
		if (waitpid(tid, &status, __WALL | WNOHANG) == tid)
			return true;
		nanosleep(&step, NULL);
	}
	return false;
}

/* A system call that is interrupted by a debugger begins anew, and sees the socket as it is now */
static bool wake_thread(int tid, void *data)
{
	int pid = *(int *)data;

	if (!may_be_accepting(pid, tid))
		return false;
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL)) {
		if (errno != ESRCH)
			warning("thread %d waits in accept() and cannot be interrupted (%s): its next connection shows the load balancer",
				tid, strerror(errno));
		return false;
	}
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) || !wait_for_stop(tid))
		warning("thread %d does not stop: its next connection may show the load balancer",
			tid);
	ptrace(PTRACE_DETACH, tid, NULL, NULL);
	return false;
}

static bool find_same(int fd, void *data)
{
	struct search *search = data;

	return has_socket(search->pid, fd, search->listening->inode);
}

/**
 * struct waking - processes whose threads are interrupted
 * @list: listeners
 * @count: number of @list
 */
struct waking {
	const struct listening *list;
	unsigned int count;
};

static bool wake_process(int pid, void *data)
{
	struct waking *waking = data;
	struct listening listening;
	struct search search = { .pid = pid, .listening = &listening };
	bool has = false;
	char path[32];
	unsigned int i;

	if (pid == getpid())
		return false;
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	for (i = 0; i < waking->count && !has; i++) {
		listening = waking->list[i];
		has = each_number(path, find_same, &search);
	}
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	if (has)
		each_number(path, wake_thread, &pid);
	return false;
}

/**
 * listener_wake - interrupt the threads that wait in accept()
 * @list: listeners that were just attached
 * @count: number of @list
 *
 * Such a thread has looked at its socket before, and would hand out one connection as if the socket
 * were not attached.
 */
void listener_wake(const struct listening *list, unsigned int count)
{
	struct waking waking = { list, count };

	each_number("/proc", wake_process, &waking);
}
