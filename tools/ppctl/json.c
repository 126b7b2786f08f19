// SPDX-License-Identifier: GPL-2.0
/*
 * Writes JSON to stdout: brackets, commas, line breaks, escapes. Callers give a key
 * inside an object and NULL inside an array. Whatever bytes a string has, the output is
 * valid JSON in valid UTF-8.
 */
#include <inttypes.h>
#include <stdio.h>

#include "json.h"
#include "utf8.h"

/* U+FFFD replaces bytes that are not UTF-8 */
#define REPLACEMENT	"\xef\xbf\xbd"

static bool pretty;
static bool need_comma;
static unsigned int depth;

void json_set_pretty(void)
{
	pretty = true;
}

static void new_line(void)
{
	unsigned int i;

	if (!pretty)
		return;
	putchar('\n');
	for (i = 0; i < depth; i++)
		putchar('\t');
}

static void write_escaped(uint32_t character, const char *bytes, size_t len)
{
	switch (character) {
	case '"':
		fputs("\\\"", stdout);
		break;
	case '\\':
		fputs("\\\\", stdout);
		break;
	case '\n':
		fputs("\\n", stdout);
		break;
	case '\t':
		fputs("\\t", stdout);
		break;
	default:
		if (utf8_is_control(character))
			printf("\\u%04" PRIx32, character);
		else
			fwrite(bytes, 1, len, stdout);
	}
}

static void write_string(const char *text)
{
	uint32_t character;
	size_t len;

	putchar('"');
	while (*text) {
		len = utf8_read(text, &character);
		if (len) {
			write_escaped(character, text, len);
			text += len;
		} else {
			fputs(REPLACEMENT, stdout);
			text++;
		}
	}
	putchar('"');
}

/* Writes what precedes a value: the comma after the last value, and the key */
static void begin_value(const char *key)
{
	if (need_comma)
		putchar(',');
	if (depth)
		new_line();
	if (key) {
		write_string(key);
		fputs(pretty ? ": " : ":", stdout);
	}
	need_comma = true;
}

/**
 * json_open - begin an array, '[', or an object, '{'
 */
void json_open(const char *key, char bracket)
{
	begin_value(key);
	putchar(bracket);
	depth++;
	need_comma = false;
}

/**
 * json_close - end what json_open() began, with ']' or '}'
 */
void json_close(char bracket)
{
	depth--;
	if (need_comma)
		new_line();
	putchar(bracket);
	need_comma = true;
	if (!depth) {
		putchar('\n');
		need_comma = false;
	}
}

void json_string(const char *key, const char *value)
{
	begin_value(key);
	write_string(value);
}

void json_number(const char *key, uint64_t value)
{
	begin_value(key);
	printf("%" PRIu64, value);
}

void json_bool(const char *key, bool value)
{
	begin_value(key);
	fputs(value ? "true" : "false", stdout);
}

void json_null(const char *key)
{
	begin_value(key);
	fputs("null", stdout);
}
