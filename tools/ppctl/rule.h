/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A rule: from words, to and from netlink, on the screen.
 */
#ifndef _PPCTL_RULE_H
#define _PPCTL_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/proxyproto.h>

#include "address.h"
#include "parse.h"
#include "tlv.h"

struct nl_msg;
struct nlattr;

/**
 * struct rule - a rule as entered, or as the kernel shows it
 * @id: 0 until the kernel gave one
 * @direction: enum pp_direction
 * @to: destination as on the wire to the backend (send), or as it comes in
 * @ports: in rising order
 * @n_ports: 0: any port
 * @comment: empty: none
 *
 * Of send rules alone:
 * @mark: no bit outside @mask
 * @mask: 0: any mark
 * @version: of the header
 * @origin: enum pp_origin
 * @tlvs: TLVs of the header, in their order there
 * @n_tlvs: how many
 * @unique_id: the header has a unique id
 * @crc32c: the header has a checksum
 * @drop_tlvs: TLVs of a header that was accepted are not passed on
 * @tagged: connections that got a header
 * @acked: headers that the backend acknowledged
 * @resent: times a header was sent again
 *
 * Of accept rules alone:
 * @from: sources whose headers are believed
 * @n_from: at least 1
 * @header: enum pp_header_need
 * @timeout: seconds that a header may take
 * @accepted: connections of the client that their header named
 * @passed: connections without a header
 * @refused: connections reset for want of one
 */
struct rule {
	uint32_t id;
	uint8_t direction;
	struct prefix to;
	struct port_range ports[PP_PORT_RANGES_MAX];
	unsigned int n_ports;
	char comment[PP_COMMENT_MAX + 1];

	uint32_t mark;
	uint32_t mask;
	uint8_t version;
	uint8_t origin;
	struct tlv tlvs[PP_TLVS_MAX];
	unsigned int n_tlvs;
	bool unique_id;
	bool crc32c;
	bool drop_tlvs;
	uint64_t tagged;
	uint64_t acked;
	uint64_t resent;

	struct prefix from[PP_FROM_MAX];
	unsigned int n_from;
	uint8_t header;
	uint32_t timeout;
	uint64_t accepted;
	uint64_t passed;
	uint64_t refused;
};

/**
 * struct rule_word - a keyword, as those need it who do not read rules
 * @values: all that it may have, with a blank between them, or NULL
 * @direction: whose rules have it; 0: those of both
 * @is_flag: no value follows
 * @repeats: it may be there more than once
 */
struct rule_word {
	const char *name;
	const char *values;
	uint8_t direction;
	bool is_flag;
	bool repeats;
};

/* grammar.c */
int rule_parse(char **words, struct rule *rule);
bool rule_word(size_t at, struct rule_word *word);

/* rule.c */
int rule_put(struct nl_msg *msg, const struct rule *rule);
bool rule_read(struct nlattr *nest, struct rule *rule);

/* rule_print.c */
const char *rule_direction_name(uint8_t direction);
int rule_print(struct nlattr *nest, void *key);
int rule_print_saved(struct nlattr *nest, void *unused);

#endif /* _PPCTL_RULE_H */
