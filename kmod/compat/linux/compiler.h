/* SPDX-License-Identifier: GPL-2.0 */
/* Some releases from 5.10 on have no name for this attribute */
#ifndef _PP_COMPAT_LINUX_COMPILER_H
#define _PP_COMPAT_LINUX_COMPILER_H

#include_next <linux/compiler.h>

#ifndef __uninitialized
#define __uninitialized
#endif

#endif /* _PP_COMPAT_LINUX_COMPILER_H */
