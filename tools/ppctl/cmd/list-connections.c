// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl list-connections: prints the connections whose header is not acknowledged
 * yet (send), and connections whose header is awaited or was taken out (accept). They
 * change all the time, so that two readings never agree: one reading is printed as it
 * is, while it comes, since a million of them may be many.
 */
#include <linux/proxyproto.h>
#include <netlink/genl/genl.h>
#include <string.h>

#include "connection.h"
#include "filter.h"
#include "nl.h"
#include "out.h"
#include "ppctl.h"
#include "replies.h"

/* The columns are as wide as the first rows need, some thousand of them */
#define BATCH	(1 << 20)

/**
 * struct listing - a list that is being printed
 * @filter: what is printed
 * @only_count: nothing but the number
 * @count: connections that the filter takes
 * @batch: those that are not printed yet
 */
struct listing {
	struct filter filter;
	bool only_count;
	uint64_t count;
	struct replies batch;
};

static int print_all(const void *replies)
{
	return replies_each(replies, PP_ATTR_CONN, connection_print, NULL);
}

static int print_batch(struct listing *listing)
{
	int status = out_table_more(print_all, &listing->batch);

	listing->batch.len = 0;
	return status;
}

static int take(const struct nlmsghdr *nlh, void *data)
{
	struct nlattr *tb[PP_ATTR_MAX + 1];
	struct listing *listing = data;

	if (genlmsg_parse((struct nlmsghdr *)nlh, 0, tb, PP_ATTR_MAX, NULL) || !tb[PP_ATTR_CONN])
		return reply_bad();
	if (!filter_takes_connection(&listing->filter, tb[PP_ATTR_CONN]))
		return STATUS_OK;
	listing->count++;
	if (listing->only_count)
		return STATUS_OK;
	replies_append(&listing->batch, nlh);
	return listing->batch.len < BATCH ? STATUS_OK : print_batch(listing);
}

static void print_count(const struct listing *listing)
{
	out_open_object(NULL);
	out_number("count", "", listing->count);
	out_end_line();
	out_close_object();
}

static int list(struct listing *listing)
{
	int status;

	out_table_begin();
	out_open_array(NULL);
	status = ppnl_stream(PP_CMD_CONN_GET, take, listing);
	if (!status && listing->only_count)
		print_count(listing);
	else if (!status)
		status = print_batch(listing);
	out_close_array();
	return status;
}

int cmd_list_connections(char **args)
{
	struct listing listing = { 0 };
	int status;

	status = filter_parse("list-connections", "rule direction state client seen to", &args,
			      &listing.filter);
	if (!status && args[0]) {
		listing.only_count = true;
		status = no_arguments("count", args + 1);
	}
	if (!status)
		status = ppnl_open();
	if (!status)
		status = list(&listing);
	replies_free(&listing.batch);
	return status;
}
