/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The netlink transport: events of the module.
 */
#ifndef _PPCTL_LISTEN_H
#define _PPCTL_LISTEN_H

struct nlmsghdr;

/**
 * struct listener - what is told
 * @event: an event
 * @lost: some events did not reach us
 */
struct listener {
	int (*event)(struct nlmsghdr *nlh);
	int (*lost)(void);
};

int ppnl_listen(const struct listener *listener);

#endif /* _PPCTL_LISTEN_H */
