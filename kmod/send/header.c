// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: the header of a connection, without its TLVs.
 *
 * Owns which addresses it names: client and original destination as conntrack knows them; or those
 * of a header that this host has removed; or none, for a connection of the host's own. All of that
 * follows from the SYN, its conntrack entry and the rule, so a retransmitted SYN gets the same
 * header.
 */
#include <linux/inetdevice.h>
#include <net/addrconf.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/route.h>
#include "accept/accept.h"
#include "send/internal.h"

static void set_endpoint(struct pp_endpoint *end, enum pp_family family,
			 const void *addr, __be16 port)
{
	end->port = port;
	if (family == PP_IPV6) {
		end->family = AF_INET6;
		memcpy(&end->addr.in6, addr, sizeof(end->addr.in6));
	} else {
		end->family = AF_INET;
		memcpy(&end->addr.ip, addr, sizeof(end->addr.ip));
	}
}

/* Client and original destination: before NAT if conntrack knows them, else those of the packet */
static void find_endpoints(const struct pp_conn_key *key, const struct nf_conn *ct,
			   struct pp_header *header)
{
	const struct nf_conntrack_tuple *tuple;

	if (!ct) {
		set_endpoint(&header->src, key->family, &key->src, key->sport);
		set_endpoint(&header->dst, key->family, &key->dst, key->dport);
		return;
	}
	tuple = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	set_endpoint(&header->src, key->family, &tuple->src.u3, tuple->src.u.tcp.port);
	set_endpoint(&header->dst, key->family, &tuple->dst.u3, tuple->dst.u.tcp.port);
}

/* The entry of accept/ if this host has removed a header from the same connection, or NULL */
static struct pp_accept *find_accepted(struct pp_net *pn, const struct pp_header *header)
{
	struct pp_conn_key key = {
		.family = header->src.family == AF_INET6 ? PP_IPV6 : PP_IPV4,
		.sport = header->src.port,
		.dport = header->dst.port,
	};
	struct pp_accept *entry;

	if (!atomic_read(&pn->accepts.count))
		return NULL;
	memcpy(&key.src, &header->src.addr, sizeof(header->src.addr));
	memcpy(&key.dst, &header->dst.addr, sizeof(header->dst.addr));
	entry = pp_accept_find_inner(pn, &key);
	return entry && entry->header_len ? entry : NULL;
}

/**
 * pp_send_is_chained - whether this host has removed a header from a connection
 * @pn: namespace
 * @key: the connection
 * @ct: its conntrack entry, or NULL
 *
 * Context: under RCU.
 * Return: whether it has
 */
bool pp_send_is_chained(struct pp_net *pn, const struct pp_conn_key *key, const struct nf_conn *ct)
{
	struct pp_header header = {};

	find_endpoints(key, ct, &header);
	return find_accepted(pn, &header);
}

/*
 * Pass on the addresses of the header that this host has removed, in that header's address family,
 * even if the client could not be shown to this host. If that header was not kept for lack of
 * memory, name nobody: the load balancer's address would be wrong.
 */
static void chain_header(const struct pp_rule *rule, const struct pp_accept *accepted,
			 struct pp_header *header)
{
	struct pp_header ends = {};

	if (pp_accept_read_ends(accepted, &ends)) {
		header->command = PP_HEADER_LOCAL;
	} else if (ends.src.family != AF_UNSPEC) {
		header->src = ends.src;
		header->dst = ends.dst;
	} else if (rule->send.version == 2 && rule->send.origin == PP_ORIGIN_LOCAL) {
		header->command = PP_HEADER_LOCAL;
	}
}

static bool is_own_address(struct net *net, const struct net_device *dev,
			   const struct pp_endpoint *end)
{
	if (end->family == AF_INET6)
		return ipv6_chk_addr(net, &end->addr.in6, NULL, 0);
	return inet_addr_type_dev_table(net, dev, end->addr.ip) == RTN_LOCAL;
}

/* A transparent proxy, which binds the client's address, does not count as the host's own */
static bool is_own_connection(const struct sk_buff *skb, const struct nf_hook_state *state,
			      const struct pp_endpoint *src)
{
	return skb->sk && is_own_address(state->net, state->out, src);
}

/**
 * pp_send_is_led_here - whether NAT has sent a client to a backend on this host
 * @key: connection of a SYN in LOCAL_IN
 * @ct: its conntrack entry, or NULL
 * @state: of the hook
 *
 * Such a backend gets the header of a client from outside. A client that has asked for the
 * backend's own address speaks to it without a load balancer, and gets no header.
 *
 * Context: in a hook, under RCU.
 * Return: whether NAT has changed the destination, and the client is not this host
 */
bool pp_send_is_led_here(const struct pp_conn_key *key, const struct nf_conn *ct,
			 const struct nf_hook_state *state)
{
	struct pp_header asked = {};

	find_endpoints(key, ct, &asked);
	return (asked.dst.port != key->dport ||
		memcmp(&asked.dst.addr, &key->dst, sizeof(asked.dst.addr))) &&
	       !is_own_address(state->net, state->in, &asked.src);
}

static unsigned int tlv_room(const struct pp_header *header)
{
	unsigned int addr_len = header->src.family == AF_INET6 ? sizeof(struct in6_addr) :
								 sizeof(__be32);

	return PP_HEADER_SEND_MAX - PP_HEADER_V2_FIXED - 2 * (addr_len + sizeof(__be16));
}

/**
 * pp_send_make_flow - make an entry with its header
 * @pn: namespace
 * @pkt: packet of the client
 * @state: of the hook
 * @key: its connection
 * @ct: its conntrack entry, or NULL
 * @rule: rule that chose the connection
 * @isn: initial sequence number of the client
 *
 * Context: softirq or a process in a hook; under RCU; no pp_flow.lock held.
 * Return: the entry, not in the table yet, or ERR_PTR(): -ENOSPC at the limit, -ENOMEM, or
 * -EMSGSIZE if the rule's TLVs do not fit
 */
struct pp_flow *pp_send_make_flow(struct pp_net *pn, const struct pp_packet *pkt,
				  const struct nf_hook_state *state,
				  const struct pp_conn_key *key, const struct nf_conn *ct,
				  struct pp_rule *rule, u32 isn)
{
	struct pp_header header = { .version = rule->send.version, .command = PP_HEADER_PROXY };
	u8 bytes[PP_HEADER_SEND_MAX], tlvs[PP_HEADER_SEND_MAX];
	const struct pp_accept *accepted;
	struct pp_flow *flow;
	int len;

	find_endpoints(key, ct, &header);
	accepted = find_accepted(pn, &header);
	if (accepted)
		chain_header(rule, accepted, &header);
	if (rule->send.origin == PP_ORIGIN_LOCAL && rule->send.version == 2 &&
	    is_own_connection(pkt->skb, state, &header.src))
		header.command = PP_HEADER_LOCAL;
	if (rule->send.version == 2 && header.command != PP_HEADER_LOCAL) {
		/* TLVs of an IPv4 rule may be 24 bytes too long beside IPv6 addresses */
		if (rule->send.tlv_len > tlv_room(&header))
			return ERR_PTR(-EMSGSIZE);
		header.tlv_len = pp_send_put_tlvs(rule, accepted, tlv_room(&header), tlvs);
		header.tlvs = header.tlv_len ? tlvs : NULL;
	}
	len = pp_proto_header_write(bytes, sizeof(bytes), &header);
	if (len < 0)
		return ERR_PTR(len);
	flow = pp_send_flow_alloc(pn, rule, len);
	if (IS_ERR(flow))
		return flow;
	flow->key = *key;
	flow->client = header.src;
	flow->orig_dst = header.dst;
	flow->syn.isn = isn;
	flow->client_end = isn + 1;
	flow->without_ct = !ct;
	flow->is_opening = ct && pp_send_guard_is_opening(ct);
	memcpy(flow->header, bytes, len);
	if (header.tlvs)
		flow->unique_id = pp_send_finish_tlvs(rule, flow->header, len);
	flow->is_here = state->hook == NF_INET_LOCAL_IN || state->out->flags & IFF_LOOPBACK;
	flow->is_chained = accepted;
	flow->says_local = header.command == PP_HEADER_LOCAL;
	return flow;
}
