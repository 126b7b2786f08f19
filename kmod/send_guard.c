// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: what no client may say.
 *
 * Owns the promise that the backend never takes a client's bytes for the header.
 * The borrowed space lies before the client's first byte, and whoever knows of it
 * can send a segment there:
 *
 *   ISN-H | ISN-H+1 ........... ISN | ISN+1 ....
 *         |  the header, and none   |  the client's data
 *         |  but the module's       |
 *
 * While there is an entry, send_client.c looks at every packet. After that, a
 * backend with SYN cookies would take the same handshake once more as long as its
 * cookie is good, even if the connection has been reset since. So the ISN is kept
 * with conntrack's entry, in fields that it does not use, until the client is far
 * beyond it; and where conntrack knows nothing of a connection, or that it was reset,
 * its packets may go on with one, but begin none.
 */
#include <linux/bitops.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_seqadj.h>
#include "offload.h"
#include "send.h"

/*
 * The positions where offsets change, of which there are none. That of the original
 * direction has the ISN, the other how many numbers up to it are guarded.
 */
static struct nf_ct_seqadj *spare_of(struct nf_conn *ct)
{
	struct nf_conn_seqadj *seqadj = nfct_seqadj(ct);

	return seqadj && !pp_offload_is_adjusted(ct) ? seqadj->seq : NULL;
}

/**
 * pp_guard_begin - remember where a client's bytes begin
 * @ct: its conntrack entry, which pp_offload_deny() has given the extension
 * @isn: its initial sequence number
 * @answered: the backend has answered this SYN
 *
 * A SYN that is not answered may be a stray one of a connection that runs, and that
 * goes on to be guarded.
 */
void pp_guard_begin(struct nf_conn *ct, u32 isn, bool answered)
{
	struct nf_ct_seqadj *spare;

	spin_lock_bh(&ct->lock);
	spare = spare_of(ct);
	if (spare && (answered || !spare[IP_CT_DIR_REPLY].correction_pos)) {
		WRITE_ONCE(spare[IP_CT_DIR_ORIGINAL].correction_pos, isn);
		WRITE_ONCE(spare[IP_CT_DIR_REPLY].correction_pos, PP_GUARD_SPAN);
	}
	spin_unlock_bh(&ct->lock);
}

/**
 * pp_guard_narrow - the backend has the header
 * @ct: conntrack entry of the connection
 * @span: numbers up to its ISN that another handshake could still begin at
 *
 * A flow table may let packets past us while numbers come round. So there must not
 * be many that we then mistake.
 */
void pp_guard_narrow(struct nf_conn *ct, u32 span)
{
	struct nf_ct_seqadj *spare;

	spin_lock_bh(&ct->lock);
	spare = spare_of(ct);
	if (spare)
		WRITE_ONCE(spare[IP_CT_DIR_REPLY].correction_pos, span);
	spin_unlock_bh(&ct->lock);
}

/**
 * pp_guard_drop - drop a packet that is in the place of a header
 * @pn: namespace
 */
unsigned int pp_guard_drop(struct pp_net *pn)
{
	pp_stats_inc(pn, FORGED);
	return NF_DROP;
}

/* Keepalives and window probes are one before the first byte, some with a byte */
static bool is_probe(const struct pp_packet *pkt, u32 isn)
{
	return pkt->seq == isn && pkt->payload <= 1 && !pkt->th.syn;
}

/**
 * pp_guard_end - a connection is let go without a header
 * @ct: its conntrack entry, or NULL
 */
void pp_guard_end(struct nf_conn *ct)
{
	if (ct && nf_ct_ext_exist(ct, NF_CT_EXT_SEQADJ))
		pp_guard_narrow(ct, 0);
}

/*
 * Of a running connection, conntrack knows both sides again after the backend's answer, and
 * the client repeats it
 */
static unsigned int lower_seq(struct pp_net *pn, struct pp_packet *pkt)
{
	struct tcphdr *th = pp_packet_write(pkt);

	if (!th)
		return NF_DROP;
	pp_packet_lower_seq(pkt, th);
	pp_stats_inc(pn, PICKED_UP);
	return NF_ACCEPT;
}

/*
 * Whether one side has reset it. (A FIN that comes again is enough for conntrack to think
 * that both sides have closed.)
 */
static bool is_over(const struct nf_conn *ct)
{
	return READ_ONCE(ct->proto.tcp.state) == TCP_CONNTRACK_CLOSE;
}

static unsigned int guard_known(struct pp_net *pn, struct pp_packet *pkt,
				const struct nf_conn *ct, struct nf_ct_seqadj *spare)
{
	u32 isn = READ_ONCE(spare[IP_CT_DIR_ORIGINAL].correction_pos);
	u32 span = READ_ONCE(spare[IP_CT_DIR_REPLY].correction_pos);

	if (isn - pkt->seq < span)
		return is_probe(pkt, isn) ? NF_ACCEPT : pp_guard_drop(pn);
	if (pkt->th.ack && is_over(ct))
		return lower_seq(pn, pkt);
	/* Before numbers come round */
	if (pkt->seq - isn >= PP_GUARD_SPAN && !pp_guard_is_before(pkt, isn))
		WRITE_ONCE(spare[IP_CT_DIR_REPLY].correction_pos, 0);
	return NF_ACCEPT;
}

/**
 * pp_guard_client - a packet leaves that belongs to no handshake in progress
 * @pn: namespace
 * @pkt: packet, not a SYN
 * @key: its connection
 *
 * Without conntrack there is nothing to go by.
 *
 * Return: verdict
 */
unsigned int pp_guard_client(struct pp_net *pn, struct pp_packet *pkt,
			     const struct pp_flow_key *key)
{
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct = nf_ct_get(pkt->skb, &ctinfo);
	struct nf_ct_seqadj *spare;

	if (!ct || nf_ct_is_template(ct) || CTINFO2DIR(ctinfo) != IP_CT_DIR_ORIGINAL)
		return NF_ACCEPT;
	spare = spare_of(ct);
	if (spare && READ_ONCE(spare[IP_CT_DIR_REPLY].correction_pos) && !pkt->th.rst)
		return guard_known(pn, pkt, ct, spare);
	if (ctinfo == IP_CT_NEW && pkt->th.ack && !pkt->th.rst &&
	    pp_send_is_tagged(pn, pkt, key, ct))
		return lower_seq(pn, pkt);
	return NF_ACCEPT;
}
