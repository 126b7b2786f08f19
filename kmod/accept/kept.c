// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: the header of an accepted connection, kept for its life.
 *
 * Owns how it is kept for those who ask later: socket options, netlink, and the send side in a
 * chain of proxies. Most headers can be written anew, byte by byte, from the addresses in the
 * entry, and take no memory.
 */
#include <linux/slab.h>
#include "accept/internal.h"
#include "proto/header_stack.h"

/* Limit of memory for headers that cannot be written anew, per namespace */
#define KEPT_MAX	(128L << 20)

/* The client with the port of the header, which the application may see with another port */
static void set_client(const struct pp_accept *entry, struct pp_endpoint *client)
{
	client->port = entry->client_port;
	if (entry->inner.family == PP_IPV6) {
		client->family = AF_INET6;
		client->addr.in6 = entry->inner.src.in6;
	} else {
		client->family = AF_INET;
		client->addr.ip = entry->inner.src.ip;
	}
}

static int write_anew(const struct pp_accept *entry, u8 *buf, size_t size)
{
	struct pp_header header = {
		.version = entry->version,
		.command = PP_HEADER_PROXY,
		.dst = entry->orig_dst,
	};

	set_client(entry, &header.src);
	return pp_proto_header_write(buf, size, &header);
}

static bool can_write_anew(const struct pp_accept *entry, const u8 *bytes)
{
	u8 again[PP_HEADER_V1_MAX];
	int len = write_anew(entry, again, sizeof(again));

	return entry->header_count == 1 && len == entry->header_len && !memcmp(again, bytes, len);
}

/**
 * pp_accept_keep_bytes - keep a copy of the header that was just read
 * @entry: connection, with its lock held; its header_len is set
 * @bytes: the header
 *
 * Return: whether there was memory
 */
bool pp_accept_keep_bytes(struct pp_accept *entry, const u8 *bytes)
{
	struct pp_accepts *accepts = &entry->net->accepts;

	lockdep_assert_held(&entry->lock);

	if (atomic_long_add_return(entry->header_len, &accepts->kept) <= KEPT_MAX)
		entry->header = kmemdup(bytes, entry->header_len, GFP_ATOMIC | __GFP_NOWARN);
	if (entry->header) {
		entry->kept = PP_KEPT_BYTES;
		return true;
	}
	atomic_long_sub(entry->header_len, &accepts->kept);
	pp_stats_inc(entry->net, NOT_KEPT);
	return false;
}

/**
 * pp_accept_forget_header - undo what was learnt from a header that will be read again
 * @entry: connection in PP_ACCEPT_HEADER, with its lock held
 */
void pp_accept_forget_header(struct pp_accept *entry)
{
	lockdep_assert_held(&entry->lock);

	pp_accept_uncount_header(entry);
	kfree(entry->header);
	entry->header = NULL;
	entry->kept = PP_KEPT_NOT;
	entry->is_mapped = false;
	entry->header_len = 0;
	entry->header_count = 0;
}

/**
 * pp_accept_keep_header - keep the header that was just read
 * @entry: connection, with its lock held; the fields that come from the header are set
 * @bytes: the header, @entry->header_len bytes
 *
 * At the limit, or without memory, the connection goes on without it (NOT_KEPT).
 */
void pp_accept_keep_header(struct pp_accept *entry, const u8 *bytes)
{
	lockdep_assert_held(&entry->lock);

	if (can_write_anew(entry, bytes))
		entry->kept = PP_KEPT_BY_ADDRESSES;
	else
		pp_accept_keep_bytes(entry, bytes);
}

/**
 * pp_accept_uncount_header - uncount the memory of a kept header
 * @entry: connection that ends, with its lock held
 *
 * The bytes themselves are freed after an RCU grace period.
 */
void pp_accept_uncount_header(struct pp_accept *entry)
{
	if (entry->kept == PP_KEPT_BYTES)
		atomic_long_sub(entry->header_len, &entry->net->accepts.kept);
}

/**
 * pp_accept_write_header - write the header, or all headers in a row, of an accepted connection
 * @entry: connection, under RCU, in PP_ACCEPT_REPLAY or later
 * @buf: gets the header
 * @size: bytes of @buf; PP_HEADER_READ_MAX is always enough
 *
 * Return: bytes of the header; -ENOENT: the connection has none; -ENODATA: there was no memory to
 * keep it; -EMSGSIZE: @size is too small
 */
int pp_accept_write_header(const struct pp_accept *entry, u8 *buf, size_t size)
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

/* Read the header that names the client, as it was read from the stream */
static int read_kept(const struct pp_accept *entry, struct pp_header *header)
{
	struct pp_stack stack;

	if (pp_proto_stack_read(entry->header, entry->header_len, entry->header_count,
				&stack) <= 0)
		return -ENODATA;
	*header = stack.named;
	pp_proto_unmap_ends(header);
	return 0;
}

/**
 * pp_accept_read_ends - read the addresses that the header of an accepted connection names
 * @entry: connection with a header, under RCU, in PP_ACCEPT_REPLAY or later
 * @header: src and dst are set, both to AF_UNSPEC if the header names nobody
 *
 * The application may see another client (pp_accept.is_hidden).
 *
 * Return: 0; -ENODATA: they are not known, since there was no memory to keep the header
 */
int pp_accept_read_ends(const struct pp_accept *entry, struct pp_header *header)
{
	if (entry->kept == PP_KEPT_BYTES)
		return read_kept(entry, header);
	header->src = entry->orig_dst;
	header->dst = entry->orig_dst;
	if (entry->orig_dst.family == AF_UNSPEC)
		return 0;
	set_client(entry, &header->src);
	return entry->is_hidden || header->src.family != header->dst.family ? -ENODATA : 0;
}

/**
 * pp_accept_read_client - read the client of an accepted connection
 * @entry: connection, under RCU, in PP_ACCEPT_REPLAY or later
 * @client: the client, also if the application sees another address
 *
 * Return: whether the application sees another address
 */
bool pp_accept_read_client(const struct pp_accept *entry, struct pp_endpoint *client)
{
	struct pp_header header;

	if (!entry->is_mapped || read_kept(entry, &header)) {
		set_client(entry, client);
		return false;
	}
	*client = header.src;
	if (pp_proto_is_mapped(client))
		pp_proto_unmap(client);
	return true;
}

/**
 * pp_accept_find_tlvs - find the TLVs of an accepted connection's header
 * @entry: connection, under RCU, in PP_ACCEPT_REPLAY or later
 *
 * Return: @entry->tlv_len bytes, valid under RCU; NULL: there are none, or they were not kept
 */
const u8 *pp_accept_find_tlvs(const struct pp_accept *entry)
{
	struct pp_header header;

	if (!entry->tlv_len || entry->kept != PP_KEPT_BYTES || read_kept(entry, &header))
		return NULL;
	return entry->header + header.tlv_off;
}

/**
 * pp_accept_find_stacked - find the headers of an accepted connection that has several in a row
 * @entry: connection, under RCU, in PP_ACCEPT_REPLAY or later
 *
 * Return: @entry->header_len bytes, valid under RCU; NULL: it has one header at most, or they were
 * not kept
 */
const u8 *pp_accept_find_stacked(const struct pp_accept *entry)
{
	return entry->header_count > 1 && entry->kept == PP_KEPT_BYTES ? entry->header : NULL;
}
