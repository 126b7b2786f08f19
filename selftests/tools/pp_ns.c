// SPDX-License-Identifier: GPL-2.0
/*
 * pp_ns NAMESPACE COMMAND...: runs a program in a network namespace of "ip netns". Tests start most
 * of their programs with it. It is linked statically: what nsenter needs to find and bind its
 * libraries takes longer than all of this, above all in user-mode Linux.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char path[4096];
	int fd;

	if (argc < 3) {
		fputs("Usage: pp_ns NAMESPACE COMMAND...\n", stderr);
		return 2;
	}
	snprintf(path, sizeof(path), "/run/netns/%s", argv[1]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET)) {
		fprintf(stderr, "pp_ns: %s: %s\n", path, strerror(errno));
		return 1;
	}
	execvp(argv[2], argv + 2);
	fprintf(stderr, "pp_ns: %s: %s\n", argv[2], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}
