/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For the targets of ppctl: commands that read and print texts in memory.
 */
#ifndef _PP_PPCTL_TEXT_H
#define _PP_PPCTL_TEXT_H

#include <stddef.h>

/**
 * struct text - what a command printed
 * @data: with a NUL behind it; to be freed
 */
struct text {
	char *data;
	size_t len;
};

void text_quiet(void);
int text_print(int (*command)(char **args), char **args, struct text *text);
int text_restore(const void *text, size_t len);
void text_round_trip(void);

#endif /* _PP_PPCTL_TEXT_H */
