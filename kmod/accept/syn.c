// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: the first handshake, between the load balancer L and the listener.
 *
 * Owns the choice of connections whose header is read, and what is learnt from L's SYN and the
 * listener's SYN-ACK. The listener answers L itself, so that all options are agreed natively.
 * Options that cannot be repeated in C's SYN are turned into NOPs.
 */
#include <linux/ktime.h>
#include <linux/netdevice.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/tcp.h>
#include "accept/internal.h"
#include "accept/pending.h"
#include "netlink/event.h"
#include "packet/option.h"
#include "ulp/ulp.h"

/*
 * SYNPROXY, and servers without buffer space yet, close the window in their SYN-ACK. L must be able
 * to send the header all the same: it is buffered here. So this window is advertised.
 */
#define HEADER_WINDOW	16384

/*
 * Fast Open data would reach the application before the header is read, and Multipath TCP subflows
 * come on other ends, which have no entry.
 */
static unsigned int tidy_syn(struct pp_packet *pkt, struct tcphdr *th,
			     const struct pp_syn_options *opts)
{
	struct pp_option opt = {};

	while (opts->others && pp_packet_next_option(th, &opt))
		if (!pp_packet_is_plain_option(opt.kind))
			pp_packet_nop_option(pkt, th, &opt);
	return pp_packet_trim_payload(pkt) ? NF_DROP : NF_ACCEPT;
}

/**
 * pp_accept_tidy_syn - remove options and data from a retransmitted SYN, or a new one on known ends
 * @pkt: packet
 *
 * Context: PRE_ROUTING.
 * Return: verdict
 */
unsigned int pp_accept_tidy_syn(struct pp_packet *pkt)
{
	struct tcphdr *th = pp_packet_make_writable(pkt);
	struct pp_syn_options opts;

	if (!th)
		return NF_DROP;
	pp_packet_read_options(th, &opts);
	return tidy_syn(pkt, th, &opts);
}

/**
 * pp_accept_find_rule - find the rule for a load balancer's packet
 * @pn: namespace
 * @key: its addresses and ports
 * @in: device that it comes by, or NULL if that is gone
 *
 * Context: under RCU.
 * Return: the rule, or NULL: no rule is for this destination, or none of its rules trusts the
 * source and the device, or the rule exempts the source
 */
struct pp_rule *pp_accept_find_rule(struct pp_net *pn, const struct pp_conn_key *key,
				    const struct net_device *in)
{
	struct pp_rule_query query = {
		.direction = PP_DIRECTION_ACCEPT,
		.family = key->family,
		.to = key->dst,
		.from = key->src,
		.dev = in ? in->name : "",
		.port = ntohs(key->dport),
	};
	struct pp_rule *rule = pp_rule_find(pn, &query);

	return rule && rule->accept.header_need != PP_HEADER_NONE ? rule : NULL;
}

static u8 tos_of(const struct pp_packet *pkt)
{
	return pkt->family == PP_IPV6 ? ipv6_get_dsfield(ipv6_hdr(pkt->skb)) :
					ip_hdr(pkt->skb)->tos;
}

static struct pp_accept *make_entry(struct pp_net *pn, const struct pp_packet *pkt,
				    const struct pp_conn_key *key, struct pp_rule *rule,
				    const struct tcphdr *th, int ifindex)
{
	struct pp_accept *entry = pp_accept_alloc(pn, rule);
	struct pp_pending *pending;

	if (IS_ERR(entry))
		return entry;
	entry->wire = *key;
	entry->inner = *key;
	entry->isn = pkt->seq;
	entry->ifindex = ifindex;
	pending = entry->pending;
	pending->mark = pkt->skb->mark;
	pending->window_remote = ntohs(th->window);
	pending->tos = tos_of(pkt);
	pending->syn_len = th->doff * 4;
	memcpy(pending->syn, th, pending->syn_len);
	return entry;
}

static unsigned int count_accept_drop(struct pp_net *pn, struct pp_rule *rule,
				      const struct pp_conn_key *key, int err)
{
	if (err == -ENOSPC) {
		pp_stats_inc(pn, ACCEPT_LIMIT);
		pp_netlink_event_limit(pn, rule, key, PP_STATS_ATTR_ACCEPT_LIMIT);
	} else {
		pp_stats_inc(pn, ACCEPT_NOMEM);
	}
	return NF_DROP;
}

/**
 * pp_accept_handle_syn - handle a SYN that belongs to no entry
 * @pn: namespace
 * @pkt: packet
 * @state: of the hook
 *
 * If the header could not be read later, the SYN is dropped. Otherwise the application would take
 * the header for data.
 *
 * Context: PRE_ROUTING, under RCU.
 * Return: verdict
 */
unsigned int pp_accept_handle_syn(struct pp_net *pn, struct pp_packet *pkt,
				  const struct nf_hook_state *state)
{
	struct pp_syn_options opts;
	struct pp_accept *entry, *entered;
	struct pp_conn_key key;
	struct pp_rule *rule;
	struct tcphdr *th;
	unsigned int verdict;

	pp_packet_get_key(pkt, &key, false);
	rule = pp_accept_find_rule(pn, &key, state->in);
	if (!rule || !pp_packet_checksum_ok(pkt))
		return NF_ACCEPT;
	/* The listener takes the header itself */
	if (pp_ulp_serves(pn, &key, state->in))
		return NF_ACCEPT;
	/*
	 * Sent by this host within a VRF: the answer would leave by the VRF's device, which is not
	 * handled
	 */
	if (netif_is_l3_master(state->in)) {
		pp_stats_inc(pn, OWN_VRF);
		return NF_DROP;
	}
	th = pp_packet_make_writable(pkt);
	if (!th)
		return count_accept_drop(pn, rule, &key, -ENOMEM);
	pp_packet_read_options(th, &opts);
	if (opts.is_signed) {
		pp_stats_inc(pn, ACCEPT_SIGNED);
		return NF_DROP;
	}
	verdict = tidy_syn(pkt, th, &opts);
	if (verdict != NF_ACCEPT)
		return count_accept_drop(pn, rule, &key, -ENOMEM);
	th = (struct tcphdr *)(pkt->skb->data + pkt->thoff);
	entry = make_entry(pn, pkt, &key, rule, th, state->in->ifindex);
	if (IS_ERR(entry))
		return count_accept_drop(pn, rule, &key, PTR_ERR(entry));
	entry->pending->ts_remote = opts.ts_val;
	entered = pp_accept_insert(entry);
	if (IS_ERR(entered))
		return count_accept_drop(pn, rule, &key, PTR_ERR(entered));
	/*
	 * Another CPU may have entered the same SYN, which is fine. A SYN with another number is
	 * dropped.
	 */
	return entered == entry || entered->isn == pkt->seq ? NF_ACCEPT : NF_DROP;
}

/**
 * pp_accept_repeat_syn - handle a SYN that the load balancer retransmits
 * @entry: connection in PP_ACCEPT_SYN, with its lock held
 * @pkt: the SYN
 *
 * Context: PRE_ROUTING, under RCU.
 * Return: verdict
 */
unsigned int pp_accept_repeat_syn(struct pp_accept *entry, struct pp_packet *pkt)
{
	entry->pending->began = jiffies;
	pp_accept_rank(entry, PP_PENDING_SYN);
	return pp_accept_tidy_syn(pkt);
}

static void learn_numbers(struct pp_synack *synack, const struct pp_packet *pkt,
			  const struct tcphdr *th)
{
	struct pp_syn_options options;

	pp_packet_read_options(th, &options);
	*synack = (struct pp_synack){
		.options = options,
		.isn = pkt->seq,
		.ts_first = options.ts_val,
		.ts_last = options.ts_val,
		.window = ntohs(th->window),
		.sent = { ktime_get_ns(), ktime_get_ns() },
	};
}

/* L may have got any transmission. TSval1 must not fall from what L has seen. */
static void learn_repetition(struct pp_synack *synack, const struct tcphdr *th)
{
	struct pp_syn_options options;

	pp_packet_read_options(th, &options);
	synack->is_repeated = true;
	synack->sent[1] = ktime_get_ns();
	if (options.timestamps && after(options.ts_val, synack->ts_last))
		synack->ts_last = options.ts_val;
}

/*
 * A SYN-ACK with another number is of another SYN cookie, or forged. L's ACK tells which of them L
 * has got. The first one is always remembered.
 */
static void learn_synack(struct pp_accept *entry, const struct pp_packet *pkt,
			 const struct tcphdr *th)
{
	struct pp_pending *pending = entry->pending;
	enum ip_conntrack_info ctinfo;

	if (nf_ct_get(pkt->skb, &ctinfo))
		pending->tracked = true;
	entry->is_here = pp_accept_is_from_here(pkt->skb);
	if (!pending->synacks) {
		learn_numbers(&pending->synack, pkt, th);
		pending->synacks = 1;
	} else if (pkt->seq == pending->synack.isn) {
		learn_repetition(&pending->synack, th);
	} else if (pending->synacks > 1 && pkt->seq == pending->other_synack.isn) {
		learn_repetition(&pending->other_synack, th);
	} else {
		learn_numbers(&pending->other_synack, pkt, th);
		pending->synacks = 2;
	}
}

/*
 * Whether a packet of V acknowledges L's SYN. If L is on this host and a send rule adds its header,
 * L's SYN was moved, and the acknowledgement is clamped. So a range is allowed.
 */
static bool is_synack_of(const struct pp_accept *entry, const struct pp_packet *pkt)
{
	return pkt->th.ack && pkt->ack_seq - (entry->isn + 1) <= PP_HEADER_SEND_MAX;
}

/*
 * Whether V's half-open socket answers a packet that is not L's last ACK, such as a forged reset or
 * SYN. L must not get this answer: its TSval is later than those of the segments that are made here
 * with the SYN-ACK's TSval, and L would discard these (RFC 7323, 5.3).
 */
static bool is_listener_challenge(const struct pp_accept *entry, const struct pp_packet *pkt)
{
	const struct pp_pending *pending = entry->pending;

	return !pkt->th.syn && !pkt->th.rst && is_synack_of(entry, pkt) &&
	       ((pending->synacks > 0 && pkt->seq == pending->synack.isn + 1) ||
		(pending->synacks > 1 && pkt->seq == pending->other_synack.isn + 1));
}

/*
 * Whether L accepts a reset from V. Without a SYN-ACK, L looks at the acknowledgement number alone.
 * With one, L looks at the sequence number, and no listener sends the expected one.
 */
static bool is_refusal_of(const struct pp_accept *entry, const struct pp_packet *pkt)
{
	return pkt->th.rst && is_synack_of(entry, pkt) && !entry->pending->synacks;
}

static unsigned int synack_locked(struct pp_accept *entry, struct pp_packet *pkt)
{
	struct tcphdr *th;

	if (entry->state == PP_ACCEPT_DEAD)
		return NF_ACCEPT;
	/* The listener retransmits its SYN-ACK to L, though L's SYN was taken back */
	if (entry->state != PP_ACCEPT_SYN)
		return NF_DROP;
	if (is_refusal_of(entry, pkt)) {
		__pp_accept_kill(entry, PP_STATS_ATTR_REJECTED);
		return NF_ACCEPT;
	}
	if (is_listener_challenge(entry, pkt))
		return NF_DROP;
	if (!pkt->th.syn || !is_synack_of(entry, pkt))
		return NF_ACCEPT;
	th = pp_packet_make_writable(pkt);
	if (!th)
		return NF_DROP;
	if (!th->window)
		pp_packet_set_ack(pkt, th, pkt->ack_seq, HEADER_WINDOW);
	learn_synack(entry, pkt, th);
	pp_accept_note_mark(entry, pkt->skb->mark);
	return NF_ACCEPT;
}

/**
 * pp_accept_handle_synack - handle a packet of V to the load balancer
 * @entry: connection whose client is not known yet, under RCU
 * @pkt: packet in POST_ROUTING
 *
 * Return: verdict
 */
unsigned int pp_accept_handle_synack(struct pp_accept *entry, struct pp_packet *pkt)
{
	unsigned int verdict;

	spin_lock_bh(&entry->lock);
	verdict = synack_locked(entry, pkt);
	spin_unlock_bh(&entry->lock);
	return verdict;
}
