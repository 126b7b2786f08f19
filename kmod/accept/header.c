// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: the header while it arrives.
 *
 * Owns the bytes of the header until they are complete, and the decision that follows from them:
 * accept, refuse, or go on without a header. A part of a header is acknowledged if it cannot be the
 * beginning of anything else, so that a slow sender can go on.
 */
#include <linux/compiler.h>
#include <linux/log2.h>
#include <net/tcp.h>
#include "accept/internal.h"
#include "accept/pending.h"
#include "proto/checksum.h"
#include "proto/header_stack.h"

/* If the header is optional, a connection that begins with this many bytes of one must have one */
#define DISTINCT_LEN	6
/* First attempt to read; enough for every header without large TLVs */
#define FIRST_READ	536
/* Limit of queued data behind the header, per connection */
#define QUEUE_MAX	(256 << 10)

/**
 * pp_accept_queue_packet - queue a packet until the application has the connection
 * @entry: connection, with its lock held
 * @pkt: packet with data or a FIN behind the header
 *
 * Return: whether the limits allow it; if so, the queue owns the packet
 */
bool pp_accept_queue_packet(struct pp_accept *entry, struct pp_packet *pkt)
{
	struct pp_pending *pending = entry->pending;
	struct sk_buff *skb = pkt->skb;

	if (pending->queued + skb->truesize > QUEUE_MAX)
		return false;
	if (!pp_accept_reserve_bytes(entry, skb->truesize)) {
		pp_stats_inc(entry->net, ACCEPT_NOMEM);
		return false;
	}
	pending->queued += skb->truesize;
	pending->queue_end = pkt->seq + pkt->payload + pkt->th.fin;
	skb_orphan(skb);
	skb_dst_force(skb);
	__skb_queue_tail(&pending->queue, skb);
	return true;
}

/* Make room for @len bytes in pp_pending.buf. With the entry's lock held. */
static bool grow_buffer(struct pp_accept *entry, unsigned int len)
{
	struct pp_pending *pending = entry->pending;
	unsigned int more;
	u8 *buf;

	if (len <= pending->buf_size)
		return true;
	len = roundup_pow_of_two(len);
	more = len - pending->buf_size;
	if (!pp_accept_reserve_bytes(entry, more))
		goto nomem;
	buf = krealloc(pending->buf, len, GFP_ATOMIC | __GFP_NOWARN);
	if (!buf)
		goto unreserve;
	pending->buf = buf;
	pending->buf_size = len;
	return true;

unreserve:
	pp_accept_unreserve_bytes(entry->net, pending->rule, more);
nomem:
	pp_stats_inc(entry->net, ACCEPT_NOMEM);
	return false;
}

static void begin_replay(struct pp_accept *entry, struct pp_packet *pkt, struct pp_outcome *out)
{
	pp_accept_rank(entry, PP_PENDING_HEADER);
	entry->pending->began = jiffies;
	entry->pending->replayed = jiffies;
	entry->pending->queue_end = pp_accept_data_seq(entry);
	/* Pairs with the acquire of replay_is_unanswered() */
	smp_store_release(&entry->state, PP_ACCEPT_REPLAY);
	pp_accept_trace_state(entry, PP_CONN_STATE_REPLAYED, PP_STATS_ATTR_UNSPEC);
	out->jobs |= PP_JOB_REPLAY;
	if (pkt && before(pp_accept_data_seq(entry), pkt->seq + pkt->payload + pkt->th.fin) &&
	    pp_accept_queue_packet(entry, pkt))
		out->verdict = NF_STOLEN;
}

static void take_header(struct pp_accept *entry, struct pp_packet *pkt, const u8 *bytes,
			struct pp_stack *stack, unsigned int len, struct pp_outcome *out)
{
	struct pp_header *header = &stack->named;

	if (!pp_proto_checksums_fit(bytes, stack, len)) {
		pp_accept_outcome_refuse(out, PP_STATS_ATTR_BAD_CRC);
		return;
	}
	pp_proto_unmap_ends(header);
	entry->header_len = len;
	entry->header_count = stack->count;
	/* Without memory for the client, the application sees L, as without the mapping */
	entry->is_mapped = pp_accept_may_map(entry, header) && pp_accept_keep_bytes(entry, bytes);
	if (pp_accept_name_client(entry, header)) {
		pp_accept_forget_header(entry);
		pp_stats_inc(entry->net, ACCEPT_NOMEM);
		return;
	}
	entry->tlv_len = header->tlv_len;
	entry->orig_dst = header->dst;
	entry->version = header->version;
	if (!entry->is_mapped)
		pp_accept_keep_header(entry, bytes);
	begin_replay(entry, pkt, out);
}

/**
 * pp_accept_is_distinct - whether the bytes so far can only be a header
 * @pending: of a connection in PP_ACCEPT_HEADER, with its lock held
 *
 * Return: whether enough bytes of a header have come
 */
bool pp_accept_is_distinct(const struct pp_pending *pending)
{
	return pending->have >= DISTINCT_LEN;
}

/**
 * pp_accept_do_without_header - go on without a header, where it is optional
 * @entry: connection in PP_ACCEPT_HEADER, with its lock held
 * @pkt: packet whose payload is no header, or NULL after the timeout
 * @out: what to do after the entry is unlocked
 */
void pp_accept_do_without_header(struct pp_accept *entry, struct pp_packet *pkt,
				 struct pp_outcome *out)
{
	if (pp_accept_name_client(entry, NULL)) {
		pp_stats_inc(entry->net, ACCEPT_NOMEM);
		return;
	}
	begin_replay(entry, pkt, out);
}

/*
 * Append the payload to pp_pending.buf and parse it. At first copy no more than FIRST_READ bytes,
 * then as much as the longest header can have.
 *
 * Return: as pp_proto_stack_read(), or -ENOMEM
 */
static int read_gathered_header(struct pp_accept *entry, struct pp_packet *pkt, unsigned int skip,
				struct pp_stack *stack)
{
	struct pp_pending *pending = entry->pending;
	unsigned int more = pkt->payload - skip, take, limit;
	int ret;

	for (limit = max_t(unsigned int, pending->have, FIRST_READ);; limit = PP_HEADER_READ_MAX) {
		take = min(more, limit - pending->have);
		if (!grow_buffer(entry, pending->have + take) ||
		    skb_copy_bits(pkt->skb, pkt->headers + skip, pending->buf + pending->have,
				  take))
			return -ENOMEM;
		ret = pp_proto_stack_read(pending->buf, pending->have + take,
					  pending->rule->accept.stacked, stack);
		if (ret != -EAGAIN || take == more || limit == PP_HEADER_READ_MAX)
			break;
	}
	if (ret == -EAGAIN) {
		pending->have += take;
		pp_accept_rank(entry, PP_PENDING_HEADER);
	}
	return ret;
}

/*
 * Parse a short header that comes in one packet, without a buffer.
 *
 * Return: length of the header, and *@bytes points to it; 0 or less: use read_gathered_header()
 */
static int read_short_header(const struct pp_accept *entry, const struct pp_packet *pkt,
			     u8 *buf, unsigned int size, const u8 **bytes,
			     struct pp_stack *stack)
{
	unsigned int len = min(pkt->payload, size);

	if (entry->pending->have || pkt->seq != entry->isn + 1)
		return 0;
	*bytes = skb_header_pointer(pkt->skb, pkt->headers, len, buf);
	return *bytes ? pp_proto_stack_read(*bytes, len, entry->pending->rule->accept.stacked,
					    stack) : 0;
}

/* Whether the bytes that read_gathered_header() has refused are a malformed header */
static bool begins_like_header(const struct pp_pending *pending, unsigned int more)
{
	return pending->have + more >= DISTINCT_LEN &&
	       (!memcmp(pending->buf, PP_HEADER_V2_SIGNATURE, DISTINCT_LEN) ||
		!memcmp(pending->buf, "PROXY ", DISTINCT_LEN));
}

static bool is_header_required(const struct pp_accept *entry)
{
	return entry->pending->rule->accept.header_need != PP_HEADER_OPTIONAL;
}

/* What has come so far may be the beginning of a header, or of headers in a row */
static void handle_header_part(struct pp_accept *entry, struct pp_packet *pkt,
			       struct pp_outcome *out)
{
	bool must = is_header_required(entry) || pp_accept_is_distinct(entry->pending);

	if (pkt->th.fin && must)
		pp_accept_outcome_refuse(out, PP_STATS_ATTR_ABANDONED);
	else if (pkt->th.fin)
		pp_accept_do_without_header(entry, pkt, out);
	else if (must)
		out->jobs |= PP_JOB_ACKNOWLEDGE;
}

/* What has come is no header. @more: bytes of the packet that pp_pending.buf did not have before */
static void handle_no_header(struct pp_accept *entry, struct pp_packet *pkt, unsigned int more,
			     struct pp_outcome *out)
{
	if (is_header_required(entry) || begins_like_header(entry->pending, more))
		pp_accept_outcome_refuse(out, PP_STATS_ATTR_BAD_HEADER);
	else
		pp_accept_do_without_header(entry, pkt, out);
}

/**
 * pp_accept_gather_header - handle payload in which the header, or a part of it, is expected
 * @entry: connection in PP_ACCEPT_HEADER, with its lock held
 * @pkt: packet with payload or a FIN
 * @out: what to do after the entry is unlocked
 */
void pp_accept_gather_header(struct pp_accept *entry, struct pp_packet *pkt, struct pp_outcome *out)
{
	struct pp_pending *pending = entry->pending;
	bool was_distinct = pp_accept_is_distinct(pending);
	s32 ahead = pkt->seq - (entry->isn + 1 + pending->have);
	u8 buf[PP_HEADER_V1_MAX] __uninitialized;
	struct pp_stack stack;
	const u8 *bytes;
	int ret;

	/* There is a gap before the payload, or it has come before: acknowledge again */
	if (ahead > 0 || (u32)-ahead + !pkt->th.fin > pkt->payload) {
		if (pending->have && (is_header_required(entry) || was_distinct))
			out->jobs |= PP_JOB_ACKNOWLEDGE;
		return;
	}
	ret = read_short_header(entry, pkt, buf, sizeof(buf), &bytes, &stack);
	if (ret <= 0) {
		ret = read_gathered_header(entry, pkt, -ahead, &stack);
		bytes = pending->buf;
	}
	if (ret > 0)
		take_header(entry, pkt, bytes, &stack, ret, out);
	else if (ret == -EAGAIN)
		handle_header_part(entry, pkt, out);
	else if (ret == -EBADMSG)
		handle_no_header(entry, pkt, pkt->payload + ahead, out);
}
