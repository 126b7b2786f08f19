/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the fuzz targets share: the function that libFuzzer and replay.c call,
 * and the function that reports a failure.
 */
#ifndef _PP_FUZZ_H
#define _PP_FUZZ_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program: the input at hand is a finding. A target may have moved stderr */
static inline void __attribute__((noreturn, format(printf, 1, 2)))
disagree(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vdprintf(STDERR_FILENO, fmt, args);
	va_end(args);
	dprintf(STDERR_FILENO, "\n");
	abort();
}

#define agree(condition) \
	((condition) ? (void)0 : disagree("%s:%d: not so: %s", __FILE__, __LINE__, #condition))

#endif /* _PP_FUZZ_H */
