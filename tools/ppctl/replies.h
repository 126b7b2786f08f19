/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The answers of the kernel, kept and read.
 */
#ifndef _PPCTL_REPLIES_H
#define _PPCTL_REPLIES_H

#include <stddef.h>
#include <stdint.h>

struct nlattr;
struct nlmsghdr;

/**
 * struct replies - the answers to a request, one netlink message after another
 * @data: the messages
 * @len: bytes used
 * @room: bytes allocated
 */
struct replies {
	char *data;
	size_t len;
	size_t room;
};

void replies_append(struct replies *replies, const struct nlmsghdr *nlh);
int replies_each(const struct replies *replies, int type,
		 int (*each)(struct nlattr *nest, void *data), void *data);
void replies_free(struct replies *replies);

uint64_t reply_number(const struct nlattr *attr, uint64_t missing);
int reply_bad(void);

#endif /* _PPCTL_REPLIES_H */
