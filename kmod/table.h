/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tables of connections: the walk of the garbage collections.
 *
 * For send/ and accept/.
 */
#ifndef _PP_TABLE_H
#define _PP_TABLE_H

struct rhashtable;

void pp_table_walk(struct rhashtable *table, void (*visit)(void *entry));

#endif /* _PP_TABLE_H */
