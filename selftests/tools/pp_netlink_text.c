// SPDX-License-Identifier: GPL-2.0
/*
 * Netlink messages from a line of words, so that a table of right and wrong
 * ones can be read:
 *
 *	COMMAND[+dump][+noack]	add del get flush conns stats limits set,
 *				begin stage commit replace, cmd0-99
 *	NAME{ ... }		nest; NAME!{ without NLA_F_NESTED
 *	NAME=NUMBER		number of the attribute's own width; NAME/WIDTH=
 *	NAME:HEX		bytes; NAME~:HEX and NAME~=NUMBER with NLA_F_NESTED
 *	NAME"TEXT		string with its NUL, "_" for a blank
 *	ports*COUNT		so many port ranges, each one port
 *	len=N			length that the attribute or nest before claims
 *	cut=N			the message ends N bytes early
 *
 * NAME is that of an enum in linux/proxyproto.h, or a number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_netlink.h"

#define DEPTH_MAX	8

struct name {
	const char *name;
	uint16_t type;
	uint8_t width;
};

static const struct name commands[] = {
	{ "add", PP_CMD_RULE_ADD, 0 }, { "del", PP_CMD_RULE_DEL, 0 },
	{ "get", PP_CMD_RULE_GET, 0 }, { "flush", PP_CMD_RULE_FLUSH, 0 },
	{ "conns", PP_CMD_CONN_GET, 0 }, { "stats", PP_CMD_STATS_GET, 0 },
	{ "limits", PP_CMD_LIMITS_GET, 0 }, { "set", PP_CMD_LIMITS_SET, 0 },
	{ "begin", PP_CMD_RULES_BEGIN, 0 }, { "stage", PP_CMD_RULE_STAGE, 0 },
	{ "commit", PP_CMD_RULES_COMMIT, 0 }, { "replace", PP_CMD_RULE_REPLACE, 0 },
	{ "find", PP_CMD_RULE_FIND, 0 },
	{ NULL, 0, 0 },
};

/* In all nests together: no name stands for two numbers */
static const struct name attributes[] = {
	{ "rule", PP_ATTR_RULE, 0 }, { "conn", PP_ATTR_CONN, 0 },
	{ "counters", PP_ATTR_STATS, 0 }, { "limits", PP_ATTR_LIMITS, 0 },
	{ "id", PP_RULE_ATTR_ID, 4 }, { "direction", PP_RULE_ATTR_DIRECTION, 1 },
	{ "to", PP_RULE_ATTR_TO, 4 }, { "to_len", PP_RULE_ATTR_TO_LEN, 1 },
	{ "ports", PP_RULE_ATTR_PORTS, 0 }, { "mark", PP_RULE_ATTR_MARK, 4 },
	{ "mask", PP_RULE_ATTR_MARK_MASK, 4 }, { "version", PP_RULE_ATTR_VERSION, 1 },
	{ "origin", PP_RULE_ATTR_ORIGIN, 1 }, { "comment", PP_RULE_ATTR_COMMENT, 0 },
	{ "tagged", PP_RULE_ATTR_TAGGED, 8 }, { "pad", PP_RULE_ATTR_PAD, 0 },
	{ "first", PP_PORTS_ATTR_FIRST, 2 }, { "last", PP_PORTS_ATTR_LAST, 2 },
	{ "handshakes", PP_LIMITS_ATTR_HANDSHAKES, 4 },
	{ "pending", PP_LIMITS_ATTR_PENDING, 4 }, { "accepted", PP_LIMITS_ATTR_ACCEPTED, 4 },
	{ "from", PP_RULE_ATTR_FROM, 0 }, { "header", PP_RULE_ATTR_HEADER, 1 },
	{ "timeout", PP_RULE_ATTR_TIMEOUT, 4 }, { "dev", PP_RULE_ATTR_DEV, 0 },
	{ "map4", PP_RULE_ATTR_MAP4, 0 }, { "map6", PP_RULE_ATTR_MAP6, 4 },
	{ "map6_len", PP_RULE_ATTR_MAP6_LEN, 1 }, { "map6_per", PP_RULE_ATTR_MAP6_PER, 1 },
	{ "map6_key", PP_RULE_ATTR_MAP6_KEY, 0 }, { "stacked", PP_RULE_ATTR_STACKED, 1 },
	{ "prefix", PP_FROM_ATTR_PREFIX, 4 }, { "prefix_len", PP_FROM_ATTR_LEN, 1 },
	{ NULL, 0, 0 },
};

struct parser {
	struct pp_msg *msg;
	size_t nests[DEPTH_MAX];
	unsigned int depth;
	size_t previous;	/* where the last attribute stands */
	unsigned int cut;
};

static const struct name *find(const struct name *table, const char *text, size_t len)
{
	for (; table->name; table++)
		if (strlen(table->name) == len && !memcmp(table->name, text, len))
			return table;
	return NULL;
}

static bool begin(struct pp_msg *msg, const char *word)
{
	size_t len = strcspn(word, "+");
	const struct name *command = find(commands, word, len);
	uint16_t flags = strstr(word, "+noack") ? 0 : NLM_F_ACK;
	unsigned int number;

	if (strstr(word, "+dump"))
		flags |= NLM_F_DUMP;
	if (command)
		number = command->type;
	else if (sscanf(word, "cmd%u", &number) != 1)
		return false;
	pp_msg_begin(msg, number, flags);
	return true;
}

static bool put_bytes(struct parser *p, uint16_t type, const char *hex)
{
	unsigned char bytes[1024];
	size_t len;

	for (len = 0; *hex && len < sizeof(bytes); hex += 2, len++)
		if (sscanf(hex, "%2hhx", &bytes[len]) != 1 || !hex[1])
			return false;
	p->previous = pp_msg_put(p->msg, type, bytes, len);
	return !*hex;
}

static bool put_string(struct parser *p, uint16_t type, const char *text)
{
	size_t len = strlen(text);
	char copy[1024];

	if (len >= sizeof(copy))
		return false;
	for (size_t i = 0; i <= len; i++)
		copy[i] = text[i] == '_' ? ' ' : text[i];
	p->previous = pp_msg_put(p->msg, type, copy, len + 1);
	return true;
}

static void put_many_ports(struct parser *p, unsigned long count)
{
	for (unsigned long i = 1; i <= count; i++) {
		size_t nest = pp_msg_nest(p->msg, PP_RULE_ATTR_PORTS | NLA_F_NESTED);

		pp_msg_number(p->msg, PP_PORTS_ATTR_FIRST, 2, 2 * i);
		pp_msg_nest_end(p->msg, nest);
	}
}

/* Any source, many times */
static void put_many_sources(struct parser *p, unsigned long count)
{
	while (count--)
		pp_msg_nest_end(p->msg, pp_msg_nest(p->msg, PP_RULE_ATTR_FROM | NLA_F_NESTED));
}

/* What follows the name of an attribute */
static bool put_value(struct parser *p, uint16_t type, unsigned int width, const char *text)
{
	char *end = (char *)text;

	if (*text == '/')
		width = strtoul(text + 1, &end, 10);
	if (*text == '~' || *text == '{')
		type |= NLA_F_NESTED;
	if (*text == '~' || *text == '!')
		end++;
	switch (*end) {
	case '{':
		if (p->depth == DEPTH_MAX)
			return false;
		p->previous = pp_msg_nest(p->msg, type);
		p->nests[p->depth++] = p->previous;
		return !end[1];
	case '=':
		p->previous = p->msg->len;
		pp_msg_number(p->msg, type, width, strtoull(end + 1, NULL, 0));
		return true;
	case ':':
		return put_bytes(p, type, end + 1);
	case '"':
		return put_string(p, type, end + 1);
	default:
		return false;
	}
}

static bool put_word(struct parser *p, const char *word)
{
	size_t len = strcspn(word, "{=:\"!~/*");
	const struct name *name = find(attributes, word, len);
	unsigned long number = strtoul(word + len + !!word[len], NULL, 10);
	char *end;

	if (!strcmp(word, "}")) {
		if (!p->depth)
			return false;
		p->previous = p->nests[--p->depth];
		pp_msg_nest_end(p->msg, p->previous);
		return true;
	}
	if (!strncmp(word, "len=", 4)) {
		((struct nlattr *)(p->msg->data + p->previous))->nla_len = number;
		return true;
	}
	if (!strncmp(word, "cut=", 4)) {
		p->cut = number;
		return true;
	}
	if (!strncmp(word, "ports*", 6)) {
		put_many_ports(p, number);
		return true;
	}
	if (!strncmp(word, "from*", 5)) {
		put_many_sources(p, number);
		return true;
	}
	if (name)
		return put_value(p, name->type, name->width, word + len);
	number = strtoul(word, &end, 10);
	return end != word && put_value(p, number, 4, end);
}

/**
 * pp_msg_from_text - make a message from words
 *
 * Return: whether all of them were understood
 */
bool pp_msg_from_text(struct pp_msg *msg, const char *text)
{
	struct parser parser = { .msg = msg };
	char copy[4096];
	char *word;

	if (strlen(text) >= sizeof(copy))
		return false;
	strcpy(copy, text);
	word = strtok(copy, " \t");
	if (!word || !begin(msg, word))
		return false;
	while ((word = strtok(NULL, " \t")))
		if (!put_word(&parser, word))
			return false;
	while (parser.depth)
		pp_msg_nest_end(msg, parser.nests[--parser.depth]);
	msg->len -= parser.cut;
	msg->nlh.nlmsg_len = msg->len;
	return true;
}
