/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The network namespace that a command acts on.
 */
#ifndef _PPCTL_NETNS_H
#define _PPCTL_NETNS_H

#include <stddef.h>

/* Where ip-netns(8) keeps the names */
#define NETNS_DIR	"/run/netns"

int netns_select(const char *name);
int netns_enter(void);
int netns_name(char *name, size_t size);
const char *netns_selected(void);

#endif /* _PPCTL_NETNS_H */
