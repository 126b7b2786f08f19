// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting by socket: the clients of accepted sockets.
 *
 * Owns the table of accepted sockets. An entry is complete before its socket exists, and lives
 * until the socket is destroyed. It holds a reference on the module, since the socket calls our
 * function at its end, which may be long after the application has closed it.
 */
#include <linux/hash.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "accept/accept.h"
#include "netlink/event.h"
#include "ulp/internal.h"

#define TABLE_BITS	13
/* Limit of memory for kept headers, per namespace */
#define KEPT_MAX	(128L << 20)
/* sk_max_ack_backlog of an accepted socket, as no listening socket has it */
#define NEVER_LISTENED	U32_MAX

/**
 * struct ulp_bucket - sockets of a hash value
 * @lock: protects @clients
 * @clients: struct pp_ulp_client; read under RCU
 */
struct ulp_bucket {
	spinlock_t lock;
	struct hlist_head clients;
};

static struct ulp_bucket table[1 << TABLE_BITS];

static struct ulp_bucket *bucket_of(const struct sock *sk)
{
	return &table[hash_ptr((void *)sk, TABLE_BITS)];
}

static void free_client(struct pp_ulp_client *client)
{
	kfree(client);
	module_put(THIS_MODULE);
}

static void free_rcu_client(struct rcu_head *rcu)
{
	free_client(container_of(rcu, struct pp_ulp_client, rcu));
}

static void uncount_client(const struct pp_ulp_client *client)
{
	struct pp_ulp_state *state = &client->conn.pn->ulp;

	if (client->conn.header)
		atomic_long_sub(client->conn.header_len, &state->kept);
	atomic_dec(&state->clients);
}

static bool keep_bytes(struct pp_net *pn, unsigned int len)
{
	if (atomic_long_add_return(len, &pn->ulp.kept) <= KEPT_MAX)
		return true;
	atomic_long_sub(len, &pn->ulp.kept);
	pp_stats_inc(pn, NOT_KEPT);
	return false;
}

/* The client that the socket can show, or AF_UNSPEC */
static void choose_shown(const struct pp_ulp_attempt *at, struct pp_ulp_conn *conn)
{
	struct pp_endpoint client = conn->ends.src;

	if (pp_proto_is_mapped(&client))
		pp_proto_unmap(&client);
	if (client.family != AF_UNSPEC && pp_accept_is_possible_client(&client) &&
	    (client.family == AF_INET || at->listener->sk_family == AF_INET6))
		conn->client = client;
}

/**
 * pp_ulp_client_make - make the entry of a connection whose header is complete
 * @at: attempt; @at->client is set
 * @bytes: the header, or all headers in a row
 * @stack: what they say
 * @len: their length
 *
 * Context: softirq, under RCU.
 * Return: 0; -ENOSPC: at the limit of accepted connections; -ENOMEM
 */
int pp_ulp_client_make(struct pp_ulp_attempt *at, const u8 *bytes, struct pp_stack *stack,
		       unsigned int len)
{
	struct pp_net *pn = at->conn.pn;
	struct pp_ulp_client *client;
	bool is_kept;

	if (atomic_inc_return(&pn->ulp.clients) > READ_ONCE(pn->accepts.limit)) {
		atomic_dec(&pn->ulp.clients);
		return -ENOSPC;
	}
	is_kept = keep_bytes(pn, len);
	client = kzalloc(struct_size(client, bytes, is_kept ? len : 0), GFP_ATOMIC | __GFP_NOWARN);
	if (!client) {
		if (is_kept)
			atomic_long_sub(len, &pn->ulp.kept);
		atomic_dec(&pn->ulp.clients);
		return -ENOMEM;
	}
	__module_get(THIS_MODULE);
	mutex_init(&client->ops_lock);
	client->conn = at->conn;
	pp_proto_unmap_ends(&stack->named);
	client->conn.ends = stack->named;
	client->conn.header_len = len;
	client->conn.header_count = stack->count;
	choose_shown(at, &client->conn);
	if (is_kept) {
		memcpy(client->bytes, bytes, len);
		client->conn.header = client->bytes;
	}
	at->client = client;
	return 0;
}

/**
 * pp_ulp_client_discard - free an entry that no socket has got
 * @client: entry
 */
void pp_ulp_client_discard(struct pp_ulp_client *client)
{
	uncount_client(client);
	free_client(client);
}

static struct pp_ulp_client *unlink_client(const struct sock *sk)
{
	struct ulp_bucket *bucket = bucket_of(sk);
	struct pp_ulp_client *client = NULL;

	spin_lock_bh(&bucket->lock);
	hlist_for_each_entry(client, &bucket->clients, node) {
		if (client->sk == sk) {
			hlist_del_rcu(&client->node);
			break;
		}
	}
	spin_unlock_bh(&bucket->lock);
	return client;
}

/*
 * sk_destruct() of an accepted socket. A thread that waited in accept() when its listener was
 * attached gets a socket with the kernel's operations. If it disconnects that socket and listens on
 * it, the sockets accepted there inherit this function, but no client that holds the module. Then
 * the module stays loaded for good.
 */
static void destruct_client(struct sock *sk)
{
	struct pp_ulp_client *client = unlink_client(sk);

	if (!client) {
		pp_ulp_base_destruct(sk);
		return;
	}
	if (READ_ONCE(sk->sk_max_ack_backlog) != NEVER_LISTENED)
		__module_get(THIS_MODULE);
	pp_ulp_trace_state(&client->conn, PP_TRACE_ENDED, PP_STATS_ATTR_UNSPEC);
	pp_netlink_event_socket_closed(&client->conn);
	uncount_client(client);
	client->destruct(sk);
	call_rcu(&client->rcu, free_rcu_client);
}

/**
 * pp_ulp_client_publish - let a new socket have its client
 * @client: entry
 * @child: the socket, locked, in no accept queue yet
 */
void pp_ulp_client_publish(struct pp_ulp_client *client, struct sock *child)
{
	struct ulp_bucket *bucket = bucket_of(child);

	client->sk = child;
	client->destruct = child->sk_destruct;
	child->sk_destruct = destruct_client;
	WRITE_ONCE(child->sk_max_ack_backlog, NEVER_LISTENED);
	spin_lock_bh(&bucket->lock);
	hlist_add_head_rcu(&client->node, &bucket->clients);
	spin_unlock_bh(&bucket->lock);
}

/**
 * pp_ulp_client_find - find the client of an accepted socket
 * @sk: socket
 *
 * Context: under RCU.
 * Return: the entry, or NULL; it stays as long as the socket does
 */
struct pp_ulp_client *pp_ulp_client_find(const struct sock *sk)
{
	struct pp_ulp_client *client;

	hlist_for_each_entry_rcu(client, &bucket_of(sk)->clients, node)
		if (client->sk == sk)
			return client;
	return NULL;
}

/**
 * pp_ulp_find_conn - find the connection of an accepted socket
 * @sk: socket
 *
 * Context: under RCU.
 * Return: the connection, or NULL
 */
const struct pp_ulp_conn *pp_ulp_find_conn(const struct sock *sk)
{
	const struct pp_ulp_client *client;

	if (!atomic_read(&pp_net_of(sock_net(sk))->ulp.clients))
		return NULL;
	client = pp_ulp_client_find(sk);
	return client && !READ_ONCE(client->is_gone) ? &client->conn : NULL;
}

/* Return: as @emit */
static int emit_bucket(struct pp_net *pn, struct pp_ulp_walk *walk,
		       int (*emit)(const struct pp_ulp_conn *conn, void *arg), void *arg)
{
	const struct pp_ulp_client *client = NULL;
	unsigned int at = 0;
	int err;

	hlist_for_each_entry_rcu(client, &table[walk->bucket].clients, node) {
		if (at++ < walk->skip || client->conn.pn != pn || READ_ONCE(client->is_gone))
			continue;
		err = emit(&client->conn, arg);
		if (err)
			return err;
		walk->skip = at;
	}
	return 0;
}

/**
 * pp_ulp_each_conn - call a function for each connection of a namespace
 * @pn: namespace
 * @walk: position, zero at first
 * @emit: function; called under RCU; ends the walk by returning anything but 0, and is called again
 *	with the same connection when the walk goes on
 * @arg: argument of @emit
 *
 * Return: 0 at the end, or what @emit has returned
 */
int pp_ulp_each_conn(struct pp_net *pn, struct pp_ulp_walk *walk,
		     int (*emit)(const struct pp_ulp_conn *conn, void *arg), void *arg)
{
	int err = 0;

	if (!atomic_read(&pn->ulp.clients))
		return 0;
	rcu_read_lock();
	while (!err && walk->bucket < ARRAY_SIZE(table)) {
		err = emit_bucket(pn, walk, emit, arg);
		if (!err) {
			walk->bucket++;
			walk->skip = 0;
		}
	}
	rcu_read_unlock();
	return err;
}

void __init pp_ulp_client_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		spin_lock_init(&table[i].lock);
}
