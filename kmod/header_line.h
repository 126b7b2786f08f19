/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The PROXY protocol header of version 1, read; for pp_header_read() only.
 */
#ifndef _PP_HEADER_LINE_H
#define _PP_HEADER_LINE_H

#include "header.h"

int pp_header_line_read(const u8 *buf, size_t len, struct pp_header *h);

#endif /* _PP_HEADER_LINE_H */
