// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: the header after it was read.
 *
 * Owns how the header of a connection is kept for its life, byte by byte, for
 * those who ask for it later. Most can be written anew from the addresses that
 * the connection has anyway, and take no memory.
 */
#include <linux/slab.h>
#include "accept.h"

/* Memory of a namespace for headers that cannot be written anew */
#define KEPT_MAX	(128L << 20)

static int write_anew(const struct pp_accept *entry, u8 *buf, size_t size)
{
	struct pp_header header = {
		.version = entry->version,
		.command = PP_HEADER_PROXY,
		.src = { .port = entry->client_port },
		.dst = entry->orig_dst,
	};

	if (entry->inner.family == PP_IPV6) {
		header.src.family = AF_INET6;
		header.src.addr.in6 = entry->inner.src.in6;
	} else {
		header.src.family = AF_INET;
		header.src.addr.ip = entry->inner.src.ip;
	}
	return pp_header_write(buf, size, &header);
}

static bool can_write_anew(const struct pp_accept *entry, const u8 *bytes)
{
	u8 again[PP_HEADER_V1_MAX];
	int len = write_anew(entry, again, sizeof(again));

	return len == entry->header_len && !memcmp(again, bytes, len);
}

/**
 * pp_accept_keep_header - keep a header that was read
 * @entry: connection, with its lock held, and what its header says filled in
 * @bytes: the header, @entry->header_len bytes
 *
 * Where memory fails or enough of it is in use the connection goes on without.
 */
void pp_accept_keep_header(struct pp_accept *entry, const u8 *bytes)
{
	struct pp_accepts *accepts = &entry->net->accepts;

	lockdep_assert_held(&entry->lock);

	if (can_write_anew(entry, bytes)) {
		entry->kept = PP_KEPT_BY_ADDRESSES;
		return;
	}
	if (atomic_long_add_return(entry->header_len, &accepts->kept) <= KEPT_MAX)
		entry->header = kmemdup(bytes, entry->header_len, GFP_ATOMIC | __GFP_NOWARN);
	if (entry->header) {
		entry->kept = PP_KEPT_BYTES;
		return;
	}
	atomic_long_sub(entry->header_len, &accepts->kept);
	pp_stats_inc(entry->net, NOT_KEPT);
}

/**
 * pp_accept_uncount_header - a connection with a header is over
 * @entry: connection, with its lock held
 *
 * The bytes themselves stay for an RCU grace period.
 */
void pp_accept_uncount_header(struct pp_accept *entry)
{
	if (entry->kept == PP_KEPT_BYTES)
		atomic_long_sub(entry->header_len, &entry->net->accepts.kept);
}

/**
 * pp_accept_header - the header of an accepted connection
 * @entry: connection, under RCU, in PP_ACCEPT_REPLAY or later
 * @buf: gets the header
 * @size: bytes of @buf; PP_HEADER_READ_MAX is always enough
 *
 * Return: bytes of the header; -ENOENT: there was none; -ENODATA: there was no
 * memory to keep it; -EMSGSIZE: @size is too small
 */
int pp_accept_header(const struct pp_accept *entry, u8 *buf, size_t size)
{
	if (!entry->header_len)
		return -ENOENT;
	if (size < entry->header_len)
		return -EMSGSIZE;
	switch (entry->kept) {
	case PP_KEPT_BY_ADDRESSES:
		return write_anew(entry, buf, size);
	case PP_KEPT_BYTES:
		memcpy(buf, entry->header, entry->header_len);
		return entry->header_len;
	default:
		return -ENODATA;
	}
}

/**
 * pp_accept_tlvs - the TLVs of an accepted connection's header
 * @entry: connection, under RCU, in PP_ACCEPT_REPLAY or later
 *
 * Return: @entry->tlv_len bytes, or NULL: there are none, or they were not kept
 */
const u8 *pp_accept_tlvs(const struct pp_accept *entry)
{
	if (!entry->tlv_len || entry->kept != PP_KEPT_BYTES)
		return NULL;
	return entry->header + entry->header_len - entry->tlv_len;
}
