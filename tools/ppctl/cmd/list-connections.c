// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl list-connections: prints the connections whose header is not
 * acknowledged yet, and those whose header is awaited or was taken out. They
 * come and go all the time, so that no two readings agree: one reading is
 * printed as it is.
 */
#include <linux/proxyproto.h>

#include "connection.h"
#include "nl.h"
#include "out.h"
#include "ppctl.h"
#include "replies.h"

static int print_all(const void *replies)
{
	return replies_each(replies, PP_ATTR_CONN, connection_print, NULL);
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
