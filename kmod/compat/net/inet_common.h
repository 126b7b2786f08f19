/* SPDX-License-Identifier: GPL-2.0 */
/* Before 5.11 this header needs those that are included here */
#ifndef _PP_COMPAT_NET_INET_COMMON_H
#define _PP_COMPAT_NET_INET_COMMON_H

#include <linux/netdevice.h>
#include <net/sock.h>

#include_next <net/inet_common.h>

#endif /* _PP_COMPAT_NET_INET_COMMON_H */
