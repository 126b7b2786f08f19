/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel module: whether it is there, asked without loading it.
 */
#ifndef _PPCTL_MODULE_H
#define _PPCTL_MODULE_H

#include <stdbool.h>

bool module_is_loaded(void);
bool module_is_installed(const char *kernel);

#endif /* _PPCTL_MODULE_H */
