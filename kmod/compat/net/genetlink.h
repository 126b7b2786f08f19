/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Only a multicast group with flags can be closed to unprivileged listeners. Stable
 * releases of older kernels have the flag under another name.
 */
#ifndef _PP_COMPAT_NET_GENETLINK_H
#define _PP_COMPAT_NET_GENETLINK_H

#include_next <net/genetlink.h>

#ifndef GENL_MCAST_CAP_NET_ADMIN
#define GENL_MCAST_CAP_NET_ADMIN	GENL_UNS_ADMIN_PERM
#endif

/* A group for CAP_NET_ADMIN, and how many such groups a family can have */
#ifdef PP_HAVE_GENL_MCGRP_FLAGS
#define PP_GENL_ADMIN_GROUP(name_)	{ .name = (name_), .flags = GENL_MCAST_CAP_NET_ADMIN }
#define PP_GENL_ADMIN_GROUPS(groups)	ARRAY_SIZE(groups)
#else
#define PP_GENL_ADMIN_GROUP(name_)	{ .name = (name_) }
#define PP_GENL_ADMIN_GROUPS(groups)	0
#endif

#endif /* _PP_COMPAT_NET_GENETLINK_H */
