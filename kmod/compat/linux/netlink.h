/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Up to 6.1, an extack message can only be a constant. Here a formatted message is in
 * one of a few static buffers, used in turn. The kernel copies it into the answer before
 * the command returns to user space.
 */
#ifndef _PP_COMPAT_LINUX_NETLINK_H
#define _PP_COMPAT_LINUX_NETLINK_H

#include_next <linux/netlink.h>

#ifndef NL_SET_ERR_MSG_FMT
#include <linux/atomic.h>
#include <linux/kernel.h>

#define PP_COMPAT_MSGS	16
#define PP_COMPAT_MSG_LEN	128

#define NL_SET_ERR_MSG_FMT(extack, fmt, ...) do {				\
	static char __msgs[PP_COMPAT_MSGS][PP_COMPAT_MSG_LEN];			\
	static atomic_t __turn;							\
	struct netlink_ext_ack *__extack = (extack);				\
	char *__msg = __msgs[(u32)atomic_inc_return(&__turn) % PP_COMPAT_MSGS];	\
										\
	snprintf(__msg, PP_COMPAT_MSG_LEN, fmt, ##__VA_ARGS__);			\
	if (__extack)								\
		__extack->_msg = __msg;						\
} while (0)
#endif

#endif /* _PP_COMPAT_LINUX_NETLINK_H */
