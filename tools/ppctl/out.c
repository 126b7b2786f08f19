// SPDX-License-Identifier: GPL-2.0
/*
 * Decides how a value looks: in JSON, on a line of text, or in a table. The rows of a
 * table are produced twice, once to measure and once to print, so that no row has to be
 * stored.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "out.h"
#include "ppctl.h"
#include "utf8.h"

#define COLUMNS_MAX	16

static enum out_format format;

/* Where text is printed; NULL: stdout */
static FILE *file;

static struct {
	enum { NO_TABLE, MEASURE, PRINT } pass;
	struct column {
		const char *name;
		size_t width;
		bool right;	/* numbers are aligned to the right */
	} columns[COLUMNS_MAX];
	unsigned int used;	/* columns of a row */
	unsigned int next;	/* column of the next value */
	size_t pending;		/* blanks to print before it */
} table;

/**
 * out_select - choose the format; pretty JSON wins over plain JSON
 */
void out_select(enum out_format wanted)
{
	if (wanted > format)
		format = wanted;
	if (wanted == OUT_JSON_PRETTY)
		json_set_pretty();
}

bool out_is_text(void)
{
	return format == OUT_TEXT;
}

/**
 * out_to - print text to a file
 * @wanted: the file, or NULL: stdout
 */
void out_to(FILE *wanted)
{
	file = wanted;
}

static FILE *text_file(void)
{
	return file ? file : stdout;
}

void out_open_array(const char *key)
{
	if (format != OUT_TEXT)
		json_open(key, '[');
}

void out_close_array(void)
{
	if (format != OUT_TEXT)
		json_close(']');
}

void out_open_object(const char *key)
{
	if (format != OUT_TEXT)
		json_open(key, '{');
}

void out_close_object(void)
{
	if (format != OUT_TEXT)
		json_close('}');
}

static void measure_cell(const char *label, const char *value, bool right)
{
	struct column *column = &table.columns[table.next];
	size_t width = strlen(value);

	/* Empty cells in a column of numbers are text */
	if (right)
		column->right = true;
	if (!column->name) {
		column->name = label;
		column->width = strlen(label);
		table.used = table.next + 1;
	}
	if (width > column->width)
		column->width = width;
}

/* Blanks are written before a value, so that no line ends with blanks */
static void print_cell(const char *value)
{
	const struct column *column = &table.columns[table.next];
	size_t width = strlen(value);
	size_t rest = width < column->width ? column->width - width : 0;

	if (column->right)
		table.pending += rest;
	fprintf(text_file(), "%*s%s", (int)table.pending, "", value);
	table.pending = 2 + (column->right ? 0 : rest);
}

static void put(const char *label, const char *value, bool right)
{
	if (!label)
		return;
	if (table.pass == NO_TABLE) {
		fprintf(text_file(), "%s%s", label, value);
		return;
	}
	if (table.next == COLUMNS_MAX)
		return;
	if (table.pass == MEASURE)
		measure_cell(label, value, right);
	else
		print_cell(value);
	table.next++;
}

void out_string(const char *key, const char *label, const char *value)
{
	if (format == OUT_TEXT) {
		if (value)
			put(label, value, false);
	} else if (value) {
		json_string(key, value);
	} else {
		json_null(key);
	}
}

static bool is_plain(const char *value)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789@%+=:,./_-";

	return *value && !value[strspn(value, plain)];
}

/* Quoted as a shell reads it; control characters become question marks */
static void put_quoted(const char *value)
{
	uint32_t character;
	size_t len;

	fputc('\'', text_file());
	while (*value) {
		len = utf8_read(value, &character);
		if (!len || utf8_is_control(character))
			fputc('?', text_file());
		else if (character == '\'')
			fputs("'\\''", text_file());
		else
			fwrite(value, 1, len, text_file());
		value += len ? len : 1;
	}
	fputc('\'', text_file());
}

/**
 * out_quoted - a string with arbitrary characters, on a line
 */
void out_quoted(const char *key, const char *label, const char *value)
{
	if (format != OUT_TEXT || !value || is_plain(value)) {
		out_string(key, label, value);
		return;
	}
	fputs(label, text_file());
	put_quoted(value);
}

void out_number(const char *key, const char *label, uint64_t value)
{
	char text[24];

	if (format != OUT_TEXT) {
		json_number(key, value);
		return;
	}
	snprintf(text, sizeof(text), "%" PRIu64, value);
	put(label, text, true);
}

/**
 * out_hex - a number that the text shows in hexadecimal
 */
void out_hex(const char *key, const char *label, uint32_t value)
{
	char text[24];

	if (format != OUT_TEXT) {
		json_number(key, value);
		return;
	}
	snprintf(text, sizeof(text), "0x%" PRIx32, value);
	put(label, text, true);
}

/**
 * out_seconds - milliseconds, which the text shows as seconds
 */
void out_seconds(const char *key, const char *label, uint64_t milliseconds)
{
	char text[32];

	if (format != OUT_TEXT) {
		json_number(key, milliseconds);
		return;
	}
	snprintf(text, sizeof(text), "%" PRIu64 ".%03u", milliseconds / 1000,
		 (unsigned int)(milliseconds % 1000));
	put(label, text, true);
}

/**
 * out_flag - a boolean value: the text has the label if it is true
 */
void out_flag(const char *key, const char *label, bool value)
{
	if (format != OUT_TEXT)
		json_bool(key, value);
	else if (value)
		put(label, "", false);
}

void out_null(const char *key)
{
	out_string(key, NULL, NULL);
}

void out_endpoint(const char *key, const char *port_key, const char *label,
		  const char *address, uint16_t port)
{
	bool ipv6 = address && strchr(address, ':');
	char text[64];

	if (format != OUT_TEXT) {
		out_string(key, NULL, address);
		if (address)
			json_number(port_key, port);
		else
			json_null(port_key);
		return;
	}
	if (address)
		snprintf(text, sizeof(text), "%s%s%s:%u", ipv6 ? "[" : "",
			 address, ipv6 ? "]" : "", port);
	else
		strcpy(text, "-");
	put(label, text, false);
}

void out_text(const char *label, const char *value)
{
	if (format == OUT_TEXT)
		put(label, value, false);
}

void out_number_text(uint64_t value, const char *what)
{
	if (format == OUT_TEXT)
		fprintf(text_file(), "%" PRIu64 "%s", value, what);
}

void out_printf(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(text_file(), fmt, args);
	va_end(args);
}

void out_end_line(void)
{
	if (format != OUT_TEXT)
		return;
	if (table.pass != MEASURE)
		fputc('\n', text_file());
	table.next = 0;
	table.pending = 0;
}

static void print_names(void)
{
	while (table.next < table.used) {
		print_cell(table.columns[table.next].name);
		table.next++;
	}
	out_end_line();
}

/**
 * out_table_begin - begin a table whose rows come in parts
 */
void out_table_begin(void)
{
	memset(&table, 0, sizeof(table));
}

/**
 * out_table_more - print a part of a table
 * @print: writes rows, each ended by out_end_line()
 * @data: what @print gets
 *
 * The first part with rows decides the widths: a wider cell of a later part moves the rest of
 * its row.
 */
int out_table_more(int (*print)(const void *data), const void *data)
{
	int status = STATUS_OK;

	if (format != OUT_TEXT)
		return print(data);

	if (!table.used) {
		table.pass = MEASURE;
		status = print(data);
		table.pass = PRINT;
		if (!status && table.used)
			print_names();
	}
	if (!status && table.used) {
		table.pass = PRINT;
		status = print(data);
	}
	table.pass = NO_TABLE;
	return status;
}

/**
 * out_table - print rows whose columns are aligned in the text
 * @print: writes all rows, each ended by out_end_line()
 * @data: what @print gets
 *
 * Returns what @print returned. Without rows the text is empty.
 */
int out_table(int (*print)(const void *data), const void *data)
{
	out_table_begin();
	return out_table_more(print, data);
}
