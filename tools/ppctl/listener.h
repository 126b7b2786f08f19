/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Listening sockets of other processes.
 */
#ifndef _PPCTL_LISTENER_H
#define _PPCTL_LISTENER_H

#include <stdint.h>

#include "address.h"

/* Most sockets of a reuseport group */
#define LISTENERS_MAX	1024

/**
 * struct listener_name - which listeners are meant
 * @address: their own address; AF_UNSPEC: listeners on all addresses, of either family
 * @port: their port
 */
struct listener_name {
	struct prefix address;
	uint16_t port;
};

/**
 * struct listening - a listening socket of a process
 * @pid: a process that has it
 * @fd: a descriptor of ours
 * @inode: as /proc has it
 */
struct listening {
	int pid;
	int fd;
	uint64_t inode;
};

int listener_parse(const char *address, const char *port, struct listener_name *name);
int listener_take(const struct listener_name *name, struct listening *list,
		  unsigned int *count);
void listener_wake(const struct listening *list, unsigned int count);
void listener_format(const struct listener_name *name, char *text, size_t size);

#endif /* _PPCTL_LISTENER_H */
