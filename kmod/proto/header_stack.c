// SPDX-License-Identifier: GPL-2.0
/*
 * Reads several headers in a row from a stream that may still be arriving.
 *
 * The proxy next to this host writes the first one. What follows it is the stream that this proxy
 * got: the header of the proxy before it, and so on.
 */
#include "proto/header_stack.h"

/* The header that was just read names the client, unless another one follows */
static void note_named(struct pp_stack *stack, const struct pp_header *header, size_t start,
		       size_t end)
{
	stack->named = *header;
	if (header->tlv_off)
		stack->named.tlv_off += start;
	stack->start = start;
	stack->end = end;
}

/**
 * pp_proto_stack_read - read headers in a row at the beginning of a stream
 * @buf: the stream
 * @len: bytes received so far; may be more than the headers
 * @want: how many headers the sender writes, 1 or more
 * @stack: filled if the result is above 0, else undefined
 *
 * Context: any; no allocation, no locks.
 *
 * A header without addresses (LOCAL, UNKNOWN, UNSPEC, UNIX, DGRAM) is the last one: what its sender
 * began itself has no header of another one. Then the header before it names the client, which is
 * the sender. All headers together have PP_HEADER_READ_MAX bytes at most.
 *
 * Return: length of the headers; -EAGAIN or -EBADMSG as pp_proto_header_read() does. A stream that
 * ends behind a header although more are wanted gives -EAGAIN.
 */
int pp_proto_stack_read(const u8 *buf, size_t len, unsigned int want, struct pp_stack *stack)
{
	struct pp_header header;
	size_t at = 0;
	int ret;

	stack->count = 0;
	do {
		ret = pp_proto_header_read(buf + at, len - at, &header);
		if (ret == -EAGAIN && len >= PP_HEADER_READ_MAX)
			return -EBADMSG;
		if (ret < 0)
			return ret;
		if (at + ret > PP_HEADER_READ_MAX)
			return -EBADMSG;
		if (!stack->count || header.src.family != AF_UNSPEC)
			note_named(stack, &header, at, at + ret);
		at += ret;
		stack->count++;
	} while (stack->count < want && header.src.family != AF_UNSPEC);
	return at;
}
