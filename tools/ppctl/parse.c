// SPDX-License-Identifier: GPL-2.0
/*
 * Values of the command line, from text. Each is read strictly: all of the
 * text or none, no sign, no blank, no leading zero. A parse_ function that
 * returns a status has reported what is wrong.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "ppctl.h"
#include "utf8.h"

#define PORT_TEXT_MAX	sizeof("65535-65535")
#define MARK_TEXT_MAX	sizeof("0xffffffff")

/**
 * parse_number - read a decimal number
 * @text: digits, and nothing else
 * @max: highest value
 * @value: is set if the text is such a number
 */
bool parse_number(const char *text, uint64_t max, uint64_t *value)
{
	uint64_t result = 0;
	unsigned int digit;

	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		digit = (unsigned int)(*text - '0');
		if (digit > max || result > (max - digit) / 10)
			return false;
		result = 10 * result + digit;
	}
	*value = result;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decimal, or hexadecimal after 0x */
static bool parse_bits(const char *text, uint32_t *value)
{
	uint64_t result = 0;
	int digit;

	if (strncmp(text, "0x", 2)) {
		if (!parse_number(text, UINT32_MAX, &result))
			return false;
		*value = (uint32_t)result;
		return true;
	}

	text += 2;
	if (!*text)
		return false;
	for (; *text; text++) {
		digit = hex_digit(*text);
		result = result << 4 | (unsigned int)digit;
		if (digit < 0 || result > UINT32_MAX)
			return false;
	}
	*value = (uint32_t)result;
	return true;
}

int parse_id(const char *text, uint32_t *id)
{
	uint64_t value;

	if (!parse_number(text, UINT32_MAX, &value) || !value)
		return usage_error("'%s' is not the id of a rule: a number from 1 up",
				   text);
	*id = (uint32_t)value;
	return STATUS_OK;
}

static int parse_port(const char *text, uint16_t *port)
{
	uint64_t value;

	if (!parse_number(text, UINT16_MAX, &value) || !value)
		return usage_error("'%s' is not a port: a number from 1 to 65535",
				   text);
	*port = (uint16_t)value;
	return STATUS_OK;
}

/* One member of a list: the first @len bytes of @text */
static int parse_range(const char *text, size_t len, struct port_range *range)
{
	char copy[PORT_TEXT_MAX];
	char *last;
	int status;

	if (len >= sizeof(copy))
		return usage_error("'%.*s' is not a port or a range of ports",
				   (int)len, text);
	memcpy(copy, text, len);
	copy[len] = '\0';

	last = strchr(copy, '-');
	if (last)
		*last++ = '\0';
	status = parse_port(copy, &range->first);
	if (status)
		return status;
	range->last = range->first;
	if (last)
		status = parse_port(last, &range->last);
	if (!status && range->last < range->first)
		status = usage_error("port range %u-%u is reversed: use %u-%u",
				     range->first, range->last,
				     range->last, range->first);
	return status;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct port_range *left = a, *right = b;

	return (left->first > right->first) - (left->first < right->first);
}

static int check_overlap(const struct port_range *ranges, unsigned int count)
{
	unsigned int i;

	for (i = 1; i < count; i++) {
		if (ranges[i].first <= ranges[i - 1].last)
			return usage_error("port %u is given twice",
					   ranges[i].first);
	}
	return STATUS_OK;
}

/**
 * parse_ports - read a list of ports and ranges
 * @text: such as 80,443,8000-8099
 * @ranges: are set, in rising order
 * @count: is set to their number
 */
int parse_ports(const char *text, struct port_range ranges[PP_PORT_RANGES_MAX],
		unsigned int *count)
{
	unsigned int used = 0;
	size_t len;
	int status;

	for (;; text += len + 1) {
		if (used == PP_PORT_RANGES_MAX)
			return usage_error("a rule has at most %u port ranges",
					   PP_PORT_RANGES_MAX);
		len = strcspn(text, ",");
		status = parse_range(text, len, &ranges[used]);
		if (status)
			return status;
		used++;
		if (!text[len])
			break;
	}
	qsort(ranges, used, sizeof(*ranges), compare_ranges);
	*count = used;
	return check_overlap(ranges, used);
}

/**
 * parse_timeout - read a number of seconds that a header may take
 */
int parse_timeout(const char *text, uint32_t *seconds)
{
	uint64_t value;

	if (!parse_number(text, PP_TIMEOUT_MAX, &value) || value < PP_TIMEOUT_MIN)
		return usage_error("'%s' is not a timeout: a number of seconds from %d to %d",
				   text, PP_TIMEOUT_MIN, PP_TIMEOUT_MAX);
	*seconds = (uint32_t)value;
	return STATUS_OK;
}

static bool read_mark(const char *text, uint32_t *mark, uint32_t *mask)
{
	size_t len = strcspn(text, "/");
	char copy[MARK_TEXT_MAX];

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	*mask = UINT32_MAX;
	return parse_bits(copy, mark) &&
	       (!text[len] || parse_bits(text + len + 1, mask));
}

/**
 * parse_mark - read VALUE or VALUE/MASK
 */
int parse_mark(const char *text, uint32_t *mark, uint32_t *mask)
{
	if (!read_mark(text, mark, mask))
		return usage_error("'%s' is not a mark: VALUE or VALUE/MASK, decimal or 0x...",
				   text);
	if (!*mask)
		return usage_error("mark mask 0 takes any mark: leave 'mark' out");
	if (*mark & ~*mask)
		return usage_error("mark 0x%" PRIx32 " has bits outside its mask 0x%" PRIx32,
				   *mark, *mask);
	return STATUS_OK;
}

/**
 * parse_comment - check a comment and copy it
 */
int parse_comment(const char *text, char comment[PP_COMMENT_MAX + 1])
{
	size_t used = strlen(text), at, len;
	uint32_t character;

	if (!used)
		return usage_error("the comment is empty");
	if (used > PP_COMMENT_MAX)
		return usage_error("the comment has %zu bytes: at most %d are kept",
				   used, PP_COMMENT_MAX);
	for (at = 0; at < used; at += len) {
		len = utf8_read(text + at, &character);
		if (!len)
			return usage_error("the comment is not valid UTF-8");
		if (utf8_is_control(character))
			return usage_error("the comment has a control character");
	}
	memcpy(comment, text, used + 1);
	return STATUS_OK;
}
