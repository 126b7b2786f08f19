/* SPDX-License-Identifier: GPL-2.0 */
/* Stable releases of older kernels have the flag of a multicast group, by another name */
#ifndef _PP_COMPAT_NET_GENETLINK_H
#define _PP_COMPAT_NET_GENETLINK_H

#include_next <net/genetlink.h>

#if !defined(GENL_MCAST_CAP_NET_ADMIN) && defined(PP_HAVE_GENL_MCGRP_FLAGS)
#define GENL_MCAST_CAP_NET_ADMIN	GENL_UNS_ADMIN_PERM
#endif

#endif /* _PP_COMPAT_NET_GENETLINK_H */
