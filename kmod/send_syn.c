// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: the client's SYN on its way to a tagged backend.
 *
 * Owns the choice of the rule and the sequence space that the header is given. The SYN
 * leaves with its number moved down by the length H of the header:
 *
 *   client's view          ISN | ISN+1 ... data
 *   wire       ISN-H | ISN-H+1 ... header ... ISN | ISN+1 ... data
 *
 * From ISN+1 on both sides agree on every number. The same SYN, sent again,
 * finds its entry or makes one with the same header: moving is idempotent.
 */
#include <linux/bitops.h>
#include <linux/unaligned.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/tcp.h>
#include "event.h"
#include "offload.h"
#include "send.h"

/* Numbers of a handshake and of the one that it replaces can be told apart from here */
#define OLD_DISTANCE	BIT(20)

/* Options of a SYN that are of interest here */
struct syn_options {
	bool is_signed;
	u8 wscale;
};

static bool is_fastopen(const u8 *option, u8 len)
{
	return option[0] == TCPOPT_FASTOPEN ||
	       (option[0] == TCPOPT_EXP && len >= TCPOLEN_EXP_FASTOPEN_BASE &&
		get_unaligned_be16(option + 2) == TCPOPT_FASTOPEN_MAGIC);
}

static void read_options(const struct tcphdr *th, struct syn_options *opts)
{
	struct pp_option opt = {};

	*opts = (struct syn_options){ .wscale = PP_NO_WSCALE };
	while (pp_packet_next_option(th, &opt)) {
		if (opt.kind == TCPOPT_MD5SIG || opt.kind == PP_TCPOPT_AO)
			opts->is_signed = true;
		if (opt.kind == TCPOPT_WINDOW && opt.len == TCPOLEN_WINDOW)
			opts->wscale = min_t(u8, ((const u8 *)th)[opt.off + 2], TCP_MAX_WSCALE);
	}
}

/**
 * pp_send_ct - conntrack's entry of a packet of the client
 * @skb: packet
 *
 * Return: the entry whose original direction the packet goes in, or NULL
 */
struct nf_conn *pp_send_ct(const struct sk_buff *skb)
{
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	if (!ct || nf_ct_is_template(ct) || CTINFO2DIR(ctinfo) != IP_CT_DIR_ORIGINAL)
		return NULL;
	return ct;
}

static u32 ct_mark(const struct nf_conn *ct, u32 otherwise)
{
#if IS_ENABLED(CONFIG_NF_CONNTRACK_MARK)
	if (ct)
		return READ_ONCE(ct->mark);
#endif
	return otherwise;
}

static struct pp_rule *find_rule(struct pp_net *pn, const struct pp_packet *pkt,
				 const struct pp_flow_key *key, const struct nf_conn *ct)
{
	struct pp_rule_query query = {
		.direction = PP_DIRECTION_SEND,
		.family = key->family,
		.to = key->dst,
		.port = ntohs(key->dport),
		.marks = { pkt->skb->mark, ct_mark(ct, pkt->skb->mark) },
	};

	return pp_rule_find(pn, &query);
}

/**
 * pp_send_is_tagged - whether a packet goes to a tagged backend
 * @pn: namespace
 * @pkt: packet
 * @key: its connection
 * @ct: its conntrack entry, or NULL
 *
 * Context: under RCU.
 */
bool pp_send_is_tagged(struct pp_net *pn, const struct pp_packet *pkt,
		       const struct pp_flow_key *key, const struct nf_conn *ct)
{
	return find_rule(pn, pkt, key, ct);
}

static void count_tagged(struct pp_flow *flow, const struct nf_conn *ct)
{
	spin_lock_bh(&flow->lock);
	if (!flow->dead)
		atomic64_inc(&flow->rule->tagged);
	spin_unlock_bh(&flow->lock);
	pp_stats_inc(flow->net, TAGGED);
	if (flow->is_chained)
		pp_stats_inc(flow->net, CHAINED);
	if (flow->is_local)
		pp_stats_inc(flow->net, LOCAL);
	if (!ct)
		pp_stats_inc(flow->net, NO_CONNTRACK);
	pp_event_tagged(flow);
}

/*
 * The next handshake has to begin above all of which the backend may still have one,
 * answered or not, so that the numbers where their headers would be are below this
 * one's first byte.
 */
static bool is_too_early(const struct pp_flow *old, u32 isn)
{
	return isn - old->isn >= PP_GUARD_SPAN || isn - old->low_isn >= PP_GUARD_SPAN;
}

/*
 * Return: the entry for a SYN that has none, or that replaces the old one; ERR_PTR()
 * if it has to be dropped
 */
static struct pp_flow *new_flow(struct pp_net *pn, struct pp_packet *pkt,
				const struct nf_hook_state *state,
				const struct pp_flow_key *key, const struct nf_conn *ct,
				struct pp_rule *rule, const struct tcphdr *th,
				struct pp_flow *old)
{
	struct pp_flow *flow, *entered;
	struct syn_options opts;

	read_options(th, &opts);
	if (opts.is_signed) {
		pp_stats_inc(pn, SIGNED);
		return ERR_PTR(-EPERM);
	}
	flow = pp_send_make_flow(pn, pkt, state, key, ct, rule);
	if (IS_ERR(flow))
		return flow;
	flow->client_wscale = opts.wscale;
	if (old)
		flow->low_isn = old->low_isn;
	/* The backend may answer to that one still */
	if (old && pkt->seq - old->isn + OLD_DISTANCE >= 2 * OLD_DISTANCE) {
		flow->old_isn = old->isn;
		flow->old_len = old->header_len;
	}
	if (old)
		pp_flow_kill(old, PP_STATS_ATTR_REPLACED);
	entered = pp_flow_insert(flow);
	if (entered == flow)
		count_tagged(flow, ct);
	else if (!IS_ERR(entered) && entered->isn != pkt->seq)
		/* a SYN with another number, on another CPU at the same moment */
		return ERR_PTR(-EAGAIN);
	return entered;
}

/*
 * Fast Open data would stand before the header. Further Multipath TCP subflows
 * could not be told from new connections.
 */
static void blot_options(struct pp_net *pn, struct pp_packet *pkt, struct tcphdr *th)
{
	bool fastopen = pkt->payload; /* which needs no option, if so agreed */
	struct pp_option opt = {};

	while (pp_packet_next_option(th, &opt)) {
		if (is_fastopen((u8 *)th + opt.off, opt.len))
			fastopen = true;
		else if (opt.kind == TCPOPT_MPTCP)
			pp_stats_inc(pn, MPTCP);
		else
			continue;
		pp_packet_nop_option(pkt, th, &opt);
	}
	if (fastopen)
		pp_stats_inc(pn, TFO);
}

/**
 * pp_send_bind - keep the connection of a handshake from flow offload
 * @flow: handshake in progress, locked
 * @ct: conntrack entry of a packet of the client, or NULL
 *
 * A repeated SYN may come with a new entry, where conntrack has lost the first or has
 * not confirmed it yet; then the next packet shows which one stays.
 *
 * Return: 0 or -ENOMEM
 */
int pp_send_bind(struct pp_flow *flow, struct nf_conn *ct)
{
	int denied;

	if (!ct || ct == flow->ct)
		return 0;
	denied = pp_offload_deny(ct);
	if (denied < 0)
		return denied;
	pp_flow_bind(flow, denied ? ct : NULL);
	if (denied)
		pp_guard_begin(ct, flow->isn, flow->synack);
	return 0;
}

/* Return: 0; -EAGAIN when another CPU has just ended the handshake; -ENOMEM */
static int renew(struct pp_flow *flow, struct nf_conn *ct)
{
	int err = -EAGAIN;

	spin_lock_bh(&flow->lock);
	if (!flow->dead)
		err = pp_send_bind(flow, ct);
	if (!err) {
		flow->closed = false;
		pp_flow_touch(flow);
	}
	spin_unlock_bh(&flow->lock);
	return err;
}

static unsigned int move_syn(struct pp_flow *flow, struct pp_packet *pkt, struct tcphdr *th)
{
	blot_options(flow->net, pkt, th);
	pp_packet_set_seq(pkt, th, flow->isn - flow->header_len);
	return pp_packet_trim_payload(pkt) ? NF_DROP : NF_ACCEPT;
}

/* Bridged packets can pass twice: once it has been moved, moving it changes nothing */
static bool is_same_syn(const struct pp_flow *flow, u32 seq)
{
	return seq == flow->isn || seq == flow->isn - flow->header_len;
}

static unsigned int drop_syn(struct pp_net *pn, int err)
{
	if (err == -ENOSPC)
		pp_stats_inc(pn, LIMIT);
	else if (err != -EPERM) /* which has been counted */
		pp_stats_inc(pn, NOMEM);
	return NF_DROP;
}

/**
 * pp_send_syn - a SYN leaves
 * @pn: namespace
 * @pkt: packet
 * @key: its connection
 * @state: of the hook
 *
 * Context: under RCU.
 * Return: verdict. A SYN that cannot be given its header is dropped, so that
 * no backend ever gets a connection without one.
 */
unsigned int pp_send_syn(struct pp_net *pn, struct pp_packet *pkt,
			 const struct pp_flow_key *key, const struct nf_hook_state *state)
{
	struct nf_conn *ct = pp_send_ct(pkt->skb);
	struct pp_rule *rule = NULL;
	struct pp_flow *flow;
	struct tcphdr *th;
	bool again;
	int err;

	if (state->hook == NF_INET_LOCAL_IN && !pp_send_is_led_here(key, ct, state))
		return NF_ACCEPT;
	flow = pp_flow_may_have(pn, pkt->skb, pkt->family) ? pp_flow_find(pn, key) : NULL;
	again = flow && is_same_syn(flow, pkt->seq);
	if (!again)
		rule = find_rule(pn, pkt, key, ct);
	if (!flow && !rule)
		pp_guard_end(ct);
	if ((!flow && !rule) || !pp_packet_checksum_ok(pkt))
		return NF_ACCEPT;
	th = pp_packet_write(pkt);
	if (!th)
		return drop_syn(pn, -ENOMEM);
	if (!again) {
		if (flow && is_too_early(flow, pkt->seq)) {
			pp_stats_inc(pn, SYN_EARLY);
			return NF_DROP;
		}
		if (!rule) {
			pp_flow_kill(flow, PP_STATS_ATTR_REPLACED);
			pp_guard_end(ct);
			return NF_ACCEPT;
		}
		flow = new_flow(pn, pkt, state, key, ct, rule, th, flow);
		if (IS_ERR(flow))
			return drop_syn(pn, PTR_ERR(flow));
	}
	err = renew(flow, ct);
	return err ? drop_syn(pn, err) : move_syn(flow, pkt, th);
}
