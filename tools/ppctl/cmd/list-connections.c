// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl list-connections: prints the connections whose header is not
 * acknowledged yet, and those whose header is awaited or was taken out. They
 * come and go all the time, so that no two readings agree: one reading is
 * printed as it is.
 */
#include <netlink/attr.h>
#include <stdbool.h>

#include "address.h"
#include "nl.h"
#include "out.h"
#include "ppctl.h"
#include "replies.h"
#include "rule.h"

static const char *state_name(uint64_t state)
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

static const struct endpoint {
	uint8_t direction;	/* of whose connections; 0: of all */
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

/* What connections of one direction have is a blank in the rows of the other */
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

/* What the header carries, in JSON */
static void print_header(struct nlattr **tb, uint8_t direction)
{
	struct nlattr *id = tb[PP_CONN_ATTR_UNIQUE_ID], *tlvs = tb[PP_CONN_ATTR_TLVS];

	if (direction == PP_DIRECTION_SEND)
		out_string("unique_id", NULL, id ? nla_get_string(id) : NULL);
	else
		tlv_print_all("tlvs", tlvs ? nla_data(tlvs) : NULL,
			      tlvs ? (size_t)nla_len(tlvs) : 0);
}

static int print_connection(struct nlattr *nest, void *unused)
{
	struct nlattr *tb[PP_CONN_ATTR_MAX + 1];
	uint8_t direction;
	size_t i;

	(void)unused;
	if (nla_parse_nested(tb, PP_CONN_ATTR_MAX, nest, NULL))
		return reply_bad();
	direction = (uint8_t)reply_number(tb[PP_CONN_ATTR_DIRECTION], 0);

	out_open_object(NULL);
	out_string("direction", "direction", rule_direction_name(direction));
	for (i = 0; i < ARRAY_SIZE(endpoints); i++)
		print_endpoint(tb, direction, &endpoints[i]);
	out_string("state", "state",
		   state_name(reply_number(tb[PP_CONN_ATTR_STATE], 0)));
	out_seconds("age_ms", "age", reply_number(tb[PP_CONN_ATTR_AGE], 0));
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		print_number(tb, direction, &numbers[i]);
	print_header(tb, direction);
	out_end_line();
	out_close_object();
	return STATUS_OK;
}

static int print_all(const void *replies)
{
	return replies_each(replies, PP_ATTR_CONN, print_connection, NULL);
}

int cmd_list_connections(char **args)
{
	struct replies replies = { 0 };
	int status;

	status = no_arguments("list-connections", args);
	if (!status)
		status = ppnl_dump(PP_CMD_CONN_GET, DUMP_MOVING, &replies);
	if (!status) {
		out_open_array(NULL);
		status = out_table(print_all, &replies);
		out_close_array();
	}
	replies_free(&replies);
	return status;
}
