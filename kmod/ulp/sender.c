// SPDX-License-Identifier: GPL-2.0
/*
 * Sending by socket: the header is TCP's own first data.
 *
 * Owns the headers of sockets that send one, and the moment at which it goes into the stream: when
 * the connection is established, before the program learns of that. So TCP itself retransmits it,
 * splits it, and acknowledges it:
 *
 *	stream	| header | the program's data
 *		^ SYN + 1
 *
 * If there is no memory at that moment, write.c lets no data pass before the header is in the
 * stream, and starved.c tries again. Whether it is, changes with the socket locked alone. No call
 * here waits for room with half a header written.
 */
#include <linux/hash.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <net/tcp.h>
#include "netlink/event.h"
#include "ulp/internal.h"

#define TABLE_BITS	10

/**
 * struct pp_ulp_sender - the header that a socket sends
 * @node: in the table, by @sk; protected by the lock of the bucket
 * @starved: in the list of starved.c
 * @sk: the socket
 * @pn: its namespace
 * @created: when the program has called connect(), in jiffies
 * @waits: not all of the header is in the stream; written with the socket locked
 * @was_starved: this connection was counted as one that waits for memory
 * @queued: bytes that are in the stream; with the socket locked
 * @rcu: for freeing
 * @ends: what the header says
 * @unique_id: offset of its unique id, or 0
 * @len: its length
 * @bytes: the header
 */
struct pp_ulp_sender {
	struct hlist_node node;
	struct list_head starved;
	struct sock *sk;
	struct pp_net *pn;
	u32 created;
	bool waits;
	bool was_starved;
	u16 queued;
	struct rcu_head rcu;
	struct pp_header ends;
	u16 unique_id;
	u16 len;
	u8 bytes[];
};

/**
 * struct sender_bucket - sockets of a hash value
 * @lock: protects @senders. A socket leaves its bucket before it is freed: with the lock held, the
 *	sockets of @senders stay.
 * @senders: struct pp_ulp_sender
 */
struct sender_bucket {
	spinlock_t lock;
	struct hlist_head senders;
};

static struct sender_bucket sender_table[1 << TABLE_BITS];

static struct sender_bucket *sender_bucket_of(const struct sock *sk)
{
	return &sender_table[hash_ptr((void *)sk, TABLE_BITS)];
}

/* Under RCU */
static struct pp_ulp_sender *sender_of(const struct sock *sk)
{
	const struct pp_ulp_attached *attached = pp_ulp_attached_of(sk);

	return attached ? rcu_dereference(attached->sender) : NULL;
}

/* With the socket locked: then the sender stays */
static struct pp_ulp_sender *sender_of_locked(const struct sock *sk)
{
	struct pp_ulp_sender *sender;

	rcu_read_lock();
	sender = sender_of(sk);
	rcu_read_unlock();
	return sender;
}

static void describe_sent(const struct pp_ulp_sender *sender, u8 state, struct pp_ulp_sent *sent)
{
	const struct sock *sk = sender->sk;
	const struct inet_sock *inet = inet_sk(sk);

	*sent = (struct pp_ulp_sent){
		.pn = sender->pn,
		.created = sender->created,
		.state = state,
		.ends = &sender->ends,
		.header_len = sender->len,
		.unique_id = sender->unique_id ? sender->bytes + sender->unique_id : NULL,
	};
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_daddr)) {
		sent->wire.family = PP_IPV6;
		sent->wire.src.in6 = sk->sk_v6_rcv_saddr;
		sent->wire.dst.in6 = sk->sk_v6_daddr;
	} else {
		sent->wire.src.ip = inet->inet_rcv_saddr;
		sent->wire.dst.ip = inet->inet_daddr;
	}
	sent->wire.sport = inet->inet_sport;
	sent->wire.dport = inet->inet_dport;
}

static void finish_sending(struct pp_ulp_sender *sender)
{
	struct pp_ulp_sent sent;

	WRITE_ONCE(sender->waits, false);
	pp_ulp_starved_remove(&sender->starved);
	pp_stats_inc(sender->pn, SENT_BY_SOCKET);
	describe_sent(sender, PP_CONN_STATE_HEADER_SENT, &sent);
	pp_netlink_event_socket_sent(&sent);
}

static void starve_sender(struct pp_ulp_sender *sender)
{
	if (!sender->was_starved)
		pp_stats_inc(sender->pn, SEND_STARVED);
	sender->was_starved = true;
	pp_ulp_starved_add(&sender->starved);
}

/* Return: bytes that TCP has taken, or an error. It never waits, and never unlocks the socket. */
static int give_to_tcp(struct pp_ulp_sender *sender, struct sock *sk, gfp_t gfp)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	unsigned int len = sender->len - sender->queued;
	struct kvec rest = { .iov_base = sender->bytes + sender->queued, .iov_len = len };
	gfp_t allocation = sk->sk_allocation;
	bool frag = pp_sock_set_task_frag(sk, false);
	int ret = -ENOMEM;

	iov_iter_kvec(&msg.msg_iter, WRITE, &rest, 1, len);
	sk->sk_allocation = gfp;
	/* In one piece, since many receivers read the header by one call */
	if (skb_page_frag_refill(len, sk_page_frag(sk), gfp | __GFP_NOWARN))
		ret = tcp_sendmsg_locked(sk, &msg, len);
	sk->sk_allocation = allocation;
	pp_sock_set_task_frag(sk, frag);
	return ret;
}

static bool can_queue(const struct sock *sk)
{
	return (1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT) &&
	       !sk->sk_err && !(sk->sk_shutdown & SEND_SHUTDOWN) &&
	       !sock_flag(sk, SOCK_DEAD) && !tcp_sk(sk)->repair;
}

/**
 * pp_ulp_sender_queue - put the header into the stream, if the connection is established
 * @sk: TCP socket, locked; may have no header to send
 * @gfp: for memory
 */
void pp_ulp_sender_queue(struct sock *sk, gfp_t gfp)
{
	struct pp_ulp_sender *sender = sender_of_locked(sk);
	int ret;

	if (!sender || !sender->waits || !can_queue(sk))
		return;
	ret = give_to_tcp(sender, sk, gfp);
	if (ret > 0)
		sender->queued += ret;
	/* The program's first data is not to wait for the header's acknowledgement (Nagle) */
	tcp_sk(sk)->snd_sml = tcp_sk(sk)->snd_una;
	if (sender->queued == sender->len)
		finish_sending(sender);
	else
		starve_sender(sender);
}

/* sk_state_change() of a sending socket */
static void send_state_changed(struct sock *sk)
{
	if (sk->sk_state == TCP_ESTABLISHED)
		pp_ulp_sender_queue(sk, GFP_ATOMIC);
	pp_ulp_base_state_change(sk);
}

static struct pp_ulp_sender *make_sender(struct sock *sk, const struct pp_ulp_named *named)
{
	struct pp_ulp_sender *sender = kzalloc(struct_size(sender, bytes, named->len),
					       GFP_KERNEL_ACCOUNT);

	if (!sender)
		return NULL;
	INIT_LIST_HEAD(&sender->starved);
	sender->sk = sk;
	sender->pn = pp_net_of(sock_net(sk));
	sender->created = jiffies;
	sender->waits = true;
	sender->ends = named->ends;
	sender->unique_id = named->unique_id;
	sender->len = named->len;
	memcpy(sender->bytes, named->bytes, named->len);
	return sender;
}

/* Replace the sender of a socket that is locked, or that nobody uses any more */
static void replace_sender(struct pp_ulp_attached *attached, struct pp_ulp_sender *sender)
{
	struct sender_bucket *bucket = sender_bucket_of(attached->sk);
	struct pp_ulp_sender *old = rcu_replace_pointer(attached->sender, sender, true);

	spin_lock_bh(&bucket->lock);
	if (old)
		hlist_del(&old->node);
	if (sender)
		hlist_add_head(&sender->node, &bucket->senders);
	spin_unlock_bh(&bucket->lock);
	if (sender)
		atomic_inc(&sender->pn->ulp.senders);
	if (!old)
		return;
	pp_ulp_starved_remove(&old->starved);
	atomic_dec(&old->pn->ulp.senders);
	kfree_rcu(old, rcu);
}

static int name_locked(struct sock *sk, const struct pp_ulp_named *named)
{
	struct pp_ulp_attached *attached;
	struct pp_ulp_sender *sender;

	/* It stays, since the caller has the socket's file */
	rcu_read_lock();
	attached = pp_ulp_attached_of(sk);
	rcu_read_unlock();
	if (!attached)
		return -ENOENT;
	if (sk->sk_state != TCP_CLOSE)
		return -EISCONN;
	if (!list_empty(&attached->node) || rcu_access_pointer(attached->policy))
		return -EALREADY;
	sender = make_sender(sk, named);
	if (!sender)
		return -ENOMEM;
	if (!rcu_access_pointer(attached->sender))
		pp_ulp_put_on_sender(sk, send_state_changed);
	WRITE_ONCE(attached->by_rule, false);
	replace_sender(attached, sender);
	return 0;
}

/**
 * pp_ulp_sender_name - PP_SO_SEND and PP_SO_SEND_READY
 * @sk: TCP socket
 * @option: which
 * @arg: its value
 * @len: bytes of @arg
 *
 * Return: 0, or an error as the uapi header says
 */
int pp_ulp_sender_name(struct sock *sk, int option, sockptr_t arg, unsigned int len)
{
	struct pp_ulp_named *named = kzalloc(sizeof(*named), GFP_KERNEL_ACCOUNT);
	int err;

	if (!named)
		return -ENOMEM;
	err = pp_ulp_named_read(named, option, arg, len);
	if (!err) {
		lock_sock(sk);
		err = name_locked(sk, named);
		release_sock(sk);
	}
	kfree(named);
	return err;
}

/**
 * pp_ulp_sender_arm - the socket is about to connect
 * @sk: socket with the ULP, locked
 *
 * Return: 0; -ENODATA: the program has named no header, and would show itself as the client;
 * -EOPNOTSUPP: TCP would send data in the SYN, or send nothing
 */
int pp_ulp_sender_arm(struct sock *sk)
{
	struct pp_ulp_sender *sender = sender_of_locked(sk);

	if (!sender)
		return -ENODATA;
	if (sk->sk_state != TCP_CLOSE)
		return 0;
	if (tcp_sk(sk)->fastopen_connect || tcp_sk(sk)->repair)
		return -EOPNOTSUPP;
	sender->queued = 0;
	sender->was_starved = false;
	sender->created = jiffies;
	WRITE_ONCE(sender->waits, true);
	return 0;
}

/**
 * pp_ulp_sender_waits - whether the header of a socket is not in the stream yet
 * @sk: TCP socket
 *
 * Context: any; while the socket is not locked, the answer may be old.
 */
bool pp_ulp_sender_waits(const struct sock *sk)
{
	const struct pp_ulp_sender *sender;
	bool waits;

	rcu_read_lock();
	sender = sender_of(sk);
	waits = sender && READ_ONCE(sender->waits);
	rcu_read_unlock();
	return waits;
}

/**
 * pp_ulp_sender_hold - find the socket of a list entry
 * @node: pp_ulp_sender.starved
 *
 * Context: the lock of the list is held, which a sender takes before its socket is freed.
 * Return: the socket, with a reference
 */
struct sock *pp_ulp_sender_hold(struct list_head *node)
{
	struct sock *sk = list_entry(node, struct pp_ulp_sender, starved)->sk;

	sock_hold(sk);
	return sk;
}

/**
 * pp_ulp_sender_end - a socket with the ULP is destroyed
 * @attached: the socket; it may never have had a header
 */
void pp_ulp_sender_end(struct pp_ulp_attached *attached)
{
	if (rcu_access_pointer(attached->sender))
		replace_sender(attached, NULL);
}

/**
 * pp_ulp_sends - whether a socket sends a header of its own
 * @sk: any socket, or NULL
 *
 * Context: under RCU.
 * Return: whether it does: then send rules leave its connection alone
 */
bool pp_ulp_sends(const struct sock *sk)
{
	return sk && sk_fullsock(sk) && sk->sk_protocol == IPPROTO_TCP &&
	       sk->sk_type == SOCK_STREAM && sender_of(sk);
}

/**
 * pp_ulp_find_sent - find the header that a socket sends
 * @sk: TCP socket
 * @len: set to its length
 *
 * Context: under RCU.
 * Return: the header, or NULL
 */
const u8 *pp_ulp_find_sent(const struct sock *sk, unsigned int *len)
{
	const struct pp_ulp_sender *sender = sender_of(sk);

	*len = sender ? sender->len : 0;
	return sender ? sender->bytes : NULL;
}

/* Return: enum pp_conn_state; 0: there is no connection whose header is not acknowledged yet */
static u8 state_of(const struct pp_ulp_sender *sender)
{
	const struct sock *sk = sender->sk;

	switch (READ_ONCE(sk->sk_state)) {
	case TCP_CLOSE:
		return 0;
	case TCP_SYN_SENT:
	case TCP_SYN_RECV:
		return PP_CONN_STATE_SYN_SENT;
	default:
		if (READ_ONCE(sender->waits))
			return PP_CONN_STATE_SYN_RECV;
		/* TCP counts the SYN, too */
		return READ_ONCE(tcp_sk(sk)->bytes_acked) > sender->len ?
		       0 : PP_CONN_STATE_HEADER_SENT;
	}
}

static int emit_senders(struct pp_net *pn, struct pp_ulp_walk *walk,
			int (*emit)(const struct pp_ulp_sent *sent, void *arg), void *arg)
{
	struct sender_bucket *bucket = &sender_table[walk->bucket];
	const struct pp_ulp_sender *sender = NULL;
	struct pp_ulp_sent sent;
	unsigned int at = 0;
	int err = 0;
	u8 state;

	spin_lock_bh(&bucket->lock);
	hlist_for_each_entry(sender, &bucket->senders, node) {
		if (at++ < walk->skip || sender->pn != pn)
			continue;
		state = state_of(sender);
		if (state) {
			describe_sent(sender, state, &sent);
			err = emit(&sent, arg);
		}
		if (err)
			break;
		walk->skip = at;
	}
	spin_unlock_bh(&bucket->lock);
	return err;
}

/**
 * pp_ulp_each_sent - call a function for each connection whose socket sends a header
 * @pn: namespace
 * @walk: position, zero at first
 * @emit: function; must not sleep; ends the walk by returning anything but 0, and is called again
 *	with the same connection when the walk goes on
 * @arg: argument of @emit
 *
 * Connections whose header is acknowledged are left out.
 *
 * Return: 0 at the end, or what @emit has returned
 */
int pp_ulp_each_sent(struct pp_net *pn, struct pp_ulp_walk *walk,
		     int (*emit)(const struct pp_ulp_sent *sent, void *arg), void *arg)
{
	int err = 0;

	if (!atomic_read(&pn->ulp.senders))
		return 0;
	while (!err && walk->bucket < ARRAY_SIZE(sender_table)) {
		err = emit_senders(pn, walk, emit, arg);
		if (!err) {
			walk->bucket++;
			walk->skip = 0;
		}
	}
	return err;
}

void __init pp_ulp_sender_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sender_table); i++)
		spin_lock_init(&sender_table[i].lock);
}
