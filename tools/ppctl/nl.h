/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The netlink transport: requests to the module.
 */
#ifndef _PPCTL_NL_H
#define _PPCTL_NL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nl_msg;
struct nlmsghdr;
struct replies;

/* What a dump is worth if its objects changed while it was read */
enum dump_kind {
	DUMP_SNAPSHOT,		/* nothing: it is read again */
	DUMP_MOVING,		/* as much as any other: the objects always change */
};

int ppnl_open(void);
struct nl_msg *ppnl_request(uint8_t command, size_t room);
int ppnl_do_unless(struct nl_msg *request, struct replies *replies,
		   const int expected[2], int *failed);
int ppnl_do(struct nl_msg *request, struct replies *replies);
int ppnl_stream(uint8_t command, int (*each)(const struct nlmsghdr *nlh, void *data),
		void *data);
int ppnl_dump(uint8_t command, enum dump_kind kind, struct replies *replies);

#endif /* _PPCTL_NL_H */
