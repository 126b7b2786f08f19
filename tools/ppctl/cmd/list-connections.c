// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl list-connections: prints the connections whose header is not
 * acknowledged yet. They come and go all the time, so that no two readings
 * agree: one reading is printed as it is.
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
	default:
		return "unknown";
	}
}

static const struct endpoint {
	int address, port;	/* enum pp_conn_attr */
	const char *key, *port_key, *label;
} endpoints[] = {
	{ PP_CONN_ATTR_CLIENT, PP_CONN_ATTR_CLIENT_PORT,
	  "client", "client_port", "client" },
	{ PP_CONN_ATTR_ORIG_DST, PP_CONN_ATTR_ORIG_DST_PORT,
	  "original_destination", "original_destination_port",
	  "original-destination" },
	{ PP_CONN_ATTR_LOCAL, PP_CONN_ATTR_LOCAL_PORT,
	  "local", "local_port", "local" },
	{ PP_CONN_ATTR_BACKEND, PP_CONN_ATTR_BACKEND_PORT,
	  "backend", "backend_port", "backend" },
};

static void print_endpoint(struct nlattr **tb, const struct endpoint *endpoint)
{
	struct nlattr *attr = tb[endpoint->address];
	char text[PREFIX_TEXT_MAX];
	struct prefix address;
	bool known;

	known = attr && prefix_from_bytes(&address, nla_data(attr),
					  (size_t)nla_len(attr));
	if (known)
		prefix_format(&address, text);
	out_endpoint(endpoint->key, endpoint->port_key, endpoint->label,
		     known ? text : NULL,
		     (uint16_t)reply_number(tb[endpoint->port], 0));
}

static int print_connection(struct nlattr *nest, void *unused)
{
	struct nlattr *tb[PP_CONN_ATTR_MAX + 1];
	size_t i;

	(void)unused;
	if (nla_parse_nested(tb, PP_CONN_ATTR_MAX, nest, NULL))
		return reply_bad();

	out_open_object(NULL);
	out_string("direction", NULL,
		   rule_direction_name((uint8_t)reply_number(tb[PP_CONN_ATTR_DIRECTION], 0)));
	for (i = 0; i < ARRAY_SIZE(endpoints); i++)
		print_endpoint(tb, &endpoints[i]);
	out_string("state", "state",
		   state_name(reply_number(tb[PP_CONN_ATTR_STATE], 0)));
	out_seconds("age_ms", "age", reply_number(tb[PP_CONN_ATTR_AGE], 0));
	out_number("rule", "rule", reply_number(tb[PP_CONN_ATTR_RULE_ID], 0));
	out_number("header_bytes", NULL,
		   reply_number(tb[PP_CONN_ATTR_HEADER_LEN], 0));
	out_number("resent", NULL, reply_number(tb[PP_CONN_ATTR_RESENT], 0));
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
