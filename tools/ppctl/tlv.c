// SPDX-License-Identifier: GPL-2.0
/*
 * TLVs in words: TYPE=VALUE. TYPE is a number, or a name for the layout of a cloud
 * provider. VALUE is text, or bytes in hexadecimal after 0x.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "out.h"
#include "parse.h"
#include "ppctl.h"
#include "tlv.h"

#define CUSTOM_FIRST	0xe0
#define CUSTOM_LAST	0xef
/* Longest name that HAProxy reads */
#define NAME_MAX_LEN	255
/* First byte of the values of AWS and Azure: the subtype */
#define SUBTYPE		0x01

enum layout_kind {
	LAYOUT_TEXT,	/* the subtype, then text */
	LAYOUT_LE32,	/* the subtype, then a little-endian number */
	LAYOUT_BE64,	/* a big-endian number */
};

/* From the documentation of each provider */
static const struct layout {
	const char *name;
	uint8_t type;
	enum layout_kind kind;
	uint64_t max;
} layouts[] = {
	{ "aws-vpce-id", 0xea, LAYOUT_TEXT, 0 },
	{ "azure-link-id", 0xee, LAYOUT_LE32, UINT32_MAX },
	{ "gcp-psc-id", 0xe0, LAYOUT_BE64, UINT64_MAX },
};

static bool is_safe(uint8_t byte)
{
	static const char safe[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789@%+=:,./_-";

	return byte && strchr(safe, byte);
}

static bool is_safe_text(const uint8_t *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (!is_safe(bytes[i]))
			return false;
	}
	return true;
}

static int too_long(const char *text)
{
	return usage_error("the value in '%s' has more than %d bytes", text,
			   PP_TLV_VALUE_MAX);
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *found;

	if (c >= 'A' && c <= 'F')
		c = (char)(c - 'A' + 'a');
	found = c ? strchr(digits, c) : NULL;
	return found ? (int)(found - digits) : -1;
}

static int parse_bytes(const char *text, const char *digits, struct tlv *tlv)
{
	size_t len = strlen(digits), i;
	int high, low;

	if (len % 2)
		return usage_error("'%s' has an odd number of digits: two for each byte",
				   text);
	if (len / 2 > PP_TLV_VALUE_MAX)
		return too_long(text);
	for (i = 0; i < len / 2; i++) {
		high = hex_digit(digits[2 * i]);
		low = hex_digit(digits[2 * i + 1]);
		if (high < 0 || low < 0)
			return usage_error("'%s' has a digit that is not hexadecimal",
					   text);
		tlv->value[i] = (uint8_t)(high << 4 | low);
	}
	tlv->len = (uint16_t)(len / 2);
	return STATUS_OK;
}

static int append_text(const char *text, const char *value, struct tlv *tlv)
{
	size_t len = strlen(value);

	if (tlv->len + len > PP_TLV_VALUE_MAX)
		return too_long(text);
	memcpy(tlv->value + tlv->len, value, len);
	tlv->len = (uint16_t)(tlv->len + len);
	return STATUS_OK;
}

static void append_number(const struct layout *layout, uint64_t number,
			  struct tlv *tlv)
{
	unsigned int bytes = layout->kind == LAYOUT_BE64 ? 8 : 4, i, shift;

	for (i = 0; i < bytes; i++) {
		shift = 8 * (layout->kind == LAYOUT_BE64 ? bytes - 1 - i : i);
		tlv->value[tlv->len++] = (uint8_t)(number >> shift);
	}
}

static int parse_layout(const char *text, const struct layout *layout,
			const char *value, struct tlv *tlv)
{
	uint64_t number;

	tlv->type = layout->type;
	if (layout->kind != LAYOUT_BE64)
		tlv->value[tlv->len++] = SUBTYPE;
	if (layout->kind == LAYOUT_TEXT && !*value)
		return usage_error("'%s' has no value", text);
	if (layout->kind == LAYOUT_TEXT)
		return append_text(text, value, tlv);
	if (!parse_number(value, layout->max, &number))
		return usage_error("'%s': %s is a number from 0 to %" PRIu64, text,
				   layout->name, layout->max);
	append_number(layout, number, tlv);
	return STATUS_OK;
}

static const struct layout *find_layout(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(layouts); i++) {
		if (strlen(layouts[i].name) == len &&
		    !memcmp(layouts[i].name, name, len))
			return &layouts[i];
	}
	return NULL;
}

/* Decimal, or hexadecimal after 0x as in the specification */
static bool parse_type(const char *text, size_t len, uint8_t *type)
{
	char copy[8];
	uint64_t value;

	if (!len || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (len == 4 && !strncmp(copy, "0x", 2) && hex_digit(copy[2]) >= 0 &&
	    hex_digit(copy[3]) >= 0)
		value = (uint64_t)(hex_digit(copy[2]) << 4 | hex_digit(copy[3]));
	else if (!parse_number(copy, UINT8_MAX, &value))
		return false;
	*type = (uint8_t)value;
	return value >= CUSTOM_FIRST && value <= CUSTOM_LAST;
}

/**
 * tlv_parse - read TYPE=VALUE
 */
int tlv_parse(const char *text, struct tlv *tlv)
{
	const char *equals = strchr(text, '=');
	const struct layout *layout;
	size_t len;

	if (!equals)
		return usage_error("'%s' is not a TLV: TYPE=VALUE", text);
	memset(tlv, 0, sizeof(*tlv));
	len = (size_t)(equals - text);
	layout = find_layout(text, len);
	if (layout)
		return parse_layout(text, layout, equals + 1, tlv);
	if (!parse_type(text, len, &tlv->type))
		return usage_error("'%.*s' is not a type: 0xe0 to 0xef, aws-vpce-id, azure-link-id or gcp-psc-id",
				   (int)len, text);
	if (!strncmp(equals + 1, "0x", 2))
		return parse_bytes(text, equals + 3, tlv);
	return append_text(text, equals + 1, tlv);
}

/**
 * tlv_parse_name - read the value of a type whose value is a name
 * @keyword: the keyword of the type, for errors
 * @text: the name
 * @type: the type
 */
int tlv_parse_name(const char *keyword, const char *text, uint8_t type,
		   struct tlv *tlv)
{
	size_t len = strlen(text);

	if (!len || len > NAME_MAX_LEN)
		return usage_error("'%s' needs a name of 1 to %d bytes", keyword,
				   NAME_MAX_LEN);
	if (!is_safe_text((const uint8_t *)text, len))
		return usage_error("'%s' has a character that no %s has", text,
				   keyword);
	memset(tlv, 0, sizeof(*tlv));
	tlv->type = type;
	return append_text(text, text, tlv);
}

/* Longest value in a header that is read, as text */
#define VALUE_TEXT_MAX	(2 * 4096 + sizeof("0x"))

static const struct layout *layout_of(uint8_t type, const uint8_t *value, size_t len)
{
	const struct layout *layout;

	for (layout = layouts; layout < layouts + ARRAY_SIZE(layouts); layout++) {
		if (layout->type != type)
			continue;
		if (layout->kind == LAYOUT_BE64)
			return len == 8 ? layout : NULL;
		if (!len || value[0] != SUBTYPE)
			return NULL;
		if (layout->kind == LAYOUT_LE32)
			return len == 5 ? layout : NULL;
		return len > 1 && is_safe_text(value + 1, len - 1) ? layout : NULL;
	}
	return NULL;
}

static uint64_t layout_number(const struct layout *layout, const uint8_t *value)
{
	uint64_t number = 0;
	unsigned int i;

	for (i = 0; i < 8 && layout->kind == LAYOUT_BE64; i++)
		number = number << 8 | value[i];
	for (i = 4; i > 0 && layout->kind == LAYOUT_LE32; i--)
		number = number << 8 | value[i];
	return number;
}

static void format_bytes(const uint8_t *value, size_t len, char text[VALUE_TEXT_MAX])
{
	size_t i;

	text += sprintf(text, "0x");
	for (i = 0; i < len; i++)
		text += sprintf(text, "%02x", value[i]);
}

/* As text, unless that would be read as bytes. Names are always text */
static void format_value(uint8_t type, const uint8_t *value, size_t len,
			 char text[VALUE_TEXT_MAX])
{
	const struct layout *layout = layout_of(type, value, len);
	bool like_bytes = type >= CUSTOM_FIRST && len >= 2 && !memcmp(value, "0x", 2);

	if (layout && layout->kind == LAYOUT_TEXT)
		sprintf(text, "%.*s", (int)len - 1, (const char *)value + 1);
	else if (layout)
		sprintf(text, "%" PRIu64, layout_number(layout, value));
	else if (is_safe_text(value, len) && !like_bytes)
		sprintf(text, "%.*s", (int)len, (const char *)value);
	else
		format_bytes(value, len, text);
}

/**
 * tlv_print - print a TLV as the words that add-rule reads
 *
 * tlv_print_object() prints it in JSON.
 */
void tlv_print(const struct tlv *tlv)
{
	const struct layout *layout = layout_of(tlv->type, tlv->value, tlv->len);
	char value[VALUE_TEXT_MAX], type[8];

	format_value(tlv->type, tlv->value, tlv->len, value);
	if (tlv->type == TLV_ALPN) {
		out_text(" alpn ", value);
	} else if (tlv->type == TLV_AUTHORITY) {
		out_text(" authority ", value);
	} else if (tlv->type == TLV_NETNS) {
		out_text(" netns", "");
	} else {
		snprintf(type, sizeof(type), "0x%02x", tlv->type);
		out_text(" tlv ", layout ? layout->name : type);
		out_text("=", value);
	}
}

static const char *type_name(uint8_t type)
{
	static const struct {
		uint8_t type;
		const char *name;
	} names[] = {
		{ TLV_ALPN, "alpn" }, { TLV_AUTHORITY, "authority" },
		{ 0x03, "crc32c" }, { 0x04, "noop" }, { 0x05, "unique-id" },
		{ 0x20, "ssl" }, { TLV_NETNS, "netns" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].type == type)
			return names[i].name;
	}
	return NULL;
}

/**
 * tlv_print_object - the object of a TLV in JSON: type, name and value
 * @type: of the header
 * @value: at most 4096 bytes
 * @len: how many
 */
void tlv_print_object(uint8_t type, const uint8_t *value, size_t len)
{
	const struct layout *layout = layout_of(type, value, len);
	char text[VALUE_TEXT_MAX];

	out_open_object(NULL);
	out_number("type", NULL, type);
	out_string("name", NULL, layout ? layout->name : type_name(type));
	format_value(type, value, len, text);
	out_string("text", NULL, is_safe_text(value, len) || layout ? text : NULL);
	format_bytes(value, len, text);
	out_string("value", NULL, text);
	out_close_object();
}

/**
 * tlv_print_all - the array of the TLVs of a header in JSON
 * @key: its name
 * @bytes: the TLVs; NULL: they are not known
 * @len: bytes of them
 */
void tlv_print_all(const char *key, const uint8_t *bytes, size_t len)
{
	size_t value_len;

	if (!bytes) {
		out_null(key);
		return;
	}
	out_open_array(key);
	while (len >= 3) {
		value_len = (size_t)(bytes[1] << 8 | bytes[2]);
		if (value_len > len - 3 || value_len > 4096)
			break;
		tlv_print_object(bytes[0], bytes + 3, value_len);
		bytes += 3 + value_len;
		len -= 3 + value_len;
	}
	out_close_array();
}
