// SPDX-License-Identifier: GPL-2.0
/*
 * Reads values of the command line from text. Reading is strict: all of the text or
 * nothing, no sign, no blank, no leading zero. A parse_ function that returns a status
 * has reported the error.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "ppctl.h"
#include "utf8.h"

/* Longer than any in services(5) */
#define SERVICE_NAME_MAX	64
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

static bool read_id(const char *text, uint32_t *id)
{
	uint64_t value;

	if (!parse_number(text, UINT32_MAX, &value) || !value)
		return false;
	*id = (uint32_t)value;
	return true;
}

/**
 * parse_ids - read the id of a rule, or a range of ids
 * @text: such as 7 or 3-9
 * @first: is set to the lowest id
 * @last: is set to the highest id
 */
int parse_ids(const char *text, uint32_t *first, uint32_t *last)
{
	const char *dash = strchr(text, '-');
	char *copy;
	bool good;

	if (!dash) {
		good = read_id(text, first);
		*last = *first;
	} else {
		copy = strndup(text, (size_t)(dash - text));
		if (!copy)
			out_of_memory();
		good = read_id(copy, first) && read_id(dash + 1, last);
		free(copy);
	}
	if (!good)
		return usage_error("'%s' is not the id of a rule: a number from 1 up, or a range of them",
				   text);
	if (*last < *first)
		return usage_error("range %s is reversed: use %u-%u", text, *last, *first);
	return STATUS_OK;
}

static int parse_port(const char *text, uint16_t *port)
{
	uint64_t value;

	if (!parse_number(text, UINT16_MAX, &value) || !value)
		return usage_error("'%s' is not a port: a number from 1 to 65535, or the name of a service",
				   text);
	*port = (uint16_t)value;
	return STATUS_OK;
}

/* A name of services(5), which may have a hyphen but not begin with a digit */
static bool find_service(const char *name, uint16_t *port)
{
	const struct servent *service;

	if (!isalpha((unsigned char)*name))
		return false;
	service = getservbyname(name, "tcp");
	if (!service)
		return false;
	*port = ntohs((uint16_t)service->s_port);
	return true;
}

/* One member of a list: the first @len bytes of @text */
static int parse_range(const char *text, size_t len, struct port_range *range)
{
	char copy[SERVICE_NAME_MAX + 1];
	char *last;
	int status;

	if (len >= sizeof(copy))
		return usage_error("'%.*s' is not a port or a range of ports",
				   (int)len, text);
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (find_service(copy, &range->first)) {
		range->last = range->first;
		return STATUS_OK;
	}

	last = isalpha((unsigned char)*copy) ? NULL : strchr(copy, '-');
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
 * @text: such as 80,https,8000-8099
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
 * parse_timeout - read the timeout of an accept rule, in seconds
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

/**
 * parse_stacked - read how many headers in a row a connection begins with
 */
int parse_stacked(const char *text, uint32_t *count)
{
	uint64_t value;

	if (!parse_number(text, PP_STACKED_MAX, &value) || !value)
		return usage_error("'%s' is not a number of headers: 1 to %d", text,
				   PP_STACKED_MAX);
	*count = (uint32_t)value;
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
