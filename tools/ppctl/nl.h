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
struct replies;

/* What a dump that changed while it was read is worth */
enum dump_kind {
	DUMP_SNAPSHOT,		/* nothing: read it again */
	DUMP_MOVING,		/* as much as any other, since it changes always */
};

int ppnl_open(void);
struct nl_msg *ppnl_request(uint8_t command, size_t room);
int ppnl_do_unless(struct nl_msg *request, int error, bool *failed);
int ppnl_do(struct nl_msg *request, struct replies *replies);
int ppnl_dump(uint8_t command, enum dump_kind kind, struct replies *replies);

#endif /* _PPCTL_NL_H */
