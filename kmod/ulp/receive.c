// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting by socket: the end of a handshake.
 *
 * Owns syn_recv_sock() of listeners with the ULP, which TCP calls for the segment that makes a
 * socket of a half-open connection. As long as the header is incomplete, there is no socket: TCP
 * then goes on as with TCP_DEFER_ACCEPT. The header's bytes count as received and read before the
 * socket sees its first segment:
 *
 *	L's numbers   ISN | ISN+1 ... header ... | data ...
 *	new socket                               ^ rcv_nxt, copied_seq
 *
 * So TCP itself handles a header that comes again: as old data.
 */
#include <net/tcp.h>
#include "accept/accept.h"
#include "netlink/event.h"
#include "proto/checksum.h"
#include "ulp/internal.h"

/*
 * A handshake that takes longer was waiting for the header: its time says nothing about the way.
 * TCP retransmits after three times this: 1 s, as without any round trip
 */
#define RTT_MAX_US	(333 * USEC_PER_MSEC)

static void attempt_key(const struct sk_buff *skb, const struct request_sock *req,
			struct pp_conn_key *key)
{
	const struct inet_request_sock *ireq = inet_rsk(req);

	memset(key, 0, sizeof(*key));
	if (skb->protocol == htons(ETH_P_IPV6)) {
		key->family = PP_IPV6;
		key->src.in6 = ireq->ir_v6_rmt_addr;
		key->dst.in6 = ireq->ir_v6_loc_addr;
	} else {
		key->family = PP_IPV4;
		key->src.ip = ireq->ir_rmt_addr;
		key->dst.ip = ireq->ir_loc_addr;
	}
	key->sport = ireq->ir_rmt_port;
	key->dport = htons(ireq->ir_num);
}

/* Return: whether a header is to be read */
static bool begin_attempt(struct pp_ulp_attempt *at, const struct sock *sk, struct sk_buff *skb,
			  struct request_sock *req, bool is_cookie)
{
	struct pp_net *pn = pp_net_of(sock_net(sk));

	*at = (struct pp_ulp_attempt){
		.listener = sk,
		.req = req,
		.skb = skb,
		.is_cookie = is_cookie,
		.start = tcp_rsk(req)->rcv_isn + 1,
	};
	at->conn.pn = pn;
	at->conn.created = jiffies;
	attempt_key(skb, req, &at->conn.wire);
	at->rule = pp_ulp_find_policy(sk, &at->conn.wire,
				      dev_get_by_index_rcu(sock_net(sk), skb->skb_iif));
	if (!at->rule)
		return false;
	at->conn.rule_id = at->rule->id;
	/* The client of a packet rule: its header is out already */
	return !atomic_read(&pn->accepts.count) ||
	       !pp_accept_find_inner(pn, &at->conn.wire);
}

static u64 attempt_age_us(const struct pp_ulp_attempt *at)
{
	u64 sent = tcp_rsk(at->req)->snt_synack;

	return sent ? tcp_clock_us() - sent : 0;
}

static bool attempt_is_late(const struct pp_ulp_attempt *at)
{
	return attempt_age_us(at) > (u64)at->rule->accept.timeout * USEC_PER_SEC;
}

/*
 * How many bytes of the header were acknowledged, which L does not send again. What was made from a
 * SYN cookie has acknowledged none, and its rcv_nxt is not initialized.
 */
static unsigned int acknowledged_bytes(const struct pp_ulp_attempt *at)
{
	return at->is_cookie ? 0 : READ_ONCE(tcp_rsk(at->req)->rcv_nxt) - at->start;
}

/*
 * Whether the half-open connection has ended: another CPU has made its socket, or TCP has given up.
 * Then TCP throws away what it makes here, and looks for the socket again. What the request says of
 * acknowledged bytes means nothing any more; it has to be read before this is called.
 */
static bool attempt_is_over(const struct pp_ulp_attempt *at)
{
	/* Pairs with the release of skip_header() */
	smp_rmb();
	return !at->is_cookie && hlist_unhashed_lockless(&req_to_sk(at->req)->sk_node);
}

/*
 * Read a header, or all headers in a row, if they are whole in their segment. The segment itself
 * must not change: if another CPU has made the socket meanwhile, TCP looks at it again.
 *
 * Return: as pp_ulp_part_gather(); -EAGAIN: pp_ulp_part_gather() has to look
 */
static int read_whole(struct pp_ulp_attempt *at, bool *like_header)
{
	unsigned int len = min_t(unsigned int, pp_ulp_payload(at), PP_HEADER_READ_MAX);
	unsigned int linear = skb_headlen(at->skb) - tcp_hdrlen(at->skb);
	u8 buf[PP_HEADER_V1_MAX] __uninitialized;
	struct pp_stack stack;
	const u8 *bytes;
	int ret;

	/* Parts that have come are read by the rule of that time */
	if (!len || TCP_SKB_CB(at->skb)->seq != at->start || acknowledged_bytes(at))
		return -EAGAIN;
	if (linear < len)
		len = max_t(unsigned int, linear, min_t(unsigned int, len, sizeof(buf)));
	bytes = skb_header_pointer(at->skb, tcp_hdrlen(at->skb), len, buf);
	ret = bytes ? pp_proto_stack_read(bytes, len, at->rule->accept.stacked, &stack) : -EAGAIN;
	if (ret <= 0)
		return -EAGAIN;
	*like_header = true;
	if (!pp_proto_checksums_fit(bytes, &stack, ret))
		return -EKEYREJECTED;
	return pp_ulp_client_make(at, bytes, &stack, ret) ?: ret;
}

/* Tell L that the parts of its header have come, or where a gap is */
static void acknowledge_part(struct pp_ulp_attempt *at, unsigned int have)
{
	struct tcp_request_sock *treq = tcp_rsk(at->req);
	struct tcp_options_received opt = {};
	u32 next = at->start + have;

	if (at->is_cookie || (!have && !pp_ulp_payload(at)))
		return;
	if (before(treq->rcv_nxt, next))
		WRITE_ONCE(treq->rcv_nxt, next);
	if (inet_rsk(at->req)->tstamp_ok &&
	    !after(TCP_SKB_CB(at->skb)->seq, next)) {
		tcp_parse_options(sock_net(at->listener), at->skb, &opt, 0, NULL);
		if (opt.saw_tstamp && after(opt.rcv_tsval, at->req->ts_recent))
			at->req->ts_recent = opt.rcv_tsval;
	}
	pp_tcp_note_tsval(treq);
	at->req->rsk_ops->send_ack(at->listener, at->skb, at->req);
}

static void count_attempt(struct pp_ulp_attempt *at, enum pp_stats_attr reason)
{
	this_cpu_inc(at->conn.pn->stats->count[reason]);
	pp_rule_count(at->rule, PP_RULE_REFUSED);
	pp_ulp_trace_state(&at->conn, PP_TRACE_ENDED, reason);
	pp_netlink_event_socket_refused(&at->conn, reason);
}

/* Reset the connection. TCP frees one that was made from a SYN cookie. */
static void refuse_attempt(struct pp_ulp_attempt *at)
{
	pp_ulp_part_drop(at);
	at->req->rsk_ops->send_reset(at->listener, PP_RST_REASON(at->skb));
	if (!at->is_cookie)
		tcp_abort(req_to_sk(at->req), ECONNABORTED);
}

static void refuse_counted(struct pp_ulp_attempt *at, enum pp_stats_attr reason)
{
	count_attempt(at, reason);
	refuse_attempt(at);
}

enum ulp_verdict {
	ULP_WAIT,	/* no socket yet */
	ULP_PASS,	/* a socket without a header */
	ULP_TAKE,	/* a socket with a client */
};

/* The segment ends the header in some other way than by completing it */
static enum ulp_verdict judge_other(struct pp_ulp_attempt *at, int ret, bool like_header)
{
	bool must = pp_ulp_requires_header(at) || like_header;

	if (ret == -EKEYREJECTED)
		refuse_counted(at, PP_STATS_ATTR_BAD_CRC);
	else if (!must)
		return ULP_PASS;
	else if (ret == -EBADMSG)
		refuse_counted(at, PP_STATS_ATTR_BAD_HEADER);
	else
		refuse_counted(at, PP_STATS_ATTR_ABANDONED);
	return ULP_WAIT;
}

static enum ulp_verdict judge_incomplete(struct pp_ulp_attempt *at, unsigned int have,
					 bool like_header)
{
	bool must = pp_ulp_requires_header(at) || like_header;

	if (attempt_is_late(at)) {
		if (!must)
			return ULP_PASS;
		refuse_counted(at, PP_STATS_ATTR_TIMEOUT);
	} else if (must) {
		acknowledge_part(at, have);
	}
	return ULP_WAIT;
}

static enum ulp_verdict judge_attempt(struct pp_ulp_attempt *at)
{
	bool like_header = false, has_expired;
	unsigned int have = 0;
	int ret;

	/* Fast Open: the SYN's data has no header that could be waited for. L sends it again. */
	if (tcp_hdr(at->skb)->syn)
		return ULP_WAIT;
	ret = read_whole(at, &like_header);
	if (ret == -EAGAIN)
		ret = pp_ulp_part_gather(at, &have, &like_header);
	/* The parts that were acknowledged have expired, and were counted then */
	has_expired = !have && acknowledged_bytes(at);
	if (ret <= 0 && attempt_is_over(at))
		return ULP_PASS;
	/* The parts have expired, and fewer bytes are wanted now than were acknowledged */
	if (ret > 0 && ret < acknowledged_bytes(at)) {
		pp_ulp_client_discard(at->client);
		refuse_counted(at, PP_STATS_ATTR_BAD_HEADER);
		return ULP_WAIT;
	}
	if (ret > 0 && attempt_is_late(at)) {
		pp_ulp_client_discard(at->client);
		refuse_counted(at, PP_STATS_ATTR_TIMEOUT);
		return ULP_WAIT;
	}
	if (ret > 0)
		return ULP_TAKE;
	if (has_expired) {
		refuse_attempt(at);
		return ULP_WAIT;
	}
	switch (ret) {
	case -EAGAIN:
		return judge_incomplete(at, have, like_header);
	case -ENOSPC:
		pp_stats_inc(at->conn.pn, ACCEPT_LIMIT);
		pp_netlink_event_limit(at->conn.pn, at->rule, &at->conn.wire,
				       PP_STATS_ATTR_ACCEPT_LIMIT);
		return ULP_WAIT;
	case -ENOMEM:
		pp_stats_inc(at->conn.pn, ACCEPT_NOMEM);
		return ULP_WAIT;
	default:
		return judge_other(at, ret, like_header);
	}
}

/* Cut @len bytes of the header out of a segment. Otherwise TCP takes them for old data. */
static bool cut_header(struct sk_buff *skb, unsigned int len)
{
	unsigned int headers = tcp_hdrlen(skb);

	if (tcp_hdr(skb)->urg || skb_ensure_writable(skb, headers + len))
		return false;
	memmove(skb->data + len, skb->data, headers);
	__skb_pull(skb, len);
	skb_reset_transport_header(skb);
	TCP_SKB_CB(skb)->seq += len;
	/* TCP has checked it */
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	return true;
}

/* If no data follows that would be acknowledged, acknowledge the header */
static void skip_header(const struct pp_ulp_attempt *at, struct sock *child)
{
	s32 left = at->start + at->client->conn.header_len - TCP_SKB_CB(at->skb)->seq;

	pp_tcp_skip(tcp_sk(child), at->client->conn.header_len);
	if (left > 0)
		cut_header(at->skb, min_t(unsigned int, left, pp_ulp_payload(at)));
	/* TCP compares it with the segment that it has given us. Pairs with attempt_is_over() */
	smp_store_release(&tcp_rsk(at->req)->rcv_nxt, at->start + at->client->conn.header_len);
	if (pp_ulp_payload(at) || tcp_hdr(at->skb)->fin)
		return;
	inet_csk_schedule_ack(child);
	inet_csk(child)->icsk_ack.pending |= ICSK_ACK_NOW;
}

/*
 * That L's header came late is no loss, and no longer round trip. One has to be left: TCP would
 * measure it by the header's timestamp.
 */
static void forget_wait(const struct pp_ulp_attempt *at, struct sock *child)
{
	struct tcp_sock *tp = tcp_sk(child);

	if (attempt_age_us(at) < RTT_MAX_US)
		return;
	tcp_rsk(at->req)->snt_synack = tcp_clock_us() - RTT_MAX_US;
	at->req->num_retrans = 0;
	tp->total_retrans = 0;
	tp->undo_marker = 0;
	tp->retrans_stamp = 0;
}

static void take_child(struct pp_ulp_attempt *at, struct sock *child)
{
	const struct pp_ulp_conn *conn = &at->client->conn;
	enum pp_stats_attr outcome = PP_STATS_ATTR_ACCEPTED;

	if (conn->ends.src.family == AF_UNSPEC)
		outcome = PP_STATS_ATTR_ACCEPTED_OWN;
	else if (conn->client.family == AF_UNSPEC)
		outcome = PP_STATS_ATTR_MISMATCH;
	skip_header(at, child);
	forget_wait(at, child);
	pp_ulp_part_drop(at);
	pp_ulp_client_publish(at->client, child);
	this_cpu_inc(conn->pn->stats->count[outcome]);
	pp_rule_count(at->rule, PP_RULE_ACCEPTED);
	pp_ulp_trace_state(conn, PP_CONN_STATE_ACCEPTED, outcome);
	pp_netlink_event_socket_accepted(conn);
}

/*
 * TCP has made a socket, or not. @owned: it will not be thrown away for that of another CPU. Then
 * nobody needs the parts any more either, and here they may have been made again.
 */
static void finish_attempt(struct pp_ulp_attempt *at, enum ulp_verdict verdict,
			   struct sock *child, bool owned)
{
	if (verdict == ULP_TAKE && owned) {
		take_child(at, child);
		return;
	}
	if (child)
		pp_ulp_part_drop(at);
	if (verdict == ULP_TAKE) {
		pp_ulp_client_discard(at->client);
	} else if (owned) {
		pp_stats_inc(at->conn.pn, PASSED);
		pp_rule_count(at->rule, PP_RULE_PASSED);
	}
}

/*
 * A part of the header was acknowledged, and then L lost our trust. L does not send the part again,
 * so a socket would wait for it forever.
 */
static bool has_lost_part(struct pp_ulp_attempt *at)
{
	if (tcp_hdr(at->skb)->syn || !acknowledged_bytes(at) || attempt_is_over(at))
		return false;
	refuse_attempt(at);
	return true;
}

/**
 * pp_ulp_syn_recv - make a socket of a half-open connection, once its header is complete
 * @sk: listening socket
 * @skb: segment; data begins with the TCP header
 * @req: half-open connection
 * @dst: route; only for a SYN cookie, and ours to release if there is no socket
 * @req_unhash: @req, or NULL for a SYN cookie
 * @own_req: set to whether the socket is the first one of @req
 *
 * Context: softirq, under RCU.
 * Return: the socket, locked, or NULL
 */
struct sock *pp_ulp_syn_recv(const struct sock *sk, struct sk_buff *skb, struct request_sock *req,
			     struct dst_entry *dst, struct request_sock *req_unhash,
			     PP_CHILD_INIT_PARAM(bool *own_req))
{
	const struct inet_connection_sock_af_ops *base = pp_ulp_base_af(sk);
	enum ulp_verdict verdict = ULP_PASS;
	struct pp_ulp_attempt at;
	struct sock *child;
	bool ours;

	ours = begin_attempt(&at, sk, skb, req, !req_unhash);
	if (ours)
		verdict = judge_attempt(&at);
	else if (has_lost_part(&at))
		verdict = ULP_WAIT;
	if (verdict == ULP_WAIT) {
		dst_release(dst);
		return NULL;
	}
	child = base->syn_recv_sock(sk, skb, req, dst, req_unhash, PP_CHILD_INIT_ARG(own_req));
	if (child)
		pp_ulp_take_off(child);
	if (ours)
		finish_attempt(&at, verdict, child, child && *own_req);
	return child;
}
