/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writes JSON to stdout.
 */
#ifndef _PPCTL_JSON_H
#define _PPCTL_JSON_H

#include <stdbool.h>
#include <stdint.h>

void json_set_pretty(void);
void json_open(const char *key, char bracket);
void json_close(char bracket);
void json_string(const char *key, const char *value);
void json_number(const char *key, uint64_t value);
void json_bool(const char *key, bool value);
void json_null(const char *key);

#endif /* _PPCTL_JSON_H */
