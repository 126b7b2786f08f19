// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: the queues of pending connections, and which of them is evicted.
 *
 * Owns the order of eviction at the limit. Sources are spread over queues, and each queue has one
 * list for each rank, the oldest connection first. The longest list of the lowest rank loses its
 * oldest connection. So a flood of SYNs evicts its own connections, and so does a source that has
 * more than its share.
 */
#include <linux/jhash.h>
#include <linux/once.h>
#include <linux/mm.h>
#include "accept/internal.h"
#include "accept/pending.h"

/* Attempts to find a connection that can be evicted */
#define EVICT_TRIES	4
/* Half-open connections are evicted first while they have at least 1/SYN_SHARE of all places */
#define SYN_SHARE	8

/**
 * pp_accept_queues_init - allocate the queues before the first accept rule
 * @pn: namespace, with its lock held
 *
 * Return: 0 or -ENOMEM
 */
int pp_accept_queues_init(struct pp_net *pn)
{
	struct pp_accepts *accepts = &pn->accepts;
	struct pp_pending_queue *queues;
	unsigned int i, rank;
	u32 *depths;

	if (accepts->queues)
		return 0;
	queues = kvcalloc(PP_PENDING_QUEUES, sizeof(*queues), GFP_KERNEL_ACCOUNT);
	depths = kvcalloc(PP_PENDING_QUEUES * PP_PENDING_RANKS, sizeof(*depths),
			  GFP_KERNEL_ACCOUNT);
	if (!queues || !depths) {
		kvfree(queues);
		kvfree(depths);
		return -ENOMEM;
	}
	for (i = 0; i < PP_PENDING_QUEUES; i++) {
		spin_lock_init(&queues[i].lock);
		for (rank = 0; rank < PP_PENDING_RANKS; rank++)
			INIT_LIST_HEAD(&queues[i].of_rank[rank]);
	}
	for (rank = 0; rank < PP_PENDING_RANKS; rank++)
		accepts->depths[rank] = depths + rank * PP_PENDING_QUEUES;
	accepts->queues = queues;
	return 0;
}

/**
 * pp_accept_queues_exit - free the queues, which are empty
 * @pn: namespace
 *
 * Context: the namespace goes; no packet is in the hooks any more.
 */
void pp_accept_queues_exit(struct pp_net *pn)
{
	kvfree(pn->accepts.queues);
	kvfree(pn->accepts.depths[0]);
}

/* The seed is random, so that nobody outside knows which sources share a queue */
static u8 choose_queue(const struct pp_accept *entry)
{
	static u32 seed __read_mostly;

	get_random_once(&seed, sizeof(seed));
	return jhash2((const u32 *)&entry->wire.src, sizeof(entry->wire.src) / sizeof(u32), seed) %
	       PP_PENDING_QUEUES;
}

static void add_depth(struct pp_accepts *accepts, const struct pp_pending *pending, int by)
{
	u32 *depth = &accepts->depths[pending->rank][pending->source_queue];

	WRITE_ONCE(*depth, *depth + by);
}

/**
 * pp_accept_enqueue - add a new connection to its queue
 * @entry: connection, in no list yet
 *
 * Context: any; takes the queue's lock.
 */
void pp_accept_enqueue(struct pp_accept *entry)
{
	struct pp_accepts *accepts = &entry->net->accepts;
	struct pp_pending *pending = entry->pending;
	struct pp_pending_queue *queue;

	pending->source_queue = choose_queue(entry);
	queue = &accepts->queues[pending->source_queue];
	spin_lock_bh(&queue->lock);
	list_add_tail(&pending->node, &queue->of_rank[pending->rank]);
	add_depth(accepts, pending, 1);
	spin_unlock_bh(&queue->lock);
}

/**
 * pp_accept_rank - give a pending connection a rank, and make it the youngest of it
 * @entry: pending connection, with its lock held
 * @rank: its rank from now on
 */
void pp_accept_rank(struct pp_accept *entry, enum pp_pending_rank rank)
{
	struct pp_accepts *accepts = &entry->net->accepts;
	struct pp_pending *pending = entry->pending;
	struct pp_pending_queue *queue = &accepts->queues[pending->source_queue];

	lockdep_assert_held(&entry->lock);

	spin_lock(&queue->lock);
	add_depth(accepts, pending, -1);
	pending->rank = rank;
	add_depth(accepts, pending, 1);
	list_move_tail(&pending->node, &queue->of_rank[rank]);
	spin_unlock(&queue->lock);
}

/**
 * pp_accept_dequeue - remove a connection from its queue, if it is in one
 * @entry: pending connection, with its lock held
 */
void pp_accept_dequeue(struct pp_accept *entry)
{
	struct pp_accepts *accepts = &entry->net->accepts;
	struct pp_pending *pending = entry->pending;
	struct pp_pending_queue *queue = &accepts->queues[pending->source_queue];

	if (list_empty(&pending->node))
		return;
	spin_lock(&queue->lock);
	list_del_init(&pending->node);
	add_depth(accepts, pending, -1);
	spin_unlock(&queue->lock);
}

static struct pp_pending_queue *find_longest(struct pp_accepts *accepts,
					     enum pp_pending_rank rank)
{
	u32 depth, most = 0;
	unsigned int i, longest = 0;

	for (i = 0; i < PP_PENDING_QUEUES; i++) {
		depth = READ_ONCE(accepts->depths[rank][i]);
		if (depth > most) {
			most = depth;
			longest = i;
		}
	}
	return most ? &accepts->queues[longest] : NULL;
}

/*
 * It moves to the end of its list, so that the next attempt takes another one. The entry stays
 * valid under RCU.
 */
static struct pp_accept *take_oldest(struct pp_pending_queue *queue, enum pp_pending_rank rank)
{
	struct pp_accept *entry = NULL;
	struct pp_pending *pending;

	spin_lock_bh(&queue->lock);
	pending = list_first_entry_or_null(&queue->of_rank[rank], struct pp_pending, node);
	if (pending) {
		list_move_tail(&pending->node, &queue->of_rank[rank]);
		entry = pending->entry;
	}
	spin_unlock_bh(&queue->lock);
	return entry;
}

/* Return: whether a connection of this rank was evicted */
static bool evict_of_rank(struct pp_accepts *accepts, enum pp_pending_rank rank)
{
	struct pp_pending_queue *queue;
	struct pp_accept *entry;
	unsigned int tries;

	for (tries = 0; tries < EVICT_TRIES; tries++) {
		queue = find_longest(accepts, rank);
		entry = queue ? take_oldest(queue, rank) : NULL;
		if (entry && pp_accept_evict(entry, rank))
			return true;
	}
	return false;
}

/* Whether half-open connections have at least their share of all places */
static bool has_many_syns(struct pp_accepts *accepts)
{
	unsigned int i, count = 0;

	for (i = 0; i < PP_PENDING_QUEUES; i++)
		count += READ_ONCE(accepts->depths[PP_PENDING_SYN][i]);
	return count && count >= (u32)atomic_read(&accepts->pending_count) / SYN_SHARE;
}

/**
 * pp_accept_make_room - evict the pending connection that has proven least
 * @pn: namespace
 *
 * Half-open connections are evicted first while they have their share of all places. Otherwise most
 * places are taken by connections without a byte of a header, and one of these is evicted: a
 * half-open one needs a round trip to prove more.
 *
 * Context: PRE_ROUTING, under RCU; no connection is locked.
 * Return: whether one was evicted
 */
bool pp_accept_make_room(struct pp_net *pn)
{
	struct pp_accepts *accepts = &pn->accepts;

	if (has_many_syns(accepts))
		return evict_of_rank(accepts, PP_PENDING_SYN);
	return evict_of_rank(accepts, PP_PENDING_ACKED) || evict_of_rank(accepts, PP_PENDING_SYN);
}
