// SPDX-License-Identifier: GPL-2.0
/*
 * The counters of a network namespace: their names and what they count.
 */
#include <linux/proxyproto.h>

#include "ppctl.h"
#include "stats.h"

const struct counter counters[] = {
	{ PP_STATS_ATTR_RULES, "rules", "rules in force now" },
	{ PP_STATS_ATTR_HANDSHAKES, "handshakes", "handshakes in progress now" },
	{ PP_STATS_ATTR_TAGGED, "tagged", "connections that got a header" },
	{ PP_STATS_ATTR_ACKED, "acked", "headers that the backend acknowledged" },
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
	  "connections that conntrack did not know: header made from the packet" },
	{ PP_STATS_ATTR_REPLACED, "replaced",
	  "handshakes given up because the client began anew" },
	{ PP_STATS_ATTR_RESET, "reset", "handshakes that ended with a reset" },
	{ PP_STATS_ATTR_EXPIRED, "expired", "handshakes that were never finished" },
	{ PP_STATS_ATTR_UNTAGGED, "untagged",
	  "handshakes that began before their rule: forwarded without a header" },
	{ PP_STATS_ATTR_CLAMPED, "clamped",
	  "replies whose acknowledgement number was changed" },
	{ PP_STATS_ATTR_ICMP, "icmp",
	  "ICMP errors whose quoted sequence number was changed" },
	{ PP_STATS_ATTR_TFO, "tfo",
	  "SYNs that lost a TCP Fast Open option or data" },
	{ PP_STATS_ATTR_MPTCP, "mptcp",
	  "SYNs that lost a Multipath TCP option" },
	{ PP_STATS_ATTR_SIGNED, "signed",
	  "SYNs dropped: signed with TCP-MD5 or TCP-AO" },
	{ PP_STATS_ATTR_LIMIT, "limit",
	  "SYNs dropped at the limit of handshakes" },
	{ PP_STATS_ATTR_NOMEM, "nomem", "SYNs dropped for lack of memory" },
	{ PP_STATS_ATTR_DROPPED, "dropped",
	  "other packets of clients dropped for lack of memory" },
	{ PP_STATS_ATTR_PENDING, "pending",
	  "connections whose header is awaited now" },
	{ PP_STATS_ATTR_ESTABLISHED, "established",
	  "accepted connections now" },
	{ PP_STATS_ATTR_ACCEPTED, "accepted",
	  "connections accepted, shown with the client of their header" },
	{ PP_STATS_ATTR_ACCEPTED_OWN, "accepted_own",
	  "connections accepted, shown with the load balancer: header names no TCP client" },
	{ PP_STATS_ATTR_MISMATCH, "mismatch",
	  "connections accepted, shown with the load balancer: client cannot be shown"
	},
	{ PP_STATS_ATTR_PASSED, "passed", "connections given to the application without a header" },
	{ PP_STATS_ATTR_BAD_HEADER, "bad_header",
	  "connections reset: they did not begin with a valid header" },
	{ PP_STATS_ATTR_BAD_CRC, "bad_crc",
	  "connections reset: the CRC32C of the header was wrong" },
	{ PP_STATS_ATTR_TIMEOUT, "timeout",
	  "connections reset: no header came in time" },
	{ PP_STATS_ATTR_ABANDONED, "abandoned",
	  "connections that their sender ended without a header" },
	{ PP_STATS_ATTR_REJECTED, "rejected",
	  "connections reset: the application or a firewall refused the client" },
	{ PP_STATS_ATTR_TAKEN_OVER, "taken_over",
	  "addresses and ports of clients taken from a finished connection" },
	{ PP_STATS_ATTR_REMAPPED, "remapped",
	  "clients shown with another port because their own was in use" },
	{ PP_STATS_ATTR_SPOOFED, "spoofed",
	  "packets dropped: from outside, with an accepted client's address and port" },
	{ PP_STATS_ATTR_STRIPPED, "stripped",
	  "retransmitted headers that were taken out again" },
	{ PP_STATS_ATTR_ACCEPT_SIGNED, "accept_signed",
	  "SYNs dropped: signed with TCP-MD5 or TCP-AO" },
	{ PP_STATS_ATTR_ACCEPT_LIMIT, "accept_limit",
	  "SYNs dropped at the limit of pending or accepted connections" },
	{ PP_STATS_ATTR_ACCEPT_NOMEM, "accept_nomem",
	  "packets of pending connections dropped for lack of memory" },
	{ PP_STATS_ATTR_NOT_KEPT, "not_kept",
	  "headers not kept for the life of their connection, for lack of memory" },
	{ PP_STATS_ATTR_CHAINED, "chained",
	  "connections whose header was made from an accepted header" },
	{ PP_STATS_ATTR_TLVS_LOST, "tlvs_lost",
	  "TLVs of accepted headers that did not fit the new header" },
	{ PP_STATS_ATTR_ABSORBED, "absorbed",
	  "acknowledgements of nothing but a header, not forwarded to the client" },
	{ PP_STATS_ATTR_FORGED, "forged",
	  "packets of clients dropped: they had bytes where only a header may be" },
	{ PP_STATS_ATTR_SYN_EARLY, "syn_early",
	  "SYNs dropped: source NAT gave another client the same port just now" },
	{ PP_STATS_ATTR_PICKED_UP, "picked_up",
	  "packets whose number was changed: they belong to no open connection" },
	{ PP_STATS_ATTR_ACK_HELD, "ack_held",
	  "last ACKs of handshakes that waited for the client's data" },
	{ PP_STATS_ATTR_ACK_HELD_IN_VAIN, "ack_held_in_vain",
	  "of ack_held: left with the header alone, since the client was silent" },
	{ PP_STATS_ATTR_OWN_VRF, "own_vrf",
	  "SYNs dropped: from this host to its own address within a VRF" },
	{ PP_STATS_ATTR_ACCEPT_EVICTED, "accept_evicted",
	  "pending connections that made room for others at the limit" },
	{ PP_STATS_ATTR_STRAY, "stray",
	  "packets of load balancers without a connection: they begin none" },
	{ PP_STATS_ATTR_DENIED, "denied",
	  "accepted connections that the application's host had forgotten" },
	{ PP_STATS_ATTR_EVICTED, "evicted",
	  "half-open handshakes forgotten at the limit, the oldest first" },
	{ PP_STATS_ATTR_REMADE, "remade",
	  "handshakes that had been forgotten, whose client went on" },
	{ PP_STATS_ATTR_LATE, "late",
	  "packets dropped: to a real client, of an accepted connection that is over" },
	{ PP_STATS_ATTR_SENT_BY_SOCKET, "sent_by_socket",
	  "connections whose socket sent a header of its own; not in tagged" },
	{ PP_STATS_ATTR_SEND_STARVED, "send_starved",
	  "of these: header sent late, for lack of memory" },
	{ PP_STATS_ATTR_LEFT_TO_SOCKET, "left_to_socket",
	  "SYNs that a send rule left alone: their socket sends a header" },
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
