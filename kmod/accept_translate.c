// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: packets of established connections.
 *
 * Owns what is changed in each, without a lock:
 *
 *   in    source L -> C; ack, SACK blocks and TSecr += what the second handshake
 *         differs by; a header that comes again is taken out again
 *   out   destination C -> L; seq and TSval -= the same; route to L
 *
 * Sequence numbers of L, and so V's acknowledgements of them, are the same on
 * both sides: the client's SYN was moved behind the header. Windows are, too.
 */
#include <linux/inetdevice.h>
#include <linux/unaligned.h>
#include <net/dst.h>
#include <net/inet_ecn.h>
#include <net/dst_metadata.h>
#include <net/ip.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/tcp.h>
#include "accept.h"
#include "send.h"

/* From here to twice of it behind the header nothing is taken for it any more */
#define FAR	BIT(30)

/* TSval by @val_by, TSecr by @ecr_by, and SACK blocks by @sack_by */
static void shift_options(struct pp_change *change, struct tcphdr *th, u32 val_by, u32 ecr_by,
			  u32 sack_by)
{
	struct pp_option opt = {};
	unsigned int off;

	while (pp_packet_next_option(th, &opt)) {
		if (opt.kind == TCPOPT_TIMESTAMP && opt.len == TCPOLEN_TIMESTAMP) {
			pp_packet_change_option(change, th, opt.off + 2, val_by);
			pp_packet_change_option(change, th, opt.off + 6, ecr_by);
		} else if (opt.kind == TCPOPT_SACK && sack_by) {
			for (off = opt.off + 2; off + 4 <= opt.off + opt.len; off += 4)
				pp_packet_change_option(change, th, off, sack_by);
		}
	}
}

static void shift_in(const struct pp_accept *entry, struct pp_change *change,
		     struct tcphdr *th)
{
	__be32 *words = (__be32 *)(th + 1);

	/* of a SYN that was delayed, for one: it has no numbers of V */
	if (!th->ack)
		return;
	pp_change_be32(&change->fields, &th->ack_seq, htonl(ntohl(th->ack_seq) + entry->delta));
	if (likely(pp_packet_has_timestamp_only(th)))
		pp_change_be32(&change->fields, &words[2],
			       htonl(ntohl(words[2]) + entry->ts_delta));
	else
		shift_options(change, th, 0, entry->ts_delta, entry->delta);
}

static void shift_out(const struct pp_accept *entry, struct pp_change *change,
		      struct tcphdr *th)
{
	__be32 *words = (__be32 *)(th + 1);

	pp_change_be32(&change->fields, &th->seq, htonl(ntohl(th->seq) - entry->delta));
	if (likely(pp_packet_has_timestamp_only(th)))
		pp_change_be32(&change->fields, &words[1],
			       htonl(ntohl(words[1]) - entry->ts_delta));
	else
		shift_options(change, th, -entry->ts_delta, 0, 0);
}

/*
 * Both ways may close at once, on two processors: each has a flag of its own, and
 * nothing that one of them read is written back. A RST that nobody took is followed by
 * other packets.
 */
static void note_closing(struct pp_accept *entry, const struct pp_packet *pkt, bool *fin)
{
	bool is_news = pkt->th.rst != READ_ONCE(entry->is_reset) ||
		       (pkt->th.fin && !READ_ONCE(*fin));

	if (is_news && pp_packet_checksum_ok(pkt)) {
		WRITE_ONCE(entry->is_reset, pkt->th.rst);
		if (pkt->th.fin)
			WRITE_ONCE(*fin, true);
	}
}

static void touch(struct pp_accept *entry)
{
	if (READ_ONCE(entry->touched) != jiffies)
		WRITE_ONCE(entry->touched, jiffies);
}

/*
 * Whether a packet has bytes of the header, which comes again until it is acknowledged.
 * Its numbers come round after 4 GiB, and seem to be ahead after half of that: by
 * then nobody has repeated it for long.
 */
static bool has_header(struct pp_accept *entry, const struct pp_packet *pkt)
{
	u32 behind = pkt->seq - pp_accept_data_seq(entry);

	if (!entry->header_len || !pkt->payload || pkt->th.syn || READ_ONCE(entry->is_far))
		return false;
	if (behind >= FAR && behind < 2 * FAR && pp_packet_checksum_ok(pkt))
		WRITE_ONCE(entry->is_far, true);
	return behind >= 2 * FAR;
}

/*
 * Whatever the application's stack may make of it, the header is never data. A
 * segment of nothing else keeps its number, so that it is answered as the
 * repetition that it is.
 */
static int strip_header(struct pp_accept *entry, struct pp_packet *pkt)
{
	unsigned int len = pp_accept_data_seq(entry) - pkt->seq;

	if (len > pkt->payload || (len == pkt->payload && !pkt->th.fin))
		return pp_packet_trim_payload(pkt);
	return pp_packet_cut(pkt, len);
}

static bool wants_route_now(const struct sk_buff *skb, const struct net_device *in)
{
	struct in_device *in_dev = __in_dev_get_rcu(in);

	return !skb_valid_dst(skb) && in_dev && IN_DEV_RPFILTER(in_dev);
}

/*
 * Whether the application's stack has forgotten a connection that both ends closed, or one of
 * them reset: a listener with SYN cookies could take what still comes for the last ACK of a
 * new handshake, and nobody has sent a header there.
 */
static bool is_left_over(const struct pp_accept *entry, const struct pp_packet *pkt)
{
	bool closed = READ_ONCE(entry->is_reset) ||
		      (READ_ONCE(entry->fin_in) && READ_ONCE(entry->fin_out));

	return closed && entry->is_local && pkt->th.ack && !pkt->th.syn && !pkt->th.rst &&
	       !pp_accept_has_socket(entry);
}

/**
 * pp_accept_translate_in - a packet of the load balancer comes
 * @entry: established connection, under RCU
 * @pkt: packet in PRE_ROUTING
 * @in: device that it comes by
 * @again: a header in it has come before
 *
 * Return: verdict
 */
unsigned int pp_accept_translate_in(struct pp_accept *entry, struct pp_packet *pkt,
				    const struct net_device *in, bool again)
{
	bool left_over = is_left_over(entry, pkt);
	struct sk_buff *skb = pkt->skb;
	struct pp_change change = {};
	struct tcphdr *th;

	if (entry->is_renamed && !pp_accept_ipsec_in(entry, pkt, in))
		return NF_DROP;
	touch(entry);
	if (!left_over)
		note_closing(entry, pkt, &entry->fin_in);
	if (!pp_packet_write(pkt))
		return NF_DROP;
	if (has_header(entry, pkt)) {
		if (strip_header(entry, pkt))
			return NF_DROP;
		if (again)
			pp_stats_inc(entry->net, STRIPPED);
	}
	th = (struct tcphdr *)(skb->data + pkt->thoff);
	shift_in(entry, &change, th);
	if (left_over)
		pp_packet_lower_seq(pkt, th);
	if (entry->is_renamed) {
		/* rp_filter is to judge the load balancer, not the client */
		if (pkt->family == PP_IPV4 && wants_route_now(skb, in) &&
		    !pp_accept_route_in(skb, entry, in))
			return NF_DROP;
		pp_packet_change_address(&change, pkt, true, &entry->inner.src);
		pp_change_be16(&change.fields, &th->source, entry->inner.sport);
		/* What loopback left on it is not of this connection */
		nf_reset_ct(skb);
		skb_clear_hash(skb);
	}
	pp_packet_change_checksum(&change, pkt, th);
	return NF_ACCEPT;
}

static bool route_to_balancer(struct pp_accept *entry, struct sk_buff *skb)
{
	struct dst_entry *dst;

	pp_accept_note_mark(entry, skb->mark);
	dst = pp_accept_route(entry);
	if (!dst)
		return false;
	if (!pp_accept_fits(skb, entry->wire.family, dst)) {
		dst_release(dst);
		return false;
	}
	skb_dst_drop(skb);
	skb_dst_set(skb, dst);
	skb->dev = dst->dev;
	if (dst->dev->flags & IFF_LOOPBACK)
		nf_reset_ct(skb);
	return true;
}

/**
 * pp_accept_translate_out - a packet of the host leaves for the client
 * @entry: established connection, under RCU
 * @pkt: packet in POST_ROUTING
 *
 * Return: verdict
 */
unsigned int pp_accept_translate_out(struct pp_accept *entry, struct pp_packet *pkt)
{
	struct pp_change change = {};
	struct tcphdr *th;

	if (entry->is_renamed && !route_to_balancer(entry, pkt->skb))
		return NF_DROP;
	touch(entry);
	note_closing(entry, pkt, &entry->fin_out);
	th = pp_packet_write(pkt);
	if (!th)
		return NF_DROP;
	shift_out(entry, &change, th);
	if (entry->is_renamed) {
		pp_packet_change_address(&change, pkt, false, &entry->wire.src);
		pp_change_be16(&change.fields, &th->dest, entry->wire.sport);
		skb_clear_hash_if_not_l4(pkt->skb);
	}
	pp_packet_change_checksum(&change, pkt, th);
	return pp_send_local_reply(entry->net, pkt->skb, pkt->family);
}
