/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel module: whether it is loaded or installed, found out without loading it.
 */
#ifndef _PPCTL_MODULE_H
#define _PPCTL_MODULE_H

#include <stdbool.h>
#include <stddef.h>

bool module_is_loaded(void);
bool module_is_installed(const char *kernel);
bool module_version(char *version, size_t size);
bool module_missing(char *kernel, size_t size);

#endif /* _PPCTL_MODULE_H */
