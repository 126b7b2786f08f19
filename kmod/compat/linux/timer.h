/* SPDX-License-Identifier: GPL-2.0 */
/* Up to 6.1 it was called del_timer_sync() */
#ifndef _PP_COMPAT_LINUX_TIMER_H
#define _PP_COMPAT_LINUX_TIMER_H

#include_next <linux/timer.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define timer_delete_sync(timer) del_timer_sync(timer)
#endif

#endif /* _PP_COMPAT_LINUX_TIMER_H */
