/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The netlink transport: events of the module.
 */
#ifndef _PPCTL_LISTEN_H
#define _PPCTL_LISTEN_H

struct nlmsghdr;

/**
 * struct listener - what is called
 * @event: for each event
 * @lost: after events were lost
 */
struct listener {
	int (*event)(struct nlmsghdr *nlh);
	int (*lost)(void);
};

int ppnl_listen(const struct listener *listener);

#endif /* _PPCTL_LISTEN_H */
