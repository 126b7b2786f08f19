// SPDX-License-Identifier: GPL-2.0
/*
 * Sending by socket: headers for which there was no memory.
 *
 * Owns the list of their sockets, and tries again. The program's next sendmsg() tries as well, but
 * a program whose server speaks first does not send.
 */
#include <linux/workqueue.h>
#include <net/sock.h>
#include "ulp/internal.h"

#define RETRY_INTERVAL	(HZ / 10)

static LIST_HEAD(starved);
static DEFINE_SPINLOCK(starved_lock);

static void feed_starved(struct work_struct *work);
static DECLARE_DELAYED_WORK(starved_work, feed_starved);

/**
 * pp_ulp_starved_add - try again later
 * @node: of a sender; may be in the list already
 *
 * Context: the socket is locked.
 */
void pp_ulp_starved_add(struct list_head *node)
{
	spin_lock_bh(&starved_lock);
	if (list_empty(node))
		list_add_tail(node, &starved);
	spin_unlock_bh(&starved_lock);
	queue_delayed_work(system_power_efficient_wq, &starved_work, RETRY_INTERVAL);
}

/**
 * pp_ulp_starved_remove - forget a sender
 * @node: of the sender
 */
void pp_ulp_starved_remove(struct list_head *node)
{
	spin_lock_bh(&starved_lock);
	list_del_init(node);
	spin_unlock_bh(&starved_lock);
}

/* Return: a socket, with a reference, that is in the list no more; NULL: the list is empty */
static struct sock *take_starved(struct list_head *batch)
{
	struct list_head *node;
	struct sock *sk = NULL;

	spin_lock_bh(&starved_lock);
	if (!list_empty(batch)) {
		node = batch->next;
		list_del_init(node);
		sk = pp_ulp_sender_hold(node);
	}
	spin_unlock_bh(&starved_lock);
	return sk;
}

static void feed_starved(struct work_struct *work)
{
	LIST_HEAD(batch);
	struct sock *sk;

	spin_lock_bh(&starved_lock);
	list_splice_init(&starved, &batch);
	spin_unlock_bh(&starved_lock);
	for (sk = take_starved(&batch); sk; sk = take_starved(&batch)) {
		lock_sock(sk);
		pp_ulp_sender_queue(sk, GFP_KERNEL);
		release_sock(sk);
		sock_put(sk);
	}
}

/* No socket has a sender any more */
void pp_ulp_starved_exit(void)
{
	cancel_delayed_work_sync(&starved_work);
}
