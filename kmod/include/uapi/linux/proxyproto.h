/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Generic netlink interface of the proxyproto module.
 *
 * The specification in YAML is docs/netlink/proxyproto.yaml; both say the same.
 * Every command acts on the network namespace of the socket it comes from.
 * Commands that change something need CAP_NET_ADMIN in the user namespace
 * that owns that network namespace, and so do those that show rules or
 * connections. Counters and limits can be read by anyone.
 *
 * Ports are in host byte order, addresses in network byte order: 4 bytes are
 * an IPv4 address, 16 bytes an IPv6 address. Attributes are only ever added
 * at the end of an enum.
 */
#ifndef _UAPI_LINUX_PROXYPROTO_H
#define _UAPI_LINUX_PROXYPROTO_H

#define PP_GENL_NAME		"proxyproto"
#define PP_GENL_VERSION		1
/* Multicast group of PP_CMD_EVENT; needs CAP_NET_ADMIN as the commands do */
#define PP_GENL_GROUP_EVENTS	"events"

/* Longest comment of a rule, in bytes, without the final NUL */
#define PP_COMMENT_MAX		255
/* Most port ranges of one rule */
#define PP_PORT_RANGES_MAX	32
/* Most rules of one network namespace */
#define PP_RULES_MAX		131072
/* Most sources of one accept rule */
#define PP_FROM_MAX		64
/* Time for a header to come, in seconds (SPEC 2 asks for 3 at least) */
#define PP_TIMEOUT_MIN		3
#define PP_TIMEOUT_DEFAULT	60
#define PP_TIMEOUT_MAX		3600
/* Most TLVs of one send rule, and bytes of one's value */
#define PP_TLVS_MAX		16
#define PP_TLV_VALUE_MAX	512
/* Characters of a unique id: 128 bits in hexadecimal digits */
#define PP_UNIQUE_ID_LEN	32
/* Handshakes in progress in one network namespace: default and highest limit */
#define PP_HANDSHAKES_DEFAULT	65536
#define PP_HANDSHAKES_MAX	1048576
/* Connections whose header is awaited: default and highest limit */
#define PP_PENDING_DEFAULT	131072
#define PP_PENDING_MAX		1048576
/* Accepted connections: default and highest limit */
#define PP_ACCEPTED_DEFAULT	1000000
#define PP_ACCEPTED_MAX		16777216

/**
 * enum pp_cmd - commands of the family
 * @PP_CMD_UNSPEC: not used
 * @PP_CMD_RULE_ADD: add the rule in PP_ATTR_RULE; the reply is the rule as it
 *	now stands, with its id. Errors: EEXIST (another rule has the same
 *	prefix, port range and mark), EINVAL, ERANGE, ENOSPC (PP_RULES_MAX)
 * @PP_CMD_RULE_DEL: delete the rules named by PP_RULE_ATTR_ID in one or more
 *	PP_ATTR_RULE; all of them or, with ENOENT, none
 * @PP_CMD_RULE_GET: do: the rule with the id in PP_ATTR_RULE (ENOENT);
 *	dump: all rules, in the order of their ids
 * @PP_CMD_RULE_FLUSH: delete all rules
 * @PP_CMD_CONN_GET: dump: connections whose header is not acknowledged yet
 *	(send), and all whose header is awaited or was taken out (accept)
 * @PP_CMD_STATS_GET: do: the counters, in PP_ATTR_STATS
 * @PP_CMD_LIMITS_GET: do: the limits, in PP_ATTR_LIMITS
 * @PP_CMD_LIMITS_SET: set the limits that PP_ATTR_LIMITS holds; the others stay
 * @PP_CMD_EVENT: from the module alone, to PP_GENL_GROUP_EVENTS: PP_ATTR_EVENT says
 *	what has happened, PP_ATTR_CONN or PP_ATTR_RULE to what. A listener that is
 *	too slow gets ENOBUFS, and has lost some
 * @PP_CMD_RULES_BEGIN: stage an empty set of rules, which is not in force. It
 *	belongs to the socket, and is dropped when that is closed or begins anew.
 *	Errors: EBUSY (another socket has staged a set)
 * @PP_CMD_RULE_STAGE: put the rule in PP_ATTR_RULE into the set that the socket
 *	has staged. Errors: ENOENT (it has none), and those of PP_CMD_RULE_ADD
 * @PP_CMD_RULES_COMMIT: put the staged set into force in place of all other rules,
 *	at once; its rules have new ids, in the order in which they were staged.
 *	Errors: ENOENT (the socket has staged none)
 */
enum pp_cmd {
	PP_CMD_UNSPEC,
	PP_CMD_RULE_ADD,
	PP_CMD_RULE_DEL,
	PP_CMD_RULE_GET,
	PP_CMD_RULE_FLUSH,
	PP_CMD_CONN_GET,
	PP_CMD_STATS_GET,
	PP_CMD_LIMITS_GET,
	PP_CMD_LIMITS_SET,
	PP_CMD_EVENT,
	PP_CMD_RULES_BEGIN,
	PP_CMD_RULE_STAGE,
	PP_CMD_RULES_COMMIT,

	__PP_CMD_MAX,
	PP_CMD_MAX = __PP_CMD_MAX - 1
};

/**
 * enum pp_attr - attributes of a message, each a nest
 * @PP_ATTR_UNSPEC: not used
 * @PP_ATTR_RULE: a rule, of enum pp_rule_attr
 * @PP_ATTR_CONN: a connection, of enum pp_conn_attr
 * @PP_ATTR_STATS: counters, of enum pp_stats_attr
 * @PP_ATTR_LIMITS: limits, of enum pp_limits_attr
 * @PP_ATTR_EVENT: an event, of enum pp_event_attr
 */
enum pp_attr {
	PP_ATTR_UNSPEC,
	PP_ATTR_RULE,
	PP_ATTR_CONN,
	PP_ATTR_STATS,
	PP_ATTR_LIMITS,
	PP_ATTR_EVENT,

	__PP_ATTR_MAX,
	PP_ATTR_MAX = __PP_ATTR_MAX - 1
};

/**
 * enum pp_direction - what a rule does
 * @PP_DIRECTION_SEND: put a header before connections to the rule's destination
 * @PP_DIRECTION_ACCEPT: take a header out of connections to the destination
 */
enum pp_direction {
	PP_DIRECTION_SEND = 1,
	PP_DIRECTION_ACCEPT = 2,
};

/**
 * enum pp_origin - header of a connection that this host itself opened
 * @PP_ORIGIN_LOCAL: v2: a LOCAL header without addresses; v1, which has none
 *	that every receiver takes: the connection's own addresses
 * @PP_ORIGIN_PROXY: the connection's own addresses
 */
enum pp_origin {
	PP_ORIGIN_LOCAL = 0,
	PP_ORIGIN_PROXY = 1,
};

/**
 * enum pp_header_need - connections that begin without a valid header
 * @PP_HEADER_REQUIRED: are reset
 * @PP_HEADER_OPTIONAL: reach the application as they are
 */
enum pp_header_need {
	PP_HEADER_REQUIRED = 0,
	PP_HEADER_OPTIONAL = 1,
};

/**
 * enum pp_tlvs - TLVs of a header that this host accepted, where the connection
 * goes on to a tagged backend
 * @PP_TLVS_PASS: stand in the new header, those that fit; but for CRC32C, NOOP and
 *	types that the rule has itself
 * @PP_TLVS_DROP: do not
 */
enum pp_tlvs {
	PP_TLVS_PASS = 0,
	PP_TLVS_DROP = 1,
};

/**
 * enum pp_rule_attr - a rule
 * @PP_RULE_ATTR_UNSPEC: not used
 * @PP_RULE_ATTR_PAD: alignment of 64-bit attributes
 * @PP_RULE_ATTR_ID: u32, 1 or above, given by the module; the lower is the older
 * @PP_RULE_ATTR_DIRECTION: u8, enum pp_direction
 * @PP_RULE_ATTR_TO: binary, 4 or 16 bytes: destination prefix, host bits zero:
 *	as on the wire to the backend (send) or as it comes in, before any NAT
 *	(accept); absent: any address of either family
 * @PP_RULE_ATTR_TO_LEN: u8, length of that prefix in bits; absent: whole address
 * @PP_RULE_ATTR_PORTS: nest of enum pp_ports_attr, once for each range, at
 *	most PP_PORT_RANGES_MAX, in rising order and not overlapping; absent: any
 *	port
 * @PP_RULE_ATTR_MARK: u32: (conntrack mark & mask) or (packet mark & mask)
 *	must equal it; no bit outside the mask; send only
 * @PP_RULE_ATTR_MARK_MASK: u32, not 0; absent with a mark: all bits
 * @PP_RULE_ATTR_VERSION: u8, 1 or 2: version of the header; absent: 2; send only
 * @PP_RULE_ATTR_ORIGIN: u8, enum pp_origin; absent: PP_ORIGIN_LOCAL; send only
 * @PP_RULE_ATTR_COMMENT: string, at most PP_COMMENT_MAX bytes
 * @PP_RULE_ATTR_TAGGED: u64, answer only: connections that got a header
 * @PP_RULE_ATTR_ACKED: u64, answer only: headers acknowledged by the backend
 * @PP_RULE_ATTR_RESENT: u64, answer only: times a header was sent again
 * @PP_RULE_ATTR_FROM: nest of enum pp_from_attr, once for each source whose
 *	headers are believed, at most PP_FROM_MAX; accept only, and needed there
 * @PP_RULE_ATTR_HEADER: u8, enum pp_header_need; absent: PP_HEADER_REQUIRED;
 *	accept only
 * @PP_RULE_ATTR_TIMEOUT: u32, seconds from PP_TIMEOUT_MIN to PP_TIMEOUT_MAX that
 *	a header may take; absent: PP_TIMEOUT_DEFAULT; accept only
 * @PP_RULE_ATTR_ACCEPTED: u64, answer only: connections given to the application
 *	with what their header said
 * @PP_RULE_ATTR_PASSED: u64, answer only: connections given to the application
 *	without a header
 * @PP_RULE_ATTR_REFUSED: u64, answer only: connections reset for want of a valid
 *	header
 * @PP_RULE_ATTR_TLV: nest of enum pp_tlv_attr, once for each TLV (SPEC 2.2) that
 *	every header carries, in their order there, at most PP_TLVS_MAX; send
 *	only, and only with version 2, as the next two are. A LOCAL header has none
 * @PP_RULE_ATTR_UNIQUE_ID: flag: a TLV UNIQUE_ID (0x05), PP_UNIQUE_ID_LEN digits,
 *	random for each connection
 * @PP_RULE_ATTR_CRC32C: flag: a TLV CRC32C (0x03), the last one
 * @PP_RULE_ATTR_TLVS: u8, enum pp_tlvs; absent: PP_TLVS_PASS; send only
 */
enum pp_rule_attr {
	PP_RULE_ATTR_UNSPEC,
	PP_RULE_ATTR_PAD,
	PP_RULE_ATTR_ID,
	PP_RULE_ATTR_DIRECTION,
	PP_RULE_ATTR_TO,
	PP_RULE_ATTR_TO_LEN,
	PP_RULE_ATTR_PORTS,
	PP_RULE_ATTR_MARK,
	PP_RULE_ATTR_MARK_MASK,
	PP_RULE_ATTR_VERSION,
	PP_RULE_ATTR_ORIGIN,
	PP_RULE_ATTR_COMMENT,
	PP_RULE_ATTR_TAGGED,
	PP_RULE_ATTR_ACKED,
	PP_RULE_ATTR_RESENT,
	PP_RULE_ATTR_FROM,
	PP_RULE_ATTR_HEADER,
	PP_RULE_ATTR_TIMEOUT,
	PP_RULE_ATTR_ACCEPTED,
	PP_RULE_ATTR_PASSED,
	PP_RULE_ATTR_REFUSED,
	PP_RULE_ATTR_TLV,
	PP_RULE_ATTR_UNIQUE_ID,
	PP_RULE_ATTR_CRC32C,
	PP_RULE_ATTR_TLVS,

	__PP_RULE_ATTR_MAX,
	PP_RULE_ATTR_MAX = __PP_RULE_ATTR_MAX - 1
};

/**
 * enum pp_ports_attr - a range of ports
 * @PP_PORTS_ATTR_UNSPEC: not used
 * @PP_PORTS_ATTR_FIRST: u16, lowest port, 1 or above
 * @PP_PORTS_ATTR_LAST: u16, highest port, not below the first; absent: the
 *	first alone
 */
enum pp_ports_attr {
	PP_PORTS_ATTR_UNSPEC,
	PP_PORTS_ATTR_FIRST,
	PP_PORTS_ATTR_LAST,

	__PP_PORTS_ATTR_MAX,
	PP_PORTS_ATTR_MAX = __PP_PORTS_ATTR_MAX - 1
};

/**
 * enum pp_from_attr - a source whose headers are believed
 * @PP_FROM_ATTR_UNSPEC: not used
 * @PP_FROM_ATTR_PREFIX: binary, 4 or 16 bytes, host bits zero; absent: any
 *	address of either family
 * @PP_FROM_ATTR_LEN: u8, length of the prefix in bits; absent: whole address
 */
enum pp_from_attr {
	PP_FROM_ATTR_UNSPEC,
	PP_FROM_ATTR_PREFIX,
	PP_FROM_ATTR_LEN,

	__PP_FROM_ATTR_MAX,
	PP_FROM_ATTR_MAX = __PP_FROM_ATTR_MAX - 1
};

/**
 * enum pp_tlv_attr - a TLV of a send rule
 * @PP_TLV_ATTR_UNSPEC: not used
 * @PP_TLV_ATTR_TYPE: u8: ALPN (0x01), AUTHORITY (0x02) or NETNS (0x30), each once
 *	at most, or 0xE0 to 0xEF, which SPEC 2.2.6 leaves to the application
 * @PP_TLV_ATTR_VALUE: binary, at most PP_TLV_VALUE_MAX bytes; absent: no bytes;
 *	of the first three types 1 to 255 bytes
 */
enum pp_tlv_attr {
	PP_TLV_ATTR_UNSPEC,
	PP_TLV_ATTR_TYPE,
	PP_TLV_ATTR_VALUE,

	__PP_TLV_ATTR_MAX,
	PP_TLV_ATTR_MAX = __PP_TLV_ATTR_MAX - 1
};

/**
 * enum pp_conn_state - where a connection stands
 * @PP_CONN_STATE_SYN_SENT: the SYN left for the backend
 * @PP_CONN_STATE_SYN_RECV: the backend answered it; the header has not left yet
 * @PP_CONN_STATE_HEADER_SENT: the header left and is not acknowledged yet
 * @PP_CONN_STATE_CLOSED: one side sent a reset; forgotten within seconds
 * @PP_CONN_STATE_ANSWERED: accept: the load balancer's SYN went to the listener
 * @PP_CONN_STATE_HEADER_AWAITED: accept: the header is not complete
 * @PP_CONN_STATE_REPLAYED: accept: the client's SYN went to the listener
 * @PP_CONN_STATE_ACCEPTED: accept: the application has the connection
 */
enum pp_conn_state {
	PP_CONN_STATE_SYN_SENT = 1,
	PP_CONN_STATE_SYN_RECV = 2,
	PP_CONN_STATE_HEADER_SENT = 3,
	PP_CONN_STATE_CLOSED = 4,
	PP_CONN_STATE_ANSWERED = 5,
	PP_CONN_STATE_HEADER_AWAITED = 6,
	PP_CONN_STATE_REPLAYED = 7,
	PP_CONN_STATE_ACCEPTED = 8,
};

/**
 * enum pp_conn_attr - a connection
 * @PP_CONN_ATTR_UNSPEC: not used
 * @PP_CONN_ATTR_PAD: alignment of 64-bit attributes
 * @PP_CONN_ATTR_DIRECTION: u8, enum pp_direction
 * @PP_CONN_ATTR_STATE: u8, enum pp_conn_state
 * @PP_CONN_ATTR_RULE_ID: u32, rule that chose it (it may be deleted meanwhile)
 * @PP_CONN_ATTR_AGE: u64, milliseconds since the first SYN
 * @PP_CONN_ATTR_CLIENT: binary, 4 or 16 bytes: address of the client; accept:
 *	absent until the header has named it
 * @PP_CONN_ATTR_CLIENT_PORT: u16
 * @PP_CONN_ATTR_ORIG_DST: binary: the address that the client asked for
 * @PP_CONN_ATTR_ORIG_DST_PORT: u16
 * @PP_CONN_ATTR_LOCAL: binary: source address on the wire to the backend (send);
 *	destination on the wire from the load balancer (accept)
 * @PP_CONN_ATTR_LOCAL_PORT: u16
 * @PP_CONN_ATTR_BACKEND: binary: address of the backend; send only
 * @PP_CONN_ATTR_BACKEND_PORT: u16
 * @PP_CONN_ATTR_HEADER_LEN: u16, bytes of the header
 * @PP_CONN_ATTR_RESENT: u32, times the header was sent again; send only
 * @PP_CONN_ATTR_PROXY: binary: address of the load balancer; accept only
 * @PP_CONN_ATTR_PROXY_PORT: u16
 * @PP_CONN_ATTR_TLV_LEN: u16, bytes of TLVs in the header; accept only
 * @PP_CONN_ATTR_SEEN_PORT: u16, port of the client that the application sees;
 *	accept only, and only where the client's own was in use
 * @PP_CONN_ATTR_UNIQUE_ID: string: unique id in the header; send only
 * @PP_CONN_ATTR_TLVS: binary: the TLVs of the header as they came, SPEC 2.2;
 *	accept only, and only where they are kept
 */
enum pp_conn_attr {
	PP_CONN_ATTR_UNSPEC,
	PP_CONN_ATTR_PAD,
	PP_CONN_ATTR_DIRECTION,
	PP_CONN_ATTR_STATE,
	PP_CONN_ATTR_RULE_ID,
	PP_CONN_ATTR_AGE,
	PP_CONN_ATTR_CLIENT,
	PP_CONN_ATTR_CLIENT_PORT,
	PP_CONN_ATTR_ORIG_DST,
	PP_CONN_ATTR_ORIG_DST_PORT,
	PP_CONN_ATTR_LOCAL,
	PP_CONN_ATTR_LOCAL_PORT,
	PP_CONN_ATTR_BACKEND,
	PP_CONN_ATTR_BACKEND_PORT,
	PP_CONN_ATTR_HEADER_LEN,
	PP_CONN_ATTR_RESENT,
	PP_CONN_ATTR_PROXY,
	PP_CONN_ATTR_PROXY_PORT,
	PP_CONN_ATTR_TLV_LEN,
	PP_CONN_ATTR_SEEN_PORT,
	PP_CONN_ATTR_UNIQUE_ID,
	PP_CONN_ATTR_TLVS,

	__PP_CONN_ATTR_MAX,
	PP_CONN_ATTR_MAX = __PP_CONN_ATTR_MAX - 1
};

/**
 * enum pp_stats_attr - counters of a network namespace, each a u64
 * @PP_STATS_ATTR_UNSPEC: not used
 * @PP_STATS_ATTR_PAD: alignment
 * @PP_STATS_ATTR_RULES: rules there are now
 * @PP_STATS_ATTR_HANDSHAKES: handshakes in progress now
 * @PP_STATS_ATTR_TAGGED: connections that got a header
 * @PP_STATS_ATTR_ACKED: headers acknowledged by the backend
 * @PP_STATS_ATTR_RESENT: times a header was sent again
 * @PP_STATS_ATTR_IN_ACK: headers that left on a bare ACK of the client
 * @PP_STATS_ATTR_PREFIXED: headers that left in front of a client's data or FIN
 * @PP_STATS_ATTR_SEPARATE: headers that left in a segment of their own
 * @PP_STATS_ATTR_LOCAL: connections of this host that got a LOCAL header
 * @PP_STATS_ATTR_NO_CONNTRACK: connections without conntrack entry: header made
 *	from the addresses of the packet
 * @PP_STATS_ATTR_REPLACED: handshakes given up since the client began anew
 * @PP_STATS_ATTR_RESET: handshakes that ended with a reset
 * @PP_STATS_ATTR_EXPIRED: handshakes that were never finished
 * @PP_STATS_ATTR_UNTAGGED: handshakes that the backend had taken before the
 *	rule: passed on without a header
 * @PP_STATS_ATTR_CLAMPED: replies whose acknowledgement was moved
 * @PP_STATS_ATTR_ICMP: ICMP errors whose quoted packet was mended
 * @PP_STATS_ATTR_TFO: SYNs that lost a Fast Open option or data
 * @PP_STATS_ATTR_MPTCP: SYNs that lost a Multipath TCP option
 * @PP_STATS_ATTR_SIGNED: SYNs to backends dropped, since signed with TCP-MD5 or
 *	TCP-AO: they cannot carry a header
 * @PP_STATS_ATTR_LIMIT: SYNs dropped at the limit of handshakes in progress
 * @PP_STATS_ATTR_NOMEM: SYNs dropped for want of memory, or in a race of two
 *	different SYNs with the same addresses and ports
 * @PP_STATS_ATTR_DROPPED: other packets of clients dropped for want of memory
 *	for the header
 * @PP_STATS_ATTR_PENDING: connections whose header is awaited now
 * @PP_STATS_ATTR_ESTABLISHED: accepted connections there are now
 * @PP_STATS_ATTR_ACCEPTED: connections given to the application with the client
 *	that their header named
 * @PP_STATS_ATTR_ACCEPTED_OWN: connections given to the application with the load
 *	balancer's address, since their header names no TCP client
 * @PP_STATS_ATTR_MISMATCH: the same, since the client's address is of the other
 *	family, or none that a client can have
 * @PP_STATS_ATTR_PASSED: connections given to the application without a header
 * @PP_STATS_ATTR_BAD_HEADER: connections reset, since what came was no header
 * @PP_STATS_ATTR_BAD_CRC: connections reset, since the header's CRC32C was wrong
 * @PP_STATS_ATTR_TIMEOUT: connections reset, since no header came in time
 * @PP_STATS_ATTR_ABANDONED: connections that their sender ended without a header
 * @PP_STATS_ATTR_REJECTED: connections reset, since the application or a firewall
 *	did not take the client
 * @PP_STATS_ATTR_TAKEN_OVER: clients' addresses and ports that a connection that
 *	is over still held
 * @PP_STATS_ATTR_REMAPPED: clients that got another port, since their own was in use
 * @PP_STATS_ATTR_SPOOFED: packets dropped that came from outside with the addresses
 *	and ports of an accepted client
 * @PP_STATS_ATTR_STRIPPED: headers that came again and were taken out again
 * @PP_STATS_ATTR_ACCEPT_SIGNED: SYNs dropped, since signed with TCP-MD5 or TCP-AO
 * @PP_STATS_ATTR_ACCEPT_LIMIT: SYNs dropped at a limit of accepted or pending
 *	connections
 * @PP_STATS_ATTR_ACCEPT_NOMEM: packets of pending connections dropped for want of
 *	memory
 * @PP_STATS_ATTR_NOT_KEPT: headers that are not kept for the life of their
 *	connection, for want of memory
 * @PP_STATS_ATTR_CHAINED: connections that got a header made from one that this
 *	host accepted
 * @PP_STATS_ATTR_TLVS_LOST: TLVs of such that did not fit the new header
 * @PP_STATS_ATTR_ABSORBED: acknowledgements of a header alone, of which the client
 *	was told nothing
 * @PP_STATS_ATTR_FORGED: packets of clients dropped: they were where only a header
 *	may be
 * @PP_STATS_ATTR_SYN_EARLY: SYNs dropped, since an unfinished handshake with the same
 *	addresses and ports, and a higher or far lower number, has to be over first
 * @PP_STATS_ATTR_PICKED_UP: packets to backends of connections that conntrack did not
 *	know, or knew to be reset: with another sequence number, so that they begin none
 * @PP_STATS_ATTR_ACK_HELD: last ACKs of handshakes that waited for the client's
 *	first data, 8 ms at most (20 with CONFIG_HZ=100), so that the header
 *	goes with it
 * @PP_STATS_ATTR_ACK_HELD_IN_VAIN: of these, that then went with the header alone
 * @PP_STATS_ATTR_OWN_VRF: SYNs of this host to its own address within a VRF dropped,
 *	since an accept rule is for them and their header would not be taken out
 */
enum pp_stats_attr {
	PP_STATS_ATTR_UNSPEC,
	PP_STATS_ATTR_PAD,
	PP_STATS_ATTR_RULES,
	PP_STATS_ATTR_HANDSHAKES,
	PP_STATS_ATTR_TAGGED,
	PP_STATS_ATTR_ACKED,
	PP_STATS_ATTR_RESENT,
	PP_STATS_ATTR_IN_ACK,
	PP_STATS_ATTR_PREFIXED,
	PP_STATS_ATTR_SEPARATE,
	PP_STATS_ATTR_LOCAL,
	PP_STATS_ATTR_NO_CONNTRACK,
	PP_STATS_ATTR_REPLACED,
	PP_STATS_ATTR_RESET,
	PP_STATS_ATTR_EXPIRED,
	PP_STATS_ATTR_UNTAGGED,
	PP_STATS_ATTR_CLAMPED,
	PP_STATS_ATTR_ICMP,
	PP_STATS_ATTR_TFO,
	PP_STATS_ATTR_MPTCP,
	PP_STATS_ATTR_SIGNED,
	PP_STATS_ATTR_LIMIT,
	PP_STATS_ATTR_NOMEM,
	PP_STATS_ATTR_DROPPED,
	PP_STATS_ATTR_PENDING,
	PP_STATS_ATTR_ESTABLISHED,
	PP_STATS_ATTR_ACCEPTED,
	PP_STATS_ATTR_ACCEPTED_OWN,
	PP_STATS_ATTR_MISMATCH,
	PP_STATS_ATTR_PASSED,
	PP_STATS_ATTR_BAD_HEADER,
	PP_STATS_ATTR_BAD_CRC,
	PP_STATS_ATTR_TIMEOUT,
	PP_STATS_ATTR_ABANDONED,
	PP_STATS_ATTR_REJECTED,
	PP_STATS_ATTR_TAKEN_OVER,
	PP_STATS_ATTR_REMAPPED,
	PP_STATS_ATTR_SPOOFED,
	PP_STATS_ATTR_STRIPPED,
	PP_STATS_ATTR_ACCEPT_SIGNED,
	PP_STATS_ATTR_ACCEPT_LIMIT,
	PP_STATS_ATTR_ACCEPT_NOMEM,
	PP_STATS_ATTR_NOT_KEPT,
	PP_STATS_ATTR_CHAINED,
	PP_STATS_ATTR_TLVS_LOST,
	PP_STATS_ATTR_ABSORBED,
	PP_STATS_ATTR_FORGED,
	PP_STATS_ATTR_SYN_EARLY,
	PP_STATS_ATTR_PICKED_UP,
	PP_STATS_ATTR_ACK_HELD,
	PP_STATS_ATTR_ACK_HELD_IN_VAIN,
	PP_STATS_ATTR_OWN_VRF,

	__PP_STATS_ATTR_MAX,
	PP_STATS_ATTR_MAX = __PP_STATS_ATTR_MAX - 1
};

/**
 * enum pp_limits_attr - limits of a network namespace
 * @PP_LIMITS_ATTR_UNSPEC: not used
 * @PP_LIMITS_ATTR_HANDSHAKES: u32, 1 to PP_HANDSHAKES_MAX: most handshakes in
 *	progress; further SYNs to tagged backends are dropped, so that no backend
 *	gets a connection without its header. Default PP_HANDSHAKES_DEFAULT
 * @PP_LIMITS_ATTR_PENDING: u32, 1 to PP_PENDING_MAX: most connections whose
 *	header is awaited; further SYNs to accept rules are dropped. Default
 *	PP_PENDING_DEFAULT
 * @PP_LIMITS_ATTR_ACCEPTED: u32, 1 to PP_ACCEPTED_MAX: most accepted connections;
 *	further SYNs to accept rules are dropped. Default PP_ACCEPTED_DEFAULT
 */
enum pp_limits_attr {
	PP_LIMITS_ATTR_UNSPEC,
	PP_LIMITS_ATTR_HANDSHAKES,
	PP_LIMITS_ATTR_PENDING,
	PP_LIMITS_ATTR_ACCEPTED,

	__PP_LIMITS_ATTR_MAX,
	PP_LIMITS_ATTR_MAX = __PP_LIMITS_ATTR_MAX - 1
};

/**
 * enum pp_event_kind - what has happened
 * @PP_EVENT_TAGGED: send: a connection is given a header; its SYN leaves
 * @PP_EVENT_ACCEPTED: accept: the application has the connection
 * @PP_EVENT_REFUSED: accept: the connection is not given to the application
 * @PP_EVENT_RULE_ADDED: a rule is in force
 * @PP_EVENT_RULE_REMOVED: it is no more
 */
enum pp_event_kind {
	PP_EVENT_TAGGED = 1,
	PP_EVENT_ACCEPTED = 2,
	PP_EVENT_REFUSED = 3,
	PP_EVENT_RULE_ADDED = 4,
	PP_EVENT_RULE_REMOVED = 5,
};

/**
 * enum pp_event_attr - an event
 * @PP_EVENT_ATTR_UNSPEC: not used
 * @PP_EVENT_ATTR_PAD: alignment
 * @PP_EVENT_ATTR_KIND: u8, enum pp_event_kind
 * @PP_EVENT_ATTR_TIME: u64, nanoseconds since 1970 began
 * @PP_EVENT_ATTR_REASON: u16, of PP_EVENT_REFUSED: the counter, of enum
 *	pp_stats_attr, that counts it
 */
enum pp_event_attr {
	PP_EVENT_ATTR_UNSPEC,
	PP_EVENT_ATTR_PAD,
	PP_EVENT_ATTR_KIND,
	PP_EVENT_ATTR_TIME,
	PP_EVENT_ATTR_REASON,

	__PP_EVENT_ATTR_MAX,
	PP_EVENT_ATTR_MAX = __PP_EVENT_ATTR_MAX - 1
};

/*
 * Socket options of accepted connections, for getsockopt() at the level SOL_IP or
 * SOL_IPV6, whichever the socket is of, or an IPv6 socket with an IPv4 peer uses.
 * They are asked in the network namespace that has the accept rule. Errors:
 * ENOENT: the connection is not accepted, or came without a header, or its
 * header has no TCP destination; ENODATA: there was no memory to keep the header;
 * EINVAL: the buffer is too small; ENOPROTOOPT: the module is not loaded.
 *
 * PP_SO_HEADER: the whole header as it came, at most 4096 bytes
 * PP_SO_ORIGINAL_DST: struct sockaddr_in or sockaddr_in6: the destination that
 *	the client asked for, as the header has it
 */
#define PP_SO_HEADER		0x5050
#define PP_SO_ORIGINAL_DST	0x5051

#endif /* _UAPI_LINUX_PROXYPROTO_H */
