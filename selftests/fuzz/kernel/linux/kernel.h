/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For userspace: scnprintf(), of which kmod/send/tlv.c uses one format alone,
 * "%*phN": bytes in hexadecimal.
 */
#ifndef _PP_FUZZ_KERNEL_H
#define _PP_FUZZ_KERNEL_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline int scnprintf(char *buf, size_t size, const char *fmt, int len, const void *bytes)
{
	int i;

	if (strcmp(fmt, "%*phN") || size < 2 * (size_t)len + 1)
		abort();
	for (i = 0; i < len; i++)
		snprintf(buf + 2 * i, 3, "%02x", ((const uint8_t *)bytes)[i]);
	return 2 * len;
}

#endif /* _PP_FUZZ_KERNEL_H */
