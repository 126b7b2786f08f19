/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Addresses and prefixes, between text and bytes.
 */
#ifndef _PPCTL_ADDRESS_H
#define _PPCTL_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDRESS_BYTES_MAX	16
#define PREFIX_TEXT_MAX		(INET6_ADDRSTRLEN + 4)

/**
 * struct prefix - an address and how many of its bits count
 * @family: AF_INET, AF_INET6, or AF_UNSPEC for any address of either
 * @len: bits that count
 * @bytes: network byte order; the first 4 or 16 are used
 */
struct prefix {
	int family;
	unsigned int len;
	unsigned char bytes[ADDRESS_BYTES_MAX];
};

size_t address_bytes(int family);
const char *family_name(int family);
int prefix_parse(const char *text, struct prefix *prefix);
int prefix_parse_list(const char *what, const char *text, struct prefix *list,
		      unsigned int max, unsigned int *count);
void prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT_MAX]);
bool prefix_contains(const struct prefix *prefix, const void *bytes, size_t size);
bool prefix_is_whole(const struct prefix *prefix);
bool prefix_from_bytes(struct prefix *prefix, const void *bytes, size_t size);

#endif /* _PPCTL_ADDRESS_H */
