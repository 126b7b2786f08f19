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

#include <linux/types.h>

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
/* Pools of addresses for IPv6 clients: shortest and longest prefix, bits of a client, key */
#define PP_MAP6_LEN_MIN		4
#define PP_MAP6_LEN_MAX		30
#define PP_MAP6_PER_DEFAULT	64
#define PP_STACKED_MAX		8
#define PP_MAP6_KEY_LEN		16
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
 *	prefix, port range and mark and, of accept rules, the same source), EINVAL,
 *	ERANGE, ENOSPC (PP_RULES_MAX), EMLINK (accept rules with the same prefix and
 *	port range have too many sources)
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
 *	has staged. With PP_RULE_ATTR_ID alone it is that rule in force, which keeps
 *	id and counters. With the id of a rule in force and other attributes it takes
 *	over the id. Errors: ENOENT (the socket has no set, or there is no such rule),
 *	EBUSY (the set has the id already), and those of PP_CMD_RULE_ADD
 * @PP_CMD_RULES_COMMIT: put the staged set into force in place of all other rules,
 *	and set the limits in PP_ATTR_LIMITS, if there are any, all at once; rules
 *	without an id have new ids, in the order in which they were staged. Errors:
 *	ENOENT (the socket has staged none), EAGAIN (a rule in force that was to stay
 *	has been removed meanwhile)
 * @PP_CMD_RULE_REPLACE: put the rule in PP_ATTR_RULE into force in place of the rule
 *	with its id; at each moment a new connection finds one of them. The reply and
 *	the errors are those of PP_CMD_RULE_ADD; ENOENT: there is no such rule
 * @PP_CMD_SOCKET_GET: dump: listeners that take headers themselves, in PP_ATTR_SOCKET
 * @PP_CMD_RULE_FIND: do: the rule that a connection would meet. PP_ATTR_RULE names it
 *	by its direction, a whole address as PP_RULE_ATTR_TO, one port, for send a
 *	mark, for accept a whole address as source and, unless it does not matter, a
 *	device. The reply is PP_ATTR_MATCH and, unless that says PP_MATCH_NONE,
 *	PP_ATTR_RULE
 * @PP_CMD_STATS_RESET: do: the counters, in PP_ATTR_STATS, which begin at 0 again:
 *	nothing is counted twice, and nothing is lost in between. Numbers of what exists
 *	now stay
 * @PP_CMD_RULE_RESET: dump: as PP_CMD_RULE_GET, and the counters of each rule begin
 *	at 0 again. Should not be repeated if the dump was interrupted: what it showed
 *	has been taken
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
	PP_CMD_RULE_REPLACE,
	PP_CMD_SOCKET_GET,
	PP_CMD_RULE_FIND,
	PP_CMD_STATS_RESET,
	PP_CMD_RULE_RESET,

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
 * @PP_ATTR_SOCKET: a listener, of enum pp_socket_attr
 * @PP_ATTR_MATCH: whether a connection meets a rule, of enum pp_match_attr
 */
enum pp_attr {
	PP_ATTR_UNSPEC,
	PP_ATTR_RULE,
	PP_ATTR_CONN,
	PP_ATTR_STATS,
	PP_ATTR_LIMITS,
	PP_ATTR_EVENT,
	PP_ATTR_SOCKET,
	PP_ATTR_MATCH,

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
 * @PP_HEADER_NONE: so do all connections of the rule, and no header is looked for: an
 *	exemption from another rule with the same destination and ports
 */
enum pp_header_need {
	PP_HEADER_REQUIRED = 0,
	PP_HEADER_OPTIONAL = 1,
	PP_HEADER_NONE = 2,
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
 * enum pp_match - whether a connection meets a rule
 * @PP_MATCH_NONE: no, none has its destination, port and mark
 * @PP_MATCH_RULE: yes
 * @PP_MATCH_SOURCE: no: accept rules have its destination and port, such as the one
 *	that is shown, but none of them has its source
 * @PP_MATCH_DEVICE: no: the accept rule that is shown has its destination, port and
 *	source, but another device
 */
enum pp_match {
	PP_MATCH_NONE = 0,
	PP_MATCH_RULE = 1,
	PP_MATCH_SOURCE = 2,
	PP_MATCH_DEVICE = 3,
};

/**
 * enum pp_match_attr - whether a connection meets a rule
 * @PP_MATCH_ATTR_UNSPEC: not used
 * @PP_MATCH_ATTR_VERDICT: u8, enum pp_match
 */
enum pp_match_attr {
	PP_MATCH_ATTR_UNSPEC,
	PP_MATCH_ATTR_VERDICT,

	__PP_MATCH_ATTR_MAX,
	PP_MATCH_ATTR_MAX = __PP_MATCH_ATTR_MAX - 1
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
 *	headers are believed, at most PP_FROM_MAX; accept only, and needed there.
 *	Of rules with the same destination and port range, the one with the longest
 *	prefix of the source is used
 * @PP_RULE_ATTR_HEADER: u8, enum pp_header_need; absent: PP_HEADER_REQUIRED;
 *	accept only
 * @PP_RULE_ATTR_TIMEOUT: u32, seconds from PP_TIMEOUT_MIN to PP_TIMEOUT_MAX that
 *	a header may take; absent: PP_TIMEOUT_DEFAULT; accept only, and not with
 *	PP_HEADER_NONE
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
 * @PP_RULE_ATTR_DEV: string: name of the only device by which the sources are believed;
 *	absent: by any; accept only
 * @PP_RULE_ATTR_MAP4: binary, 16 bytes, the last 4 of them zero: prefix of 96 bits
 *	before the address of an IPv4 client, which an IPv6 connection shows;
 *	absent: the application sees the load balancer; accept only
 * @PP_RULE_ATTR_MAP6: binary, 4 bytes, host bits zero: pool from which an IPv4
 *	connection shows an address for an IPv6 client; absent: the application
 *	sees the load balancer; accept only
 * @PP_RULE_ATTR_MAP6_LEN: u8, PP_MAP6_LEN_MIN to PP_MAP6_LEN_MAX: length of that
 *	prefix in bits; needed with PP_RULE_ATTR_MAP6
 * @PP_RULE_ATTR_MAP6_PER: u8, 1 to 128: bits of the client's address that choose the
 *	address; absent: PP_MAP6_PER_DEFAULT
 * @PP_RULE_ATTR_MAP6_KEY: binary, PP_MAP6_KEY_LEN bytes: secret key of the choice;
 *	absent: a random one. Rules with the same key, pool and length show the same
 *	address
 * @PP_RULE_ATTR_STACKED: u8, 1 to PP_STACKED_MAX: headers in a row that a connection
 *	begins with, neither more nor less. The last one names the client. A header
 *	without addresses, such as LOCAL, is the last one wherever it stands, and then
 *	the one before it names the client. Absent: 1; accept only, and not with
 *	PP_HEADER_NONE
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
	PP_RULE_ATTR_DEV,
	PP_RULE_ATTR_MAP4,
	PP_RULE_ATTR_MAP6,
	PP_RULE_ATTR_MAP6_LEN,
	PP_RULE_ATTR_MAP6_PER,
	PP_RULE_ATTR_MAP6_KEY,
	PP_RULE_ATTR_STACKED,

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
 * @PP_CONN_ATTR_BY_SOCKET: flag: the listener took the header itself, or the socket
 *	sends its own (send). Then PP_CONN_ATTR_RULE_ID is 0 if the listener has sources
 *	of its own, and always in send; the client can be of another family than the
 *	load balancer or the backend
 * @PP_CONN_ATTR_SEEN: binary: address that the application sees instead of a client's
 *	of the other family; accept only, and absent otherwise
 * @PP_CONN_ATTR_STACKED: nest of enum pp_stacked_attr, once for each header, in their
 *	order: the load balancer's own first; accept only, and only where there are
 *	several headers, and they are kept. PP_CONN_ATTR_HEADER_LEN is of all of them,
 *	the other attributes are of the one that names the client
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
	PP_CONN_ATTR_BY_SOCKET,
	PP_CONN_ATTR_SEEN,
	PP_CONN_ATTR_STACKED,

	__PP_CONN_ATTR_MAX,
	PP_CONN_ATTR_MAX = __PP_CONN_ATTR_MAX - 1
};

/**
 * enum pp_stacked_attr - one of several headers in a row; all absent: it names nobody
 * @PP_STACKED_ATTR_UNSPEC: not used
 * @PP_STACKED_ATTR_CLIENT: binary, 4 or 16 bytes: address of its client
 * @PP_STACKED_ATTR_CLIENT_PORT: u16
 * @PP_STACKED_ATTR_ORIG_DST: binary: the address that this client asked for
 * @PP_STACKED_ATTR_ORIG_DST_PORT: u16
 */
enum pp_stacked_attr {
	PP_STACKED_ATTR_UNSPEC,
	PP_STACKED_ATTR_CLIENT,
	PP_STACKED_ATTR_CLIENT_PORT,
	PP_STACKED_ATTR_ORIG_DST,
	PP_STACKED_ATTR_ORIG_DST_PORT,

	__PP_STACKED_ATTR_MAX,
	PP_STACKED_ATTR_MAX = __PP_STACKED_ATTR_MAX - 1
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
 * @PP_STATS_ATTR_SYN_EARLY: SYNs dropped, since source NAT gave another client the same
 *	port at the same moment
 * @PP_STATS_ATTR_PICKED_UP: packets to backends of connections that conntrack did not
 *	know, or knew to be reset, or with an acknowledgement of what the backend never sent:
 *	with another sequence number, so that they begin none
 * @PP_STATS_ATTR_ACK_HELD: last ACKs of handshakes that waited for the client's
 *	first data, 8 ms at most (20 with CONFIG_HZ=100), so that the header
 *	goes with it
 * @PP_STATS_ATTR_ACK_HELD_IN_VAIN: of these, that then went with the header alone
 * @PP_STATS_ATTR_OWN_VRF: SYNs of this host to its own address within a VRF dropped,
 *	since an accept rule is for them and their header would not be taken out
 * @PP_STATS_ATTR_ACCEPT_EVICTED: pending connections that made room for others at the limit
 * @PP_STATS_ATTR_STRAY: packets of load balancers that belong to no connection: with
 *	another sequence number, so that they begin none
 * @PP_STATS_ATTR_DENIED: accepted connections that the application's host had
 *	forgotten, as it said when it was asked
 * @PP_STATS_ATTR_EVICTED: half-open handshakes forgotten at the limit, the oldest first
 * @PP_STATS_ATTR_REMADE: handshakes that had been forgotten, whose client went on
 * @PP_STATS_ATTR_LATE: packets of an application's host dropped that belong to an accepted
 *	connection which is over, and would have gone to the real client
 * @PP_STATS_ATTR_SENT_BY_SOCKET: connections whose socket put a header of its own before
 *	their data; not in PP_STATS_ATTR_TAGGED
 * @PP_STATS_ATTR_SEND_STARVED: of such, those whose header had to wait for memory
 * @PP_STATS_ATTR_LEFT_TO_SOCKET: SYNs to backends of send rules that got no header, since
 *	their socket sends one
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
	PP_STATS_ATTR_ACCEPT_EVICTED,
	PP_STATS_ATTR_STRAY,
	PP_STATS_ATTR_DENIED,
	PP_STATS_ATTR_EVICTED,
	PP_STATS_ATTR_REMADE,
	PP_STATS_ATTR_LATE,
	PP_STATS_ATTR_SENT_BY_SOCKET,
	PP_STATS_ATTR_SEND_STARVED,
	PP_STATS_ATTR_LEFT_TO_SOCKET,

	__PP_STATS_ATTR_MAX,
	PP_STATS_ATTR_MAX = __PP_STATS_ATTR_MAX - 1
};

/**
 * enum pp_socket_attr - a listener that takes headers itself
 * @PP_SOCKET_ATTR_UNSPEC: not used
 * @PP_SOCKET_ATTR_LOCAL: binary, 4 or 16 bytes: its address; all zero: any
 * @PP_SOCKET_ATTR_LOCAL_PORT: u16
 * @PP_SOCKET_ATTR_POLICY: nest of enum pp_rule_attr: its own sources, and what is
 *	asked of them; absent: the namespace's accept rules decide
 */
enum pp_socket_attr {
	PP_SOCKET_ATTR_UNSPEC,
	PP_SOCKET_ATTR_LOCAL,
	PP_SOCKET_ATTR_LOCAL_PORT,
	PP_SOCKET_ATTR_POLICY,

	__PP_SOCKET_ATTR_MAX,
	PP_SOCKET_ATTR_MAX = __PP_SOCKET_ATTR_MAX - 1
};

/**
 * enum pp_limits_attr - limits of a network namespace
 * @PP_LIMITS_ATTR_UNSPEC: not used
 * @PP_LIMITS_ATTR_HANDSHAKES: u32, 1 to PP_HANDSHAKES_MAX: most handshakes in
 *	progress; for further SYNs to tagged backends the oldest half-open one is
 *	evicted; if there is none, they are dropped, so that no backend gets a
 *	connection without its header. Default PP_HANDSHAKES_DEFAULT
 * @PP_LIMITS_ATTR_PENDING: u32, 1 to PP_PENDING_MAX: most connections whose
 *	header is awaited; for further SYNs to accept rules the one that has proven
 *	least is evicted; if all have sent a part of their header, they are dropped.
 *	Default PP_PENDING_DEFAULT
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
 * @PP_EVENT_TAGGED: send: a connection is given a header; its SYN leaves, or with
 *	PP_CONN_ATTR_BY_SOCKET its header
 * @PP_EVENT_ACCEPTED: accept: the application has the connection
 * @PP_EVENT_REFUSED: accept: the connection is not given to the application
 * @PP_EVENT_RULE_ADDED: a rule is in force
 * @PP_EVENT_RULE_REMOVED: it is no more
 * @PP_EVENT_ACKED: send: the backend has acknowledged the header; from now on the module
 *	does not look at the connection any more
 * @PP_EVENT_CLOSED: send: the handshake has ended without that; accept: the connection,
 *	which the application had, is over, or another one has replaced it
 * @PP_EVENT_LIMIT: a SYN was dropped at a limit; at most one event a second for each rule
 */
enum pp_event_kind {
	PP_EVENT_TAGGED = 1,
	PP_EVENT_ACCEPTED = 2,
	PP_EVENT_REFUSED = 3,
	PP_EVENT_RULE_ADDED = 4,
	PP_EVENT_RULE_REMOVED = 5,
	PP_EVENT_ACKED = 6,
	PP_EVENT_CLOSED = 7,
	PP_EVENT_LIMIT = 8,
};

/**
 * enum pp_event_attr - an event
 * @PP_EVENT_ATTR_UNSPEC: not used
 * @PP_EVENT_ATTR_PAD: alignment
 * @PP_EVENT_ATTR_KIND: u8, enum pp_event_kind
 * @PP_EVENT_ATTR_TIME: u64, nanoseconds since 1970 began
 * @PP_EVENT_ATTR_REASON: u16, of PP_EVENT_REFUSED, PP_EVENT_CLOSED and PP_EVENT_LIMIT:
 *	the counter, of enum pp_stats_attr, that counts it; absent: none does
 * @PP_EVENT_ATTR_SUPPRESSED: u32, of PP_EVENT_LIMIT: how many of these events of the rule
 *	were left out since the last one
 */
enum pp_event_attr {
	PP_EVENT_ATTR_UNSPEC,
	PP_EVENT_ATTR_PAD,
	PP_EVENT_ATTR_KIND,
	PP_EVENT_ATTR_TIME,
	PP_EVENT_ATTR_REASON,
	PP_EVENT_ATTR_SUPPRESSED,

	__PP_EVENT_ATTR_MAX,
	PP_EVENT_ATTR_MAX = __PP_EVENT_ATTR_MAX - 1
};

/*
 * Socket options of accepted connections, for getsockopt() at the level SOL_IP or
 * SOL_IPV6, whichever the socket is of, or an IPv6 socket with an IPv4 peer uses.
 * They are asked in the network namespace that has the accept rule. A socket that sends
 * a header of its own (PP_SO_SEND) has PP_SO_HEADER, too. Errors:
 * ENOENT: the connection is not accepted, or came without a header, or its
 * header has no TCP destination; ENODATA: there was no memory to keep the header;
 * EINVAL: the buffer is too small; ENOPROTOOPT: the module is not loaded.
 *
 * Nobody assigns such numbers. Those from 0x5050 ("PP") to 0x505f are this module's; no
 * option of the kernel, and none of netfilter's modules, has one of them.
 *
 * PP_SO_HEADER: the whole header as it came, or all headers in a row, at most 4096 bytes
 * PP_SO_ORIGINAL_DST: struct sockaddr_in or sockaddr_in6: the destination that
 *	the client asked for, as the header has it
 */
#define PP_SO_HEADER		0x5050
#define PP_SO_ORIGINAL_DST	0x5051

/*
 * A socket with this ULP speaks the PROXY protocol itself.
 *
 *	setsockopt(fd, IPPROTO_TCP, TCP_ULP, "proxyproto", 10)
 *
 * A listener hands out connections of the load balancers that it trusts behind their
 * header: accept() and getpeername() name the client. The namespace's accept rules say who
 * is trusted. A socket that is not connected yet can become a listener, or name a header
 * by PP_SO_SEND or PP_SO_SEND_READY and connect. Without either, connect() fails: ENODATA.
 *
 * Errors of TCP_ULP: ENOENT: the module is not loaded, and the caller may not have it
 * loaded (CAP_NET_ADMIN); EEXIST: the socket has a ULP; ENOTCONN: it is neither closed nor
 * listening; EOPNOTSUPP: it belongs to BPF, SMC, kTLS or Multipath TCP, or this kernel is
 * not known; ENOMEM. Of a listener, or of listen() later: EPERM: without CAP_NET_ADMIN in
 * the socket's namespace, an accept rule must exist; EBUSY:
 * net.ipv4.tcp_abort_on_overflow is not 0.
 */
#define PP_ULP_NAME		"proxyproto"

/*
 * Socket options for setsockopt() at the level SOL_IP or SOL_IPV6, whichever the socket is
 * of. They and the two above are numbers of this module alone; it registers them with
 * netfilter. ENOPROTOOPT: the module is not loaded.
 *
 * Of listeners:
 *
 * PP_SO_ATTACH: give the ULP to the socket, with sources of its own, which needs
 *	CAP_NET_ADMIN: struct pp_so_attach with its sources. Without sources, accept rules
 *	decide. Errors: those of TCP_ULP above; EALREADY: it is attached, or sends a
 *	header; EINVAL: a value is out of range, or the length is wrong; EFAULT
 * PP_SO_DETACH: trust nobody any more; no value; needs CAP_NET_ADMIN. Connections that
 *	wait for the rest of their header are reset. The socket keeps the ULP until it is
 *	closed, and can be attached again. Errors: EPERM, ENOENT: it is not attached
 *
 * Of a socket with the ULP that is going to connect; no privilege is needed:
 *
 * PP_SO_SEND: begin the connection with this header: struct pp_so_send with its TLVs
 * PP_SO_SEND_READY: begin it with these bytes, which are a whole header of version 1 or 2,
 *	at most PP_SO_SEND_MAX bytes
 *
 * The last of them before connect() counts. A socket that connects again sends the header
 * again. The header is the first data of the connection, also if the program closes or
 * shuts down the socket without having sent any. Errors: ENOENT: the socket has not
 * the ULP; EISCONN: it is connected, connecting or listening; EALREADY: it has been a
 * listener, or has sources; EINVAL: a value is out of range, the length is wrong, or the
 * bytes are no header; EMSGSIZE: the header would be longer than PP_SO_SEND_MAX; EFAULT;
 * ENOMEM.
 *
 * On such a socket, connect() fails with EOPNOTSUPP if TCP_FASTOPEN_CONNECT or TCP_REPAIR
 * is set, and so does sendmsg() with MSG_FASTOPEN. listen() fails with EOPNOTSUPP,
 * kTLS with EEXIST, IPV6_ADDRFORM with EBUSY.
 */
#define PP_SO_ATTACH		0x5052
#define PP_SO_DETACH		0x5053
#define PP_SO_SEND		0x5054
#define PP_SO_SEND_READY	0x5055

/* Longest header of PP_SO_SEND and PP_SO_SEND_READY, in bytes: one segment of any path */
#define PP_SO_SEND_MAX		536

/**
 * struct pp_so_source - a source whose headers are believed
 * @family: AF_INET or AF_INET6
 * @prefix_len: bits of the prefix
 * @reserved: 0
 * @addr: 4 or 16 bytes, network byte order; host bits do not matter
 */
struct pp_so_source {
	__u8 family;
	__u8 prefix_len;
	__u16 reserved;
	__u8 addr[16];
};

/**
 * struct pp_so_attach - value of PP_SO_ATTACH
 * @header: enum pp_header_need; 0 without sources
 * @timeout: seconds, from PP_TIMEOUT_MIN to PP_TIMEOUT_MAX; 0 without sources
 * @source_count: number of @sources, at most PP_FROM_MAX
 * @stacked: headers in a row, as PP_RULE_ATTR_STACKED, at most PP_STACKED_MAX; 0: one; 0
 *	without sources
 * @sources: the sources
 */
struct pp_so_attach {
	__u32 header;
	__u32 timeout;
	__u32 source_count;
	__u32 stacked;
	struct pp_so_source sources[];
};

/**
 * enum pp_so_send_flag - bits of pp_so_send.flags
 * @PP_SO_SEND_LOCAL: the connection is the program's own: version 2 sends LOCAL, version 1
 *	"PROXY UNKNOWN"; client, destination and TLVs are all zero
 * @PP_SO_SEND_UNIQUE_ID: a TLV UNIQUE_ID (0x05) with PP_UNIQUE_ID_LEN random digits behind
 *	the other TLVs; version 2 only
 * @PP_SO_SEND_CRC32C: a TLV CRC32C (0x03), the last one; version 2 only
 */
enum pp_so_send_flag {
	PP_SO_SEND_LOCAL = 1,
	PP_SO_SEND_UNIQUE_ID = 2,
	PP_SO_SEND_CRC32C = 4,
};

/**
 * struct pp_so_end - an address and a port
 * @family: AF_INET or AF_INET6, host byte order
 * @port: network byte order
 * @addr: 4 bytes and 12 zeros, or 16 bytes; network byte order
 */
struct pp_so_end {
	__u16 family;
	__be16 port;
	__u8 addr[16];
};

/**
 * struct pp_so_send - value of PP_SO_SEND
 * @version: version of the header, 1 or 2
 * @flags: enum pp_so_send_flag
 * @tlv_len: bytes of @tlvs, host byte order; 0 in version 1
 * @client: the client; it can be of another family than the connection
 * @dst: the destination that the client asked for, of the same family
 * @tlvs: TLVs as in the header (SPEC 2.2): type, length in network byte order, value
 */
struct pp_so_send {
	__u8 version;
	__u8 flags;
	__u16 tlv_len;
	struct pp_so_end client;
	struct pp_so_end dst;
	__u8 tlvs[];
};

#endif /* _UAPI_LINUX_PROXYPROTO_H */
