// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: connections whose destination is another host, a container, or behind NAT.
 *
 * Owns the ends of such a connection as V knows them, from C's SYN on and for some time after the
 * entry is gone. V's host may send packets later than all others have forgotten the connection: it
 * retransmits a FIN, answers a delayed packet, or did not get the reset. The entry, and conntrack's
 * entry that undoes NAT, may be gone by then. Such a packet would leave for the real client C,
 * which has never had this connection. So it is dropped.
 */
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <net/netfilter/nf_conntrack.h>
#include "accept/internal.h"
#include "offload.h"

/* Time after V's last packet until its ends are forgotten. TCP retransmits at most 120 s apart. */
#define FAR_TIMEOUT	(300 * HZ)
/* Limit of remembered connections that are over, per namespace */
#define FAR_MAX		65536

/**
 * struct pp_far - the ends of a connection, as V's host knows them
 * @node: in pp_accepts.by_far
 * @over_node: in pp_accepts.over, or empty while a connection uses it; pp_accepts.lock
 * @key: C > V, behind NAT
 * @syn_end: sequence number behind the last SYN of L that went to V as C's, if @has_syn
 * @synack: sequence number of V's SYN-ACK to that SYN
 * @users: connections that use it; pp_accepts.lock
 * @heard: when the last connection ended, or V was last heard after that, in jiffies;
 *	pp_accepts.lock
 * @has_syn: L has sent a SYN on the ends of an accepted connection
 * @rcu: for freeing
 */
struct pp_far {
	struct rhash_head node;
	struct list_head over_node;
	struct pp_conn_key key;
	u32 syn_end;
	u32 synack;
	u32 users;
	u32 heard;
	bool has_syn;
	struct rcu_head rcu;
};

static int far_compare(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct pp_far *far = obj;

	return !pp_key_equals(arg->key, &far->key);
}

static const struct rhashtable_params far_params = {
	.head_offset = offsetof(struct pp_far, node),
	.key_offset = offsetof(struct pp_far, key),
	.key_len = sizeof(struct pp_conn_key),
	.hashfn = pp_key_hash,
	.obj_cmpfn = far_compare,
	.automatic_shrinking = true,
};

static void set_far_key(struct pp_conn_key *key, const struct nf_conntrack_tuple *of_v,
			enum pp_family family)
{
	*key = (struct pp_conn_key){
		.sport = of_v->dst.u.tcp.port,
		.dport = of_v->src.u.tcp.port,
		.family = family,
	};
	memcpy(&key->src, &of_v->dst.u3, sizeof(key->src));
	memcpy(&key->dst, &of_v->src.u3, sizeof(key->dst));
}

/* The ends of V's packet as V has sent it, before NAT */
static void get_far_key(const struct pp_packet *pkt, struct pp_conn_key *key)
{
	enum ip_conntrack_info info;
	const struct nf_conn *ct = nf_ct_get(pkt->skb, &info);

	if (ct && !nf_ct_is_template(ct))
		set_far_key(key, &ct->tuplehash[CTINFO2DIR(info)].tuple, pkt->family);
	else
		pp_packet_get_key(pkt, key, true);
}

static struct pp_far *insert_far(struct pp_accepts *accepts, const struct pp_conn_key *key)
{
	struct pp_far *far = kzalloc(sizeof(*far), GFP_ATOMIC | __GFP_NOWARN), *old;

	if (!far)
		return NULL;
	INIT_LIST_HEAD(&far->over_node);
	far->key = *key;
	old = rhashtable_lookup_get_insert_fast(&accepts->by_far, &far->node, far_params);
	if (!old)
		return far;
	kfree(far);
	return IS_ERR(old) ? NULL : old;
}

/* With pp_accepts.lock held: remove it from the list of those that are over */
static void take_far_out(struct pp_accepts *accepts, struct pp_far *far)
{
	if (list_empty(&far->over_node))
		return;
	list_del_init(&far->over_node);
	WRITE_ONCE(accepts->over_count, accepts->over_count - 1);
}

static void remove_far(struct pp_accepts *accepts, struct pp_far *far)
{
	take_far_out(accepts, far);
	rhashtable_remove_fast(&accepts->by_far, &far->node, far_params);
	kfree_rcu(far, rcu);
}

static bool add_far(struct pp_accept *entry, const struct pp_conn_key *key)
{
	struct pp_accepts *accepts = &entry->net->accepts;
	struct pp_far *far;

	spin_lock(&accepts->lock);
	far = rhashtable_lookup_fast(&accepts->by_far, key, far_params);
	if (!far)
		far = insert_far(accepts, key);
	if (far) {
		far->users++;
		take_far_out(accepts, far);
		entry->far = far;
	}
	spin_unlock(&accepts->lock);
	return far;
}

/**
 * pp_accept_note_far - remember the ends that V knows
 * @entry: connection, with its lock held
 * @pkt: V's answer to C's SYN, in POST_ROUTING
 *
 * Return: whether they are remembered; false: there is no memory
 */
bool pp_accept_note_far(struct pp_accept *entry, const struct pp_packet *pkt)
{
	struct pp_conn_key key;

	lockdep_assert_held(&entry->lock);

	get_far_key(pkt, &key);
	if (entry->far && pp_key_equals(&entry->far->key, &key))
		return true;
	/* What was guessed before V has answered was wrong */
	pp_accept_leave_far(entry);
	return add_far(entry, &key);
}

/**
 * pp_accept_guess_far - remember the ends of a connection that V has not answered yet
 * @entry: connection, with its lock held; C's SYN has gone to V elsewhere
 *
 * The ends are those that conntrack will give V's packets, or the ends that C knows.
 */
void pp_accept_guess_far(struct pp_accept *entry)
{
	struct pp_conn_key key = entry->inner;
	enum ip_conntrack_dir dir;
	struct nf_conn *ct;

	lockdep_assert_held(&entry->lock);

	if (entry->far)
		return;
	ct = pp_accept_find_conntrack(entry->net, &entry->inner, &dir);
	if (ct) {
		set_far_key(&key, &ct->tuplehash[!dir].tuple, key.family);
		nf_ct_put(ct);
	}
	add_far(entry, &key);
}

/**
 * pp_accept_leave_far - release the ends of a connection that V may still have
 * @entry: connection, with its lock held
 *
 * The last user puts them into pp_accepts.over.
 */
void pp_accept_leave_far(struct pp_accept *entry)
{
	struct pp_accepts *accepts = &entry->net->accepts;
	struct pp_far *far = entry->far;

	if (!far)
		return;
	WRITE_ONCE(entry->far, NULL);
	spin_lock(&accepts->lock);
	if (!--far->users) {
		far->heard = jiffies;
		list_add_tail(&far->over_node, &accepts->over);
		WRITE_ONCE(accepts->over_count, accepts->over_count + 1);
	}
	if (accepts->over_count > FAR_MAX)
		remove_far(accepts, list_first_entry(&accepts->over, struct pp_far, over_node));
	spin_unlock(&accepts->lock);
}

/**
 * pp_accept_note_new_syn - remember a SYN that goes to V on the ends of an accepted connection
 * @entry: connection in PP_ACCEPT_ESTABLISHED, under RCU
 * @pkt: L's SYN
 */
void pp_accept_note_new_syn(struct pp_accept *entry, const struct pp_packet *pkt)
{
	struct pp_far *far = READ_ONCE(entry->far);

	if (!far)
		return;
	WRITE_ONCE(far->syn_end, pkt->seq + 1);
	WRITE_ONCE(far->has_syn, true);
}

/**
 * pp_accept_answers_new_syn - whether V's SYN-ACK answers L's last SYN on these ends
 * @entry: connection in PP_ACCEPT_ESTABLISHED, under RCU
 * @pkt: SYN-ACK of V
 *
 * Return: whether it does; then its sequence number is remembered
 */
bool pp_accept_answers_new_syn(struct pp_accept *entry, const struct pp_packet *pkt)
{
	struct pp_far *far = READ_ONCE(entry->far);

	if (!far || !READ_ONCE(far->has_syn) || pkt->ack_seq != READ_ONCE(far->syn_end))
		return false;
	WRITE_ONCE(far->synack, pkt->seq);
	return true;
}

/**
 * pp_accept_is_half_open_ack - whether V's packet only belongs to a new half-open connection
 * @entry: connection in PP_ACCEPT_ESTABLISHED, under RCU
 * @pkt: packet of V
 *
 * Return: whether it does, and so does not show that V still has the accepted connection
 */
bool pp_accept_is_half_open_ack(struct pp_accept *entry, const struct pp_packet *pkt)
{
	const struct pp_far *far = READ_ONCE(entry->far);

	return far && READ_ONCE(far->has_syn) && pkt->ack_seq == READ_ONCE(far->syn_end) &&
	       pkt->seq == READ_ONCE(far->synack) + 1;
}

static struct pp_far *find_far(struct pp_net *pn, const struct pp_conn_key *key)
{
	return rhashtable_lookup(&pn->accepts.by_far, key, far_params);
}

/*
 * Whether conntrack has an entry in which C itself began the connection: it is not marked against
 * flow offload, as ours are
 */
static bool is_of_client(const struct sk_buff *skb)
{
	enum ip_conntrack_info info;
	const struct nf_conn *ct = nf_ct_get(skb, &info);

	return ct && !nf_ct_is_template(ct) && CTINFO2DIR(info) == IP_CT_DIR_REPLY &&
	       !pp_offload_is_denied(ct);
}

/*
 * If conntrack took a late packet for the beginning of a connection of V, its entry would occupy
 * the ends that C's packets need behind NAT. If L sends again, V must see the same ends. So that
 * entry is deleted.
 */
static void forget_begun_by_v(const struct sk_buff *skb)
{
	enum ip_conntrack_info info;
	struct nf_conn *ct = nf_ct_get(skb, &info);

	if (ct && !nf_ct_is_template(ct) && nf_ct_is_confirmed(ct) &&
	    CTINFO2DIR(info) == IP_CT_DIR_ORIGINAL)
		nf_ct_kill(ct);
}

/**
 * pp_accept_drop_late - drop a packet of V on the ends of a connection that has no entry
 * @pn: namespace
 * @pkt: packet in POST_ROUTING that belongs to no entry
 *
 * Context: under RCU.
 * Return: verdict
 */
unsigned int pp_accept_drop_late(struct pp_net *pn, const struct pp_packet *pkt)
{
	struct pp_accepts *accepts = &pn->accepts;
	struct pp_conn_key key;
	struct pp_far *far;

	/* Nothing is elsewhere, or V begins a connection of its own */
	if (!atomic_read(&accepts->by_far.nelems) || (pkt->th.syn && !pkt->th.ack))
		return NF_ACCEPT;
	get_far_key(pkt, &key);
	far = find_far(pn, &key);
	if (!far || is_of_client(pkt->skb))
		return NF_ACCEPT;
	spin_lock_bh(&accepts->lock);
	if (!list_empty(&far->over_node)) {
		far->heard = jiffies;
		list_move_tail(&far->over_node, &accepts->over);
	}
	spin_unlock_bh(&accepts->lock);
	forget_begun_by_v(pkt->skb);
	pp_stats_inc(pn, LATE);
	consume_skb(pkt->skb);
	return NF_STOLEN;
}

/**
 * pp_accept_yield_far - forget ends on which C itself begins a connection
 * @pn: namespace
 * @key: its addresses and ports
 *
 * Without conntrack, nothing else tells V's answers to C from late packets.
 *
 * Context: under RCU.
 */
void pp_accept_yield_far(struct pp_net *pn, const struct pp_conn_key *key)
{
	struct pp_accepts *accepts = &pn->accepts;
	struct pp_far *far = find_far(pn, key);

	if (!far)
		return;
	spin_lock_bh(&accepts->lock);
	if (!list_empty(&far->over_node))
		remove_far(accepts, far);
	spin_unlock_bh(&accepts->lock);
}

static bool forget_one_far(struct pp_accepts *accepts)
{
	struct pp_far *far;
	bool is_old;

	spin_lock_bh(&accepts->lock);
	far = list_first_entry_or_null(&accepts->over, struct pp_far, over_node);
	is_old = far && (u32)jiffies - far->heard > FAR_TIMEOUT;
	if (is_old)
		remove_far(accepts, far);
	spin_unlock_bh(&accepts->lock);
	return is_old;
}

/**
 * pp_accept_tend_far - forget ends on which V has been silent for long
 * @pn: namespace
 *
 * Context: a work.
 */
void pp_accept_tend_far(struct pp_net *pn)
{
	while (forget_one_far(&pn->accepts))
		cond_resched();
}

int pp_accept_far_init(struct pp_accepts *accepts)
{
	INIT_LIST_HEAD(&accepts->over);
	return rhashtable_init(&accepts->by_far, &far_params);
}

static void free_far(void *ptr, void *arg)
{
	kfree(ptr);
}

/* The hooks are gone, so no packet can find them any more */
void pp_accept_far_exit(struct pp_accepts *accepts)
{
	rhashtable_free_and_destroy(&accepts->by_far, free_far, NULL);
}
