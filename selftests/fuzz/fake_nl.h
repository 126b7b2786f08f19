/* SPDX-License-Identifier: GPL-2.0 */
/*
 * In place of tools/ppctl/nl.c: a kernel that keeps rules, in memory.
 */
#ifndef _PP_FAKE_NL_H
#define _PP_FAKE_NL_H

#include "replies.h"

extern struct replies fake_rules;

void fake_reset(void);

#endif /* _PP_FAKE_NL_H */
