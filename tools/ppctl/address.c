// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses and prefixes, between text and bytes. A prefix on the command line must be
 * one that a TCP connection can have as its destination or source.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "parse.h"
#include "ppctl.h"

/* First bits of ::ffff:a.b.c.d, an IPv4 address written as an IPv6 address */
#define MAPPED_LEN	96

static const unsigned char mapped[ADDRESS_BYTES_MAX] = {
	[10] = 0xff, [11] = 0xff,
};

size_t address_bytes(int family)
{
	if (family == AF_INET)
		return sizeof(struct in_addr);
	if (family == AF_INET6)
		return sizeof(struct in6_addr);
	return 0;
}

const char *family_name(int family)
{
	return family == AF_INET ? "IPv4" : "IPv6";
}

static unsigned int address_bits(int family)
{
	return 8 * (unsigned int)address_bytes(family);
}

/**
 * prefix_from_bytes - make a prefix of a whole address from its bytes
 *
 * Returns false if no family has addresses of that size.
 */
bool prefix_from_bytes(struct prefix *prefix, const void *bytes, size_t size)
{
	memset(prefix, 0, sizeof(*prefix));
	if (size == address_bytes(AF_INET))
		prefix->family = AF_INET;
	else if (size == address_bytes(AF_INET6))
		prefix->family = AF_INET6;
	else
		return false;
	prefix->len = address_bits(prefix->family);
	memcpy(prefix->bytes, bytes, size);
	return true;
}

/**
 * prefix_format - write a prefix as it is entered: a whole address without
 *	its length
 */
void prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT_MAX])
{
	size_t used;

	if (prefix->family == AF_UNSPEC) {
		strcpy(text, "any");
		return;
	}
	inet_ntop(prefix->family, prefix->bytes, text, PREFIX_TEXT_MAX);
	used = strlen(text);
	if (prefix->len != address_bits(prefix->family))
		snprintf(text + used, PREFIX_TEXT_MAX - used, "/%u", prefix->len);
}

static void clear_host_bits(struct prefix *prefix)
{
	size_t i, size = address_bytes(prefix->family);
	unsigned int kept;

	for (i = 0; i < size; i++) {
		kept = prefix->len > 8 * i ? prefix->len - 8 * (unsigned int)i : 0;
		if (kept < 8)
			prefix->bytes[i] &= (unsigned char)(0xff00 >> kept);
	}
}

/* Whether the first @len bits of both are the same */
static bool same_bits(const unsigned char *a, const unsigned char *b,
		      unsigned int len)
{
	unsigned int whole = len / 8, rest = len % 8;

	return !memcmp(a, b, whole) &&
	       (!rest || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

/**
 * prefix_contains - whether an address is in a prefix
 * @bytes: the address
 * @size: 4 or 16
 */
bool prefix_contains(const struct prefix *prefix, const void *bytes, size_t size)
{
	return prefix->family == AF_UNSPEC ||
	       (size == address_bytes(prefix->family) &&
		same_bits(prefix->bytes, bytes, prefix->len));
}

/**
 * prefix_is_whole - whether it is one address
 */
bool prefix_is_whole(const struct prefix *prefix)
{
	return prefix->family != AF_UNSPEC && prefix->len == address_bits(prefix->family);
}

static int read_length(const char *text, const char *length,
		       struct prefix *prefix)
{
	unsigned int bits = address_bits(prefix->family);
	uint64_t value;

	if (!parse_number(length, UINT32_MAX, &value))
		return usage_error("bad prefix length in '%s'", text);
	if (value > bits)
		return usage_error("prefix length in '%s' is above %u", text, bits);
	prefix->len = (unsigned int)value;
	return STATUS_OK;
}

static int read_prefix(const char *text, struct prefix *prefix)
{
	size_t len = strcspn(text, "/");
	char address[INET6_ADDRSTRLEN];

	if (len >= sizeof(address))
		return usage_error("'%s' is not an address or prefix", text);
	memcpy(address, text, len);
	address[len] = '\0';

	prefix->family = strchr(address, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(prefix->family, address, prefix->bytes) != 1)
		return usage_error("'%s' is not an address or prefix", text);
	prefix->len = address_bits(prefix->family);
	return text[len] ? read_length(text, text + len + 1, prefix) : STATUS_OK;
}

static int check_host_bits(const char *text, const struct prefix *prefix)
{
	struct prefix cleared = *prefix;
	char right[PREFIX_TEXT_MAX];

	clear_host_bits(&cleared);
	if (!memcmp(cleared.bytes, prefix->bytes, sizeof(cleared.bytes)))
		return STATUS_OK;
	prefix_format(&cleared, right);
	return usage_error("%s has host bits set: use %s", text, right);
}

/* Packets with such addresses are IPv4 on the wire: an IPv6 rule would never match */
static int check_mapped(const char *text, const struct prefix *prefix)
{
	struct prefix ipv4 = { .family = AF_INET };
	char right[PREFIX_TEXT_MAX];

	if (prefix->family != AF_INET6 || prefix->len < MAPPED_LEN ||
	    !same_bits(prefix->bytes, mapped, MAPPED_LEN))
		return STATUS_OK;
	ipv4.len = prefix->len - MAPPED_LEN;
	memcpy(ipv4.bytes, prefix->bytes + MAPPED_LEN / 8, sizeof(struct in_addr));
	prefix_format(&ipv4, right);
	return usage_error("%s is IPv4 on the wire: use %s", text, right);
}

static int check_unicast(const char *text, const struct prefix *prefix)
{
	static const unsigned char unspecified[ADDRESS_BYTES_MAX];
	static const unsigned char broadcast[] = { 0xff, 0xff, 0xff, 0xff };
	static const unsigned char multicast4 = 0xe0, multicast6 = 0xff;
	bool ipv4 = prefix->family == AF_INET;
	unsigned int bits = address_bits(prefix->family);
	const unsigned char *multicast = ipv4 ? &multicast4 : &multicast6;
	unsigned int multicast_len = ipv4 ? 4 : 8;

	if (prefix->len == bits && same_bits(prefix->bytes, unspecified, bits))
		return usage_error("%s is no host's address: use any, or %s for all of %s",
				   text, ipv4 ? "0.0.0.0/0" : "::/0",
				   family_name(prefix->family));
	if (prefix->len >= multicast_len &&
	    same_bits(prefix->bytes, multicast, multicast_len))
		return usage_error("%s is multicast, which TCP does not use", text);
	if (ipv4 && prefix->len == bits && same_bits(prefix->bytes, broadcast, bits))
		return usage_error("%s is broadcast, which TCP does not use", text);
	return STATUS_OK;
}

/**
 * prefix_parse - read an address, a prefix, or "any"
 */
int prefix_parse(const char *text, struct prefix *prefix)
{
	int status;

	memset(prefix, 0, sizeof(*prefix));
	if (!strcmp(text, "any"))
		return STATUS_OK;

	status = read_prefix(text, prefix);
	if (!status)
		status = check_host_bits(text, prefix);
	if (!status)
		status = check_mapped(text, prefix);
	if (!status)
		status = check_unicast(text, prefix);
	return status;
}

static bool same_prefix(const struct prefix *a, const struct prefix *b)
{
	return a->family == b->family && a->len == b->len &&
	       !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* The last member must not be in the list already, and "any" must be the only member */
static int check_last(const char *what, const struct prefix *list, unsigned int count)
{
	const struct prefix *last = &list[count - 1];
	char text[PREFIX_TEXT_MAX];
	unsigned int i;

	for (i = 0; i < count - 1; i++) {
		if (same_prefix(&list[i], last)) {
			prefix_format(last, text);
			return usage_error("%s %s is given twice", what, text);
		}
		if (list[i].family == AF_UNSPEC || last->family == AF_UNSPEC)
			return usage_error("'any' is every %s: write it alone", what);
	}
	return STATUS_OK;
}

/* One member of a list: the first @len bytes of @text */
static int parse_member(const char *text, size_t len, struct prefix *prefix)
{
	char copy[PREFIX_TEXT_MAX];

	if (len >= sizeof(copy))
		return usage_error("'%.*s' is not an address or prefix",
				   (int)len, text);
	memcpy(copy, text, len);
	copy[len] = '\0';
	return prefix_parse(copy, prefix);
}

/**
 * prefix_parse_list - read prefixes with commas between them
 * @what: a member, for messages
 * @text: such as 10.0.0.1,10.1.0.0/16, or "any"
 * @list: are set, in the order of the text
 * @max: room in it
 * @count: is set to their number
 */
int prefix_parse_list(const char *what, const char *text, struct prefix *list,
		      unsigned int max, unsigned int *count)
{
	unsigned int used = 0;
	size_t len;
	int status;

	for (;; text += len + 1) {
		if (used == max)
			return usage_error("a rule has at most %u %ss", max, what);
		len = strcspn(text, ",");
		status = parse_member(text, len, &list[used]);
		if (!status)
			status = check_last(what, list, ++used);
		if (status)
			return status;
		if (!text[len])
			break;
	}
	*count = used;
	return STATUS_OK;
}
