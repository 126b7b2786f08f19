/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Output, as text or as JSON, by one call for each value.
 *
 * @key is the key in JSON (NULL inside an array). @label is for the text: on a line it
 * is printed before the value, in a table it is the name of the column. A value whose
 * label is NULL is not in the text.
 */
#ifndef _PPCTL_OUT_H
#define _PPCTL_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum out_format {
	OUT_TEXT,
	OUT_JSON,
	OUT_JSON_PRETTY,
};

void out_select(enum out_format wanted);
bool out_is_text(void);
void out_to(FILE *wanted);

/* Brackets of JSON; the text has none */
void out_open_array(const char *key);
void out_close_array(void);
void out_open_object(const char *key);
void out_close_object(void);

/* A value of NULL is null in JSON and not in the text */
void out_string(const char *key, const char *label, const char *value);
void out_quoted(const char *key, const char *label, const char *value);
void out_number(const char *key, const char *label, uint64_t value);
void out_hex(const char *key, const char *label, uint32_t value);
void out_seconds(const char *key, const char *label, uint64_t milliseconds);
void out_flag(const char *key, const char *label, bool value);
void out_null(const char *key);

/* "address:port" in the text, two keys in JSON; without an address: unknown */
void out_endpoint(const char *key, const char *port_key, const char *label,
		  const char *address, uint16_t port);

/* Text alone: a value, a number and what it counts, and the end of a line or row */
void out_text(const char *label, const char *value);
void out_number_text(uint64_t value, const char *what);
void out_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void out_end_line(void);

/* Columns as wide as their widest value: @print is called twice for a text */
int out_table(int (*print)(const void *data), const void *data);

/* The same in parts: the columns are as wide as those of the first part with rows need */
void out_table_begin(void);
int out_table_more(int (*print)(const void *data), const void *data);

#endif /* _PPCTL_OUT_H */
