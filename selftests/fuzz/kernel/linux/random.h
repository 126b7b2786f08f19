/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For userspace: random bytes that are the same on every run, so that a finding
 * can be repeated.
 */
#ifndef _PP_FUZZ_RANDOM_H
#define _PP_FUZZ_RANDOM_H

#include <stddef.h>
#include <string.h>

static inline void get_random_bytes(void *buf, size_t len)
{
	memset(buf, 0xa5, len);
}

#endif /* _PP_FUZZ_RANDOM_H */
