// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: what is left of evicted handshakes that conntrack does not know.
 *
 * Owns 8 bytes for each of them, for as long as a SYN cookie is valid. The backend may still
 * complete such a handshake, and without the entry nobody moves its numbers: a client could put a
 * header of its own into the borrowed space. So
 *
 *   the backend had answered       an ACK that would complete the handshake leaves with a lower
 *                                  acknowledgement number, which does not;
 *   the backend had not answered   the SYN-ACK is dropped: no client learns the backend's number.
 *                                  The client's next SYN makes a new entry.
 *
 * A record knows addresses and ports by 30 bits of a keyed hash, and each number by 16 bits. If it
 * is mistaken for that of a running connection, a packet has an older acknowledgement number, which
 * its backend accepts. So a mistake costs at most a retransmission.
 *
 * Records are in sets of 8, and never removed singly. Each UNGUARDED_TIMEOUT a new table takes the
 * place of the last, and the one before that is freed. There is no table unless many handshakes are
 * unknown to conntrack.
 */
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include "send/internal.h"

#define SET_SLOTS	8
/* Records for each handshake below the limit; a table has 64 KiB to 64 MiB */
#define RECORDS_EACH	64
#define SETS_MIN	BIT(10)
#define SETS_MAX	BIT(20)
/* A table is made when this part of the limit is in use without conntrack */
#define CROWD_PART	8
/* As in guard.c: a cookie fits neighbouring numbers, since it encodes one of four MSS values */
#define COOKIE_SLACK	3
#define COOKIE_MISS	8
/* How often an acknowledgement number is lowered until no record fits it any more */
#define LOWER_TRIES	16

#define SLOT_USED	BIT_ULL(63)
#define SLOT_ANSWERED	BIT_ULL(62)
#define SLOT_TAG	GENMASK_ULL(61, 32)
#define SLOT_BACKEND	16

/**
 * struct pp_evicted - records of evicted handshakes
 * @before: the table that this one has replaced, or NULL; RCU
 * @key: for the hash of addresses and ports
 * @since: when the table was made, in jiffies
 * @bits: width of a set's index
 * @is_used: there is a record; READ_ONCE
 * @is_closed: no record may be added; READ_ONCE
 * @slots: 2^@bits sets. 0, or bit 63; bit 62: the backend had answered; bits 32 to 61: part of the
 *	hash; bits 16 to 31: of the backend's number; bits 0 to 15: of the client's, as moved
 */
struct pp_evicted {
	struct pp_evicted __rcu *before;
	siphash_key_t key;
	unsigned long since;
	u32 bits;
	bool is_used;
	bool is_closed;
	u64 slots[] __aligned(SET_SLOTS * sizeof(u64));
};

static u64 evicted_hash(const struct pp_evicted *table, const struct pp_conn_key *key)
{
	u32 scope = key->vrf ^ (u32)key->zone << 16;

	if (key->family == PP_IPV4)
		return siphash_4u32((__force u32)key->src.ip, (__force u32)key->dst.ip,
				    (__force u32)key->sport << 16 | (__force u32)key->dport, scope,
				    &table->key);
	return siphash(key, sizeof(*key), &table->key);
}

static u64 *evicted_set(struct pp_evicted *table, u64 hash)
{
	return &table->slots[(hash & (BIT(table->bits) - 1)) * SET_SLOTS];
}

static bool evicted_put(struct pp_evicted *table, u64 hash, u64 record)
{
	u64 *set = evicted_set(table, hash);
	unsigned int i;

	record |= SLOT_USED | (hash & SLOT_TAG);
	for (i = 0; i < SET_SLOTS; i++) {
		u64 old = READ_ONCE(set[i]);

		if (!old)
			old = cmpxchg64(&set[i], 0, record);
		if (!old || old == record)
			return true;
	}
	return false;
}

/**
 * pp_send_evicted_note - record a SYN, and the backend's answers to it
 * @flow: entry that is about to forget them
 * @syn: SYN of the entry
 *
 * Context: pp_flow.lock held; under RCU.
 * Return: whether they were recorded. If not, the entry must not be evicted.
 */
bool pp_send_evicted_note(const struct pp_flow *flow, const struct pp_attempt *syn)
{
	struct pp_evicted *table = rcu_dereference(flow->net->flows.evicted);
	u64 record = (syn->isn - flow->header_len) & U16_MAX, hash;

	if (!table || READ_ONCE(table->is_closed))
		return false;
	if (!READ_ONCE(table->is_used))
		WRITE_ONCE(table->is_used, true);
	hash = evicted_hash(table, &flow->key);
	if (!syn->answered)
		return evicted_put(table, hash, record);
	record |= SLOT_ANSWERED;
	return evicted_put(table, hash, record | (syn->backend_isn & U16_MAX) << SLOT_BACKEND) &&
	       evicted_put(table, hash, record | (syn->late_isn & U16_MAX) << SLOT_BACKEND);
}

/**
 * pp_send_evicted_note_all - record a handshake
 * @flow: entry without a conntrack entry that is about to go
 *
 * Context: pp_flow.lock held; under RCU.
 * Return: whether it was recorded. If not, it must not be evicted.
 */
bool pp_send_evicted_note_all(const struct pp_flow *flow)
{
	bool noted = !flow->is_unrecorded && pp_send_evicted_note(flow, &flow->syn);
	const struct pp_attempt *other;

	pp_send_for_each_other(other, flow)
		noted = noted && pp_send_evicted_note(flow, other);
	return noted;
}

/* Whether a client's numbers would complete a handshake, by the SYN queue or by a SYN cookie */
static bool completes_handshake(u64 record, u32 seq, u32 ack)
{
	u16 backend = record >> SLOT_BACKEND, moved = record;
	u16 distance = (u16)(ack - seq) - (u16)(backend - moved);

	return (u16)(distance + COOKIE_SLACK) <= 2 * COOKIE_SLACK || (u16)(ack - 1) == backend;
}

static bool evicted_fits(const struct pp_net *pn, const struct pp_conn_key *key, bool answered,
			 u32 seq, u32 ack)
{
	struct pp_evicted *table = rcu_dereference(pn->flows.evicted);
	unsigned int i;

	/* The entry was not found any more; pairs with the atomic operations of its removal */
	smp_rmb();
	for (; table; table = rcu_dereference(table->before)) {
		u64 hash = evicted_hash(table, key), *set = evicted_set(table, hash);

		for (i = 0; i < SET_SLOTS; i++) {
			u64 record = READ_ONCE(set[i]);

			if (!record)
				break;
			if ((record ^ hash) & SLOT_TAG || !!(record & SLOT_ANSWERED) != answered)
				continue;
			if (answered ? completes_handshake(record, seq, ack) :
				       (u16)(ack - 1) == (u16)record)
				return true;
		}
	}
	return false;
}

/**
 * pp_send_evicted_guard - keep a client from completing an evicted handshake without its header
 * @pn: namespace
 * @pkt: packet of the client without an entry, not a SYN; its numbers may change
 * @key: its connection
 *
 * Context: in a hook, under RCU.
 * Return: verdict
 */
unsigned int pp_send_evicted_guard(struct pp_net *pn, struct pp_packet *pkt,
				   const struct pp_conn_key *key)
{
	u32 ack = pkt->ack_seq;
	struct tcphdr *th;
	unsigned int i;

	if (!pkt->th.ack || pkt->th.rst)
		return NF_ACCEPT;
	for (i = 0; i < LOWER_TRIES && evicted_fits(pn, key, true, pkt->seq, ack); i++)
		ack -= COOKIE_MISS;
	if (!i)
		return NF_ACCEPT;
	pp_stats_inc(pn, PICKED_UP);
	th = i < LOWER_TRIES ? pp_packet_make_writable(pkt) : NULL;
	if (!th)
		return NF_DROP;
	pp_packet_set_ack(pkt, th, ack, ntohs(th->window));
	return NF_ACCEPT;
}

/**
 * pp_send_evicted_hides - whether a backend answers a handshake that was evicted before
 * @pn: namespace
 * @pkt: packet of the backend without an entry
 * @key: its connection, in the direction of the client's packets
 *
 * Context: in a hook, under RCU.
 * Return: whether the packet has to be dropped
 */
bool pp_send_evicted_hides(const struct pp_net *pn, const struct pp_packet *pkt,
			   const struct pp_conn_key *key)
{
	return pkt->th.syn && pkt->th.ack && evicted_fits(pn, key, false, 0, pkt->ack_seq);
}

static u32 wanted_bits(const struct pp_flows *flows)
{
	u64 sets = roundup_pow_of_two((u64)READ_ONCE(flows->limit) * RECORDS_EACH / SET_SLOTS);

	return ilog2(clamp_t(u64, sets, SETS_MIN, SETS_MAX));
}

static struct pp_evicted *evicted_alloc(u32 bits)
{
	struct pp_evicted *table;

	table = kvzalloc(struct_size(table, slots, (size_t)SET_SLOTS << bits), GFP_KERNEL_ACCOUNT);
	if (!table)
		return NULL;
	table->bits = bits;
	table->since = jiffies;
	get_random_bytes(&table->key, sizeof(table->key));
	return table;
}

/**
 * pp_send_evicted_takes - whether a handshake could be recorded
 * @flow: entry without a conntrack entry
 *
 * Context: under RCU; pp_flow.lock held.
 * Return: whether it could, as far as is known before
 */
bool pp_send_evicted_takes(const struct pp_flow *flow)
{
	return pp_send_evicted_any(flow->net) && !flow->is_unrecorded;
}

static bool is_crowded(const struct pp_flows *flows)
{
	return flows->unknown > READ_ONCE(flows->limit) / CROWD_PART;
}

/*
 * Make a table in the place of @last, which may be NULL, and not smaller than that one. If memory
 * is short, that one stays.
 */
static void evicted_renew(struct pp_net *pn, struct pp_evicted *last)
{
	u32 bits = max(wanted_bits(&pn->flows), last ? last->bits : 0);
	struct pp_evicted *table = evicted_alloc(bits);

	if (!table)
		return;
	RCU_INIT_POINTER(table->before, last);
	rcu_assign_pointer(pn->flows.evicted, table);
}

/* Free the table if it has no record. Nobody can add one meanwhile. */
static void evicted_end(struct pp_net *pn, struct pp_evicted *table)
{
	WRITE_ONCE(table->is_closed, true);
	synchronize_rcu();
	if (READ_ONCE(table->is_used)) {
		WRITE_ONCE(table->is_closed, false);
		return;
	}
	RCU_INIT_POINTER(pn->flows.evicted, NULL);
	synchronize_rcu();
	kvfree(table);
}

/**
 * pp_send_evicted_turn - make the table, replace it, or free it
 * @pn: namespace
 *
 * Context: garbage collection, which alone replaces tables; may sleep.
 * Return: whether there is a table now, and was none before
 */
bool pp_send_evicted_turn(struct pp_net *pn)
{
	struct pp_evicted *table = rcu_dereference_protected(pn->flows.evicted, true), *before;

	if (!table) {
		if (is_crowded(&pn->flows))
			evicted_renew(pn, NULL);
		return pp_send_evicted_any(pn);
	}
	before = rcu_dereference_protected(table->before, true);
	/* The limit was raised */
	if (!before && table->bits < wanted_bits(&pn->flows) && is_crowded(&pn->flows))
		evicted_renew(pn, table);
	if (time_before(jiffies, table->since + PP_SEND_UNGUARDED_TIMEOUT) ||
	    table != rcu_access_pointer(pn->flows.evicted))
		return false;
	if (before) {
		RCU_INIT_POINTER(table->before, NULL);
		synchronize_rcu();
		kvfree(before);
	}
	if (READ_ONCE(table->is_used))
		evicted_renew(pn, table);
	else
		evicted_end(pn, table);
	return false;
}

/**
 * pp_send_evicted_exit - free all tables
 * @pn: namespace; its hooks are gone, so that no packet reads them
 *
 * Context: process.
 */
void pp_send_evicted_exit(struct pp_net *pn)
{
	struct pp_evicted *table = rcu_dereference_protected(pn->flows.evicted, true);

	if (table)
		kvfree(rcu_dereference_protected(table->before, true));
	kvfree(table);
}
