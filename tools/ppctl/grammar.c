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
	return prefix_parse(value, &rule->to);
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

/* Where one more goes, or NULL, which it reports */
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
	return prefix_parse_list(value, rule->from, PP_FROM_MAX, &rule->n_from);
}

static int parse_header(const char *value, struct rule *rule)
{
	if (!strcmp(value, "required"))
		rule->header = PP_HEADER_REQUIRED;
	else if (!strcmp(value, "optional"))
		rule->header = PP_HEADER_OPTIONAL;
	else
		return usage_error("unknown header '%s': required or optional",
				   value);
	return STATUS_OK;
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
 * struct keyword - a word of the language, which a value follows
 * @parse: reads the value
 * @is_flag: none follows
 * @repeats: it may be there more than once
 * @direction: whose rules have it; 0: those of both
 * @missing: what to say to those that have to have it and do not; NULL: none
 * @values: all there are, with a blank between them; NULL: too many to name
 */
static const struct keyword {
	const char *name;
	int (*parse)(const char *value, struct rule *rule);
	uint8_t direction;
	bool is_flag;
	bool repeats;
	const char *missing;
	const char *values;
} keywords[] = {
	{ "to", parse_to, 0, .missing = "a rule needs 'to' and a destination" },
	{ "port", parse_port_list, .direction = 0 },
	{ "mark", parse_mark_and_mask, .direction = PP_DIRECTION_SEND },
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
	  .missing = "an accept rule needs 'from': without it, a header from anyone else would be believed (if that is meant: from any)"
	},
	{ "header", parse_header, .direction = PP_DIRECTION_ACCEPT,
	  .values = "required optional" },
	{ "timeout", parse_seconds, .direction = PP_DIRECTION_ACCEPT },
	{ "comment", parse_text, .direction = 0 },
};

static bool belongs_to(const struct keyword *keyword, uint8_t direction)
{
	return !keyword->direction || keyword->direction == direction;
}

/* Returns NULL if there is none for such rules, which it reports */
static const struct keyword *find_keyword(const char *name, uint8_t direction)
{
	const struct keyword *keyword;
	size_t i;

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

static int parse_keywords(char **words, struct rule *rule)
{
	bool given[ARRAY_SIZE(keywords)] = { false };
	const struct keyword *keyword;
	size_t i;
	int status;

	for (; words[0]; words += keyword->is_flag ? 1 : 2) {
		keyword = find_keyword(words[0], rule->direction);
		if (!keyword)
			return STATUS_USAGE;
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

/* A load balancer cannot reach an address of the other family */
static int check_families(const struct rule *rule)
{
	const struct prefix *from;
	char text[PREFIX_TEXT_MAX];

	for (from = rule->from; from < rule->from + rule->n_from; from++) {
		if (rule->to.family == AF_UNSPEC || from->family == AF_UNSPEC ||
		    from->family == rule->to.family)
			continue;
		prefix_format(from, text);
		return usage_error("source %s is %s, the destination is %s", text,
				   family_name(from->family),
				   family_name(rule->to.family));
	}
	return STATUS_OK;
}

/**
 * rule_parse - read a rule from the words of a command line
 * @words: the direction and what follows it, with a NULL at the end
 * @rule: is filled; what is not given gets its default
 */
int rule_parse(char **words, struct rule *rule)
{
	int status;

	memset(rule, 0, sizeof(*rule));
	rule->version = 2;
	rule->origin = PP_ORIGIN_LOCAL;
	rule->header = PP_HEADER_REQUIRED;
	rule->timeout = PP_TIMEOUT_DEFAULT;

	status = parse_direction(words[0], rule);
	if (!status)
		status = parse_keywords(words + 1, rule);
	if (!status)
		status = check_families(rule);
	if (!status)
		status = check_tlvs(rule);
	return status;
}

/**
 * rule_word - the keywords, one after another
 * @at: from 0 on
 * @word: is filled
 *
 * Returns false behind the last one.
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
	return true;
}
