/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reads the PROXY protocol header of version 1. For pp_proto_header_read() only.
 */
#ifndef _PP_HEADER_LINE_H
#define _PP_HEADER_LINE_H

#include "proto/header.h"

int pp_proto_line_read(const u8 *buf, size_t len, struct pp_header *h);

#endif /* _PP_HEADER_LINE_H */
