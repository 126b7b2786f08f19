/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP packets in netfilter hooks: reading them, and the few ways to change one.
 */
#ifndef _PP_PACKET_H
#define _PP_PACKET_H

#include <linux/compiler.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/tcp.h>
#include "flow.h"

#define PP_TCPOPT_AO	29

/* Longest TCP header with its options */
#define PP_TCP_HEADER_MAX	60

/**
 * struct pp_packet - a whole TCP packet, parsed
 * @skb: the packet; its data begins with the network header
 * @dev: device that it leaves by or, for a socket of this host, has come in by; NULL
 *	where no payload is added
 * @family: enum pp_family
 * @thoff: offset of the TCP header
 * @headers: offset of the payload
 * @payload: bytes of payload
 * @seq: sequence number, host byte order
 * @ack_seq: acknowledgement number, host byte order
 * @th: copy of the TCP header without options, as it came
 *
 * pp_packet_parse() sets all of it, so that the hooks, which see each packet, declare it
 * __uninitialized: kernels that clear what is on the stack need not do that first.
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
 * struct pp_option - a TCP option
 * @off: offset in the TCP header; 0 before the first
 * @kind: its kind
 * @len: its length with kind and length
 */
struct pp_option {
	u8 off;
	u8 kind;
	u8 len;
};

/**
 * struct pp_change - what several changes of a packet make of its TCP checksum
 * @fields: sum of new values minus old ones, of fields of the TCP header
 * @addresses: the same of the IP addresses, which the pseudo header has as well
 *
 * Most packets of an established connection have four or more fields changed: the
 * checksum is computed once for all of them, by pp_packet_change_checksum().
 */
struct pp_change {
	__wsum fields;
	__wsum addresses;
};

static inline void pp_change_be32(__wsum *sum, __be32 *field, __be32 value)
{
	*sum = csum_add(*sum, csum_sub((__force __wsum)value, (__force __wsum)*field));
	*field = value;
}

static inline void pp_change_be16(__wsum *sum, __be16 *field, __be16 value)
{
	*sum = csum_add(*sum, csum_sub((__force __wsum)value, (__force __wsum)*field));
	*field = value;
}

/*
 * Whether a packet may be a SYN, a client's; where nothing else is of interest, most
 * packets need not be parsed. The network header is linear in all hooks.
 */
static inline bool pp_packet_may_be_syn(const struct sk_buff *skb, enum pp_family family)
{
	unsigned int flags = offsetof(struct tcphdr, ack_seq) + sizeof(__be32) + 1;

	if (family == PP_IPV4) {
		if (ip_hdr(skb)->protocol != IPPROTO_TCP)
			return false;
		flags += ip_hdr(skb)->ihl * 4;
	} else {
		/* Behind other headers, if it is TCP at all */
		if (ipv6_hdr(skb)->nexthdr != IPPROTO_TCP)
			return true;
		flags += sizeof(struct ipv6hdr);
	}
	return flags >= skb_headlen(skb) ||
	       (skb->data[flags] & (TCPHDR_SYN | TCPHDR_ACK)) == TCPHDR_SYN;
}

/* The options of nearly all packets: two NOPs, and a timestamp (RFC 7323, appendix A) */
static inline bool pp_packet_has_timestamp_only(const struct tcphdr *th)
{
	return th->doff * 4 == sizeof(*th) + TCPOLEN_TSTAMP_ALIGNED &&
	       *(const __be32 *)(th + 1) == htonl(TCPOPT_NOP << 24 | TCPOPT_NOP << 16 |
						  TCPOPT_TIMESTAMP << 8 | TCPOLEN_TIMESTAMP);
}

bool pp_packet_parse(struct pp_packet *pkt, struct sk_buff *skb, enum pp_family family,
		     const struct net_device *dev);
void pp_packet_key(const struct pp_packet *pkt, struct pp_flow_key *key, bool reply);
__sum16 pp_packet_sum(const struct pp_packet *pkt, const struct sk_buff *skb, __wsum sum,
		      unsigned int len);
bool pp_packet_checksum_ok(const struct pp_packet *pkt);
struct tcphdr *pp_packet_write(struct pp_packet *pkt);
bool pp_packet_next_option(const struct tcphdr *th, struct pp_option *opt);
void pp_packet_set_seq(struct pp_packet *pkt, struct tcphdr *th, u32 seq);
void pp_packet_lower_seq(struct pp_packet *pkt, struct tcphdr *th);
void pp_packet_set_ack(struct pp_packet *pkt, struct tcphdr *th, u32 ack, u16 window);
void pp_packet_nop_option(struct pp_packet *pkt, struct tcphdr *th,
			  const struct pp_option *opt);
void pp_packet_change_option(struct pp_change *change, struct tcphdr *th, unsigned int off,
			     u32 by);
void pp_packet_change_address(struct pp_change *change, const struct pp_packet *pkt,
			      bool source, const union pp_address *addr);
void pp_packet_change_checksum(const struct pp_change *change, const struct pp_packet *pkt,
			       struct tcphdr *th);
int pp_packet_trim_payload(struct pp_packet *pkt);
int pp_packet_cut(struct pp_packet *pkt, unsigned int len);
int pp_packet_prefix(struct pp_packet *pkt, u32 seq, const u8 *data, unsigned int len);
struct sk_buff *pp_packet_sibling(const struct pp_packet *pkt, u32 seq, const u8 *data,
				  unsigned int len);

#endif /* _PP_PACKET_H */
