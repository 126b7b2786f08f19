// SPDX-License-Identifier: GPL-2.0
/*
 * Tables of connections: the walk of the garbage collections.
 *
 * Owns that a long table is walked through without keeping the CPU, and that
 * one that is resized meanwhile is walked through again.
 */
#include <linux/err.h>
#include <linux/rhashtable.h>
#include <linux/sched.h>
#include "table.h"

/**
 * pp_table_walk - look at all entries of a table
 * @table: the table; entries may come and go meanwhile
 * @visit: called with each entry, under RCU; with some twice, if the table is resized
 *
 * Context: may sleep.
 */
void pp_table_walk(struct rhashtable *table, void (*visit)(void *entry))
{
	struct rhashtable_iter iter;
	void *entry;

	rhashtable_walk_enter(table, &iter);
	rhashtable_walk_start(&iter);
	while ((entry = rhashtable_walk_next(&iter))) {
		if (IS_ERR(entry)) /* the table was resized: it begins anew */
			continue;
		visit(entry);
		if (need_resched()) {
			rhashtable_walk_stop(&iter);
			cond_resched();
			rhashtable_walk_start(&iter);
		}
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
}
