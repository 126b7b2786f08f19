// SPDX-License-Identifier: GPL-2.0
/*
 * For LD_PRELOAD: has the kernel fail one allocation of each message that the
 * program sends to a generic netlink family. The environment says which:
 * PP_FAIL_NTH, counted from 1 (/proc/thread-self/fail-nth of a kernel with
 * CONFIG_FAULT_INJECTION). If there was an allocation with this number, the file
 * PP_FAIL_FILE is made.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int arm(void)
{
	const char *nth = getenv("PP_FAIL_NTH");
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);

	if (!nth || fd < 0 || write(fd, nth, strlen(nth)) < 0) {
		perror("pp_fail_nth");
		abort();
	}
	return fd;
}

/* The file counts down, and is 0 when the allocation was found */
static void disarm(int fd)
{
	char left[16] = "";
	const char *file = getenv("PP_FAIL_FILE");
	ssize_t len = pread(fd, left, sizeof(left) - 1, 0);

	if (pwrite(fd, "0", 1, 0) < 0)
		abort();
	close(fd);
	if (len > 0 && !atoi(left) && file)
		close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

/* The controller tells the number of the family: not what is to be tested */
static int is_for_family(const void *buf, size_t len)
{
	struct nlmsghdr nlh;

	if (len < sizeof(nlh))
		return 0;
	memcpy(&nlh, buf, sizeof(nlh));
	return nlh.nlmsg_type > GENL_ID_CTRL;
}

/* As libnl calls it, with the whole message in one piece */
ssize_t sendmsg(int sock, const struct msghdr *msg, int flags)
{
	int fd, saved;
	ssize_t ret;

	if (msg->msg_iovlen != 1 ||
	    !is_for_family(msg->msg_iov->iov_base, msg->msg_iov->iov_len))
		return syscall(SYS_sendmsg, sock, msg, flags);
	fd = arm();
	ret = syscall(SYS_sendmsg, sock, msg, flags);
	saved = errno;
	disarm(fd);
	errno = saved;
	return ret;
}
