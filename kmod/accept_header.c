// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: the header while it arrives.
 *
 * Owns its bytes until they are complete, and what is decided from them. Parts of a header
 * that cannot be the beginning of anything else are acknowledged, so that a slow sender can
 * go on.
 */
#include <linux/compiler.h>
#include <linux/log2.h>
#include <linux/unaligned.h>
#include <net/tcp.h>
#include "accept_pending.h"
#include "checksum.h"
#include "tlv.h"

/* What begins like this is a header or an error, even where none is required */
#define DISTINCT_LEN	6
/* Read at first: every header without large TLVs */
#define FIRST_READ	536
/* Memory of a namespace for incomplete headers, and for what came behind them */
#define BYTES_MAX	(64 << 20)
/* The same of one connection */
#define QUEUE_MAX	(256 << 10)

/**
 * pp_accept_keep - have a packet wait until the application has the connection
 * @entry: connection, with its lock held
 * @pkt: packet that holds more than the header
 *
 * Return: whether there is room; then the packet is taken
 */
bool pp_accept_keep(struct pp_accept *entry, struct pp_packet *pkt)
{
	struct pp_pending *pending = entry->pending;
	struct sk_buff *skb = pkt->skb;

	if (pending->queued + skb->truesize > QUEUE_MAX)
		return false;
	if (atomic_long_add_return(skb->truesize, &entry->net->accepts.bytes) > BYTES_MAX) {
		atomic_long_sub(skb->truesize, &entry->net->accepts.bytes);
		return false;
	}
	pending->queued += skb->truesize;
	pending->queue_end = pkt->seq + pkt->payload + pkt->th.fin;
	skb_orphan(skb);
	skb_dst_force(skb);
	__skb_queue_tail(&pending->queue, skb);
	return true;
}

/* Room for @len bytes of header */
static bool make_room(struct pp_accept *entry, unsigned int len)
{
	struct pp_pending *pending = entry->pending;
	atomic_long_t *bytes = &entry->net->accepts.bytes;
	u8 *buf;

	if (len <= pending->room)
		return true;
	len = roundup_pow_of_two(len);
	if (atomic_long_add_return(len - pending->room, bytes) > BYTES_MAX)
		goto no_room;
	buf = krealloc(pending->buf, len, GFP_ATOMIC | __GFP_NOWARN);
	if (!buf)
		goto no_room;
	pending->buf = buf;
	pending->room = len;
	return true;

no_room:
	atomic_long_sub(len - pending->room, bytes);
	pp_stats_inc(entry->net, ACCEPT_NOMEM);
	return false;
}

/* Return: 0; -EBADMSG: the header has a CRC32C (SPEC 2.2.3) that is wrong */
static int check_crc(const u8 *bytes, const struct pp_header *header, unsigned int len)
{
	struct pp_tlv_walk walk = {
		.pos = bytes + header->tlv_off,
		.have = header->tlv_len,
		.left = header->tlv_len,
	};
	struct pp_tlv tlv;

	while (header->tlv_len && pp_tlv_next(&walk, &tlv) == 1) {
		if (tlv.type != PP_TLV_CRC32C)
			continue;
		if (tlv.len != sizeof(u32) ||
		    pp_checksum_header(bytes, len, tlv.value - bytes) !=
		    get_unaligned_be32(tlv.value))
			return -EBADMSG;
	}
	return 0;
}

static void replay(struct pp_accept *entry, struct pp_packet *pkt, struct pp_outcome *out)
{
	entry->pending->began = jiffies;
	entry->pending->replayed = jiffies;
	entry->pending->queue_end = pp_accept_data_seq(entry);
	/* Pairs with the acquire of is_unanswered() */
	smp_store_release(&entry->state, PP_ACCEPT_REPLAY);
	out->jobs |= PP_JOB_REPLAY;
	/* What is more than the header */
	if (pkt && before(pp_accept_data_seq(entry), pkt->seq + pkt->payload + pkt->th.fin) &&
	    pp_accept_keep(entry, pkt))
		out->verdict = NF_STOLEN;
}

static void take_header(struct pp_accept *entry, struct pp_packet *pkt, const u8 *bytes,
			const struct pp_header *header, unsigned int len, struct pp_outcome *out)
{
	if (check_crc(bytes, header, len)) {
		pp_outcome_refuse(out, PP_STATS_ATTR_BAD_CRC);
		return;
	}
	if (pp_accept_name_client(entry, header)) {
		pp_stats_inc(entry->net, ACCEPT_NOMEM);
		return;
	}
	entry->header_len = len;
	entry->tlv_len = header->tlv_len;
	entry->orig_dst = header->dst;
	entry->version = header->version;
	pp_accept_keep_header(entry, bytes);
	replay(entry, pkt, out);
}

/**
 * pp_accept_is_distinct - whether what has come can be nothing but a header
 * @pending: of a connection in PP_ACCEPT_HEADER, locked
 */
bool pp_accept_is_distinct(const struct pp_pending *pending)
{
	return pending->have >= DISTINCT_LEN;
}

/**
 * pp_accept_pass - no header, and none required: the connection as it is
 * @entry: connection in PP_ACCEPT_HEADER, locked
 * @pkt: packet that shows it, or NULL
 * @out: what is to be done
 */
void pp_accept_pass(struct pp_accept *entry, struct pp_packet *pkt, struct pp_outcome *out)
{
	if (pp_accept_name_client(entry, NULL)) {
		pp_stats_inc(entry->net, ACCEPT_NOMEM);
		return;
	}
	replay(entry, pkt, out);
}

/*
 * Copy as much of the payload behind what we have as a header can take, little
 * at first, and read it.
 *
 * Return: as pp_header_read(), or -ENOMEM
 */
static int read_header(struct pp_accept *entry, struct pp_packet *pkt, unsigned int skip,
		       struct pp_header *header)
{
	struct pp_pending *pending = entry->pending;
	unsigned int more = pkt->payload - skip, take, limit;
	int ret;

	for (limit = max_t(unsigned int, pending->have, FIRST_READ);; limit = PP_HEADER_READ_MAX) {
		take = min(more, limit - pending->have);
		if (!make_room(entry, pending->have + take) ||
		    skb_copy_bits(pkt->skb, pkt->headers + skip, pending->buf + pending->have,
				  take))
			return -ENOMEM;
		ret = pp_header_read(pending->buf, pending->have + take, header);
		if (ret != -EAGAIN || take == more || limit == PP_HEADER_READ_MAX)
			break;
	}
	if (ret == -EAGAIN)
		pending->have += take;
	return ret;
}

/*
 * Most headers are short and come whole: none of them needs a buffer.
 *
 * Return: length of the header, which is at *@bytes then; any other result: it does
 */
static int read_short_header(const struct pp_accept *entry, const struct pp_packet *pkt,
			     u8 *buf, unsigned int size, const u8 **bytes,
			     struct pp_header *header)
{
	unsigned int len = min(pkt->payload, size);

	if (entry->pending->have || pkt->seq != entry->isn + 1)
		return 0;
	*bytes = skb_header_pointer(pkt->skb, pkt->headers, len, buf);
	return *bytes ? pp_header_read(*bytes, len, header) : 0;
}

/* Whether what read_header() has refused is a header that went wrong */
static bool begins_like_header(const struct pp_pending *pending, unsigned int more)
{
	return pending->have + more >= DISTINCT_LEN &&
	       (!memcmp(pending->buf, PP_HEADER_V2_SIGNATURE, DISTINCT_LEN) ||
		!memcmp(pending->buf, "PROXY ", DISTINCT_LEN));
}

/**
 * pp_accept_gather - a part of the header, or something else, has come
 * @entry: connection in PP_ACCEPT_HEADER, locked
 * @pkt: packet with payload or a FIN
 * @out: what is to be done
 */
void pp_accept_gather(struct pp_accept *entry, struct pp_packet *pkt, struct pp_outcome *out)
{
	struct pp_pending *pending = entry->pending;
	bool optional = pending->rule->header_need == PP_HEADER_OPTIONAL;
	bool was_distinct = pp_accept_is_distinct(pending);
	s32 ahead = pkt->seq - (entry->isn + 1 + pending->have);
	u8 buf[PP_HEADER_V1_MAX] __uninitialized;
	struct pp_header header;
	const u8 *bytes;
	int ret;

	/* Early, or late: what was acknowledged has to be said again */
	if (ahead > 0 || (u32)-ahead + !pkt->th.fin > pkt->payload) {
		if (pending->have && (!optional || was_distinct))
			out->jobs |= PP_JOB_ACKNOWLEDGE;
		return;
	}
	ret = read_short_header(entry, pkt, buf, sizeof(buf), &bytes, &header);
	if (ret <= 0) {
		ret = read_header(entry, pkt, -ahead, &header);
		bytes = pending->buf;
	}
	if (ret > 0)
		take_header(entry, pkt, bytes, &header, ret, out);
	else if (ret == -EAGAIN && pkt->th.fin && (!optional || was_distinct))
		pp_outcome_refuse(out, PP_STATS_ATTR_ABANDONED);
	else if (ret == -EAGAIN && !pkt->th.fin && (!optional || pp_accept_is_distinct(pending)))
		out->jobs |= PP_JOB_ACKNOWLEDGE;
	else if (ret == -EAGAIN && pkt->th.fin)
		pp_accept_pass(entry, pkt, out);
	else if (ret == -EBADMSG &&
		 (!optional || begins_like_header(pending, pkt->payload + ahead)))
		pp_outcome_refuse(out, PP_STATS_ATTR_BAD_HEADER);
	else if (ret == -EBADMSG)
		pp_accept_pass(entry, pkt, out);
}
