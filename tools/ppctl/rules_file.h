/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file of rules and settings, as save writes it.
 */
#ifndef _PPCTL_RULES_FILE_H
#define _PPCTL_RULES_FILE_H

#include <stddef.h>

#include "rule.h"
#include "settings.h"

/**
 * struct rules_file - a file that was read
 * @name: for messages
 * @text: lines, each ended by a newline
 * @len: bytes
 * @rules: number of rules
 * @settings: what it has beside rules
 */
struct rules_file {
	const char *name;
	char *text;
	size_t len;
	size_t rules;
	struct settings settings;
};

int rules_file_read(const char *name, struct rules_file *file);
void rules_file_free(struct rules_file *file);
int rules_file_each(const struct rules_file *file,
		    int (*each)(struct rule *rule, unsigned long line, void *data),
		    void *data);

#endif /* _PPCTL_RULES_FILE_H */
