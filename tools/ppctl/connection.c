// SPDX-License-Identifier: GPL-2.0
/*
 * A connection on the screen.
 */
#include <netlink/attr.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "connection.h"
#include "out.h"
#include "ppctl.h"
#include "replies.h"
#include "rule.h"

/* The clients of all headers in a row, with a comma behind each */
#define STACKED_TEXT_MAX	(PP_STACKED_MAX * PREFIX_TEXT_MAX)

/**
 * connection_state - the name of a state
 * @state: enum pp_conn_state
 */
const char *connection_state(uint64_t state)
{
	switch (state) {
	case PP_CONN_STATE_SYN_SENT:
		return "syn-sent";
	case PP_CONN_STATE_SYN_RECV:
		return "syn-recv";
	case PP_CONN_STATE_HEADER_SENT:
		return "header-sent";
	case PP_CONN_STATE_CLOSED:
		return "closed";
	case PP_CONN_STATE_ANSWERED:
		return "answered";
	case PP_CONN_STATE_HEADER_AWAITED:
		return "header-awaited";
	case PP_CONN_STATE_REPLAYED:
		return "replayed";
	case PP_CONN_STATE_ACCEPTED:
		return "accepted";
	default:
		return "unknown";
	}
}

/**
 * connection_has_state - whether a state has that name
 */
bool connection_has_state(const char *name)
{
	int state;

	for (state = PP_CONN_STATE_SYN_SENT; state <= PP_CONN_STATE_ACCEPTED; state++) {
		if (!strcmp(connection_state(state), name))
			return strcmp(name, "unknown");
	}
	return false;
}

static const struct endpoint {
	uint8_t direction;	/* of the connections that have it; 0: all */
	int address, port;	/* enum pp_conn_attr */
	const char *key, *port_key, *label;
} endpoints[] = {
	{ 0, PP_CONN_ATTR_CLIENT, PP_CONN_ATTR_CLIENT_PORT,
	  "client", "client_port", "client" },
	{ 0, PP_CONN_ATTR_ORIG_DST, PP_CONN_ATTR_ORIG_DST_PORT,
	  "original_destination", "original_destination_port",
	  "original-destination" },
	{ PP_DIRECTION_ACCEPT, PP_CONN_ATTR_PROXY, PP_CONN_ATTR_PROXY_PORT,
	  "proxy", "proxy_port", "proxy" },
	{ 0, PP_CONN_ATTR_LOCAL, PP_CONN_ATTR_LOCAL_PORT,
	  "local", "local_port", "local" },
	{ PP_DIRECTION_SEND, PP_CONN_ATTR_BACKEND, PP_CONN_ATTR_BACKEND_PORT,
	  "backend", "backend_port", "backend" },
};

static const struct number {
	uint8_t direction;
	int type;		/* enum pp_conn_attr */
	const char *key, *label;
} numbers[] = {
	{ 0, PP_CONN_ATTR_RULE_ID, "rule", "rule" },
	{ 0, PP_CONN_ATTR_HEADER_LEN, "header_bytes", NULL },
	{ PP_DIRECTION_SEND, PP_CONN_ATTR_RESENT, "resent", NULL },
	{ PP_DIRECTION_ACCEPT, PP_CONN_ATTR_TLV_LEN, "tlv_bytes", "tlv-bytes" },
	{ PP_DIRECTION_ACCEPT, PP_CONN_ATTR_SEEN_PORT, "seen_port", "seen-port" },
};

/* A column of one direction is blank in the rows of the other */
static bool print_blank(uint8_t wanted, uint8_t direction, const char *label)
{
	if (!wanted || wanted == direction)
		return false;
	out_text(label, "-");
	return true;
}

static void print_endpoint(struct nlattr **tb, uint8_t direction,
			   const struct endpoint *endpoint)
{
	struct nlattr *attr = tb[endpoint->address];
	char text[PREFIX_TEXT_MAX];
	struct prefix address;
	bool known;

	if (print_blank(endpoint->direction, direction, endpoint->label))
		return;
	known = attr && prefix_from_bytes(&address, nla_data(attr),
					  (size_t)nla_len(attr));
	if (known)
		prefix_format(&address, text);
	out_endpoint(endpoint->key, endpoint->port_key, endpoint->label,
		     known ? text : NULL,
		     (uint16_t)reply_number(tb[endpoint->port], 0));
}

static void print_number(struct nlattr **tb, uint8_t direction,
			 const struct number *number)
{
	struct nlattr *attr = tb[number->type];

	if (print_blank(number->direction, direction, number->label))
		return;
	if (attr) {
		out_number(number->key, number->label, reply_number(attr, 0));
		return;
	}
	out_null(number->key);
	out_text(number->label, "-");
}

/* The address that the application sees instead of a client's of the other family */
static void print_seen(struct nlattr **tb, uint8_t direction)
{
	struct nlattr *attr = tb[PP_CONN_ATTR_SEEN];
	char text[PREFIX_TEXT_MAX];
	struct prefix address;

	if (print_blank(PP_DIRECTION_ACCEPT, direction, "seen"))
		return;
	if (attr && prefix_from_bytes(&address, nla_data(attr), (size_t)nla_len(attr))) {
		prefix_format(&address, text);
		out_string("seen", "seen", text);
		return;
	}
	out_null("seen");
	out_text("seen", "-");
}

/* Returns false if @nest cannot be parsed */
static bool read_stacked(struct nlattr *nest, struct nlattr **tb)
{
	return nla_type(nest) == PP_CONN_ATTR_STACKED &&
	       !nla_parse_nested(tb, PP_STACKED_ATTR_MAX, nest, NULL);
}

/* Where a header is one of several in a row, each is an object, in their order */
static void print_stacked(struct nlattr *conn, uint8_t direction)
{
	static const struct endpoint ends[] = {
		{ 0, PP_STACKED_ATTR_CLIENT, PP_STACKED_ATTR_CLIENT_PORT,
		  "client", "client_port", NULL },
		{ 0, PP_STACKED_ATTR_ORIG_DST, PP_STACKED_ATTR_ORIG_DST_PORT,
		  "original_destination", "original_destination_port", NULL },
	};
	struct nlattr *tb[PP_STACKED_ATTR_MAX + 1], *nest;
	int rest;
	size_t i;

	if (direction == PP_DIRECTION_SEND)
		return;
	out_open_array("stacked");
	nla_for_each_nested(nest, conn, rest) {
		if (!read_stacked(nest, tb))
			continue;
		out_open_object(NULL);
		for (i = 0; i < ARRAY_SIZE(ends); i++)
			print_endpoint(tb, direction, &ends[i]);
		out_close_object();
	}
	out_close_array();
}

/* The clients of several headers in a row, in their order; "-" is a header that names nobody */
static bool format_stacked(struct nlattr *conn, char *text, size_t size)
{
	struct nlattr *tb[PP_STACKED_ATTR_MAX + 1], *nest, *attr;
	char address[PREFIX_TEXT_MAX];
	struct prefix client;
	size_t used = 0;
	int rest;

	nla_for_each_nested(nest, conn, rest) {
		if (!read_stacked(nest, tb))
			continue;
		attr = tb[PP_STACKED_ATTR_CLIENT];
		if (attr && prefix_from_bytes(&client, nla_data(attr), (size_t)nla_len(attr)))
			prefix_format(&client, address);
		else
			snprintf(address, sizeof(address), "-");
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? "," : "",
					 address);
		if (used >= size)
			return false;
	}
	return used;
}

/* The TLVs of the header, in JSON */
static void print_header(struct nlattr **tb, uint8_t direction)
{
	struct nlattr *id = tb[PP_CONN_ATTR_UNIQUE_ID], *tlvs = tb[PP_CONN_ATTR_TLVS];

	if (direction == PP_DIRECTION_SEND)
		out_string("unique_id", NULL, id ? nla_get_string(id) : NULL);
	else
		tlv_print_all("tlvs", tlvs ? nla_data(tlvs) : NULL,
			      tlvs ? (size_t)nla_len(tlvs) : 0);
}

/* Whether packets are changed for it, or its socket takes or sends the header itself */
static void print_origin(struct nlattr **tb)
{
	bool by_socket = tb[PP_CONN_ATTR_BY_SOCKET];

	out_flag("by_socket", NULL, by_socket);
	out_text("by", by_socket ? "socket" : "rule");
}

static void print_text_endpoint(struct nlattr **tb, int address, int port,
				const char *label)
{
	const struct endpoint endpoint = {
		0, address, port, NULL, NULL, label,
	};

	if (tb[address])
		print_endpoint(tb, 0, &endpoint);
}

static void print_text_address(struct nlattr **tb, int type, const char *label)
{
	char text[PREFIX_TEXT_MAX];
	struct prefix address;

	if (!tb[type] ||
	    !prefix_from_bytes(&address, nla_data(tb[type]), (size_t)nla_len(tb[type])))
		return;
	prefix_format(&address, text);
	out_text(label, text);
}

/**
 * connection_print_line - print a connection in a few words of text
 * @nest: PP_ATTR_CONN of an answer
 */
int connection_print_line(struct nlattr *nest)
{
	struct nlattr *tb[PP_CONN_ATTR_MAX + 1];
	char stacked[STACKED_TEXT_MAX];

	if (nla_parse_nested(tb, PP_CONN_ATTR_MAX, nest, NULL))
		return reply_bad();
	print_text_endpoint(tb, PP_CONN_ATTR_CLIENT, PP_CONN_ATTR_CLIENT_PORT, " client ");
	print_text_address(tb, PP_CONN_ATTR_SEEN, " seen ");
	if (format_stacked(nest, stacked, sizeof(stacked)))
		out_text(" stacked ", stacked);
	print_text_endpoint(tb, PP_CONN_ATTR_ORIG_DST, PP_CONN_ATTR_ORIG_DST_PORT, " to ");
	print_text_endpoint(tb, PP_CONN_ATTR_PROXY, PP_CONN_ATTR_PROXY_PORT, " proxy ");
	print_text_endpoint(tb, PP_CONN_ATTR_LOCAL, PP_CONN_ATTR_LOCAL_PORT, " local ");
	print_text_endpoint(tb, PP_CONN_ATTR_BACKEND, PP_CONN_ATTR_BACKEND_PORT, " backend ");
	out_number(NULL, " rule ", reply_number(tb[PP_CONN_ATTR_RULE_ID], 0));
	if (tb[PP_CONN_ATTR_BY_SOCKET])
		out_text(" by ", "socket");
	if (tb[PP_CONN_ATTR_UNIQUE_ID])
		out_text(" unique-id ", nla_get_string(tb[PP_CONN_ATTR_UNIQUE_ID]));
	return STATUS_OK;
}

/* There is none if the module never had an entry of the connection */
static void print_state(const struct nlattr *attr)
{
	if (attr) {
		out_string("state", "state", connection_state(reply_number(attr, 0)));
		return;
	}
	out_null("state");
	out_text("state", "-");
}

/**
 * connection_print - print a connection: a row of text, or an object of JSON
 * @nest: PP_ATTR_CONN of an answer
 * @key: name of the object, or NULL
 */
int connection_print(struct nlattr *nest, void *key)
{
	struct nlattr *tb[PP_CONN_ATTR_MAX + 1];
	char stacked[STACKED_TEXT_MAX];
	uint8_t direction;
	size_t i;

	if (nla_parse_nested(tb, PP_CONN_ATTR_MAX, nest, NULL))
		return reply_bad();
	direction = (uint8_t)reply_number(tb[PP_CONN_ATTR_DIRECTION], 0);

	out_open_object(key);
	out_string("direction", "direction", rule_direction_name(direction));
	for (i = 0; i < ARRAY_SIZE(endpoints); i++)
		print_endpoint(tb, direction, &endpoints[i]);
	print_state(tb[PP_CONN_ATTR_STATE]);
	print_origin(tb);
	out_seconds("age_ms", "age", reply_number(tb[PP_CONN_ATTR_AGE], 0));
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		print_number(tb, direction, &numbers[i]);
	print_seen(tb, direction);
	print_stacked(nest, direction);
	out_text("stacked", format_stacked(nest, stacked, sizeof(stacked)) ? stacked : "-");
	print_header(tb, direction);
	out_end_line();
	out_close_object();
	return STATUS_OK;
}
