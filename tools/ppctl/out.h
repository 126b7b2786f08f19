/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Output, as text or as JSON, by one call for each value.
 *
 * @key names the value in JSON (NULL inside an array). @label belongs to the
 * text: on a line it is printed before the value, in a table it is the name of
 * the column. A value whose label is NULL is left out of the text.
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

/* A value of NULL is null in JSON and left out of the text */
void out_string(const char *key, const char *label, const char *value);
void out_quoted(const char *key, const char *label, const char *value);
void out_number(const char *key, const char *label, uint64_t value);
void out_hex(const char *key, const char *label, uint32_t value);
void out_seconds(const char *key, const char *label, uint64_t milliseconds);
void out_flag(const char *key, const char *label, bool value);
void out_null(const char *key);

/* A value of two parts, "address:port" in the text; without address unknown */
void out_endpoint(const char *key, const char *port_key, const char *label,
		  const char *address, uint16_t port);

/* Text alone: a value, and the end of a line or row */
void out_text(const char *label, const char *value);
void out_end_line(void);

/* Columns as wide as their widest value: @print is called twice for a text */
int out_table(int (*print)(const void *data), const void *data);

#endif /* _PPCTL_OUT_H */
