// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl list-sockets: prints the listeners that take headers themselves.
 */
#include <linux/proxyproto.h>
#include <netlink/attr.h>

#include "address.h"
#include "nl.h"
#include "out.h"
#include "ppctl.h"
#include "replies.h"
#include "rule.h"

static bool is_any(const struct nlattr *address)
{
	const unsigned char *bytes = nla_data(address);
	int i;

	for (i = 0; i < nla_len(address); i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

static void print_family(const struct nlattr *address)
{
	const char *family = nla_len(address) == 4 ? "ipv4" : "ipv6";

	out_string("family", is_any(address) ? " " : NULL, family);
}

static int print_socket(struct nlattr *nest, void *key)
{
	struct nlattr *tb[PP_SOCKET_ATTR_MAX + 1], *address;
	char text[PREFIX_TEXT_MAX];
	struct prefix local;
	int status = STATUS_OK;

	if (nla_parse_nested(tb, PP_SOCKET_ATTR_MAX, nest, NULL))
		return reply_bad();
	address = tb[PP_SOCKET_ATTR_LOCAL];
	if (!address || !prefix_from_bytes(&local, nla_data(address), (size_t)nla_len(address)))
		return reply_bad();
	prefix_format(&local, text);
	out_open_object(key);
	out_string("local", "to ", is_any(address) ? "any" : text);
	print_family(address);
	out_number("local_port", " port ", reply_number(tb[PP_SOCKET_ATTR_LOCAL_PORT], 0));
	out_flag("by_rule", " by rule", !tb[PP_SOCKET_ATTR_POLICY]);
	if (tb[PP_SOCKET_ATTR_POLICY])
		status = rule_print_policy(tb[PP_SOCKET_ATTR_POLICY]);
	out_end_line();
	out_close_object();
	return status;
}

int cmd_list_sockets(char **args)
{
	struct replies replies = { 0 };
	int status;

	status = no_arguments("list-sockets", args);
	if (!status)
		status = ppnl_dump(PP_CMD_SOCKET_GET, DUMP_MOVING, &replies);
	if (!status) {
		out_open_array(NULL);
		status = replies_each(&replies, PP_ATTR_SOCKET, print_socket, NULL);
		out_close_array();
	}
	replies_free(&replies);
	return status;
}
