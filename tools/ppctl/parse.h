/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Values of the command line, from text.
 */
#ifndef _PPCTL_PARSE_H
#define _PPCTL_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/proxyproto.h>

/**
 * struct port_range - ports from @first to @last, both included
 */
struct port_range {
	uint16_t first;
	uint16_t last;
};

bool parse_number(const char *text, uint64_t max, uint64_t *value);
int parse_ids(const char *text, uint32_t *first, uint32_t *last);
int parse_ports(const char *text, struct port_range ranges[PP_PORT_RANGES_MAX],
		unsigned int *count);
int parse_stacked(const char *text, uint32_t *count);
int parse_timeout(const char *text, uint32_t *seconds);
int parse_mark(const char *text, uint32_t *mark, uint32_t *mask);
int parse_comment(const char *text, char comment[PP_COMMENT_MAX + 1]);

#endif /* _PPCTL_PARSE_H */
