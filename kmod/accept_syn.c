// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: the first handshake, between the load balancer and the listener.
 *
 * Owns the choice of connections whose header is read, and what is learnt from
 * the two SYNs. The listener answers by itself, so that all options are agreed
 * as they would be without us; those that cannot be repeated for another
 * client are blotted out.
 */
#include <linux/ktime.h>
#include <linux/netdevice.h>
#include <linux/unaligned.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/tcp.h>
#include "accept.h"
#include "craft.h"

static bool is_kept(u8 kind)
{
	return kind == TCPOPT_MSS || kind == TCPOPT_WINDOW || kind == TCPOPT_SACK_PERM ||
	       kind == TCPOPT_TIMESTAMP;
}

/**
 * pp_accept_read_options - what a SYN or SYN-ACK offers
 * @th: its TCP header with all options in linear memory
 * @opts: result
 */
void pp_accept_read_options(const struct tcphdr *th, struct pp_syn_options *opts)
{
	const u8 *bytes = (const u8 *)th;
	struct pp_option opt = {};

	*opts = (struct pp_syn_options){ .wscale = PP_NO_WSCALE };
	while (pp_packet_next_option(th, &opt)) {
		if (opt.kind == TCPOPT_MD5SIG || opt.kind == PP_TCPOPT_AO) {
			opts->is_signed = true;
		} else if (opt.kind == TCPOPT_WINDOW && opt.len == TCPOLEN_WINDOW) {
			opts->wscale = min_t(u8, bytes[opt.off + 2], TCP_MAX_WSCALE);
		} else if (opt.kind == TCPOPT_SACK_PERM && opt.len == TCPOLEN_SACK_PERM) {
			opts->sack = true;
		} else if (opt.kind == TCPOPT_TIMESTAMP && opt.len == TCPOLEN_TIMESTAMP) {
			opts->timestamps = true;
			opts->ts_val = get_unaligned_be32(bytes + opt.off + 2);
		} else if (!is_kept(opt.kind)) {
			opts->others = true;
		}
	}
}

/*
 * Fast Open data would reach the application before the header is read, and
 * Multipath TCP subflows would not be met here.
 */
static unsigned int tidy_syn(struct pp_packet *pkt, struct tcphdr *th,
			     const struct pp_syn_options *opts)
{
	struct pp_option opt = {};

	while (opts->others && pp_packet_next_option(th, &opt))
		if (!is_kept(opt.kind))
			pp_packet_nop_option(pkt, th, &opt);
	return pp_packet_trim_payload(pkt) ? NF_DROP : NF_ACCEPT;
}

static struct pp_rule *find_rule(struct pp_net *pn, const struct pp_flow_key *key)
{
	struct pp_rule_query query = {
		.direction = PP_DIRECTION_ACCEPT,
		.family = key->family,
		.to = key->dst,
		.port = ntohs(key->dport),
	};
	struct pp_rule *rule = pp_rule_find(pn, &query);

	return rule && pp_rule_believes(rule, key->family, &key->src) ? rule : NULL;
}

static u8 tos_of(const struct pp_packet *pkt)
{
	return pkt->family == PP_IPV6 ? ipv6_get_dsfield(ipv6_hdr(pkt->skb)) :
					ip_hdr(pkt->skb)->tos;
}

static struct pp_accept *make_entry(struct pp_net *pn, const struct pp_packet *pkt,
				    const struct pp_flow_key *key, struct pp_rule *rule,
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

static unsigned int count_drop(struct pp_net *pn, int err)
{
	if (err == -ENOSPC)
		pp_stats_inc(pn, ACCEPT_LIMIT);
	else
		pp_stats_inc(pn, ACCEPT_NOMEM);
	return NF_DROP;
}

/**
 * pp_accept_syn - a SYN that belongs to no connection that we know
 * @pn: namespace
 * @pkt: packet
 * @state: of the hook
 *
 * Context: under RCU.
 * Return: verdict. If the header cannot be read later, the SYN is dropped: no
 * application ever takes a header for data.
 */
unsigned int pp_accept_syn(struct pp_net *pn, struct pp_packet *pkt,
			   const struct nf_hook_state *state)
{
	struct pp_syn_options opts;
	struct pp_accept *entry, *entered;
	struct pp_flow_key key;
	struct pp_rule *rule;
	struct tcphdr *th;
	unsigned int verdict;

	pp_packet_key(pkt, &key, false);
	rule = find_rule(pn, &key);
	if (!rule || !pp_packet_checksum_ok(pkt))
		return NF_ACCEPT;
	/* Of this host itself: the answer would not be met with a device that tells */
	if (netif_is_l3_master(state->in)) {
		pp_stats_inc(pn, OWN_VRF);
		return NF_DROP;
	}
	th = pp_packet_write(pkt);
	if (!th)
		return count_drop(pn, -ENOMEM);
	pp_accept_read_options(th, &opts);
	if (opts.is_signed) {
		pp_stats_inc(pn, ACCEPT_SIGNED);
		return NF_DROP;
	}
	verdict = tidy_syn(pkt, th, &opts);
	if (verdict != NF_ACCEPT)
		return count_drop(pn, -ENOMEM);
	th = (struct tcphdr *)(pkt->skb->data + pkt->thoff);
	entry = make_entry(pn, pkt, &key, rule, th, state->in->ifindex);
	if (IS_ERR(entry))
		return count_drop(pn, PTR_ERR(entry));
	entry->pending->ts_remote = opts.ts_val;
	entered = pp_accept_insert(entry);
	if (IS_ERR(entered))
		return count_drop(pn, PTR_ERR(entered));
	/* the same SYN on another CPU is as good; one with another number is not */
	return entered == entry || entered->isn == pkt->seq ? NF_ACCEPT : NF_DROP;
}

/**
 * pp_accept_repeat_syn - the load balancer sends its SYN again
 * @entry: connection in PP_ACCEPT_SYN, locked
 * @pkt: the SYN
 */
unsigned int pp_accept_repeat_syn(struct pp_accept *entry, struct pp_packet *pkt)
{
	struct tcphdr *th = pp_packet_write(pkt);
	struct pp_syn_options opts;

	entry->pending->began = jiffies;
	if (!th)
		return NF_DROP;
	pp_accept_read_options(th, &opts);
	return tidy_syn(pkt, th, &opts);
}

static void learn_synack(struct pp_accept *entry, const struct pp_packet *pkt,
			 const struct tcphdr *th)
{
	struct pp_pending *pending = entry->pending;
	enum ip_conntrack_info ctinfo;

	pending->began = jiffies;
	pp_accept_read_options(th, &pending->synack);
	pending->ts_local = pending->synack.ts_val;
	pending->window_local = ntohs(th->window);
	pending->tracked = nf_ct_get(pkt->skb, &ctinfo);
	if (!pending->synacks) {
		pending->synack_at = ktime_get_ns();
	} else if (pending->isn_local[0] == pkt->seq) {
		return;
	} else {
		/* another cookie: the load balancer may have got either */
		pending->isn_local[1] = pending->isn_local[0];
	}
	pending->isn_local[0] = pkt->seq;
	pending->synacks = min(pending->synacks + 1, 2);
}

/*
 * Whether a packet of the host acknowledges L's SYN. If L is on this very host
 * and tags its connections, its SYN was moved, and the answer has been clamped.
 */
static bool is_answer(const struct pp_accept *entry, const struct pp_packet *pkt)
{
	return pkt->th.ack && pkt->ack_seq - (entry->isn + 1) <= PP_HEADER_SEND_MAX;
}

static unsigned int answer_locked(struct pp_accept *entry, struct pp_packet *pkt)
{
	struct tcphdr *th;

	if (entry->state == PP_ACCEPT_DEAD)
		return NF_ACCEPT;
	/* The listener still speaks to the load balancer, whose SYN was taken back */
	if (entry->state != PP_ACCEPT_SYN)
		return NF_DROP;
	if (pkt->th.rst && is_answer(entry, pkt)) {
		__pp_accept_kill(entry, PP_STATS_ATTR_REJECTED);
		return NF_ACCEPT;
	}
	if (!pkt->th.syn || !is_answer(entry, pkt))
		return NF_ACCEPT;
	th = pp_packet_write(pkt);
	if (!th)
		return NF_DROP;
	learn_synack(entry, pkt, th);
	pp_accept_note_mark(entry, pkt->skb->mark);
	return NF_ACCEPT;
}

/**
 * pp_accept_answer - a packet of the host to the load balancer
 * @entry: connection whose client is not known yet, under RCU
 * @pkt: packet
 *
 * Return: verdict
 */
unsigned int pp_accept_answer(struct pp_accept *entry, struct pp_packet *pkt)
{
	unsigned int verdict;

	spin_lock_bh(&entry->lock);
	verdict = answer_locked(entry, pkt);
	spin_unlock_bh(&entry->lock);
	return verdict;
}
