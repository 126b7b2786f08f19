// SPDX-License-Identifier: GPL-2.0
/*
 * A module that does one thing wrong when it is loaded, the one that its
 * parameter "fault" names, so that a detector of the debug kernel has something
 * to find: what finds nothing here would find nothing in proxyproto either. For
 * debug_prove.sh, and for no other kernel than the debug kernel in its VM.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

static char *fault = "";
module_param(fault, charp, 0);
MODULE_PARM_DESC(fault, "what to do wrong");

struct victim {
	struct timer_list timer;
	refcount_t refs;
	int value;
};

static struct victim __rcu *published;
static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_SPINLOCK(spin);
static struct rcu_head twice;
static int shift = 40;
static int index = 9;
static int sink;

static void use_after_free(struct victim *victim)
{
	kfree(victim);
	sink = READ_ONCE(victim->value);
}

static void beyond_the_end(struct victim *victim)
{
	sink = READ_ONCE(((char *)victim)[sizeof(*victim) + index]);
	kfree(victim);
}

static void lock_order(struct victim *victim)
{
	kfree(victim);
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static void no_rcu_lock(struct victim *victim)
{
	RCU_INIT_POINTER(published, victim);
	sink = rcu_dereference(published)->value;
	RCU_INIT_POINTER(published, NULL);
	kfree(victim);
}

static void atomic_sleep(struct victim *victim)
{
	kfree(victim);
	spin_lock(&spin);
	kfree(kmalloc(16, GFP_KERNEL));
	spin_unlock(&spin);
}

static void nothing(struct timer_list *timer)
{
}

static void active_timer(struct victim *victim)
{
	timer_setup(&victim->timer, nothing, 0);
	mod_timer(&victim->timer, jiffies + 60 * HZ);
	kfree(victim);
}

static void nothing_rcu(struct rcu_head *rcu)
{
}

static void rcu_twice(struct victim *victim)
{
	kfree(victim);
	call_rcu(&twice, nothing_rcu);
	call_rcu(&twice, nothing_rcu);
	rcu_barrier();
}

static void refcount_zero(struct victim *victim)
{
	refcount_set(&victim->refs, 0);
	refcount_inc(&victim->refs);
	kfree(victim);
}

static void wide_shift(struct victim *victim)
{
	sink = 1 << READ_ONCE(shift);
	kfree(victim);
}

static void list_twice(struct victim *victim)
{
	LIST_HEAD(list);
	struct list_head entry;

	kfree(victim);
	list_add(&entry, &list);
	list_del(&entry);
	list_del(&entry);
}

static void header_unset(struct victim *victim)
{
	struct sk_buff *skb = alloc_skb(64, GFP_KERNEL);

	kfree(victim);
	if (skb)
		sink = skb_transport_header(skb) == skb->data;
	kfree_skb(skb);
}

static void count(void *info)
{
	struct victim *victim = info;
	int i;

	for (i = 0; i < 100000; i++) {
		victim->value++;
		barrier();
	}
}

static void two_writers(struct victim *victim)
{
	on_each_cpu(count, victim, 1);
	kfree(victim);
}

static void leak(struct victim *victim)
{
}

static const struct {
	const char *name;
	void (*run)(struct victim *victim);
} faults[] = {
	{ "use_after_free", use_after_free },
	{ "beyond_the_end", beyond_the_end },
	{ "lock_order", lock_order },
	{ "no_rcu_lock", no_rcu_lock },
	{ "atomic_sleep", atomic_sleep },
	{ "active_timer", active_timer },
	{ "rcu_twice", rcu_twice },
	{ "refcount_zero", refcount_zero },
	{ "wide_shift", wide_shift },
	{ "list_twice", list_twice },
	{ "header_unset", header_unset },
	{ "two_writers", two_writers },
	{ "leak", leak },
};

static int __init broken_init(void)
{
	struct victim *victim;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		if (strcmp(fault, faults[i].name))
			continue;
		victim = kzalloc(sizeof(*victim), GFP_KERNEL);
		if (!victim)
			return -ENOMEM;
		faults[i].run(victim);
		return 0;
	}
	return -EINVAL;
}

static void __exit broken_exit(void)
{
}

module_init(broken_init);
module_exit(broken_exit);
MODULE_DESCRIPTION("does one thing wrong");
MODULE_LICENSE("GPL");
