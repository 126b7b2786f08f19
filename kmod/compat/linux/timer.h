/* SPDX-License-Identifier: GPL-2.0 */
/* Up to 6.1, timer_delete_sync() is called del_timer_sync() */
#ifndef _PP_COMPAT_LINUX_TIMER_H
#define _PP_COMPAT_LINUX_TIMER_H

#include_next <linux/timer.h>

#ifndef PP_HAVE_TIMER_DELETE_SYNC
#define timer_delete_sync(timer) del_timer_sync(timer)
#endif

#endif /* _PP_COMPAT_LINUX_TIMER_H */
