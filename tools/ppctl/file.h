/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writes a file that is replaced at once.
 */
#ifndef _PPCTL_FILE_H
#define _PPCTL_FILE_H

#include <sys/types.h>

int file_replace(const char *name, mode_t mode, int (*print)(const void *data),
		 const void *data);

#endif /* _PPCTL_FILE_H */
