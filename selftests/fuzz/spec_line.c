// SPDX-License-Identifier: GPL-2.0
/*
 * SPEC's header of version 1: the line is cut at its blanks, and the C library
 * reads the addresses. A line that is not all there may become a header if
 * every field before the last is good, and something can be put behind the
 * last one that makes it good, which is tried.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec_header.h"

#define LINE_MAX	107
#define TCP4_MAX	56
#define TCP6_MAX	104
#define FIELDS		6

enum { PROXY, KEYWORD, SRC, DST, SPORT, DPORT };

/**
 * struct fields - a line without its CRLF, cut
 * @family: of the keyword, once that is whole
 */
struct fields {
	char text[FIELDS][LINE_MAX + 1];
	size_t count;
	int family;
};

/* Returns false if there are more of them, or a NUL */
static bool cut(const uint8_t *line, size_t len, struct fields *fields)
{
	size_t i, used = 0;

	memset(fields, 0, sizeof(*fields));
	fields->count = 1;
	for (i = 0; i < len; i++) {
		if (!line[i])
			return false;
		if (line[i] != ' ') {
			fields->text[fields->count - 1][used++] = (char)line[i];
			continue;
		}
		if (fields->count++ == FIELDS)
			return false;
		used = 0;
	}
	return true;
}

static bool is_port(const char *text)
{
	unsigned long value = strtoul(text, NULL, 10);
	char again[24];

	snprintf(again, sizeof(again), "%lu", value);
	return value <= 65535 && !strcmp(text, again);
}

static bool is_address(int family, const char *text)
{
	uint8_t bytes[16];

	return inet_pton(family, text, bytes) == 1;
}

static bool is_good(const struct fields *fields, size_t at)
{
	const char *text = fields->text[at];

	switch (at) {
	case PROXY:
		return !strcmp(text, "PROXY");
	case KEYWORD:
		return !strcmp(text, "TCP4") || !strcmp(text, "TCP6");
	case SRC:
	case DST:
		return is_address(fields->family, text);
	default:
		return is_port(text);
	}
}

/* All that can follow in an address, in its shortest form */
static const char *const address_ends[] = {
	"", "0", "0.0", "0.0.0", "0.0.0.0", ".0", ".0.0", ".0.0.0",
	":", "::", ":0", ":0.0.0.0", "0:0", "0:0:0", "0:0:0:0", "0:0:0:0:0", "0:0:0:0:0:0",
	"0:0:0:0:0:0:0", "0:0:0:0:0:0:0:0",
};

static bool may_become_address(int family, const char *text)
{
	char whole[2 * LINE_MAX];
	size_t i;

	for (i = 0; i < sizeof(address_ends) / sizeof(address_ends[0]); i++) {
		snprintf(whole, sizeof(whole), "%s%s", text, address_ends[i]);
		if (is_address(family, whole))
			return true;
	}
	return false;
}

static bool begins(const char *whole, const char *text)
{
	return !strncmp(whole, text, strlen(text));
}

static bool may_become_good(const struct fields *fields, size_t at)
{
	const char *text = fields->text[at];

	switch (at) {
	case PROXY:
		return begins("PROXY", text);
	case KEYWORD:
		return begins("TCP4", text) || begins("TCP6", text) || begins("UNKNOWN", text);
	case SRC:
	case DST:
		return may_become_address(fields->family, text);
	default:
		return !*text || is_port(text);
	}
}

static bool are_good(struct fields *fields, size_t count)
{
	size_t i;

	fields->family = fields->text[KEYWORD][3] == '4' ? AF_INET : AF_INET6;
	for (i = 0; i < count; i++) {
		if (!is_good(fields, i))
			return false;
	}
	return true;
}

static size_t longest(const struct fields *fields)
{
	if (fields->count <= KEYWORD + 1)
		return LINE_MAX;
	return fields->family == AF_INET ? TCP4_MAX : TCP6_MAX;
}

static void take_fields(const struct fields *fields, struct spec_header *h)
{
	bool ipv4 = fields->family == AF_INET;

	h->family_proto = ipv4 ? 0x11 : 0x21;
	h->address_len = ipv4 ? 4 : 16;
	inet_pton(fields->family, fields->text[SRC], h->src);
	inet_pton(fields->family, fields->text[DST], h->dst);
	h->sport = (unsigned int)strtoul(fields->text[SPORT], NULL, 10);
	h->dport = (unsigned int)strtoul(fields->text[DPORT], NULL, 10);
}

/* @len: of the line without its CRLF */
static enum spec_verdict read_whole(const uint8_t *line, size_t len, struct spec_header *h)
{
	struct fields fields;

	h->version = 1;
	h->len = len + 2;
	if (len >= 13 && !memcmp(line, "PROXY UNKNOWN", 13) && (len == 13 || line[13] == ' '))
		return SPEC_ACCEPTED;
	if (!cut(line, len, &fields) || fields.count != FIELDS || !are_good(&fields, FIELDS) ||
	    len + 2 > longest(&fields))
		return SPEC_REFUSED;
	take_fields(&fields, h);
	return SPEC_ACCEPTED;
}

/* Behind "PROXY UNKNOWN": a blank and anything, with room for CRLF, or CR */
static bool may_become_unknown(const uint8_t *line, size_t len)
{
	if (len < LINE_MAX - 1 && line[13] == ' ')
		return true;
	return line[len - 1] == '\r' && (len == 14 || (line[13] == ' ' && len < LINE_MAX));
}

/*
 * A choice: the cap of a TCP line counts when it is reached, not when a field
 * cannot end before it any more.
 */
static enum spec_verdict read_part(const uint8_t *line, size_t len)
{
	struct fields fields;
	bool cr;

	if (len > 13 && !memcmp(line, "PROXY UNKNOWN", 13))
		return may_become_unknown(line, len) ? SPEC_MORE : SPEC_REFUSED;
	cr = len && line[len - 1] == '\r';
	if (!cut(line, cr ? len - 1 : len, &fields) ||
	    !are_good(&fields, cr ? fields.count : fields.count - 1) ||
	    (cr ? fields.count != FIELDS : !may_become_good(&fields, fields.count - 1)) ||
	    len >= longest(&fields))
		return SPEC_REFUSED;
	return SPEC_MORE;
}

/**
 * spec_read_line - read a line, or what has arrived of it
 *
 * As spec_read() does.
 */
enum spec_verdict spec_read_line(const uint8_t *bytes, size_t len, struct spec_header *h)
{
	size_t cap = len < LINE_MAX ? len : LINE_MAX, i;

	for (i = 0; i + 1 < cap; i++) {
		if (bytes[i] == '\r' && bytes[i + 1] == '\n')
			return read_whole(bytes, i, h);
	}
	return len < LINE_MAX ? read_part(bytes, len) : SPEC_REFUSED;
}
