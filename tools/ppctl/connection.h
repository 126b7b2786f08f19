/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A connection on the screen.
 */
#ifndef _PPCTL_CONNECTION_H
#define _PPCTL_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

struct nlattr;

const char *connection_state(uint64_t state);
bool connection_has_state(const char *name);

int connection_print(struct nlattr *nest, void *key);
int connection_print_line(struct nlattr *nest);

#endif /* _PPCTL_CONNECTION_H */
