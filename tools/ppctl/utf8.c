// SPDX-License-Identifier: GPL-2.0
/*
 * UTF-8, one character at a time, independent of the locale. Only comments are
 * arbitrary text.
 */
#include "utf8.h"

/* Bytes of the sequence that begins with @first, or 0; @bits: bits of @first's value */
static size_t sequence_length(unsigned char first, uint32_t *bits)
{
	if (first < 0x80) {
		*bits = first;
		return 1;
	}
	if (first >= 0xc0 && first < 0xe0) {
		*bits = first & 0x1f;
		return 2;
	}
	if (first >= 0xe0 && first < 0xf0) {
		*bits = first & 0x0f;
		return 3;
	}
	if (first >= 0xf0 && first < 0xf8) {
		*bits = first & 0x07;
		return 4;
	}
	return 0;
}

/* The shortest form only, no surrogates, nothing above U+10FFFF */
static bool is_allowed(uint32_t character, size_t len)
{
	static const uint32_t lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };

	return character >= lowest[len] && character <= 0x10ffff &&
	       (character < 0xd800 || character > 0xdfff);
}

/**
 * utf8_read - read the first character of a string
 * @text: not empty
 * @character: is set to its code point
 *
 * Returns the number of its bytes, or 0 if @text does not begin with a
 * character in UTF-8.
 */
size_t utf8_read(const char *text, uint32_t *character)
{
	const unsigned char *bytes = (const unsigned char *)text;
	uint32_t value;
	size_t len, i;

	len = sequence_length(bytes[0], &value);
	for (i = 1; i < len; i++) {
		/* The final NUL is no continuation byte, so it ends the loop, too */
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (bytes[i] & 0x3f);
	}
	if (!len || !is_allowed(value, len))
		return 0;
	*character = value;
	return len;
}

/**
 * utf8_is_control - whether a character is a control character: C0, DEL or C1
 */
bool utf8_is_control(uint32_t character)
{
	return character < 0x20 || (character >= 0x7f && character < 0xa0);
}
