/* SPDX-License-Identifier: GPL-2.0 */
/* The first kernels of each series do not know what newer ones of it do */
#ifndef _PP_COMPAT_LINUX_COMPILER_H
#define _PP_COMPAT_LINUX_COMPILER_H

#include_next <linux/compiler.h>

#ifndef __uninitialized
#define __uninitialized
#endif

#endif /* _PP_COMPAT_LINUX_COMPILER_H */
