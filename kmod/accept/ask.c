// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: asking V's host whether it still has a connection.
 *
 * Owns the questions to V, and the meaning of its answers. The module cannot judge a SYN or a reset
 * as V can, which knows the number that it expects. So it asks V's host in two ways:
 *
 *   - A keepalive in C's name, if the connection has long been silent, or was reset by a number
 *     that nobody has confirmed. V's host acknowledges it, or resets a connection that it does
 *     not know.
 *   - L's new SYN on the ends of an accepted connection, sent on as C's. A SYN-ACK says that V's
 *     host has forgotten the connection, unless V goes on sending on it.
 */
#include <linux/netdevice.h>
#include <linux/once.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <net/netfilter/nf_conntrack.h>
#include "accept/inject.h"
#include "accept/internal.h"
#include "accept/pending.h"
#include "packet/segment.h"

/* How far a keepalive's sequence number may be below what V expects */
#define QUESTION_SPAN	BIT(15)

/*
 * Time for V's host to show that it still has the connection. L retransmits its SYN after a second.
 */
#define DENIAL_WAIT	(HZ / 2)

/**
 * struct denial - a prepared reset for V's half-open socket; in its skb->cb
 * @wire: the connection that V's host seems to have forgotten
 * @at: when V's host was asked, in jiffies
 */
struct denial {
	struct pp_conn_key wire;
	u32 at;
};

#define DENIAL_OF(skb)	((struct denial *)(skb)->cb)

/*
 * Choose the numbers of a keepalive when conntrack knows none. No connection expects them, and
 * nobody can guess them. V's reset is recognised by @ack.
 */
static void choose_numbers(const struct pp_accept *entry, u32 *seq, u32 *ack)
{
	static siphash_key_t key __read_mostly;
	u64 hash;

	get_random_once(&key, sizeof(key));
	hash = siphash_2u64((unsigned long)entry, entry->created, &key);
	*seq = hash >> 32;
	*ack = hash;
}

/*
 * Take the numbers of a keepalive from conntrack. The two numbers of a plain keepalive are about as
 * far apart as those of a SYN cookie. So a listener with SYN cookies could take it for a last ACK.
 * Therefore @seq is lowered by a random distance, which conntrack still accepts.
 *
 * Return: whether conntrack knows the numbers
 */
static bool conntrack_numbers(const struct pp_accept *entry, u32 *seq, u32 *ack)
{
	enum ip_conntrack_dir dir;
	struct nf_conn *ct = pp_accept_find_conntrack(entry->net, &entry->inner, &dir);
	const struct ip_ct_tcp_state *of_v, *of_c;
	bool found;

	if (!ct)
		return false;
	spin_lock_bh(&ct->lock);
	of_v = &ct->proto.tcp.seen[!dir];
	of_c = &ct->proto.tcp.seen[dir];
	found = of_v->flags & of_c->flags & IP_CT_TCP_FLAG_MAXACK_SET;
	*seq = of_v->td_maxack - 1 -
	       get_random_u32() % clamp_t(u32, of_v->td_maxwin / 2, 1, QUESTION_SPAN);
	*ack = of_c->td_maxack;
	spin_unlock_bh(&ct->lock);
	nf_ct_put(ct);
	return found;
}

/**
 * pp_accept_ask - ask V's host whether it still has an accepted connection
 * @entry: connection in PP_ACCEPT_ESTABLISHED, not locked, under RCU
 *
 * Context: a work, bottom halves disabled.
 */
void pp_accept_ask(struct pp_accept *entry)
{
	struct net_device *dev = dev_get_by_index_rcu(entry->net->net, entry->ifindex);
	struct pp_segment segment = {
		.key = entry->inner,
		.flags = TCPHDR_ACK,
		.window = 1024,
	};

	if (!conntrack_numbers(entry, &segment.seq, &segment.ack))
		choose_numbers(entry, &segment.seq, &segment.ack);
	if (dev)
		pp_accept_inject_segment(entry, &segment, dev, 0);
}

static bool answers_question(const struct pp_accept *entry, const struct pp_packet *pkt)
{
	u32 seq, ack;

	choose_numbers(entry, &seq, &ack);
	return pkt->seq == ack;
}

/* V retransmits its SYN-ACK if the last ACK was lost */
static bool is_repeated_synack(const struct pp_accept *entry, const struct pp_packet *pkt)
{
	return pkt->ack_seq == pp_accept_data_seq(entry) &&
	       pkt->seq == entry->isn_local + entry->delta;
}

/*
 * V's host is half-open for C, or the SYN-ACK is forged. So prepare a reset for the half-open
 * socket, and let pp_accept_doubt_denied() ask V's host first: if V still has the connection, the
 * reset must not be injected.
 */
static void deny_later(struct pp_accept *entry, const struct pp_packet *pkt)
{
	struct pp_accepts *accepts = &entry->net->accepts;
	struct pp_segment segment = {
		.key = entry->inner,
		.seq = pkt->ack_seq,
		.flags = TCPHDR_RST,
	};
	struct sk_buff *skb;

	if (READ_ONCE(entry->is_denied))
		return;
	skb = pp_packet_make_segment(&segment);
	if (!skb)
		return;
	DENIAL_OF(skb)->wire = entry->wire;
	WRITE_ONCE(entry->is_denied, true);
	WRITE_ONCE(entry->is_doubted, true);
	skb_queue_tail(&accepts->denials, skb);
	queue_work(system_highpri_wq, &accepts->finish);
}

/**
 * pp_accept_is_for_us - whether V's packet answers a question of ours, and L must not get it
 * @entry: connection in PP_ACCEPT_ESTABLISHED, under RCU
 * @pkt: V's packet, a SYN or a reset
 *
 * L gets no SYN-ACK but retransmissions of the one that it has got already. L would take another
 * one for the answer to its new SYN, and go on under the client of this connection.
 *
 * Return: whether L must not get it
 */
bool pp_accept_is_for_us(struct pp_accept *entry, const struct pp_packet *pkt)
{
	BUILD_BUG_ON(sizeof(struct denial) > sizeof_field(struct sk_buff, cb));
	if (pkt->th.rst && answers_question(entry, pkt) && pp_packet_checksum_ok(pkt)) {
		pp_accept_kill(entry, PP_STATS_ATTR_DENIED);
		return true;
	}
	if (!pkt->th.syn || !pkt->th.ack || is_repeated_synack(entry, pkt))
		return false;
	if (pp_packet_checksum_ok(pkt) && pp_accept_answers_new_syn(entry, pkt))
		deny_later(entry, pkt);
	return true;
}

static struct pp_accept *find_denied(struct pp_net *pn, const struct sk_buff *skb)
{
	struct pp_accept *entry = pp_accept_find_wire(pn, &DENIAL_OF(skb)->wire);

	return entry && READ_ONCE(entry->is_denied) ? entry : NULL;
}

/**
 * pp_accept_doubt_denied - ask V's host about connections that it seems to have forgotten
 * @pn: namespace
 *
 * It moves the prepared resets from pp_accepts.denials to pp_accepts.doubts.
 *
 * Context: a work.
 */
void pp_accept_doubt_denied(struct pp_net *pn)
{
	struct pp_accepts *accepts = &pn->accepts;
	struct pp_accept *entry;
	struct sk_buff *skb;

	while ((skb = skb_dequeue(&accepts->denials))) {
		local_bh_disable();
		rcu_read_lock();
		entry = find_denied(pn, skb);
		if (entry)
			pp_accept_ask(entry);
		rcu_read_unlock();
		local_bh_enable();
		DENIAL_OF(skb)->at = jiffies;
		skb_queue_tail(&accepts->doubts, skb);
		mod_delayed_work(system_power_efficient_wq, &accepts->gc, DENIAL_WAIT + 1);
	}
}

/*
 * End the connection, and reset V's half-open socket, which would wait for C's last ACK. With RCU
 * and bottom halves disabled.
 */
static void end_denied(struct pp_net *pn, struct sk_buff *skb)
{
	struct pp_accept *entry = find_denied(pn, skb);
	struct net_device *dev = entry ? dev_get_by_index_rcu(pn->net, entry->ifindex) : NULL;

	if (entry)
		pp_accept_kill(entry, PP_STATS_ATTR_DENIED);
	if (dev)
		pp_accept_inject_packet(entry, skb, dev);
	else
		kfree_skb(skb);
}

/**
 * pp_accept_settle_denied - end connections that V's host has forgotten
 * @pn: namespace
 *
 * If V has sent something else since it was asked, it still has the connection: the SYN-ACK was
 * forged.
 *
 * Context: a work, pp_accepts.gc alone.
 */
void pp_accept_settle_denied(struct pp_net *pn)
{
	struct sk_buff_head *doubts = &pn->accepts.doubts;
	struct sk_buff *skb;

	while ((skb = skb_peek(doubts)) &&
	       (u32)jiffies - DENIAL_OF(skb)->at >= DENIAL_WAIT) {
		skb_unlink(skb, doubts);
		local_bh_disable();
		rcu_read_lock();
		end_denied(pn, skb);
		rcu_read_unlock();
		local_bh_enable();
	}
}

/**
 * pp_accept_note_reset - note a reset that conntrack has accepted
 * @pn: namespace
 * @pkt: reset of either end in POST_ROUTING
 *
 * Conntrack takes a connection for closed only if the reset has the expected number.
 *
 * Context: under RCU.
 */
void pp_accept_note_reset(struct pp_net *pn, const struct pp_packet *pkt)
{
	enum ip_conntrack_info ctinfo;
	const struct nf_conn *ct = nf_ct_get(pkt->skb, &ctinfo);
	const struct nf_conntrack_tuple *tuple;
	struct pp_conn_key key = { .family = pkt->family };
	struct pp_accept *entry;

	if (!ct || nf_ct_is_template(ct) || READ_ONCE(ct->proto.tcp.state) != TCP_CONNTRACK_CLOSE)
		return;
	tuple = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	memcpy(&key.src, &tuple->src.u3, sizeof(key.src));
	memcpy(&key.dst, &tuple->dst.u3, sizeof(key.dst));
	key.sport = tuple->src.u.tcp.port;
	key.dport = tuple->dst.u.tcp.port;
	entry = pp_accept_find_inner(pn, &key);
	/*
	 * Before that state, an old connection of the same ends may be reset to make room for this
	 * one
	 */
	if (entry && READ_ONCE(entry->state) == PP_ACCEPT_ESTABLISHED)
		WRITE_ONCE(entry->is_reset, true);
}
