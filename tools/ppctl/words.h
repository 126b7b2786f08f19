/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The words of a line of a file.
 */
#ifndef _PPCTL_WORDS_H
#define _PPCTL_WORDS_H

#include <stddef.h>

int words_split(char *line, char **words, size_t room);

#endif /* _PPCTL_WORDS_H */
