// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: keeps the client's bytes out of the header's place.
 *
 * Owns the promise that the backend never takes a client's bytes for the header. The borrowed
 * space lies before the client's first byte, and a client that knows of it can send a segment
 * there:
 *
 *   ISN-H | ISN-H+1 ........... ISN | ISN+1 ....
 *         |  the module's header    |  the client's data
 *         |  and nothing else       |
 *
 * While there is an entry, client.c checks every packet. After that, a backend with SYN cookies
 * accepts the same handshake again while its cookie is valid, even after a reset. So conntrack's
 * entry keeps the ISN, in fields that it does not use, until the client is far beyond it. If
 * conntrack does not know a connection, or knows that it was reset, a packet may continue a
 * connection, but must not begin one.
 */
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_ecache.h>
#include <net/netfilter/nf_conntrack_seqadj.h>
#include "offload.h"
#include "send/internal.h"

/* How many numbers up to the ISN are guarded after the acknowledgement: all that fit a cookie */
#define COOKIE_SPAN	(PP_HEADER_SEND_MAX + 16)
/* A SYN cookie fits a few neighbouring numbers, since it encodes one of four MSS values */
#define COOKIE_SLACK	3
/* An acknowledgement number that is this much lower fits no cookie, and is still a usable one */
#define COOKIE_MISS	8

/*
 * Where the guard is kept: conntrack's positions at which sequence offsets change. They are unused
 * while all offsets are zero. The original direction holds the ISN, the reply direction tells what
 * is guarded (fastpath.h). Both are written under the lock of the conntrack entry, the ISN first,
 * and read without it, the guard first: a new guard is never seen with the ISN of the one before.
 */
static struct nf_ct_seqadj *spare_of(struct nf_conn *ct)
{
	struct nf_conn_seqadj *seqadj = nfct_seqadj(ct);

	return seqadj && !pp_offload_is_adjusted(ct) ? seqadj->seq : NULL;
}

/**
 * pp_send_guard_is_opening - whether a SYN opens a connection
 * @ct: conntrack entry of the SYN
 *
 * In all other states the SYN is inside a connection, and both ends ignore it.
 *
 * Context: any; takes no lock.
 * Return: whether it does
 */
bool pp_send_guard_is_opening(const struct nf_conn *ct)
{
	switch (READ_ONCE(ct->proto.tcp.state)) {
	case TCP_CONNTRACK_NONE:
	case TCP_CONNTRACK_SYN_SENT:
	case TCP_CONNTRACK_SYN_SENT2:
	case TCP_CONNTRACK_SYN_RECV:
		return true;
	default:
		return false;
	}
}

static void set_guard(struct nf_conn *ct, u32 isn, u32 guard)
{
	struct nf_ct_seqadj *spare;

	spin_lock_bh(&ct->lock);
	spare = spare_of(ct);
	if (spare) {
		WRITE_ONCE(spare[IP_CT_DIR_ORIGINAL].correction_pos, isn);
		/* Pairs with the acquire of guard_known() */
		smp_store_release(&spare[IP_CT_DIR_REPLY].correction_pos, guard);
		/* conntrackd copies the guard: another load balancer can continue (remake.c) */
		if (pp_send_guard_is_open(guard))
			nf_conntrack_event_cache(IPCT_SEQADJ, ct);
	}
	spin_unlock_bh(&ct->lock);
}

/**
 * pp_send_guard_begin - remember where a client's bytes begin
 * @ct: conntrack entry of the client, which has the extension from pp_offload_deny()
 * @flow: handshake in progress
 *
 * A SYN without an answer may be a stray one inside a connection. Then the guard of that
 * connection stays.
 *
 * Context: pp_flow.lock held, or @flow is not in the table yet.
 */
void pp_send_guard_begin(struct nf_conn *ct, const struct pp_flow *flow)
{
	struct nf_ct_seqadj *spare = spare_of(ct);

	if (!spare)
		return;
	if (flow->syn.answered ||
	    (flow->is_opening && !READ_ONCE(spare[IP_CT_DIR_REPLY].correction_pos)))
		set_guard(ct, flow->syn.isn, PP_GUARD_OPEN | flow->header_len);
}

/* Whether two distances differ by no more than the MSS values that a cookie encodes */
static bool is_near(u32 distance, u32 cookie, u32 mask)
{
	return ((distance - cookie + COOKIE_SLACK) & mask) <= 2 * COOKIE_SLACK;
}

/*
 * struct distances - distances between the two sequence numbers of an ACK that fits a SYN cookie
 * @of: the first distances
 * @count: how many there are; may be larger than the array
 */
struct distances {
	u32 of[2];
	unsigned int count;
};

static void add_distance(struct distances *known, u32 distance)
{
	unsigned int i;

	for (i = 0; i < known->count && i < ARRAY_SIZE(known->of); i++)
		if (is_near(distance, known->of[i], U32_MAX))
			return;
	if (known->count < ARRAY_SIZE(known->of))
		known->of[known->count] = distance;
	known->count++;
}

static void add_distances(struct distances *known, const struct pp_flow *flow,
			  const struct pp_attempt *syn)
{
	u32 moved = syn->isn - flow->header_len;

	if (!syn->answered)
		return;
	add_distance(known, syn->backend_isn - moved);
	add_distance(known, syn->late_isn - moved);
}

/**
 * pp_send_guard_forget - guard a connection whose entry is gone and whose SYN is ambiguous
 * @ct: its conntrack entry
 *
 * The backend has answered several SYNs. Without the entry nobody knows which handshake goes on,
 * and so where the header belongs: all numbers of the client are lowered.
 *
 * Context: any; takes the lock of the conntrack entry.
 */
void pp_send_guard_forget(struct nf_conn *ct)
{
	set_guard(ct, 0, PP_GUARD_OPEN);
}

/**
 * pp_send_guard_narrow - guard less, since the backend has the header
 * @ct: conntrack entry of the connection
 * @flow: its handshake, which the backend has answered
 *
 * From now on a flowtable may carry packets past these hooks while the sequence numbers wrap
 * around. So few packets must be mistaken for forged ones. A packet fits a SYN cookie only if its
 * two numbers are as far apart as those of the SYN-ACK.
 *
 * Context: pp_flow.lock held.
 */
void pp_send_guard_narrow(struct nf_conn *ct, const struct pp_flow *flow)
{
	const struct pp_attempt *other;
	struct distances known = {};
	u32 guard;

	add_distances(&known, flow, &flow->syn);
	pp_send_for_each_other(other, flow)
		add_distances(&known, flow, other);
	if (flow->answered_before || known.count > 2)
		guard = PP_GUARD_ALL;
	else if (known.count == 2)
		guard = PP_GUARD_PAIR | (known.of[0] & PP_GUARD_HALF) << PP_GUARD_HALF_BITS |
			(known.of[1] & PP_GUARD_HALF);
	else
		guard = PP_GUARD_NARROW | (known.of[0] & PP_GUARD_VALUE);
	set_guard(ct, flow->syn.isn, guard);
}

/**
 * pp_send_guard_drop - count and drop a packet in the place of a header
 * @pn: namespace
 *
 * Context: in a hook.
 * Return: verdict
 */
unsigned int pp_send_guard_drop(struct pp_net *pn)
{
	pp_stats_inc(pn, FORGED);
	return NF_DROP;
}

/* Whether a packet is a keepalive or window probe, at ISN and with at most one byte of data */
static bool is_probe(const struct pp_packet *pkt, u32 isn)
{
	return pkt->seq == isn && pkt->payload <= 1 && !pkt->th.syn;
}

/**
 * pp_send_guard_end - guard nothing, since a connection gets no header
 * @ct: its conntrack entry, or NULL
 *
 * Context: any; takes the lock of the conntrack entry.
 */
void pp_send_guard_end(struct nf_conn *ct)
{
	if (ct && nf_ct_ext_exist(ct, NF_CT_EXT_SEQADJ))
		set_guard(ct, 0, 0);
}

/**
 * pp_send_guard_lower - give a packet a sequence number that no handshake accepts
 * @pn: namespace
 * @pkt: packet
 *
 * If the backend has a running connection, it answers with the number that it expects, and the
 * client retransmits the packet.
 *
 * Context: in a hook; takes no lock.
 * Return: verdict
 */
unsigned int pp_send_guard_lower(struct pp_net *pn, struct pp_packet *pkt)
{
	struct tcphdr *th = pp_packet_make_writable(pkt);

	if (!th)
		return NF_DROP;
	pp_packet_lower_seq(pkt, th);
	pp_stats_inc(pn, PICKED_UP);
	return NF_ACCEPT;
}

/*
 * Whether one end has reset the connection. Conntrack's other final states do not count: a
 * retransmitted FIN is enough to reach them.
 */
static bool conntrack_saw_reset(const struct nf_conn *ct)
{
	return READ_ONCE(ct->proto.tcp.state) == TCP_CONNTRACK_CLOSE;
}

/* How many numbers up to the ISN are guarded */
static u32 guard_span(u32 guard)
{
	return pp_send_guard_is_open(guard) ? PP_SEQ_SPAN : COOKIE_SPAN;
}

/*
 * Whether a packet's two numbers are as far apart as a SYN cookie requires. Conntrack also accepts
 * resets that the backend ignores. Then the connection goes on, and its packets must not be taken
 * for forged ones.
 */
static bool may_fit_cookie(const struct pp_packet *pkt, u32 guard)
{
	u32 distance = pkt->ack_seq - pkt->seq;

	if (pp_send_guard_is_open(guard) || guard == PP_GUARD_ALL)
		return true;
	if ((guard & PP_GUARD_KIND) == PP_GUARD_NARROW)
		return is_near(distance, guard, PP_GUARD_VALUE);
	return is_near(distance, guard, PP_GUARD_HALF) ||
	       is_near(distance, guard >> PP_GUARD_HALF_BITS, PP_GUARD_HALF);
}

/*
 * A running connection can have such numbers by chance. If the backend knows the connection, it
 * accepts the data with an older acknowledgement. If it does not, no cookie fits.
 */
static unsigned int guard_lower_ack(struct pp_packet *pkt)
{
	struct tcphdr *th = pp_packet_make_writable(pkt);

	if (!th)
		return NF_DROP;
	pp_packet_set_ack(pkt, th, pkt->ack_seq - COOKIE_MISS, ntohs(th->window));
	return NF_ACCEPT;
}

/*
 * Whether a packet continues a handshake whose entry was evicted or has expired. In these states
 * conntrack has seen the SYN-ACK of the backend.
 */
static bool goes_on(const struct pp_packet *pkt, const struct nf_conn *ct, u32 isn, u32 guard)
{
	return pp_send_guard_is_open(guard) && pkt->th.ack && pkt->seq - (isn + 1) < PP_SEQ_SPAN &&
	       !conntrack_saw_reset(ct) && !pp_send_guard_is_opening(ct);
}

static unsigned int guard_remake(struct pp_net *pn, struct pp_packet *pkt,
				 const struct pp_conn_key *key,
				 const struct nf_hook_state *state, struct nf_conn *ct, u32 isn,
				 u32 guard)
{
	struct pp_flow *flow;

	/* A packet made from a corrupt one would get a correct checksum */
	if (!pp_packet_checksum_ok(pkt))
		return NF_ACCEPT;
	flow = pp_send_remake_flow(pn, pkt, state, key, ct, isn, guard & PP_GUARD_VALUE);
	if (!IS_ERR(flow))
		return pp_send_handle_client(flow, pkt, state);
	return PTR_ERR(flow) == -ENOENT ? pp_send_guard_lower(pn, pkt) : NF_DROP;
}

/* Unless another connection has begun on this conntrack entry meanwhile, with a guard of its own */
static void end_guard(struct nf_conn *ct, u32 isn, u32 guard)
{
	struct nf_ct_seqadj *spare;

	spin_lock_bh(&ct->lock);
	spare = spare_of(ct);
	if (spare && spare[IP_CT_DIR_ORIGINAL].correction_pos == isn &&
	    spare[IP_CT_DIR_REPLY].correction_pos == guard)
		WRITE_ONCE(spare[IP_CT_DIR_REPLY].correction_pos, 0);
	spin_unlock_bh(&ct->lock);
}

static unsigned int guard_known(struct pp_net *pn, struct pp_packet *pkt,
				const struct pp_conn_key *key,
				const struct nf_hook_state *state, struct nf_conn *ct,
				struct nf_ct_seqadj *spare, bool may_remake)
{
	/* Pairs with the release of set_guard() */
	u32 guard = smp_load_acquire(&spare[IP_CT_DIR_REPLY].correction_pos);
	u32 isn = READ_ONCE(spare[IP_CT_DIR_ORIGINAL].correction_pos);

	if (guard == PP_GUARD_OPEN)
		return pp_send_guard_lower(pn, pkt);
	if (isn - pkt->seq < guard_span(guard))
		return is_probe(pkt, isn) ? NF_ACCEPT : pp_send_guard_drop(pn);
	if (pkt->th.ack && may_fit_cookie(pkt, guard)) {
		if (!pp_send_guard_is_open(guard) && guard != PP_GUARD_ALL &&
		    (pkt->payload || pkt->th.fin))
			return guard_lower_ack(pkt);
		if (conntrack_saw_reset(ct))
			return pp_send_guard_lower(pn, pkt);
	}
	if (may_remake && goes_on(pkt, ct, isn, guard))
		return guard_remake(pn, pkt, key, state, ct, isn, guard);
	/* The client is far beyond the ISN: end the guard before its numbers wrap around */
	if (pkt->seq - isn >= PP_SEQ_SPAN && !pp_send_guard_is_before(pkt, isn))
		end_guard(ct, isn, guard);
	return NF_ACCEPT;
}

/**
 * pp_send_guard_client - check a client's packet that belongs to no handshake in progress
 * @pn: namespace
 * @pkt: packet, not a SYN
 * @key: its connection
 * @state: of the hook
 * @may_remake: there is no entry, and one may be made again (remake.c)
 *
 * Without a conntrack entry the packet passes, unless its handshake was evicted.
 *
 * Context: under RCU; no pp_flow.lock held.
 * Return: verdict
 */
unsigned int pp_send_guard_client(struct pp_net *pn, struct pp_packet *pkt,
				  const struct pp_conn_key *key,
				  const struct nf_hook_state *state, bool may_remake)
{
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct = nf_ct_get(pkt->skb, &ctinfo);
	struct nf_ct_seqadj *spare;

	if (pp_send_evicted_any(pn) && pp_send_evicted_guard(pn, pkt, key) != NF_ACCEPT)
		return NF_DROP;
	if (!ct || nf_ct_is_template(ct) || CTINFO2DIR(ctinfo) != IP_CT_DIR_ORIGINAL)
		return NF_ACCEPT;
	spare = spare_of(ct);
	if (spare && READ_ONCE(spare[IP_CT_DIR_REPLY].correction_pos) && !pkt->th.rst)
		return guard_known(pn, pkt, key, state, ct, spare, may_remake);
	if (ctinfo == IP_CT_NEW && pkt->th.ack && !pkt->th.rst &&
	    pp_send_is_tagged(pn, pkt, key, ct))
		return pp_send_guard_lower(pn, pkt);
	return NF_ACCEPT;
}
