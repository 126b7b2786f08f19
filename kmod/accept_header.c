// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: packets of the load balancer until its connection is accepted.
 *
 * Owns the header while it arrives: nothing of it, and nothing behind it,
 * reaches a socket. The load balancer's own repetitions make good every loss;
 * parts of a header that cannot be the beginning of anything else are
 * acknowledged, so that a slow sender can go on.
 */
#include <linux/log2.h>
#include <linux/unaligned.h>
#include <net/tcp.h>
#include "accept.h"
#include "checksum.h"
#include "craft.h"
#include "tlv.h"

/* What begins like this is a header or an error, even where none is required */
#define DISTINCT_LEN	6
/* Read at first: every header without large TLVs */
#define FIRST_READ	536
/* Packets of the load balancer this far ahead still belong to the connection */
#define SPAN		BIT(30)
/* And a reset: it cannot have sent more than fits the listener's first window */
#define RESET_SPAN	BIT(16)
/* Low bits of a SYN cookie are an index, and small differences may cancel out */
#define COOKIE_SLACK	16
/* Memory of a namespace for incomplete headers, and for what came behind them */
#define BYTES_MAX	(64 << 20)
/* The same of one connection */
#define QUEUE_MAX	(256 << 10)
/* The client's SYN is not repeated more often */
#define REPLAY_INTERVAL	(HZ / 5)

/* What is to be done once the connection is not locked any more */
enum job {
	JOB_RESET_LISTENER = BIT(0),
	JOB_ACKNOWLEDGE = BIT(1),
	JOB_REPLAY = BIT(2),
	JOB_REFUSE = BIT(3),
};

/**
 * struct outcome - of a packet
 * @jobs: enum job
 * @verdict: of the hook
 * @reason: of JOB_REFUSE
 */
struct outcome {
	unsigned int jobs;
	unsigned int verdict;
	enum pp_stats_attr reason;
};

static void refuse(struct outcome *out, enum pp_stats_attr reason)
{
	out->jobs |= JOB_REFUSE;
	out->reason = reason;
}

static void learn_remote(struct pp_pending *pending, struct pp_packet *pkt)
{
	u8 bytes[PP_TCP_HEADER_MAX] __aligned(4);
	struct pp_option opt = {};
	const struct tcphdr *th;

	pending->window_remote = ntohs(pkt->th.window);
	th = skb_header_pointer(pkt->skb, pkt->thoff, pkt->th.doff * 4, bytes);
	if (!th)
		return;
	while (pp_packet_next_option(th, &opt))
		if (opt.kind == TCPOPT_TIMESTAMP && opt.len == TCPOLEN_TIMESTAMP)
			pending->ts_remote = get_unaligned_be32((const u8 *)th + opt.off + 2);
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

/* The packet goes to the application once that has the connection */
static bool keep(struct pp_accept *entry, struct pp_packet *pkt)
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

/* Return: 0; -EBADMSG: the header has a CRC32C (SPEC 2.2.3) that is wrong */
static int check_crc(u8 *buf, const struct pp_header *header, unsigned int len)
{
	struct pp_tlv_walk walk = {
		.pos = buf + header->tlv_off,
		.have = header->tlv_len,
		.left = header->tlv_len,
	};
	struct pp_tlv tlv;
	u32 crc;
	u8 *value;

	while (header->tlv_len && pp_tlv_next(&walk, &tlv) == 1) {
		if (tlv.type != PP_TLV_CRC32C)
			continue;
		if (tlv.len != sizeof(crc))
			return -EBADMSG;
		value = buf + (tlv.value - buf);
		crc = get_unaligned_be32(value);
		memset(value, 0, sizeof(crc));
		if (pp_checksum_header(buf, len) != crc)
			return -EBADMSG;
		put_unaligned_be32(crc, value);
	}
	return 0;
}

static void replay(struct pp_accept *entry, struct pp_packet *pkt, struct outcome *out)
{
	entry->pending->began = jiffies;
	entry->pending->replayed = jiffies;
	entry->pending->queue_end = pp_accept_data_seq(entry);
	/* Pairs with the acquire of is_unanswered() */
	smp_store_release(&entry->state, PP_ACCEPT_REPLAY);
	out->jobs |= JOB_REPLAY;
	/* What is more than the header */
	if (pkt && before(pp_accept_data_seq(entry), pkt->seq + pkt->payload + pkt->th.fin) &&
	    keep(entry, pkt))
		out->verdict = NF_STOLEN;
}

static void take_header(struct pp_accept *entry, struct pp_packet *pkt,
			const struct pp_header *header, unsigned int len, struct outcome *out)
{
	if (check_crc(entry->pending->buf, header, len)) {
		refuse(out, PP_STATS_ATTR_BAD_CRC);
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
	pp_accept_keep_header(entry, entry->pending->buf);
	replay(entry, pkt, out);
}

static bool is_distinct(const struct pp_pending *pending)
{
	return pending->have >= DISTINCT_LEN;
}

/* No header, and none required: the connection as it is */
static void pass(struct pp_accept *entry, struct pp_packet *pkt, struct outcome *out)
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

/* Whether what read_header() has refused is a header that went wrong */
static bool begins_like_header(const struct pp_pending *pending, unsigned int more)
{
	return pending->have + more >= DISTINCT_LEN &&
	       (!memcmp(pending->buf, PP_HEADER_V2_SIGNATURE, DISTINCT_LEN) ||
		!memcmp(pending->buf, "PROXY ", DISTINCT_LEN));
}

static void gather(struct pp_accept *entry, struct pp_packet *pkt, struct outcome *out)
{
	struct pp_pending *pending = entry->pending;
	bool optional = pending->rule->header_need == PP_HEADER_OPTIONAL;
	bool was_distinct = is_distinct(pending);
	s32 ahead = pkt->seq - (entry->isn + 1 + pending->have);
	struct pp_header header;
	int ret;

	/* Early, or late: what was acknowledged has to be said again */
	if (ahead > 0 || (u32)-ahead + !pkt->th.fin > pkt->payload) {
		if (pending->have && (!optional || was_distinct))
			out->jobs |= JOB_ACKNOWLEDGE;
		return;
	}
	ret = read_header(entry, pkt, -ahead, &header);
	if (ret > 0)
		take_header(entry, pkt, &header, ret, out);
	else if (ret == -EAGAIN && pkt->th.fin && (!optional || was_distinct))
		refuse(out, PP_STATS_ATTR_ABANDONED);
	else if (ret == -EAGAIN && !pkt->th.fin && (!optional || is_distinct(pending)))
		out->jobs |= JOB_ACKNOWLEDGE;
	else if (ret == -EAGAIN && pkt->th.fin)
		pass(entry, pkt, out);
	else if (ret == -EBADMSG &&
		 (!optional || begins_like_header(pending, pkt->payload + ahead)))
		refuse(out, PP_STATS_ATTR_BAD_HEADER);
	else if (ret == -EBADMSG)
		pass(entry, pkt, out);
}

/*
 * A packet of a connection that was there before the SYN came goes on to it. To the
 * listener it must not be one that begins before the header and reaches into it,
 * nor one that a SYN cookie is good enough for.
 */
static bool is_of_another(const struct pp_accept *entry, const struct pp_packet *pkt)
{
	const struct pp_pending *pending = entry->pending;
	u32 end = pkt->seq + pkt->payload + pkt->th.fin;
	int i;

	if (pkt->seq - entry->isn < SPAN || after(end, entry->isn + 1))
		return false;
	for (i = 0; i < pending->synacks; i++)
		if (pkt->ack_seq - pending->isn_local[i] + COOKIE_SLACK < 2 * COOKIE_SLACK)
			return false;
	return true;
}

/* Return: whether the packet goes on to be gathered from */
static bool first_ack(struct pp_accept *entry, struct pp_packet *pkt, struct outcome *out)
{
	struct pp_pending *pending = entry->pending;
	u32 isn_local = pkt->ack_seq - 1;

	if (pkt->th.rst && pkt->seq - entry->isn <= 1) {
		refuse(out, PP_STATS_ATTR_ABANDONED);
		return false;
	}
	if (pkt->th.rst || is_of_another(entry, pkt)) {
		out->verdict = NF_ACCEPT;
		return false;
	}
	if (pkt->seq - entry->isn >= SPAN)
		return false;
	/* The number of an answer that was not given opens nothing */
	if (!pkt->th.ack ||
	    (!(pending->synacks > 0 && isn_local == pending->isn_local[0]) &&
	     !(pending->synacks > 1 && isn_local == pending->isn_local[1])))
		return false;
	entry->isn_local = isn_local;
	/* While it is not renamed, that is what the listener has of L's handshake */
	entry->by_cookie = !pp_accept_has_socket(entry);
	entry->state = PP_ACCEPT_HEADER;
	pending->began = jiffies;
	pending->rtt_us = div_u64(ktime_get_ns() - pending->synack_at, NSEC_PER_USEC);
	out->jobs |= JOB_RESET_LISTENER;
	return true;
}

/* Not one of somebody who only guesses that there is a connection */
static bool is_reset(const struct pp_accept *entry, const struct pp_packet *pkt)
{
	return pkt->th.rst && pkt->seq - entry->isn <= RESET_SPAN + PP_HEADER_READ_MAX;
}

/* L has nothing to acknowledge but the SYN-ACK, whose number others do not know */
static bool is_speaking(const struct pp_accept *entry, const struct pp_packet *pkt)
{
	return !pkt->th.rst && pkt->th.ack && pkt->ack_seq == entry->isn_local + 1;
}

static void in_header(struct pp_accept *entry, struct pp_packet *pkt, struct outcome *out)
{
	if (pkt->th.syn || pkt->seq - entry->isn >= SPAN)
		return;
	if (is_reset(entry, pkt)) {
		__pp_accept_kill(entry, PP_STATS_ATTR_ABANDONED);
		return;
	}
	if (!is_speaking(entry, pkt))
		return;
	learn_remote(entry->pending, pkt);
	if (pkt->payload || pkt->th.fin)
		gather(entry, pkt, out);
}

/*
 * The header is complete: what comes now waits, and asks for the client's SYN again. A
 * header that comes again was not acknowledged: it is, so that L's timeout does not grow.
 */
static void in_replay(struct pp_accept *entry, struct pp_packet *pkt, struct outcome *out)
{
	u32 end = pkt->seq + pkt->payload + pkt->th.fin;

	if (pkt->th.syn || pkt->seq - entry->isn >= SPAN)
		return;
	if (is_reset(entry, pkt)) {
		refuse(out, PP_STATS_ATTR_ABANDONED);
		return;
	}
	if (!is_speaking(entry, pkt))
		return;
	learn_remote(entry->pending, pkt);
	if (entry->state == PP_ACCEPT_REPLAY &&
	    time_after(jiffies, entry->pending->replayed + REPLAY_INTERVAL))
		out->jobs |= JOB_REPLAY;
	if (entry->header_len && pkt->payload && before(pkt->seq, pp_accept_data_seq(entry)))
		out->jobs |= JOB_ACKNOWLEDGE;
	if (before(entry->pending->queue_end, end) && keep(entry, pkt))
		out->verdict = NF_STOLEN;
}

static void pending_locked(struct pp_accept *entry, struct pp_packet *pkt, struct outcome *out)
{
	switch (entry->state) {
	case PP_ACCEPT_SYN:
		/* A SYN-ACK could be taken for the last ACK of the handshake */
		if (pkt->th.syn && !pkt->th.ack)
			out->verdict = pp_accept_repeat_syn(entry, pkt);
		else if (!pkt->th.syn && first_ack(entry, pkt, out))
			in_header(entry, pkt, out);
		break;
	case PP_ACCEPT_HEADER:
		in_header(entry, pkt, out);
		break;
	case PP_ACCEPT_REPLAY:
	case PP_ACCEPT_CONFIRM:
		in_replay(entry, pkt, out);
		break;
	default:
		break;
	}
}

/**
 * pp_accept_pending_in - a packet of the load balancer comes, and its connection
 * is not accepted yet
 * @entry: connection, under RCU
 * @pkt: packet
 * @state: of the hook
 *
 * Return: verdict. A packet is dropped where the load balancer will repeat what
 * was of use in it.
 */
unsigned int pp_accept_pending_in(struct pp_accept *entry, struct pp_packet *pkt,
				  const struct nf_hook_state *state)
{
	struct outcome out = { .verdict = NF_DROP };

	if (!pp_packet_checksum_ok(pkt))
		return NF_DROP;
	spin_lock_bh(&entry->lock);
	WRITE_ONCE(entry->touched, jiffies);
	pending_locked(entry, pkt, &out);
	spin_unlock_bh(&entry->lock);
	if (out.jobs & JOB_RESET_LISTENER)
		pp_accept_reset_listener(entry, state->in);
	if (out.jobs & JOB_REFUSE)
		pp_accept_refuse(entry, out.reason, state->in);
	else if (out.jobs & JOB_REPLAY)
		pp_accept_replay(entry, state->in);
	if (out.jobs & JOB_ACKNOWLEDGE)
		pp_accept_acknowledge(entry);
	return out.verdict;
}

/**
 * pp_accept_expire - a pending connection has had its time
 * @entry: connection, under RCU
 * @dev: device that its packets come by, or NULL if that is gone
 *
 * Context: bottom halves disabled.
 */
void pp_accept_expire(struct pp_accept *entry, struct net_device *dev)
{
	struct outcome out = {};

	spin_lock_bh(&entry->lock);
	if (entry->state == PP_ACCEPT_SYN)
		refuse(&out, PP_STATS_ATTR_ABANDONED);
	else if (entry->state == PP_ACCEPT_HEADER && !is_distinct(entry->pending) &&
		 entry->pending->rule->header_need == PP_HEADER_OPTIONAL)
		pass(entry, NULL, &out);
	else if (entry->state == PP_ACCEPT_HEADER)
		refuse(&out, PP_STATS_ATTR_TIMEOUT);
	else if (entry->state != PP_ACCEPT_ESTABLISHED && entry->state != PP_ACCEPT_DEAD)
		refuse(&out, PP_STATS_ATTR_REJECTED);
	spin_unlock_bh(&entry->lock);
	if (out.jobs & JOB_REFUSE)
		pp_accept_refuse(entry, out.reason, dev);
	if (out.jobs & JOB_REPLAY && dev)
		pp_accept_replay(entry, dev);
}
