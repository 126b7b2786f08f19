/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP packets in netfilter hooks: reading them, and the few ways to change one.
 *
 * For send/ and accept/. Owns struct pp_packet, a parsed packet, and struct pp_change, which
 * collects changes of the TCP checksum.
 */
#ifndef _PP_PACKET_H
#define _PP_PACKET_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/tcp.h>
#include "key.h"

/*
 * Two sequence numbers that are less than this apart count as numbers of one connection: no window
 * is larger (RFC 7323, 2.3).
 */
#define PP_SEQ_SPAN	BIT(30)

/* Longest TCP header with options, in bytes */
#define PP_TCP_HEADER_MAX	60

/**
 * struct pp_packet - a parsed TCP packet that is no fragment
 * @skb: the packet; its data begins with the network header
 * @dev: device by which it leaves or, for a socket of this host, has come in; NULL if no payload
 *	is ever added
 * @family: enum pp_family
 * @thoff: offset of the TCP header
 * @headers: offset of the payload
 * @payload: bytes of payload
 * @seq: sequence number, host byte order
 * @ack_seq: acknowledgement number, host byte order
 * @th: copy of the TCP header without options, as it came
 *
 * pp_packet_parse() sets every field. So the hooks declare it __uninitialized. Without that,
 * kernels that clear variables on the stack would clear it for each packet.
 */
struct pp_packet {
	struct sk_buff *skb;
	const struct net_device *dev;
	enum pp_family family;
	unsigned int thoff;
	unsigned int headers;
	unsigned int payload;
	u32 seq;
	u32 ack_seq;
	struct tcphdr th;
};

/**
 * struct pp_change - how several changes of a packet change its TCP checksum
 * @fields: sum of new values minus old values of fields of the TCP header
 * @addresses: the same for the IP addresses, which are in the pseudo header
 *
 * Most packets of an established connection have four or more fields changed.
 * pp_packet_change_checksum() updates the checksum once for all of them.
 */
struct pp_change {
	__wsum fields;
	__wsum addresses;
};

static inline void pp_packet_change_be32(__wsum *sum, __be32 *field, __be32 value)
{
	*sum = csum_add(*sum, csum_sub((__force __wsum)value, (__force __wsum)*field));
	*field = value;
}

static inline void pp_packet_change_be16(__wsum *sum, __be16 *field, __be16 value)
{
	*sum = csum_add(*sum, csum_sub((__force __wsum)value, (__force __wsum)*field));
	*field = value;
}

static inline enum pp_family pp_packet_family(const struct nf_hook_state *state)
{
	return state->pf == NFPROTO_IPV6 ? PP_IPV6 : PP_IPV4;
}

/*
 * Whether a packet may be a client's SYN: if only SYNs matter, most packets need not be parsed.
 *
 * Context: in a hook; the network header is in the linear part.
 */
static inline bool pp_packet_may_be_syn(const struct sk_buff *skb, enum pp_family family)
{
	unsigned int flags = offsetof(struct tcphdr, ack_seq) + sizeof(__be32) + 1;

	if (family == PP_IPV4) {
		if (ip_hdr(skb)->protocol != IPPROTO_TCP)
			return false;
		flags += ip_hdr(skb)->ihl * 4;
	} else {
		/* TCP may follow extension headers; only parsing can tell */
		if (ipv6_hdr(skb)->nexthdr != IPPROTO_TCP)
			return true;
		flags += sizeof(struct ipv6hdr);
	}
	return flags >= skb_headlen(skb) ||
	       (skb->data[flags] & (TCPHDR_SYN | TCPHDR_ACK)) == TCPHDR_SYN;
}

bool pp_packet_parse(struct pp_packet *pkt, struct sk_buff *skb, enum pp_family family,
		     const struct net_device *dev);
void pp_packet_get_key(const struct pp_packet *pkt, struct pp_conn_key *key, bool reply);
__sum16 pp_packet_finish_sum(const struct pp_packet *pkt, const struct sk_buff *skb, __wsum sum,
			     unsigned int len);
bool pp_packet_checksum_ok(const struct pp_packet *pkt);
struct tcphdr *pp_packet_make_writable(struct pp_packet *pkt);
void pp_packet_set_seq(struct pp_packet *pkt, struct tcphdr *th, u32 seq);
void pp_packet_lower_seq(struct pp_packet *pkt, struct tcphdr *th);
void pp_packet_set_ack(struct pp_packet *pkt, struct tcphdr *th, u32 ack, u16 window);
void pp_packet_change_address(struct pp_change *change, const struct pp_packet *pkt, bool source,
			      const union pp_address *addr, __wsum diff);
void pp_packet_change_checksum(const struct pp_change *change, const struct pp_packet *pkt,
			       struct tcphdr *th);
int pp_packet_trim_payload(struct pp_packet *pkt);
int pp_packet_cut_payload(struct pp_packet *pkt, unsigned int len);
int pp_packet_put_before(struct pp_packet *pkt, u32 seq, const u8 *data, unsigned int len);
struct sk_buff *pp_packet_make_sibling(const struct pp_packet *pkt, u32 seq, const u8 *data,
				       unsigned int len);

#endif /* _PP_PACKET_H */
