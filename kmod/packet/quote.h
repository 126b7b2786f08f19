/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ICMP errors: the TCP packet that an error quotes.
 *
 * For send/ and accept/. Owns the offsets in such a packet, struct pp_quote.
 */
#ifndef _PP_QUOTE_H
#define _PP_QUOTE_H

#include <linux/skbuff.h>
#include "key.h"

/* The first 8 bytes of a TCP header; an ICMP error need not quote more */
struct pp_quoted_tcp {
	__be16 source;
	__be16 dest;
	__be32 seq;
};

/**
 * struct pp_quote - offsets and fields of an ICMP error
 * @icmp: offset of the ICMP header
 * @ip: offset of the quoted IP header
 * @tcp: offset of the quoted TCP header
 * @family: enum pp_family
 * @th: copy of the beginning of the quoted TCP header
 */
struct pp_quote {
	unsigned int icmp;
	unsigned int ip;
	unsigned int tcp;
	enum pp_family family;
	struct pp_quoted_tcp th;
};

bool pp_packet_quote_find(const struct sk_buff *skb, enum pp_family family, struct pp_quote *quote,
			  struct pp_conn_key *key);
u32 pp_packet_quote_mtu(const struct sk_buff *skb, const struct pp_quote *quote);
struct pp_quoted_tcp *pp_packet_quote_make_writable(struct sk_buff *skb,
						    const struct pp_quote *quote);
void pp_packet_quote_set_seq(struct sk_buff *skb, const struct pp_quote *quote,
			     struct pp_quoted_tcp *th, __be32 seq);
void pp_packet_quote_set_end(struct sk_buff *skb, const struct pp_quote *quote,
			     struct pp_quoted_tcp *th, bool source, const union pp_address *addr,
			     __be16 port);
void pp_packet_quote_set_receiver(struct sk_buff *skb, const struct pp_quote *quote,
				  const union pp_address *addr);

#endif /* _PP_QUOTE_H */
