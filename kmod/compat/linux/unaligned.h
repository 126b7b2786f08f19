/* SPDX-License-Identifier: GPL-2.0 */
/* Up to 6.11, the header is <asm/unaligned.h> */
#ifndef _PP_COMPAT_LINUX_UNALIGNED_H
#define _PP_COMPAT_LINUX_UNALIGNED_H

#ifdef PP_HAVE_LINUX_UNALIGNED_H
#include_next <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#endif /* _PP_COMPAT_LINUX_UNALIGNED_H */
