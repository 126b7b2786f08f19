/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UTF-8, one character at a time.
 */
#ifndef _PPCTL_UTF8_H
#define _PPCTL_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

size_t utf8_read(const char *text, uint32_t *character);
bool utf8_is_control(uint32_t character);

#endif /* _PPCTL_UTF8_H */
