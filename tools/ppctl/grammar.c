// SPDX-License-Identifier: GPL-2.0
/*
 * The language of rules: a direction, then keywords with a value each, in any
 * order. The table of keywords is the grammar of both directions.
 */
#include <string.h>

#include "netns.h"
#include "ppctl.h"
#include "rule.h"

static int parse_to(const char *value, struct rule *rule)
{
	return prefix_parse_list("destination", value, rule->to_list, PP_FROM_MAX,
				 &rule->n_to);
}

static int parse_port_list(const char *value, struct rule *rule)
{
	return parse_ports(value, rule->ports, &rule->n_ports);
}

static int parse_mark_and_mask(const char *value, struct rule *rule)
{
	return parse_mark(value, &rule->mark, &rule->mask);
}

static int parse_version(const char *value, struct rule *rule)
{
	if (!strcmp(value, "1"))
		rule->version = 1;
	else if (!strcmp(value, "2"))
		rule->version = 2;
	else
		return usage_error("unknown version '%s': 1 or 2", value);
	return STATUS_OK;
}

static int parse_origin(const char *value, struct rule *rule)
{
	if (!strcmp(value, "local"))
		rule->origin = PP_ORIGIN_LOCAL;
	else if (!strcmp(value, "proxy"))
		rule->origin = PP_ORIGIN_PROXY;
	else
		return usage_error("unknown origin '%s': local or proxy", value);
	return STATUS_OK;
}

/* The place of another TLV. Returns NULL, and reports it, if there are too many */
static struct tlv *new_tlv(struct rule *rule)
{
	if (rule->n_tlvs < PP_TLVS_MAX)
		return &rule->tlvs[rule->n_tlvs++];
	usage_error("a rule has at most %d TLVs", PP_TLVS_MAX);
	return NULL;
}

static int parse_tlv(const char *value, struct rule *rule)
{
	struct tlv *tlv = new_tlv(rule);

	return tlv ? tlv_parse(value, tlv) : STATUS_USAGE;
}

static int parse_authority(const char *value, struct rule *rule)
{
	struct tlv *tlv = new_tlv(rule);

	return tlv ? tlv_parse_name("authority", value, TLV_AUTHORITY, tlv) :
		     STATUS_USAGE;
}

static int parse_alpn(const char *value, struct rule *rule)
{
	struct tlv *tlv = new_tlv(rule);

	return tlv ? tlv_parse_name("alpn", value, TLV_ALPN, tlv) : STATUS_USAGE;
}

static int parse_netns(const char *unused, struct rule *rule)
{
	struct tlv *tlv = new_tlv(rule);
	char name[256];
	int status;

	(void)unused;
	if (!tlv)
		return STATUS_USAGE;
	status = netns_name(name, sizeof(name));
	return status ? status : tlv_parse_name("netns", name, TLV_NETNS, tlv);
}

static int parse_passed_tlvs(const char *value, struct rule *rule)
{
	if (!strcmp(value, "drop"))
		rule->drop_tlvs = true;
	else if (strcmp(value, "pass"))
		return usage_error("unknown tlvs '%s': pass or drop", value);
	return STATUS_OK;
}

static int parse_unique_id(const char *unused, struct rule *rule)
{
	(void)unused;
	rule->unique_id = true;
	return STATUS_OK;
}

static int parse_crc32c(const char *unused, struct rule *rule)
{
	(void)unused;
	rule->crc32c = true;
	return STATUS_OK;
}

static int parse_sources(const char *value, struct rule *rule)
{
	return prefix_parse_list("source", value, rule->from, PP_FROM_MAX, &rule->n_from);
}

/* As the kernel names devices, which need not exist yet */
static int parse_dev(const char *value, struct rule *rule)
{
	size_t len = strlen(value);

	if (!len || len >= sizeof(rule->dev) || !strcmp(value, ".") || !strcmp(value, "..") ||
	    strpbrk(value, "/: \t\n\v\f\r"))
		return usage_error("'%s' is not a name of a device", value);
	memcpy(rule->dev, value, len + 1);
	return STATUS_OK;
}

static int parse_map4(const char *value, struct rule *rule)
{
	int status = prefix_parse(value, &rule->map4);

	if (status)
		return status;
	if (rule->map4.family != AF_INET6 || rule->map4.len != 96)
		return usage_error("map4 '%s' is not an IPv6 prefix of length 96", value);
	return STATUS_OK;
}

static int parse_map6(const char *value, struct rule *rule)
{
	int status = prefix_parse(value, &rule->map6);

	if (status)
		return status;
	if (rule->map6.family != AF_INET || rule->map6.len < PP_MAP6_LEN_MIN ||
	    rule->map6.len > PP_MAP6_LEN_MAX)
		return usage_error("map6 '%s' is not an IPv4 prefix of length %d to %d", value,
				   PP_MAP6_LEN_MIN, PP_MAP6_LEN_MAX);
	return STATUS_OK;
}

static int parse_per(const char *value, struct rule *rule)
{
	uint64_t bits;

	if (!parse_number(value, 128, &bits) || !bits)
		return usage_error("'%s' is not a prefix length: 1 to 128", value);
	rule->map6_per = (uint8_t)bits;
	return STATUS_OK;
}

static int parse_map6_key(const char *value, struct rule *rule)
{
	static const char digits[] = "0123456789abcdef";
	const char *high, *low;
	size_t i;

	if (strlen(value) != 2 * PP_MAP6_KEY_LEN + 2 || strncmp(value, "0x", 2))
		return usage_error("a map6-key is 0x and 32 hexadecimal digits");
	for (i = 0; i < PP_MAP6_KEY_LEN; i++) {
		high = strchr(digits, value[2 * i + 2]);
		low = strchr(digits, value[2 * i + 3]);
		if (!high || !low)
			return usage_error("a map6-key is 0x and 32 hexadecimal digits");
		rule->map6_key[i] = (unsigned char)((high - digits) << 4 | (low - digits));
	}
	rule->has_map6_key = true;
	return STATUS_OK;
}

static int parse_header(const char *value, struct rule *rule)
{
	if (!strcmp(value, "required"))
		rule->header = PP_HEADER_REQUIRED;
	else if (!strcmp(value, "optional"))
		rule->header = PP_HEADER_OPTIONAL;
	else if (!strcmp(value, "none"))
		rule->header = PP_HEADER_NONE;
	else
		return usage_error("unknown header '%s': required, optional or none",
				   value);
	return STATUS_OK;
}

static int parse_count(const char *value, struct rule *rule)
{
	return parse_stacked(value, &rule->stacked);
}

static int parse_seconds(const char *value, struct rule *rule)
{
	return parse_timeout(value, &rule->timeout);
}

static int parse_text(const char *value, struct rule *rule)
{
	return parse_comment(value, rule->comment);
}

/**
 * struct keyword - a word of the language, followed by a value
 * @parse: reads the value
 * @is_flag: no value follows
 * @repeats: a rule may have it more than once
 * @direction: of the rules that may have it; 0: both
 * @missing: the error if a rule needs it and has none; NULL: not needed
 * @values: all values, with blanks between them; NULL: too many to name
 * @is_match: it says which connections, so that it can name one
 */
static const struct keyword {
	const char *name;
	int (*parse)(const char *value, struct rule *rule);
	uint8_t direction;
	bool is_flag;
	bool repeats;
	const char *missing;
	const char *values;
	bool is_match;
} keywords[] = {
	{ "to", parse_to, 0, .missing = "a rule needs 'to' and a destination",
	  .is_match = true },
	{ "port", parse_port_list, .direction = 0, .is_match = true },
	{ "mark", parse_mark_and_mask, .direction = PP_DIRECTION_SEND, .is_match = true },
	{ "version", parse_version, .direction = PP_DIRECTION_SEND, .values = "1 2" },
	{ "origin", parse_origin, .direction = PP_DIRECTION_SEND,
	  .values = "local proxy" },
	{ "authority", parse_authority, .direction = PP_DIRECTION_SEND },
	{ "alpn", parse_alpn, .direction = PP_DIRECTION_SEND },
	{ "netns", parse_netns, .direction = PP_DIRECTION_SEND, .is_flag = true },
	{ "tlv", parse_tlv, .direction = PP_DIRECTION_SEND, .repeats = true },
	{ "tlvs", parse_passed_tlvs, .direction = PP_DIRECTION_SEND,
	  .values = "pass drop" },
	{ "unique-id", parse_unique_id, .direction = PP_DIRECTION_SEND, .is_flag = true },
	{ "crc32c", parse_crc32c, .direction = PP_DIRECTION_SEND, .is_flag = true },
	{ "from", parse_sources, PP_DIRECTION_ACCEPT,
	  .missing = "an accept rule needs 'from': without it, a header from anyone else would be believed (if that is meant: from any)",
	  .is_match = true },
	{ "dev", parse_dev, .direction = PP_DIRECTION_ACCEPT, .is_match = true },
	{ "map4", parse_map4, .direction = PP_DIRECTION_ACCEPT },
	{ "map6", parse_map6, .direction = PP_DIRECTION_ACCEPT },
	{ "per", parse_per, .direction = PP_DIRECTION_ACCEPT },
	{ "map6-key", parse_map6_key, .direction = PP_DIRECTION_ACCEPT },
	{ "header", parse_header, .direction = PP_DIRECTION_ACCEPT,
	  .values = "required optional none" },
	{ "stacked", parse_count, .direction = PP_DIRECTION_ACCEPT,
	  .values = "1 2 3 4 5 6 7 8" },
	{ "timeout", parse_seconds, .direction = PP_DIRECTION_ACCEPT },
	{ "comment", parse_text, .direction = 0 },
};

static bool belongs_to(const struct keyword *keyword, uint8_t direction)
{
	return !keyword->direction || keyword->direction == direction;
}

/* Returns NULL, and reports it, if rules of this direction have no such keyword */
static const struct keyword *find_keyword(const char *name, uint8_t direction)
{
	const struct keyword *keyword;
	size_t i;

	if (name[0] == '-' && name[1]) {
		usage_error("option '%s' stands in a rule: options stand before the rule", name);
		return NULL;
	}
	for (i = 0; i < ARRAY_SIZE(keywords); i++) {
		keyword = &keywords[i];
		if (strcmp(keyword->name, name))
			continue;
		if (belongs_to(keyword, direction))
			return keyword;
		usage_error("'%s' belongs to %s rules", name,
			    rule_direction_name(keyword->direction));
		return NULL;
	}
	usage_error("unknown keyword '%s': see ppctl add-rule -h", name);
	return NULL;
}

static int parse_direction(const char *word, struct rule *rule)
{
	if (!word)
		return usage_error("a rule begins with its direction: send or accept");
	if (!strcmp(word, "send"))
		rule->direction = PP_DIRECTION_SEND;
	else if (!strcmp(word, "accept"))
		rule->direction = PP_DIRECTION_ACCEPT;
	else
		return usage_error("unknown direction '%s': a rule begins with send or accept",
				   word);
	return STATUS_OK;
}

/* With @match, only words that say which connections */
static int parse_keywords(char **words, struct rule *rule, bool match)
{
	bool given[ARRAY_SIZE(keywords)] = { false };
	const struct keyword *keyword;
	size_t i;
	int status;

	for (; words[0]; words += keyword->is_flag ? 1 : 2) {
		keyword = find_keyword(words[0], rule->direction);
		if (!keyword)
			return STATUS_USAGE;
		if (match && !keyword->is_match)
			return usage_error("'%s' does not choose between rules", words[0]);
		if (given[keyword - keywords] && !keyword->repeats)
			return usage_error("'%s' is given twice", words[0]);
		given[keyword - keywords] = true;
		if (!keyword->is_flag && !words[1])
			return usage_error("'%s' needs a value", words[0]);
		status = keyword->parse(words[1], rule);
		if (status)
			return status;
	}
	for (i = 0; i < ARRAY_SIZE(keywords); i++) {
		keyword = &keywords[i];
		if (keyword->missing && !given[i] &&
		    belongs_to(keyword, rule->direction))
			return usage_error("%s", keyword->missing);
	}
	return STATUS_OK;
}

static int check_tlvs(const struct rule *rule)
{
	if (rule->version == 1 &&
	    (rule->n_tlvs || rule->unique_id || rule->crc32c))
		return usage_error("a header of version 1 has no TLVs");
	return STATUS_OK;
}

static int check_exempt(const struct rule *rule)
{
	if (rule->header == PP_HEADER_NONE && (rule->timeout || rule->stacked))
		return usage_error("'%s' has no meaning with 'header none'",
				   rule->timeout ? "timeout" : "stacked");
	return STATUS_OK;
}

static int check_maps(struct rule *rule)
{
	bool any = rule->map4.family || rule->map6.family;

	if (!rule->map6.family && (rule->map6_per || rule->has_map6_key))
		return usage_error("'%s' needs 'map6'", rule->map6_per ? "per" : "map6-key");
	if (any && rule->header == PP_HEADER_NONE)
		return usage_error("'header none' maps no client");
	if (rule->map4.family && rule->to.family == AF_INET)
		return usage_error("map4 is for IPv6 destinations");
	if (rule->map6.family && rule->to.family == AF_INET6)
		return usage_error("map6 is for IPv4 destinations");
	if (rule->map6.family && !rule->map6_per)
		rule->map6_per = PP_MAP6_PER_DEFAULT;
	return STATUS_OK;
}

/* A load balancer cannot reach an address of the other family */
static int check_families_to(const struct rule *rule, const struct prefix *to)
{
	const struct prefix *from;
	char text[PREFIX_TEXT_MAX];

	for (from = rule->from; from < rule->from + rule->n_from; from++) {
		if (to->family == AF_UNSPEC || from->family == AF_UNSPEC ||
		    from->family == to->family)
			continue;
		prefix_format(from, text);
		return usage_error("source %s is %s, the destination is %s", text,
				   family_name(from->family), family_name(to->family));
	}
	return STATUS_OK;
}

static int check_families(const struct rule *rule)
{
	unsigned int i;
	int status = STATUS_OK;

	for (i = 0; !status && i < rule->n_to; i++)
		status = check_families_to(rule, &rule->to_list[i]);
	return status;
}

/**
 * rule_parse - read a rule from the words of a command line
 * @words: the direction and what follows it, with a NULL at the end
 * @rule: is filled; keywords that are missing get their default
 *
 * The words stand for one rule for each member of @rule->to_list. @rule is the first one.
 */
int rule_parse(char **words, struct rule *rule)
{
	int status;

	memset(rule, 0, sizeof(*rule));
	rule->version = 2;
	rule->origin = PP_ORIGIN_LOCAL;
	rule->header = PP_HEADER_REQUIRED;

	status = parse_direction(words[0], rule);
	if (!status)
		status = parse_keywords(words + 1, rule, false);
	if (!status)
		status = check_families(rule);
	if (!status)
		status = check_tlvs(rule);
	rule->to = rule->to_list[0];
	if (!status)
		status = check_exempt(rule);
	if (!status)
		status = check_maps(rule);
	if (!rule->timeout)
		rule->timeout = PP_TIMEOUT_DEFAULT;
	if (!rule->stacked)
		rule->stacked = 1;
	return status;
}

/* Rules may leave out what a connection has */
static int check_query(const struct rule *query)
{
	if (query->n_to != 1 || !prefix_is_whole(&query->to))
		return usage_error("a connection has one destination: an address");
	if (query->n_ports != 1 || query->ports[0].first != query->ports[0].last)
		return usage_error("a connection has one destination port");
	if (query->direction == PP_DIRECTION_ACCEPT &&
	    (query->n_from != 1 || !prefix_is_whole(&query->from[0])))
		return usage_error("a connection has one source: an address");
	if (query->mask && query->mask != UINT32_MAX)
		return usage_error("a connection has a mark without a mask");
	return STATUS_OK;
}

/**
 * rule_parse_query - read a connection from the words of a command line
 * @words: the direction and what follows it, with a NULL at the end
 * @query: is filled as a rule for this one connection
 */
int rule_parse_query(char **words, struct rule *query)
{
	int status;

	memset(query, 0, sizeof(*query));
	status = parse_direction(words[0], query);
	if (!status)
		status = parse_keywords(words + 1, query, true);
	query->to = query->to_list[0];
	if (!status)
		status = check_query(query);
	if (!status)
		status = check_families(query);
	return status;
}

/**
 * rule_word - a keyword by its number
 * @at: 0 for the first
 * @word: is filled
 *
 * Returns false behind the last keyword.
 */
bool rule_word(size_t at, struct rule_word *word)
{
	if (at >= ARRAY_SIZE(keywords))
		return false;
	word->name = keywords[at].name;
	word->values = keywords[at].values;
	word->direction = keywords[at].direction;
	word->is_flag = keywords[at].is_flag;
	word->repeats = keywords[at].repeats;
	word->is_match = keywords[at].is_match;
	return true;
}
