// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: the listener takes over the numbers that the load balancer knows.
 *
 * Owns the SYN-ACK of the second handshake when it leaves the listener, before conntrack. If the
 * listener is a socket of this host and has a request socket, the request socket gets ISN1 and
 * TSval1. Conntrack and the accepted socket use these from then on. So only the addresses and ports
 * of later packets have to be translated.
 *
 * With a SYN cookie, or if the listener is elsewhere, no request socket can be seen from here. Then
 * numbers are translated for the life of the connection.
 */
#include <linux/unaligned.h>
#include <net/inet_sock.h>
#include <net/tcp.h>
#include "accept/internal.h"
#include "accept/pending.h"

static struct request_sock *find_request(const struct sk_buff *skb)
{
	struct sock *sk = skb->sk;

	return sk && sk->sk_state == TCP_NEW_SYN_RECV ? inet_reqsk(sk) : NULL;
}

static void put_timestamp(struct pp_change *change, struct tcphdr *th, u32 ts_val)
{
	struct pp_option opt = {};
	u32 now;

	while (pp_packet_next_option(th, &opt)) {
		if (opt.kind != TCPOPT_TIMESTAMP || opt.len != TCPOLEN_TIMESTAMP)
			continue;
		now = get_unaligned_be32((u8 *)th + opt.off + 2);
		pp_packet_change_option(change, th, opt.off + 2, ts_val - now);
	}
}

/* Whether only the numbers have to be changed, and the SYN-ACK was not sent to anybody yet */
static bool can_even(const struct pp_accept *entry, const struct request_sock *req,
		     const struct pp_packet *pkt, const struct pp_syn_options *opts)
{
	return pkt->ack_seq == pp_accept_data_seq(entry) &&
	       tcp_rsk(req)->rcv_isn == pkt->ack_seq - 1 &&
	       tcp_rsk(req)->snt_isn == pkt->seq && !req->num_retrans && !req->num_timeout &&
	       !opts->is_signed && opts->timestamps == entry->pending->synack.options.timestamps;
}

static unsigned int even_locked(struct pp_accept *entry, struct pp_packet *pkt,
				struct request_sock *req)
{
	struct pp_pending *pending = entry->pending;
	struct pp_change change = {};
	struct pp_syn_options opts;
	struct tcphdr *th;

	if (entry->state != PP_ACCEPT_REPLAY || (pending->is_even && pkt->seq == entry->isn_local))
		return NF_ACCEPT;
	th = pp_packet_make_writable(pkt);
	if (!th)
		return NF_DROP;
	pp_packet_read_options(th, &opts);
	/* A SYN-ACK made on another CPU, before the request got the other numbers, is wrong now */
	if (!can_even(entry, req, pkt, &opts))
		return pending->is_even ? NF_DROP : NF_ACCEPT;
	pp_packet_change_be32(&change.fields, &th->seq, htonl(entry->isn_local));
	tcp_rsk(req)->snt_isn = entry->isn_local;
	if (opts.timestamps) {
		put_timestamp(&change, th, pending->synack.ts_last);
		tcp_rsk(req)->ts_off += pending->synack.ts_last - opts.ts_val;
		pp_tcp_set_snt_tsval(tcp_rsk(req), pending->synack.ts_first,
				     pending->synack.ts_last);
	}
	pp_packet_change_checksum(&change, pkt, th);
	pending->is_even = true;
	return NF_ACCEPT;
}

/**
 * pp_accept_even_synack - give a request socket the numbers of the first handshake
 * @pn: namespace
 * @skb: packet of a request socket in LOCAL_OUT, before conntrack
 * @family: enum pp_family
 *
 * Context: under RCU.
 * Return: verdict
 */
unsigned int pp_accept_even_synack(struct pp_net *pn, struct sk_buff *skb, enum pp_family family)
{
	struct request_sock *req = find_request(skb);
	unsigned int verdict = NF_ACCEPT;
	struct pp_accept *entry;
	struct pp_conn_key key;
	struct pp_packet pkt;

	if (!req || !pp_packet_parse(&pkt, skb, family, NULL) || !pkt.th.syn || !pkt.th.ack)
		return NF_ACCEPT;
	pp_packet_get_key(&pkt, &key, true);
	entry = pp_accept_find_inner(pn, &key);
	if (!entry)
		return NF_ACCEPT;
	spin_lock_bh(&entry->lock);
	verdict = even_locked(entry, &pkt, req);
	spin_unlock_bh(&entry->lock);
	return verdict;
}
