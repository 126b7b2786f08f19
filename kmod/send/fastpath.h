/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sending: checks that let most packets pass without being parsed.
 *
 * For send/ alone. Owns the filter lookup and the quick reading of the guard (guard.c). The hooks
 * (hooks.c) parse these packets:
 *
 *   packet                                              filter hit   no filter hit
 *   client's SYN, or a packet that may be one           parsed       parsed
 *   client's, conntrack state NEW                       parsed       parsed
 *   client's, its conntrack entry has the sequence
 *   adjustment extension (guard.c)                      parsed       parsed
 *   client's, any other                                 parsed       passes
 *   client's, its conntrack entry says that the header
 *   is acknowledged                                     as above, but no lookup in the table
 *   backend's                                           parsed       passes
 *   not TCP, or the ports are not in the linear part    parsed       parsed
 *
 * While handshakes that conntrack does not know are evicted, all are parsed.
 *
 * Filter hit: a handshake in progress has the same hash of addresses and ports.
 */
#ifndef _PP_SEND_FASTPATH_H
#define _PP_SEND_FASTPATH_H

#include <linux/hash.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_extend.h>
#include <net/netfilter/nf_conntrack_seqadj.h>
#include "key.h"
#include "packet/packet.h"
#include "pernet.h"

/**
 * struct pp_filter - how many handshakes share a hash of addresses and ports
 * @counters: indexed by the hash, which is the same for both directions
 * @old: the smaller array that this one replaces, until it counts no handshake any more; RCU
 * @bits: width of the hash; there are 2^bits counters
 *
 * The garbage collection alone replaces an array (filter.c); packets read it under RCU.
 */
struct pp_filter {
	atomic_t *counters;
	struct pp_filter __rcu *old;
	u32 bits;
};

/* Addresses are hashed before ports are added: both often count up, and could cancel out */
static inline u32 pp_send_filter_hash(__be32 src, __be32 dst, __be16 sport, __be16 dport)
{
	return __hash_32((__force u32)(src ^ dst)) + (__force u16)(sport ^ dport);
}

static inline bool pp_send_filter_has(const struct pp_filter *filter, u32 hash)
{
	return atomic_read(&filter->counters[hash_32(hash, filter->bits)]);
}

/*
 * Whether a packet of either end may belong to a handshake in progress, or quote a packet of one.
 * Nearly all packets do not, and need not be parsed.
 *
 * Context: in a hook, under RCU; the network header is in the linear part.
 */
static inline bool pp_send_may_have_flow(const struct pp_net *pn, const struct sk_buff *skb,
					 enum pp_family family)
{
	const struct pp_filter *filter = rcu_dereference(pn->flows.filter), *old;
	unsigned int off = sizeof(struct ipv6hdr);
	const __be16 *ports;
	__be32 src, dst;
	u32 hash;

	if (unlikely(!filter))
		return false;
	if (family == PP_IPV4) {
		if (ip_hdr(skb)->protocol != IPPROTO_TCP)
			return true;
		off = ip_hdr(skb)->ihl * 4;
		src = ip_hdr(skb)->saddr;
		dst = ip_hdr(skb)->daddr;
	} else {
		if (ipv6_hdr(skb)->nexthdr != IPPROTO_TCP)
			return true;
		src = ipv6_hdr(skb)->saddr.s6_addr32[3];
		dst = ipv6_hdr(skb)->daddr.s6_addr32[3];
	}
	if (off + 2 * sizeof(*ports) > skb_headlen(skb))
		return true;
	ports = (const __be16 *)(skb->data + off);
	hash = pp_send_filter_hash(src, dst, ports[0], ports[1]);
	if (pp_send_filter_has(filter, hash))
		return true;
	old = rcu_dereference(filter->old);
	return unlikely(old) && pp_send_filter_has(old, hash);
}

/*
 * Whether there are records of evicted handshakes (evicted.c). Then every packet is parsed: a flood
 * that conntrack does not follow is on, or was until a few minutes ago.
 */
static inline bool pp_send_evicted_any(const struct pp_net *pn)
{
	return unlikely(rcu_access_pointer(pn->flows.evicted));
}

/*
 * Whether a client's packet that is not a SYN may have to be dropped or changed, although there is
 * no handshake in progress for it (pp_send_guard_client())
 */
static inline bool pp_send_guard_is_needed(const struct sk_buff *skb)
{
	enum ip_conntrack_info ctinfo;
	const struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	return ct && CTINFO2DIR(ctinfo) == IP_CT_DIR_ORIGINAL &&
	       (ctinfo == IP_CT_NEW || nf_ct_ext_exist(ct, NF_CT_EXT_SEQADJ));
}

/*
 * What the guard keeps in conntrack's entry, in the position of its reply direction (guard.c).
 * The two highest bits tell which kind it is:
 *
 *   0             nothing is guarded
 *   01 H          the header, H bytes long, is not acknowledged
 *   10 distance   it is acknowledged; a SYN cookie fits only numbers that are this far apart
 *   11 distances  it is acknowledged, and the backend has given two answers: the low 15 bits of
 *                 each distance
 *   all bits set  it is acknowledged, and there are more answers, or unknown ones
 */
#define PP_GUARD_OPEN		BIT(30)
#define PP_GUARD_NARROW		BIT(31)
#define PP_GUARD_PAIR		(BIT(31) | BIT(30))
#define PP_GUARD_KIND		PP_GUARD_PAIR
#define PP_GUARD_VALUE		(BIT(30) - 1)
#define PP_GUARD_HALF_BITS	15
#define PP_GUARD_HALF		(BIT(PP_GUARD_HALF_BITS) - 1)
#define PP_GUARD_ALL		(~0U)

static inline bool pp_send_guard_is_open(u32 guard)
{
	return (guard & PP_GUARD_KIND) == PP_GUARD_OPEN;
}

/*
 * Whether a packet belongs to a connection whose header is acknowledged: conntrack's entry was
 * kept from flow offload (offload.c) and is not any more, and the guard is not open any more. The
 * conntrack entry of a handshake in progress is kept and guarded in full. This does not hold for
 * handshakes in pp_flows.unbound, so while there are any, this function tells nothing.
 */
static inline bool pp_send_guard_is_past(const struct pp_net *pn, const struct sk_buff *skb)
{
	enum ip_conntrack_info ctinfo;
	const struct nf_conn *ct = nf_ct_get(skb, &ctinfo);
	const struct nf_conn_seqadj *seqadj;
	u32 guard;

	if (!ct || test_bit(IPS_SEQ_ADJUST_BIT, &ct->status) || atomic_read(&pn->flows.unbound))
		return false;
	seqadj = nfct_seqadj(ct);
	if (!seqadj)
		return false;
	guard = READ_ONCE(seqadj->seq[IP_CT_DIR_REPLY].correction_pos);
	return !pp_send_guard_is_open(guard);
}

#endif /* _PP_SEND_FASTPATH_H */
