// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: packets of established connections.
 *
 * Owns what is changed in each, without a lock:
 *
 *   in    source L -> C; ack, SACK blocks and TSecr += what the second handshake
 *         differs by; a header that comes again is taken out again
 *   out   destination C -> L; seq and TSval -= the same; route to L
 *
 * Sequence numbers of L, and so V's acknowledgements of them, are the same on
 * both sides: the client's SYN was moved behind the header. Windows are, too.
 */
#include <linux/inetdevice.h>
#include <linux/unaligned.h>
#include <net/addrconf.h>
#include <net/dst.h>
#include <net/inet_ecn.h>
#include <net/dst_metadata.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/route.h>
#include <net/tcp.h>
#include <net/xfrm.h>
#include "accept.h"
#include "send.h"

/* From here to twice of it behind the header nothing is taken for it any more */
#define FAR	BIT(30)

/* TSval by @val_by, TSecr by @ecr_by, and SACK blocks by @sack_by */
static void shift_options(struct pp_change *change, struct tcphdr *th, u32 val_by, u32 ecr_by,
			  u32 sack_by)
{
	struct pp_option opt = {};
	unsigned int off;

	while (pp_packet_next_option(th, &opt)) {
		if (opt.kind == TCPOPT_TIMESTAMP && opt.len == TCPOLEN_TIMESTAMP) {
			pp_packet_change_option(change, th, opt.off + 2, val_by);
			pp_packet_change_option(change, th, opt.off + 6, ecr_by);
		} else if (opt.kind == TCPOPT_SACK && sack_by) {
			for (off = opt.off + 2; off + 4 <= opt.off + opt.len; off += 4)
				pp_packet_change_option(change, th, off, sack_by);
		}
	}
}

static void shift_in(const struct pp_accept *entry, struct pp_change *change,
		     struct tcphdr *th)
{
	__be32 *words = (__be32 *)(th + 1);

	/* of a SYN that was delayed, for one: it has no numbers of V */
	if (!th->ack)
		return;
	pp_change_be32(&change->fields, &th->ack_seq, htonl(ntohl(th->ack_seq) + entry->delta));
	if (likely(pp_packet_has_timestamp_only(th)))
		pp_change_be32(&change->fields, &words[2],
			       htonl(ntohl(words[2]) + entry->ts_delta));
	else
		shift_options(change, th, 0, entry->ts_delta, entry->delta);
}

static void shift_out(const struct pp_accept *entry, struct pp_change *change,
		      struct tcphdr *th)
{
	__be32 *words = (__be32 *)(th + 1);

	pp_change_be32(&change->fields, &th->seq, htonl(ntohl(th->seq) - entry->delta));
	if (likely(pp_packet_has_timestamp_only(th)))
		pp_change_be32(&change->fields, &words[1],
			       htonl(ntohl(words[1]) - entry->ts_delta));
	else
		shift_options(change, th, -entry->ts_delta, 0, 0);
}

/*
 * Both ways may close at once, on two processors: each has a flag of its own, and
 * nothing that one of them read is written back. A RST that nobody took is followed by
 * other packets.
 */
static void note_closing(struct pp_accept *entry, const struct pp_packet *pkt, bool *fin)
{
	bool is_news = pkt->th.rst != READ_ONCE(entry->is_reset) ||
		       (pkt->th.fin && !READ_ONCE(*fin));

	if (is_news && pp_packet_checksum_ok(pkt)) {
		WRITE_ONCE(entry->is_reset, pkt->th.rst);
		if (pkt->th.fin)
			WRITE_ONCE(*fin, true);
	}
}

static void touch(struct pp_accept *entry)
{
	if (READ_ONCE(entry->touched) != jiffies)
		WRITE_ONCE(entry->touched, jiffies);
}

/*
 * Whether a packet has bytes of the header, which comes again until it is acknowledged.
 * Its numbers come round after 4 GiB, and seem to be ahead after half of that: by
 * then nobody has repeated it for long.
 */
static bool has_header(struct pp_accept *entry, const struct pp_packet *pkt)
{
	u32 behind = pkt->seq - pp_accept_data_seq(entry);

	if (!entry->header_len || !pkt->payload || pkt->th.syn || READ_ONCE(entry->is_far))
		return false;
	if (behind >= FAR && behind < 2 * FAR && pp_packet_checksum_ok(pkt))
		WRITE_ONCE(entry->is_far, true);
	return behind >= 2 * FAR;
}

/*
 * Whatever the application's stack may make of it, the header is never data. A
 * segment of nothing else keeps its number, so that it is answered as the
 * repetition that it is.
 */
static int strip_header(struct pp_accept *entry, struct pp_packet *pkt)
{
	unsigned int len = pp_accept_data_seq(entry) - pkt->seq;

	if (len > pkt->payload || (len == pkt->payload && !pkt->th.fin))
		return pp_packet_trim_payload(pkt);
	return pp_packet_cut(pkt, len);
}

/* As the host's stack decides it for what comes by a device (disable_policy) */
static bool has_no_policy(const struct net_device *in, enum pp_family family)
{
	struct inet6_dev *in6_dev;
	struct in_device *in_dev;

	if (in->flags & IFF_LOOPBACK)
		return true;
	if (family == PP_IPV4) {
		in_dev = __in_dev_get_rcu(in);
		return in_dev && IN_DEV_ORCONF(in_dev, NOPOLICY);
	}
	in6_dev = __in6_dev_get(in);
	return READ_ONCE(dev_net(in)->ipv6.devconf_all->disable_policy) ||
	       (in6_dev && READ_ONCE(in6_dev->cnf.disable_policy));
}

/*
 * IPsec policies for the load balancer hold for what it sends, though it is renamed: what
 * comes without IPsec where they ask for it is nobody's data. For the stack the client's
 * packets have never been within IPsec, as those that we make: it takes no others
 * from a tunnel than a policy names.
 */
static bool ipsec_allows(const struct pp_accept *entry, const struct pp_packet *pkt,
			 const struct net_device *in)
{
	int dir = entry->is_local ? XFRM_POLICY_IN : XFRM_POLICY_FWD;

	if (has_no_policy(in, pkt->family))
		return true;
	return pkt->family == PP_IPV6 ? xfrm6_policy_check(NULL, dir, pkt->skb) :
					xfrm4_policy_check(NULL, dir, pkt->skb);
}

static bool wants_route_now(const struct sk_buff *skb, const struct net_device *in)
{
	struct in_device *in_dev = __in_dev_get_rcu(in);

	return !skb_valid_dst(skb) && in_dev && IN_DEV_RPFILTER(in_dev);
}

/*
 * Whether the application's stack has forgotten a connection that both ends closed, or one of
 * them reset: a listener with SYN cookies could take what still comes for the last ACK of a
 * new handshake, and nobody has sent a header there.
 */
static bool is_left_over(const struct pp_accept *entry, const struct pp_packet *pkt)
{
	bool closed = READ_ONCE(entry->is_reset) ||
		      (READ_ONCE(entry->fin_in) && READ_ONCE(entry->fin_out));

	return closed && entry->is_local && pkt->th.ack && !pkt->th.syn && !pkt->th.rst &&
	       !pp_accept_has_socket(entry);
}

/**
 * pp_accept_translate_in - a packet of the load balancer comes
 * @entry: established connection, under RCU
 * @pkt: packet in PRE_ROUTING
 * @in: device that it comes by
 * @again: a header in it has come before
 *
 * Return: verdict
 */
unsigned int pp_accept_translate_in(struct pp_accept *entry, struct pp_packet *pkt,
				    const struct net_device *in, bool again)
{
	bool left_over = is_left_over(entry, pkt);
	struct sk_buff *skb = pkt->skb;
	struct pp_change change = {};
	struct tcphdr *th;

	if (entry->is_renamed) {
		if (!ipsec_allows(entry, pkt, in))
			return NF_DROP;
		secpath_reset(skb);
	}
	touch(entry);
	if (!left_over)
		note_closing(entry, pkt, &entry->fin_in);
	if (!pp_packet_write(pkt))
		return NF_DROP;
	if (has_header(entry, pkt)) {
		if (strip_header(entry, pkt))
			return NF_DROP;
		if (again)
			pp_stats_inc(entry->net, STRIPPED);
	}
	th = (struct tcphdr *)(skb->data + pkt->thoff);
	shift_in(entry, &change, th);
	if (left_over)
		pp_packet_lower_seq(pkt, th);
	if (entry->is_renamed) {
		/* rp_filter is to judge the load balancer, not the client */
		if (pkt->family == PP_IPV4 && wants_route_now(skb, in) &&
		    !pp_accept_route_in(skb, entry, in))
			return NF_DROP;
		pp_packet_change_address(&change, pkt, true, &entry->inner.src);
		pp_change_be16(&change.fields, &th->source, entry->inner.sport);
		/* What loopback left on it is not of this connection */
		nf_reset_ct(skb);
		skb_clear_hash(skb);
	}
	pp_packet_change_checksum(&change, pkt, th);
	return NF_ACCEPT;
}

/**
 * pp_accept_route_in - route a packet that comes in, as the load balancer's
 * @skb: IPv4 packet
 * @entry: its connection
 * @in: device that it comes by
 *
 * Return: whether there is a route, which the packet then has
 */
bool pp_accept_route_in(struct sk_buff *skb, const struct pp_accept *entry,
			const struct net_device *in)
{
	const struct iphdr *iph = ip_hdr(skb);

	return !pp_ip_route_input(skb, iph->daddr, entry->wire.src.ip, iph,
				  (struct net_device *)in);
}

static struct dst_entry *find_route_ipv4(struct net *net, const struct pp_flow_key *key,
					 int vrf, u32 mark)
{
	struct flowi4 fl4 = {
		.flowi4_oif = vrf,
		.flowi4_mark = mark,
		.daddr = key->dst.ip,
		.saddr = key->src.ip,
		.flowi4_proto = IPPROTO_TCP,
		.flowi4_flags = FLOWI_FLAG_ANYSRC,
		.fl4_sport = key->sport,
		.fl4_dport = key->dport,
	};
	struct rtable *rt = ip_route_output_flow(net, &fl4, NULL);

	return IS_ERR(rt) ? NULL : &rt->dst;
}

static struct dst_entry *find_route_ipv6(struct net *net, const struct pp_flow_key *key,
					 int vrf, u32 mark)
{
	struct flowi6 fl6 = {
		.flowi6_oif = vrf,
		.flowi6_mark = mark,
		.daddr = key->dst.in6,
		.saddr = key->src.in6,
		.flowi6_proto = IPPROTO_TCP,
		.flowi6_flags = FLOWI_FLAG_ANYSRC,
		.fl6_sport = key->sport,
		.fl6_dport = key->dport,
	};
	struct dst_entry *dst = ip6_route_output(net, NULL, &fl6);

	if (dst->error) {
		dst_release(dst);
		return NULL;
	}
	dst = xfrm_lookup(net, dst, flowi6_to_flowi(&fl6), NULL, 0);
	return IS_ERR(dst) ? NULL : dst;
}

/**
 * pp_accept_find_route - route of a packet that this host sends
 * @entry: its connection; in whose VRF it is sent
 * @key: its addresses and ports; neither has to be of this host
 * @mark: of the packet
 *
 * Context: under RCU.
 * Return: the route with a reference, or NULL
 */
struct dst_entry *pp_accept_find_route(const struct pp_accept *entry,
				       const struct pp_flow_key *key, u32 mark)
{
	struct net *net = entry->net->net;
	int vrf = pp_accept_vrf(entry);

	return key->family == PP_IPV6 ? find_route_ipv6(net, key, vrf, mark) :
					find_route_ipv4(net, key, vrf, mark);
}

static u32 route_cookie(const struct pp_accept *entry, const struct dst_entry *dst)
{
	return entry->wire.family == PP_IPV6 ?
		rt6_get_cookie(container_of(dst, const struct rt6_info, dst)) : 0;
}

/**
 * pp_accept_route - route to the load balancer
 * @entry: connection, under RCU
 *
 * Return: the route with a reference, or NULL
 */
struct dst_entry *pp_accept_route(struct pp_accept *entry)
{
	struct dst_entry *dst = READ_ONCE(entry->dst), *old;
	struct pp_flow_key key;

	if (dst && dst_check(dst, READ_ONCE(entry->dst_cookie)) && dst_hold_safe(dst))
		return dst;
	key = pp_flow_key_reversed(&entry->wire);
	dst = pp_accept_find_route(entry, &key, READ_ONCE(entry->mark));
	if (!dst)
		return NULL;
	WRITE_ONCE(entry->dst_cookie, route_cookie(entry, dst));
	dst_hold(dst);
	old = xchg(&entry->dst, dst);
	dst_release(old);
	return dst;
}

/**
 * pp_accept_note_mark - the host sends something by this mark
 * @entry: connection, under RCU
 * @mark: of the packet
 *
 * Rules for routes may ask for it, and OUTPUT or a gateway's PRE_ROUTING may have set it: what
 * is answered in the host's name goes the same way.
 */
void pp_accept_note_mark(struct pp_accept *entry, u32 mark)
{
	if (likely(READ_ONCE(entry->mark) == mark))
		return;
	WRITE_ONCE(entry->mark, mark);
	dst_release(xchg(&entry->dst, NULL));
}

static int send_to_balancer(struct pp_accept *entry, struct sk_buff *skb)
{
	struct dst_entry *dst;

	pp_accept_note_mark(entry, skb->mark);
	dst = pp_accept_route(entry);
	if (!dst)
		return -EHOSTUNREACH;
	skb_dst_drop(skb);
	skb_dst_set(skb, dst);
	skb->dev = dst->dev;
	if (dst->dev->flags & IFF_LOOPBACK)
		nf_reset_ct(skb);
	return 0;
}

/**
 * pp_accept_translate_out - a packet of the host leaves for the client
 * @entry: established connection, under RCU
 * @pkt: packet in POST_ROUTING
 *
 * Return: verdict
 */
unsigned int pp_accept_translate_out(struct pp_accept *entry, struct pp_packet *pkt)
{
	struct pp_change change = {};
	struct tcphdr *th;

	touch(entry);
	note_closing(entry, pkt, &entry->fin_out);
	th = pp_packet_write(pkt);
	if (!th)
		return NF_DROP;
	shift_out(entry, &change, th);
	if (entry->is_renamed) {
		pp_packet_change_address(&change, pkt, false, &entry->wire.src);
		pp_change_be16(&change.fields, &th->dest, entry->wire.sport);
		skb_clear_hash_if_not_l4(pkt->skb);
		if (send_to_balancer(entry, pkt->skb))
			return NF_DROP;
	}
	pp_packet_change_checksum(&change, pkt, th);
	if (entry->is_renamed && !pp_accept_fits_ipsec(pkt->skb, pkt->family))
		return NF_DROP;
	return pp_send_local_reply(entry->net, pkt->skb, pkt->family);
}
