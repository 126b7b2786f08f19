// SPDX-License-Identifier: GPL-2.0
/*
 * The counters of a network namespace: their names and what they count.
 */
#include <linux/proxyproto.h>

#include "ppctl.h"
#include "stats.h"

const struct counter counters[] = {
	{ PP_STATS_ATTR_RULES, "rules", "rules there are now" },
	{ PP_STATS_ATTR_HANDSHAKES, "handshakes", "handshakes in progress now" },
	{ PP_STATS_ATTR_TAGGED, "tagged", "connections that got a header" },
	{ PP_STATS_ATTR_ACKED, "acked", "headers the backend acknowledged" },
	{ PP_STATS_ATTR_RESENT, "resent", "times a header was sent again" },
	{ PP_STATS_ATTR_IN_ACK, "in_ack",
	  "headers that left on a bare ACK of the client" },
	{ PP_STATS_ATTR_PREFIXED, "prefixed",
	  "headers that left in front of data or FIN of the client" },
	{ PP_STATS_ATTR_SEPARATE, "separate",
	  "headers that left in a segment of their own" },
	{ PP_STATS_ATTR_LOCAL, "local",
	  "connections of this host that got a LOCAL header" },
	{ PP_STATS_ATTR_NO_CONNTRACK, "no_conntrack",
	  "connections unknown to conntrack: header made from the packet" },
	{ PP_STATS_ATTR_REPLACED, "replaced",
	  "handshakes given up because the client began anew" },
	{ PP_STATS_ATTR_RESET, "reset", "handshakes that ended with a reset" },
	{ PP_STATS_ATTR_EXPIRED, "expired", "handshakes never finished" },
	{ PP_STATS_ATTR_UNTAGGED, "untagged",
	  "handshakes begun before their rule: passed on without a header" },
	{ PP_STATS_ATTR_CLAMPED, "clamped",
	  "replies whose acknowledgement was moved" },
	{ PP_STATS_ATTR_ICMP, "icmp",
	  "ICMP errors whose quoted packet was mended" },
	{ PP_STATS_ATTR_TFO, "tfo",
	  "SYNs that lost a TCP Fast Open option or data" },
	{ PP_STATS_ATTR_MPTCP, "mptcp",
	  "SYNs that lost a Multipath TCP option" },
	{ PP_STATS_ATTR_SIGNED, "signed",
	  "SYNs dropped: signed with TCP-MD5 or TCP-AO" },
	{ PP_STATS_ATTR_LIMIT, "limit",
	  "SYNs dropped at the limit of handshakes" },
	{ PP_STATS_ATTR_NOMEM, "nomem", "SYNs dropped for want of memory" },
	{ PP_STATS_ATTR_DROPPED, "dropped",
	  "other packets of clients dropped for want of memory" },
	{ PP_STATS_ATTR_PENDING, "pending",
	  "connections whose header is awaited now" },
	{ PP_STATS_ATTR_ESTABLISHED, "established",
	  "accepted connections there are now" },
	{ PP_STATS_ATTR_ACCEPTED, "accepted",
	  "connections accepted from the client that their header named" },
	{ PP_STATS_ATTR_ACCEPTED_OWN, "accepted_own",
	  "connections accepted from the load balancer: header without TCP client" },
	{ PP_STATS_ATTR_MISMATCH, "mismatch",
	  "connections accepted from the load balancer: client of the other family, or none possible"
	},
	{ PP_STATS_ATTR_PASSED, "passed", "connections let in without a header" },
	{ PP_STATS_ATTR_BAD_HEADER, "bad_header",
	  "connections reset: what came was no header" },
	{ PP_STATS_ATTR_BAD_CRC, "bad_crc",
	  "connections reset: the CRC32C of the header was wrong" },
	{ PP_STATS_ATTR_TIMEOUT, "timeout",
	  "connections reset: no header came in time" },
	{ PP_STATS_ATTR_ABANDONED, "abandoned",
	  "connections that their sender ended without a header" },
	{ PP_STATS_ATTR_REJECTED, "rejected",
	  "connections reset: application or firewall did not take the client" },
	{ PP_STATS_ATTR_TAKEN_OVER, "taken_over",
	  "addresses and ports of clients that a connection now over still held" },
	{ PP_STATS_ATTR_REMAPPED, "remapped",
	  "clients that got another port, since their own was in use" },
	{ PP_STATS_ATTR_SPOOFED, "spoofed",
	  "packets dropped: from outside, as if from an accepted client" },
	{ PP_STATS_ATTR_STRIPPED, "stripped",
	  "headers that came again and were taken out again" },
	{ PP_STATS_ATTR_ACCEPT_SIGNED, "accept_signed",
	  "SYNs dropped: signed with TCP-MD5 or TCP-AO" },
	{ PP_STATS_ATTR_ACCEPT_LIMIT, "accept_limit",
	  "SYNs dropped at the limit of pending or accepted connections" },
	{ PP_STATS_ATTR_ACCEPT_NOMEM, "accept_nomem",
	  "packets of pending connections dropped for want of memory" },
	{ PP_STATS_ATTR_NOT_KEPT, "not_kept",
	  "headers not kept for the life of their connection, for want of memory" },
	{ PP_STATS_ATTR_CHAINED, "chained",
	  "connections that got a header made from one that was accepted" },
	{ PP_STATS_ATTR_TLVS_LOST, "tlvs_lost",
	  "TLVs of such that did not fit the new header" },
	{ PP_STATS_ATTR_ABSORBED, "absorbed",
	  "acknowledgements of a header alone: clients were not told" },
	{ PP_STATS_ATTR_FORGED, "forged",
	  "packets of clients dropped: where only a header may be" },
	{ PP_STATS_ATTR_SYN_EARLY, "syn_early",
	  "SYNs dropped: an unfinished handshake of the same ports has to be over first" },
	{ PP_STATS_ATTR_PICKED_UP, "picked_up",
	  "packets of connections unknown to conntrack, or reset: to begin none" },
	{ PP_STATS_ATTR_ACK_HELD, "ack_held",
	  "last ACKs of handshakes that waited for data, for 8 ms at most" },
	{ PP_STATS_ATTR_ACK_HELD_IN_VAIN, "ack_held_in_vain",
	  "of these, that went with the header alone: the client was silent" },
	{ PP_STATS_ATTR_OWN_VRF, "own_vrf",
	  "SYNs dropped: of this host to its own address within a VRF" },
};

const size_t n_counters = ARRAY_SIZE(counters);

/**
 * stats_name - the name of a counter
 * @type: enum pp_stats_attr
 */
const char *stats_name(uint64_t type)
{
	size_t i;

	for (i = 0; i < n_counters; i++) {
		if ((uint64_t)counters[i].type == type)
			return counters[i].name;
	}
	return "unknown";
}
