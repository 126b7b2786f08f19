/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A rule: read from words, put into and read from netlink, printed.
 */
#ifndef _PPCTL_RULE_H
#define _PPCTL_RULE_H

#include <net/if.h>
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
 * @id: 0 until the kernel has chosen it
 * @direction: enum pp_direction
 * @to: destination as on the wire to the backend (send), or as it comes in
 * @to_list: as entered: destinations of rules that are the same otherwise
 * @n_to: at least 1 as entered
 * @ports: in rising order
 * @n_ports: 0: any port
 * @comment: empty: none
 *
 * Only send rules have:
 * @mark: no bit outside @mask
 * @mask: 0: any mark
 * @version: of the header
 * @origin: enum pp_origin
 * @tlvs: TLVs of the header, in their order
 * @n_tlvs: number of @tlvs
 * @unique_id: the header has a unique id
 * @crc32c: the header has a checksum
 * @drop_tlvs: TLVs of a header that was accepted are not passed on
 * @tagged: connections that got a header
 * @acked: headers that the backend acknowledged
 * @resent: times a header was sent again
 *
 * Only accept rules have:
 * @from: sources whose headers are believed
 * @n_from: at least 1
 * @dev: device by which they are believed; empty: any
 * @map4: of 96 bits; what stands before an IPv4 client; family AF_UNSPEC: nothing
 * @map6: what stands for IPv6 clients; family AF_UNSPEC: nothing
 * @map6_per: bits of a client that count; 0: not given
 * @map6_key: secret key of the choice
 * @has_map6_key: it is given
 * @header: enum pp_header_need
 * @stacked: headers in a row
 * @timeout: seconds that they may take
 * @accepted: connections of the client that their header named
 * @passed: connections without a header
 * @refused: connections reset because no valid header came
 */
struct rule {
	uint32_t id;
	uint8_t direction;
	struct prefix to;
	struct prefix to_list[PP_FROM_MAX];
	unsigned int n_to;
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
	char dev[IF_NAMESIZE];
	struct prefix map4;
	struct prefix map6;
	uint8_t map6_per;
	unsigned char map6_key[PP_MAP6_KEY_LEN];
	bool has_map6_key;
	uint8_t header;
	uint32_t stacked;
	uint32_t timeout;
	uint64_t accepted;
	uint64_t passed;
	uint64_t refused;
};

/**
 * struct rule_word - a keyword, for code that does not parse rules
 * @values: all its values, with blanks between them, or NULL
 * @direction: of the rules that may have it; 0: both
 * @is_flag: no value follows
 * @repeats: a rule may have it more than once
 * @is_match: it says which connections
 */
struct rule_word {
	const char *name;
	const char *values;
	uint8_t direction;
	bool is_flag;
	bool repeats;
	bool is_match;
};

/* More than the longest rule needs in a request */
#define RULE_ROOM	16384

/* grammar.c */
int rule_parse(char **words, struct rule *rule);
int rule_parse_query(char **words, struct rule *query);
bool rule_word(size_t at, struct rule_word *word);

/* rule.c */
int rule_put(struct nl_msg *msg, const struct rule *rule);
int rule_put_query(struct nl_msg *msg, const struct rule *query);
int rule_put_id(struct nl_msg *msg, uint32_t id);
size_t rule_encode(const struct rule *rule, void **bytes, size_t *key_len);
bool rule_read(struct nlattr *nest, struct rule *rule);

/* rule_print.c */
const char *rule_direction_name(uint8_t direction);
void rule_print_line(const struct rule *rule, const char *key);
void rule_print_words(const struct rule *rule);
int rule_print(struct nlattr *nest, void *key);
int rule_print_policy(struct nlattr *nest);
int rule_print_saved(struct nlattr *nest, void *unused);

#endif /* _PPCTL_RULE_H */
