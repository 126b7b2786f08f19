// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: the client's SYN on its way to a tagged backend.
 *
 * Owns the choice of the rule and the sequence space for the header. The SYN leaves with its
 * sequence number lowered by H, the length of the header:
 *
 *   client's view          ISN | ISN+1 ... data
 *   wire       ISN-H | ISN-H+1 ... header ... ISN | ISN+1 ... data
 *
 * From ISN+1 on, both sides agree on every number. A retransmitted SYN finds its entry, or makes
 * an entry with the same header: it always gets the same number.
 */
#include <linux/bitops.h>
#include <linux/unaligned.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/tcp.h>
#include "netlink/event.h"
#include "packet/option.h"
#include "send/internal.h"
#include "ulp/ulp.h"

static bool is_fastopen(const u8 *option, u8 len)
{
	return option[0] == TCPOPT_FASTOPEN ||
	       (option[0] == TCPOPT_EXP && len >= TCPOLEN_EXP_FASTOPEN_BASE &&
		get_unaligned_be16(option + 2) == TCPOPT_FASTOPEN_MAGIC);
}

/**
 * pp_send_find_rule - find the rule of a packet
 * @pn: namespace
 * @pkt: packet
 * @key: its connection
 * @ct: its conntrack entry, or NULL
 *
 * Context: under RCU.
 * Return: the rule, or NULL
 */
struct pp_rule *pp_send_find_rule(struct pp_net *pn, const struct pp_packet *pkt,
				  const struct pp_conn_key *key, const struct nf_conn *ct)
{
	struct pp_rule_query query = {
		.direction = PP_DIRECTION_SEND,
		.family = key->family,
		.to = key->dst,
		.port = ntohs(key->dport),
		.marks = { pkt->skb->mark, pp_nf_ct_mark(ct, pkt->skb->mark) },
	};

	return pp_rule_find(pn, &query);
}

/* Find the rule of a SYN. A socket that sends a header of its own gets no second one. */
static struct pp_rule *find_rule_of_syn(struct pp_net *pn, const struct pp_packet *pkt,
					const struct pp_conn_key *key, const struct nf_conn *ct)
{
	struct pp_rule *rule = pp_send_find_rule(pn, pkt, key, ct);

	if (!rule || !pp_ulp_sends(pkt->skb->sk))
		return rule;
	pp_stats_inc(pn, LEFT_TO_SOCKET);
	return NULL;
}

/**
 * pp_send_is_tagged - whether a packet goes to a tagged backend
 * @pn: namespace
 * @pkt: packet
 * @key: its connection
 * @ct: its conntrack entry, or NULL
 *
 * Context: under RCU.
 * Return: whether a rule matches
 */
bool pp_send_is_tagged(struct pp_net *pn, const struct pp_packet *pkt,
		       const struct pp_conn_key *key, const struct nf_conn *ct)
{
	return pp_send_find_rule(pn, pkt, key, ct);
}

static void count_tagged(struct pp_flow *flow, const struct nf_conn *ct)
{
	spin_lock_bh(&flow->lock);
	if (!flow->dead)
		pp_rule_count(flow->rule, PP_RULE_TAGGED);
	spin_unlock_bh(&flow->lock);
	pp_stats_inc(flow->net, TAGGED);
	if (flow->is_chained)
		pp_stats_inc(flow->net, CHAINED);
	if (flow->says_local)
		pp_stats_inc(flow->net, LOCAL);
	if (!ct)
		pp_stats_inc(flow->net, NO_CONNTRACK);
	pp_netlink_event_tagged(flow);
}

/*
 * Let @flow replace @old, which has another header.
 *
 * Return: 0; -EEXIST if @old is another client's, and conntrack will drop the SYN
 */
static int replace_flow(struct pp_flow *old, struct pp_flow *flow, const struct nf_conn *ct)
{
	int err = 0;

	spin_lock_bh(&old->lock);
	flow->answered_before = pp_send_flow_is_unfinished(old);
	flow->has_forgotten = true;
	flow->is_unrecorded = !pp_send_evicted_note_all(old);
	if (!old->dead && pp_send_loses_port(old, ct))
		err = -EEXIST;
	else if (!old->dead)
		__pp_send_flow_kill(old, PP_STATS_ATTR_REPLACED);
	spin_unlock_bh(&old->lock);
	return err;
}

/*
 * Return: a new entry for the SYN, in the table. @old is an entry with another header, which it
 * replaces, or NULL. ERR_PTR() if the SYN has to be dropped.
 */
static struct pp_flow *new_flow(struct pp_net *pn, struct pp_packet *pkt,
				const struct nf_hook_state *state,
				const struct pp_conn_key *key, const struct nf_conn *ct,
				struct pp_rule *rule, u8 wscale, struct pp_flow *old)
{
	struct pp_flow *flow, *entered;
	int err;

	flow = pp_send_make_flow(pn, pkt, state, key, ct, rule, pkt->seq);
	if (IS_ERR(flow))
		return flow;
	flow->syn.client_wscale = wscale;
	err = old ? replace_flow(old, flow, ct) : 0;
	if (err) {
		pp_send_flow_free(flow);
		return ERR_PTR(err);
	}
	entered = pp_send_flow_insert(flow);
	if (entered == flow)
		count_tagged(flow, ct);
	return entered;
}

/*
 * Remove the options that break the header: Fast Open data would precede it, and a further
 * Multipath TCP subflow looks like a new connection.
 */
static void blot_options(struct pp_net *pn, struct pp_packet *pkt, struct tcphdr *th)
{
	bool fastopen = pkt->payload; /* needs no option if both sides agreed on that */
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

/* Whether the SYN was moved already: bridged packets can pass this hook twice */
static bool is_moved_syn(const struct pp_flow *flow, u32 seq)
{
	const struct pp_attempt *other;

	pp_send_for_each_other(other, flow)
		if (seq == READ_ONCE(other->isn) - flow->header_len)
			return true;
	return seq == READ_ONCE(flow->syn.isn) - flow->header_len;
}

static bool is_unmoved_syn(const struct pp_flow *flow, u32 seq)
{
	const struct pp_attempt *other;

	pp_send_for_each_other(other, flow)
		if (seq == READ_ONCE(other->isn))
			return true;
	return seq == READ_ONCE(flow->syn.isn);
}

/* Whether the SYN was seen before, with its own number or with the moved one */
static bool is_known_syn(const struct pp_flow *flow, u32 seq)
{
	return is_unmoved_syn(flow, seq) || is_moved_syn(flow, seq);
}

/*
 * If a SYN that was moved already leaves by another device, the connection's packets pass this
 * hook twice, for example through two bridges. Then the pass by the first device does all the work.
 */
static void note_way(struct pp_flow *flow, const struct pp_packet *pkt)
{
	if (is_unmoved_syn(flow, pkt->seq)) {
		flow->dev_client = pkt->dev->ifindex;
		flow->passes_again = false;
	} else if (pkt->dev->ifindex != flow->dev_client) {
		flow->passes_again = true;
	}
}

static int join_flow_locked(struct pp_flow *flow, const struct pp_packet *pkt,
			    const struct pp_syn_options *opts, const struct pp_rule *rule,
			    struct nf_conn *ct)
{
	int err;

	lockdep_assert_held(&flow->lock);

	/* Another CPU has just ended the handshake */
	if (flow->dead)
		return -ENOENT;
	if (pp_send_loses_port(flow, ct))
		return -EEXIST;
	if (!is_known_syn(flow, pkt->seq)) {
		if (!pp_send_gives_same_header(flow, rule, ct))
			return -ENOENT;
		pp_send_attempt_add(flow, pkt->seq, opts->wscale);
	}
	err = pp_send_bind_ct(flow, ct);
	if (err)
		return err;
	if (flow->closed)
		pp_send_attempt_revive(flow, pkt->seq);
	note_way(flow, pkt);
	pp_send_half_open_add(flow);
	return 0;
}

/*
 * @is_unmoved gets whether the SYN has its own number still.
 *
 * Return: 0; -ENOENT if the SYN needs an entry of its own; -EEXIST if the entry is another
 * client's; -ENOMEM
 */
static int join_flow(struct pp_flow *flow, struct pp_packet *pkt,
		     const struct pp_syn_options *opts, const struct pp_rule *rule,
		     struct nf_conn *ct, bool *is_unmoved)
{
	u32 isn;
	int err;

	spin_lock_bh(&flow->lock);
	isn = flow->syn.isn;
	err = join_flow_locked(flow, pkt, opts, rule, ct);
	isn -= flow->syn.isn;
	*is_unmoved = is_unmoved_syn(flow, pkt->seq);
	spin_unlock_bh(&flow->lock);
	if (isn)
		pp_send_attempt_report(flow);
	return err;
}

static unsigned int move_syn(struct pp_flow *flow, struct pp_packet *pkt, struct tcphdr *th,
			     bool is_unmoved)
{
	blot_options(flow->net, pkt, th);
	if (is_unmoved)
		pp_packet_set_seq(pkt, th, pkt->seq - flow->header_len);
	if (!pp_packet_trim_payload(pkt))
		return NF_ACCEPT;
	pp_stats_inc(flow->net, NOMEM);
	return NF_DROP;
}

/*
 * Whether the entry was made for a copy of this SYN that conntrack does not know, for example of
 * iptables' TEE or nft's dup. The copy leaves first. Its header is wrong: it names the backend as
 * the original destination.
 */
static bool is_of_copy(const struct pp_flow *flow, const struct nf_conn *ct)
{
	return ct && flow->without_ct && !READ_ONCE(flow->syn.answered);
}

/**
 * pp_send_count_limit - count a packet that gets no entry at the limit of handshakes
 * @pn: namespace
 * @rule: its rule
 * @key: its connection
 *
 * Context: under RCU.
 */
void pp_send_count_limit(struct pp_net *pn, struct pp_rule *rule, const struct pp_conn_key *key)
{
	pp_stats_inc(pn, LIMIT);
	pp_netlink_event_limit(pn, rule, key, PP_STATS_ATTR_LIMIT);
}

/* @rule: of the SYN; -ENOSPC only comes with a rule */
static unsigned int drop_syn(struct pp_net *pn, struct pp_rule *rule,
			     const struct pp_conn_key *key, int err)
{
	if (err == -ENOSPC)
		pp_send_count_limit(pn, rule, key);
	else if (err == -EEXIST)
		pp_stats_inc(pn, SYN_EARLY);
	else
		pp_stats_inc(pn, NOMEM);
	return NF_DROP;
}

/**
 * pp_send_handle_syn - handle a SYN that leaves
 * @pn: namespace
 * @pkt: packet
 * @key: its connection
 * @state: of the hook
 *
 * Context: under RCU.
 * Return: verdict. A SYN that cannot get its header is dropped, so that no backend ever gets a
 * tagged connection without a header.
 */
unsigned int pp_send_handle_syn(struct pp_net *pn, struct pp_packet *pkt,
				const struct pp_conn_key *key, const struct nf_hook_state *state)
{
	struct nf_conn *ct = pp_send_find_ct(pkt->skb);
	struct pp_rule *rule = NULL;
	struct pp_syn_options opts;
	struct pp_flow *flow;
	struct tcphdr *th;
	bool again, is_unmoved = false;
	int err = -ENOENT;

	if (state->hook == NF_INET_LOCAL_IN && !pp_send_is_led_here(key, ct, state))
		return NF_ACCEPT;
	flow = pp_send_may_have_flow(pn, pkt->skb, pkt->family) ? pp_send_flow_find(pn, key) : NULL;
	again = flow && is_known_syn(flow, pkt->seq) && !is_of_copy(flow, ct);
	if (!again)
		rule = find_rule_of_syn(pn, pkt, key, ct);
	if (!flow && !rule)
		pp_send_guard_end(ct);
	if ((!flow && !rule) || !pp_packet_checksum_ok(pkt))
		return NF_ACCEPT;
	if (!again && !rule) {
		pp_send_flow_kill(flow, PP_STATS_ATTR_REPLACED);
		pp_send_guard_end(ct);
		return NF_ACCEPT;
	}
	th = pp_packet_make_writable(pkt);
	if (!th)
		return drop_syn(pn, NULL, key, -ENOMEM);
	pp_packet_read_options(th, &opts);
	if (!again && opts.is_signed) {
		pp_stats_inc(pn, SIGNED);
		return NF_DROP;
	}
	/* Once the backend has the ACK that waits, it ignores a SYN inside the connection */
	if (flow && !again)
		pp_send_hold_let_go(flow, false);
	if (flow && !(rule && is_of_copy(flow, ct)))
		err = join_flow(flow, pkt, &opts, rule, ct, &is_unmoved);
	if (err == -ENOENT && rule) {
		flow = new_flow(pn, pkt, state, key, ct, rule, opts.wscale, flow);
		if (IS_ERR(flow))
			return drop_syn(pn, rule, key, PTR_ERR(flow));
		err = join_flow(flow, pkt, &opts, rule, ct, &is_unmoved);
	}
	return err ? drop_syn(pn, rule, key, err) : move_syn(flow, pkt, th, is_unmoved);
}
