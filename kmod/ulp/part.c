// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting by socket: headers that come in parts.
 *
 * Owns the bytes of incomplete headers. They are found by the addresses and both initial sequence
 * numbers, since a half-open connection can move to another listener of its reuseport group. Once a
 * part was acknowledged, it is never evicted: L does not send it again. At the limit, a new header
 * has to come in one segment.
 */
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "netlink/event.h"
#include "proto/checksum.h"
#include "ulp/internal.h"

#define TABLE_BITS	10
/* Most incomplete headers of a namespace: with the longest headers, 32 MiB */
#define PARTS_MAX	8192
/* A header is distinct from anything else after this many bytes */
#define DISTINCT_LEN	6
/* How often old parts are looked for */
#define SWEEP_INTERVAL	HZ

/**
 * struct ulp_part - an incomplete header, or a complete one that waits for room in the accept queue
 * @node: in the table
 * @conn: the connection
 * @rule: what trusts L; holds a reference
 * @isn: initial sequence number of L
 * @isn_local: that of this host
 * @have: bytes in @buf
 * @size: size of @buf
 * @buf: the bytes
 *
 * All fields are protected by parts_lock.
 */
struct ulp_part {
	struct hlist_node node;
	struct pp_ulp_conn conn;
	struct pp_rule *rule;
	u32 isn;
	u32 isn_local;
	unsigned int have;
	unsigned int size;
	u8 *buf;
};

static struct hlist_head parts[1 << TABLE_BITS];
static DEFINE_SPINLOCK(parts_lock);

static void sweep_parts(struct work_struct *work);
static DECLARE_DELAYED_WORK(sweep_work, sweep_parts);

static struct hlist_head *list_of(const struct pp_conn_key *key, u32 isn)
{
	return &parts[pp_key_hash(key, sizeof(*key), isn) & (ARRAY_SIZE(parts) - 1)];
}

static struct ulp_part *find_part(const struct pp_ulp_attempt *at)
{
	const struct tcp_request_sock *treq = tcp_rsk(at->req);
	struct ulp_part *part;

	hlist_for_each_entry(part, list_of(&at->conn.wire, treq->rcv_isn), node)
		if (part->conn.pn == at->conn.pn && part->isn == treq->rcv_isn &&
		    part->isn_local == treq->snt_isn &&
		    pp_key_equals(&part->conn.wire, &at->conn.wire))
			return part;
	return NULL;
}

static struct ulp_part *make_part(const struct pp_ulp_attempt *at)
{
	struct pp_net *pn = at->conn.pn;
	struct ulp_part *part;

	if (atomic_read(&pn->ulp.parts) >= PARTS_MAX)
		return NULL;
	part = kzalloc(sizeof(*part), GFP_ATOMIC | __GFP_NOWARN);
	if (!part)
		return NULL;
	atomic_inc(&pn->ulp.parts);
	part->conn = at->conn;
	part->rule = at->rule;
	pp_rule_get(part->rule);
	part->isn = tcp_rsk(at->req)->rcv_isn;
	part->isn_local = tcp_rsk(at->req)->snt_isn;
	hlist_add_head(&part->node, list_of(&at->conn.wire, part->isn));
	queue_delayed_work(system_power_efficient_wq, &sweep_work, SWEEP_INTERVAL);
	pp_ulp_trace_state(&part->conn, PP_CONN_STATE_HEADER_AWAITED, PP_STATS_ATTR_UNSPEC);
	return part;
}

static void free_part(struct ulp_part *part)
{
	hlist_del(&part->node);
	atomic_dec(&part->conn.pn->ulp.parts);
	pp_rule_put(part->rule);
	kfree(part->buf);
	kfree(part);
}

/* Return: bytes copied from the segment, from @skip of its data on; 0: no memory */
static unsigned int append_bytes(struct ulp_part *part, const struct pp_ulp_attempt *at,
				 unsigned int skip)
{
	unsigned int take = min_t(unsigned int, pp_ulp_payload(at) - skip,
				  PP_HEADER_READ_MAX - part->have);
	unsigned int size = roundup_pow_of_two(part->have + take);
	u8 *larger;

	if (size > part->size) {
		larger = krealloc(part->buf, size, GFP_ATOMIC | __GFP_NOWARN);
		if (!larger)
			return 0;
		part->buf = larger;
		part->size = size;
	}
	if (skb_copy_bits(at->skb, tcp_hdrlen(at->skb) + skip, part->buf + part->have, take))
		return 0;
	return take;
}

static bool is_like_header(const struct ulp_part *part, unsigned int have)
{
	return have >= DISTINCT_LEN &&
	       (!memcmp(part->buf, PP_HEADER_V2_SIGNATURE, DISTINCT_LEN) ||
		!memcmp(part->buf, "PROXY ", DISTINCT_LEN));
}

/* Return: as pp_ulp_part_gather() */
static int gather_new(struct pp_ulp_attempt *at, unsigned int skip, unsigned int *have,
		      bool *like_header)
{
	struct ulp_part *part = find_part(at) ?: make_part(at);
	struct pp_stack stack;
	unsigned int take;
	int ret;

	take = part ? append_bytes(part, at, skip) : 0;
	if (!take)
		return -ENOMEM;
	ret = pp_proto_stack_read(part->buf, part->have + take, part->rule->accept.stacked,
				  &stack);
	*like_header = is_like_header(part, part->have + take);
	if (ret > 0 && !pp_proto_checksums_fit(part->buf, &stack, ret))
		return -EKEYREJECTED;
	if (ret > 0)
		return pp_ulp_client_make(at, part->buf, &stack, ret) ?: ret;
	if (ret != -EAGAIN)
		return ret;
	part->have += take;
	*have = part->have;
	if (tcp_hdr(at->skb)->fin && pp_ulp_payload(at) - skip == take)
		return -ENODATA;
	return -EAGAIN;
}

/**
 * pp_ulp_part_gather - gather a header that comes in parts
 * @at: attempt; its client is set if the header is complete
 * @have: set to the bytes that have come, which are to be acknowledged
 * @like_header: set to whether they can be nothing but a header
 *
 * Context: softirq, under RCU.
 * Return: length of the header; -EAGAIN: it is incomplete; -EBADMSG: it is none; -EKEYREJECTED: its
 * CRC32C is wrong; -ENODATA: L has closed the connection before; -ENOMEM or -ENOSPC: L has to send
 * the segment again
 */
int pp_ulp_part_gather(struct pp_ulp_attempt *at, unsigned int *have, bool *like_header)
{
	struct ulp_part *part;
	s32 ahead;
	int ret;

	spin_lock_bh(&parts_lock);
	part = find_part(at);
	*have = part ? part->have : 0;
	*like_header = part && is_like_header(part, part->have);
	ahead = TCP_SKB_CB(at->skb)->seq - (at->start + *have);
	if (ahead > 0 || (u32)-ahead > pp_ulp_payload(at))
		ret = -EAGAIN;
	else if ((u32)-ahead < pp_ulp_payload(at))
		ret = gather_new(at, -ahead, have, like_header);
	else
		ret = tcp_hdr(at->skb)->fin ? -ENODATA : -EAGAIN;
	/* What was made from a SYN cookie is forgotten at once: only a whole header helps */
	part = at->is_cookie ? find_part(at) : NULL;
	if (part)
		free_part(part);
	spin_unlock_bh(&parts_lock);
	return ret;
}

/**
 * pp_ulp_part_drop - forget the parts of a connection
 * @at: attempt
 */
void pp_ulp_part_drop(const struct pp_ulp_attempt *at)
{
	struct ulp_part *part;

	if (!atomic_read(&at->conn.pn->ulp.parts))
		return;
	spin_lock_bh(&parts_lock);
	part = find_part(at);
	if (part)
		free_part(part);
	spin_unlock_bh(&parts_lock);
}

static bool is_too_old(const struct ulp_part *part)
{
	return (u32)jiffies - part->conn.created > part->rule->accept.timeout * HZ;
}

/* If the half-open connection is still there, L's next segment finds no part, and is refused */
static void expire_part(struct ulp_part *part)
{
	pp_stats_inc(part->conn.pn, TIMEOUT);
	pp_rule_count(part->rule, PP_RULE_REFUSED);
	pp_ulp_trace_state(&part->conn, PP_TRACE_ENDED, PP_STATS_ATTR_TIMEOUT);
	pp_netlink_event_socket_refused(&part->conn, PP_STATS_ATTR_TIMEOUT);
	free_part(part);
}

static void sweep_parts(struct work_struct *work)
{
	struct hlist_node *next;
	struct ulp_part *part;
	bool any = false;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		spin_lock_bh(&parts_lock);
		hlist_for_each_entry_safe(part, next, &parts[i], node) {
			if (is_too_old(part))
				expire_part(part);
			else
				any = true;
		}
		spin_unlock_bh(&parts_lock);
	}
	if (any)
		queue_delayed_work(system_power_efficient_wq, &sweep_work, SWEEP_INTERVAL);
}

/**
 * pp_ulp_net_exit - a namespace goes; its sockets are gone already
 * @pn: namespace
 */
void pp_ulp_net_exit(struct pp_net *pn)
{
	struct hlist_node *next;
	struct ulp_part *part;
	unsigned int i;

	if (!atomic_read(&pn->ulp.parts))
		return;
	spin_lock_bh(&parts_lock);
	for (i = 0; i < ARRAY_SIZE(parts); i++)
		hlist_for_each_entry_safe(part, next, &parts[i], node)
			if (part->conn.pn == pn)
				free_part(part);
	spin_unlock_bh(&parts_lock);
}

/* No listener and no namespace has parts any more, or can make some */
void pp_ulp_part_exit(void)
{
	cancel_delayed_work_sync(&sweep_work);
}
