/* SPDX-License-Identifier: GPL-2.0 */
/* Up to 6.12 the function was not among the arguments */
#ifndef _PP_COMPAT_LINUX_HRTIMER_H
#define _PP_COMPAT_LINUX_HRTIMER_H

#include_next <linux/hrtimer.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *timer),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

#endif /* _PP_COMPAT_LINUX_HRTIMER_H */
