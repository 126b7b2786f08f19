/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Several headers in a row, as a chain of proxies writes them that leave the headers of those
 * before them in the stream.
 *
 * Pure functions of buffers, like header.h.
 */
#ifndef _PP_HEADER_STACK_H
#define _PP_HEADER_STACK_H

#include "proto/header.h"

/**
 * struct pp_stack - headers in a row
 * @named: the header that names the client: the last one with addresses, or the first one if it
 *	has none; its tlv_off counts from the beginning of the first header
 * @start: offset of that header
 * @end: offset behind it
 * @count: number of headers
 */
struct pp_stack {
	struct pp_header named;
	u16 start;
	u16 end;
	u8 count;
};

int pp_proto_stack_read(const u8 *buf, size_t len, unsigned int want, struct pp_stack *stack);

#endif /* _PP_HEADER_STACK_H */
