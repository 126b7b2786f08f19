// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: translation of established connections.
 *
 * Owns what is changed in each packet, without a lock:
 *
 *   in    source L -> C; ack and SACK blocks += ISN2 - ISN1; TSecr += TSval2 - TSval1;
 *         a retransmitted header is cut off
 *   out   destination C -> L; seq -= ISN2 - ISN1; TSval -= TSval2 - TSval1; window; route to L
 *
 * L's sequence numbers, and so V's acknowledgements, are the same on both sides, since C's SYN was
 * moved behind the header:
 *
 *   wire    ISN | header, H bytes | data from ISN+1+H on
 *   host                    ISN+H | data from ISN+1+H on
 *
 * Windows of L are not changed. Those of V are changed only if the second SYN-ACK has another scale
 * than the first.
 */
#include <linux/inetdevice.h>
#include <linux/unaligned.h>
#include <net/dst.h>
#include <net/inet_ecn.h>
#include <net/dst_metadata.h>
#include <net/ip.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/tcp.h>
#include "accept/internal.h"
#include "packet/option.h"
#include "send/send.h"

/* Whether sequence numbers and timestamps differ; often they do not (even.c) */
static bool has_other_numbers(const struct pp_accept *entry)
{
	return entry->delta | entry->ts_delta;
}

/* Add @val_by to TSval, @ecr_by to TSecr, and @sack_by to the SACK blocks */
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

	/* A new or delayed SYN, for example, has no numbers of V */
	if (!th->ack)
		return;
	pp_packet_change_be32(&change->fields, &th->ack_seq,
			      htonl(ntohl(th->ack_seq) + entry->delta));
	if (likely(pp_packet_has_timestamp_only(th)))
		pp_packet_change_be32(&change->fields, &words[2],
				      htonl(ntohl(words[2]) + entry->ts_delta));
	else
		shift_options(change, th, 0, entry->ts_delta, entry->delta);
}

/*
 * The sockets of a reuseport group may use different window scales. Never advertise more than V
 * has.
 */
static void shift_window(struct pp_change *change, struct tcphdr *th, int shift)
{
	u32 window = ntohs(th->window);

	window = shift > 0 ? min_t(u32, window << shift, U16_MAX) : window >> -shift;
	pp_packet_change_be16(&change->fields, &th->window, htons(window));
}

static void shift_out(const struct pp_accept *entry, struct pp_change *change,
		      struct tcphdr *th)
{
	__be32 *words = (__be32 *)(th + 1);

	pp_packet_change_be32(&change->fields, &th->seq, htonl(ntohl(th->seq) - entry->delta));
	if (likely(pp_packet_has_timestamp_only(th)))
		pp_packet_change_be32(&change->fields, &words[1],
				      htonl(ntohl(words[1]) - entry->ts_delta));
	else
		shift_options(change, th, -entry->ts_delta, 0, 0);
}

/*
 * Both directions may close at the same time, on two CPUs. So each direction writes flags of its
 * own. A segment of L never proves that the connection is over, since only V's host knows which
 * number it expects.
 */
static void note_closing_in(struct pp_accept *entry, const struct pp_packet *pkt)
{
	if (likely(!pkt->th.rst && !pkt->th.fin) || !pp_packet_checksum_ok(pkt))
		return;
	if (pkt->th.rst) {
		WRITE_ONCE(entry->is_doubted, true);
	} else if (!READ_ONCE(entry->fin_in)) {
		WRITE_ONCE(entry->fin_seq, pkt->seq + pkt->payload + 1);
		/* Pairs with the acquire of note_closing_out() */
		smp_store_release(&entry->fin_seen, true);
	}
}

static void note_closing_out(struct pp_accept *entry, const struct pp_packet *pkt)
{
	bool is_doubted = READ_ONCE(entry->is_doubted);
	/* Pairs with the release of fin_seen: fin_seq is set */
	bool acknowledges_fin = smp_load_acquire(&entry->fin_seen) && pkt->th.ack &&
				pkt->ack_seq == READ_ONCE(entry->fin_seq);

	if (likely(!pkt->th.rst && !pkt->th.fin && !is_doubted && !acknowledges_fin))
		return;
	if (!pp_packet_checksum_ok(pkt) || pp_accept_is_half_open_ack(entry, pkt))
		return;
	if (pkt->th.rst != is_doubted)
		WRITE_ONCE(entry->is_doubted, pkt->th.rst);
	/* V's host still has the connection */
	if (!pkt->th.rst && READ_ONCE(entry->is_reset))
		WRITE_ONCE(entry->is_reset, false);
	if (!pkt->th.rst && READ_ONCE(entry->is_denied))
		WRITE_ONCE(entry->is_denied, false);
	if (pkt->th.fin)
		WRITE_ONCE(entry->fin_out, true);
	if (acknowledges_fin)
		WRITE_ONCE(entry->fin_in, true);
}

static void touch_accept(struct pp_accept *entry)
{
	if (READ_ONCE(entry->touched) != (u32)jiffies)
		WRITE_ONCE(entry->touched, jiffies);
}

/*
 * Whether a packet has bytes of the header, which L retransmits until it is acknowledged. Sequence
 * numbers wrap after 4 GiB, and seem to be before the header after 2 GiB of data. So once L has
 * been seen 1 to 2 GiB behind the header, it cannot retransmit it any more, and is_far is set.
 */
static bool has_header(struct pp_accept *entry, const struct pp_packet *pkt)
{
	u32 behind = pkt->seq - pp_accept_data_seq(entry);

	if (!entry->header_len || !pkt->payload || pkt->th.syn || READ_ONCE(entry->is_far))
		return false;
	if (behind >= PP_SEQ_SPAN && behind < 2 * PP_SEQ_SPAN && pp_packet_checksum_ok(pkt))
		WRITE_ONCE(entry->is_far, true);
	return behind >= 2 * PP_SEQ_SPAN;
}

/*
 * The header must never be data, whatever the stack makes of it. A segment of header bytes alone
 * keeps its number, so that it is answered as a retransmission.
 */
static int strip_header(struct pp_accept *entry, struct pp_packet *pkt)
{
	unsigned int len = pp_accept_data_seq(entry) - pkt->seq;

	if (len > pkt->payload || (len == pkt->payload && !pkt->th.fin))
		return pp_packet_trim_payload(pkt);
	return pp_packet_cut_payload(pkt, len);
}

/*
 * Whether rp_filter would drop a packet of C that comes by this device, so that the route is to be
 * looked up for L now. A loose rp_filter (2) only wants a route to C, which the host needs anyway.
 * An address of this host is accepted as a source by the loopback device alone.
 */
static bool wants_route_now(const struct pp_accept *entry, const struct sk_buff *skb,
			    const struct net_device *in)
{
	struct in_device *in_dev = __in_dev_get_rcu(in);

	return !skb_valid_dst(skb) && in_dev &&
	       (IN_DEV_RPFILTER(in_dev) == 1 || entry->is_own_client);
}

/*
 * Whether the application's stack has forgotten a connection that was closed or reset. A listener
 * with SYN cookies could take L's late ACK for the last ACK of a new handshake, in which nobody has
 * sent a header.
 */
static bool is_left_over(const struct pp_accept *entry, const struct pp_packet *pkt)
{
	bool may_be = READ_ONCE(entry->is_doubted) || READ_ONCE(entry->fin_out) ||
		      pp_accept_is_closed(entry);

	if (likely(!may_be) || !pkt->th.ack || pkt->th.syn || pkt->th.rst)
		return false;
	if (entry->has_local_socket)
		return !pp_accept_has_socket(entry);
	return READ_ONCE(entry->is_reset);
}

/**
 * pp_accept_translate_in - translate a packet of the load balancer
 * @entry: established connection, or one in PP_ACCEPT_CONFIRM whose queued data is injected
 * @pkt: packet in PRE_ROUTING, or from the queue
 * @in: device that it comes by
 * @again: header bytes in it are a retransmission, to be counted
 *
 * Context: under RCU.
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
	touch_accept(entry);
	if (!left_over)
		note_closing_in(entry, pkt);
	if (!pp_packet_make_writable(pkt))
		return NF_DROP;
	if (has_header(entry, pkt)) {
		if (strip_header(entry, pkt))
			return NF_DROP;
		if (again)
			pp_stats_inc(entry->net, STRIPPED);
	}
	th = (struct tcphdr *)(skb->data + pkt->thoff);
	if (has_other_numbers(entry))
		shift_in(entry, &change, th);
	if (left_over)
		pp_packet_lower_seq(pkt, th);
	if (entry->is_renamed) {
		/* rp_filter must judge L, not C */
		if (pkt->family == PP_IPV4 && wants_route_now(entry, skb, in) &&
		    !pp_accept_route_in(skb, entry->wire.src.ip, in))
			return NF_DROP;
		pp_packet_change_address(&change, pkt, true, &entry->inner.src,
					 entry->address_diff);
		change.fields = csum_add(change.fields, entry->port_diff);
		th->source = entry->inner.sport;
		/*
		 * The conntrack entry that loopback left belongs to L's connection, as does a
		 * socket from tc
		 */
		nf_reset_ct(skb);
		if (unlikely(skb->sk))
			skb_orphan(skb);
		/* RFS finds the CPU of an application on this host by the device's hash: keep it */
		if (!entry->is_here)
			skb_clear_hash(skb);
	}
	pp_packet_change_checksum(&change, pkt, th);
	return NF_ACCEPT;
}

/*
 * If the packet has a route without a reference, its sender holds RCU until the packet has left.
 * Then the new route needs no reference either, which saves writing a counter that many CPUs share.
 *
 * Return: whether the packet has the new route
 */
static bool exchange_route(struct sk_buff *skb, struct dst_entry *dst)
{
	bool noref = skb_dst_is_noref(skb);

	if (!noref && !dst_hold_safe(dst))
		return false;
	skb_dst_drop(skb);
	if (noref)
		skb_dst_set_noref(skb, dst);
	else
		skb_dst_set(skb, dst);
	return true;
}

static bool route_to_balancer(struct pp_accept *entry, struct sk_buff *skb)
{
	struct dst_entry *dst;

	pp_accept_note_mark(entry, skb->mark);
	dst = pp_accept_peek_route(entry);
	if (!dst || !pp_accept_fits_route(skb, entry->wire.family, dst) ||
	    !exchange_route(skb, dst))
		return false;
	skb->dev = dst->dev;
	if (dst->dev->flags & IFF_LOOPBACK)
		nf_reset_ct(skb);
	return true;
}

/**
 * pp_accept_translate_out - translate a packet of V
 * @entry: established connection, or one in PP_ACCEPT_CONFIRM, under RCU
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
	touch_accept(entry);
	note_closing_out(entry, pkt);
	th = pp_packet_make_writable(pkt);
	if (!th)
		return NF_DROP;
	if (has_other_numbers(entry))
		shift_out(entry, &change, th);
	if (unlikely(entry->window_shift))
		shift_window(&change, th, entry->window_shift);
	if (entry->is_renamed) {
		pp_packet_change_address(&change, pkt, false, &entry->wire.src,
					 csum_sub(0, entry->address_diff));
		change.fields = csum_sub(change.fields, entry->port_diff);
		th->dest = entry->wire.sport;
		skb_clear_hash_if_not_l4(pkt->skb);
	}
	pp_packet_change_checksum(&change, pkt, th);
	return pp_send_handle_local_reply(entry->net, pkt->skb, pkt->family);
}
