/* SPDX-License-Identifier: GPL-2.0 */
/* Up to 6.4, <linux/skbuff.h> had these functions */
#ifndef _PP_COMPAT_NET_GSO_H
#define _PP_COMPAT_NET_GSO_H

#ifdef PP_HAVE_NET_GSO_H
#include_next <net/gso.h>
#else
#include <linux/skbuff.h>
#endif

#endif /* _PP_COMPAT_NET_GSO_H */
