/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pp_peer: a byte-exact TCP peer for the selftests; what its files share.
 *
 * A connection is a flow. Each side of it sends one message and verifies the
 * other's; the message is described in peer_stream.c, the course of a flow in
 * peer_flow.c, the command line in pp_peer.c.
 */
#ifndef _PP_PEER_H
#define _PP_PEER_H

#include <nettle/sha2.h>

#include "../kmod/proto/header.h"

typedef uint64_t u64;

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

enum peer_role {
	PEER_SERVER = 1,
	PEER_CLIENT = 2,
};

/* Who sends first */
enum peer_order {
	PEER_ORDER_CLIENT,
	PEER_ORDER_SERVER,
	PEER_ORDER_BOTH,
};

/* How the client ends the connection */
enum peer_end {
	PEER_END_FIN,
	PEER_END_HALF_CLOSE,
	PEER_END_RST,
	PEER_END_NONE,
};

/* The header a server wants */
enum peer_header {
	PEER_HEADER_NONE,
	PEER_HEADER_ANY,
	PEER_HEADER_V1,
	PEER_HEADER_V2,
	PEER_HEADER_LOCAL,
	PEER_HEADER_UNKNOWN,
};

/* What an address or a port must equal */
enum peer_want {
	PEER_WANT_ANY,
	PEER_WANT_VALUE,
	PEER_WANT_CLIENT,	/* what the client's message says */
};

/**
 * struct peer_match - what an endpoint must be
 * @addr: how the address is judged
 * @port: how the port is judged
 * @value: the ones wanted, for PEER_WANT_VALUE
 */
struct peer_match {
	enum peer_want addr;
	enum peer_want port;
	struct pp_endpoint value;
};

/**
 * struct peer_config - the command line
 * @role: server or client
 * @target: where to listen or to connect to
 * @bind: the client's own address and port; family AF_UNSPEC, port 0: any
 * @count: connections; 0: a server goes on until SIGTERM
 * @parallel: connections of a client at a time
 * @timeout: seconds for a connection, and for a server to get the next one
 * @order: who sends first
 * @end: how the client ends
 * @no_data: no messages
 * @reset_on_accept: the server resets at once
 * @size: bytes of data in our message
 * @recv_size: bytes of data in the other's, if @recv_size_set
 * @recv_size_set: whether @recv_size was given
 * @header: the header that the server wants
 * @src: what its source must be
 * @dst: what its destination must be
 * @peer: what the other end of the server's socket must be
 * @sent_header: what the client sends before its message
 * @sent_header_len: bytes of that
 * @send_own_header: version of a header of the client's own port, or 0
 * @sent_src: address for that header; family AF_UNSPEC: its own
 * @sent_dst: destination for that header, if @sent_src is set
 * @chunk: most bytes in one write; 0: as many as there are
 * @mss: TCP_MAXSEG, or 0
 * @rcvbuf: SO_RCVBUF, or 0
 * @mark: SO_MARK, or 0
 * @md5: TCP_MD5SIG key, or NULL
 * @no_delay: TCP_NODELAY
 * @fastopen: TCP Fast Open
 * @mptcp: IPPROTO_MPTCP
 * @transparent: IP_TRANSPARENT
 * @ulp: server: the listener has the module's ULP; client: @sent_header goes by the ULP
 */
struct peer_config {
	enum peer_role role;
	struct pp_endpoint target;
	struct pp_endpoint bind;
	u64 count;
	u64 parallel;
	u64 timeout;
	int order;
	int end;
	bool no_data;
	bool reset_on_accept;
	u64 size;
	u64 recv_size;
	bool recv_size_set;
	int header;
	struct peer_match src;
	struct peer_match dst;
	struct peer_match peer;
	u8 sent_header[2 * PP_HEADER_READ_MAX];
	size_t sent_header_len;
	int send_own_header;
	struct pp_endpoint sent_src;
	struct pp_endpoint sent_dst;
	u64 chunk;
	u64 mss;
	u64 rcvbuf;
	u64 mark;
	const char *md5;
	bool no_delay;
	bool fastopen;
	bool mptcp;
	bool transparent;
	bool ulp;
};

/* Parts of what travels in one direction, in their order */
enum peer_stage {
	PEER_STAGE_HEADER,
	PEER_STAGE_PREAMBLE,
	PEER_STAGE_DATA,
	PEER_STAGE_DIGEST,
	PEER_STAGE_END,
};

/* A message but for its data; see peer_stream.c */
#define PEER_PREAMBLE_LEN 62

/**
 * struct peer_preamble - the beginning of a message
 * @length: bytes of data
 * @seed: of the data
 * @local: the sender's own end of its socket
 * @remote: the other end, as the sender sees it
 */
struct peer_preamble {
	u64 length;
	u64 seed;
	struct pp_endpoint local;
	struct pp_endpoint remote;
};

/**
 * struct peer_sender - what goes out
 * @stage: what comes next into @buf
 * @header: sent before the message
 * @header_len: bytes of @header
 * @preamble: what the message tells
 * @offset: bytes of data made
 * @sha: over these
 * @digest: the same at the end
 * @pos: sent bytes of @buf
 * @have: bytes in @buf
 * @buf: ready to be sent
 */
struct peer_sender {
	enum peer_stage stage;
	const u8 *header;
	size_t header_len;
	struct peer_preamble preamble;
	u64 offset;
	struct sha256_ctx sha;
	u8 digest[SHA256_DIGEST_SIZE];
	size_t pos;
	size_t have;
	u8 buf[65536];
};

/**
 * struct peer_receiver - what comes in
 * @stage: what is received now
 * @header_len: bytes of the header, 0 when there was none
 * @header: what it says
 * @preamble: what the message tells
 * @offset: bytes of data received
 * @sha: over these
 * @digest: the same at the end
 * @have: bytes in @buf
 * @buf: the header, the preamble or the digest so far
 */
struct peer_receiver {
	enum peer_stage stage;
	int header_len;
	struct pp_header header;
	struct peer_preamble preamble;
	u64 offset;
	struct sha256_ctx sha;
	u8 digest[SHA256_DIGEST_SIZE];
	size_t have;
	u8 buf[PP_HEADER_READ_MAX];
};

/**
 * struct peer_flow - a connection
 * @cfg: the command line
 * @fd: the socket, not blocking
 * @start: when it began, in ms
 * @deadline: when it is given up, in ms
 * @local: our end of it
 * @remote: the other end
 * @tx: what goes out
 * @rx: what comes in
 * @tx_shut: our FIN was asked for
 * @rx_eof: the other's FIN came
 * @over: reset or out of time
 * @end: how it ended: "fin", "rst", "timeout", or NULL before that
 * @syn_data: the SYN carried data and the other end took it
 * @error: what was wrong first, or empty
 */
struct peer_flow {
	const struct peer_config *cfg;
	int fd;
	u64 start;
	u64 deadline;
	struct pp_endpoint local;
	struct pp_endpoint remote;
	struct peer_sender tx;
	struct peer_receiver rx;
	bool tx_shut;
	bool rx_eof;
	bool over;
	const char *end;
	bool syn_data;
	char error[200];
};

/* peer_options.c */
int peer_options_parse(struct peer_config *cfg, int argc, char **argv);

/* peer_endpoint.c */
bool peer_endpoint_parse(struct pp_endpoint *end, const char *text);
void peer_endpoint_text(const struct pp_endpoint *end, char *text, size_t size);
socklen_t peer_endpoint_to_sockaddr(const struct pp_endpoint *end, struct sockaddr_storage *sa);
void peer_endpoint_from_sockaddr(struct pp_endpoint *end, const struct sockaddr_storage *sa);
void peer_endpoint_check(struct peer_flow *flow, const char *what, const struct pp_endpoint *seen,
			 const struct peer_match *match, const struct pp_endpoint *client);

/* peer_socket.c */
int peer_socket_listen(const struct peer_config *cfg);
int peer_socket_connect(struct peer_flow *flow);
void peer_socket_names(struct peer_flow *flow);
bool peer_socket_syn_data(int fd);
void peer_socket_reset(int fd);

/* peer_stream.c */
void peer_stream_init(struct peer_flow *flow);
bool peer_stream_fill(struct peer_flow *flow, bool message);
void peer_stream_feed(struct peer_flow *flow, const u8 *bytes, size_t len);

/* peer_flow.c */
u64 peer_flow_now(void);
struct peer_flow *peer_flow_new(const struct peer_config *cfg);
void peer_flow_fail(struct peer_flow *flow, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void peer_flow_run(struct peer_flow *flow);

/* peer_report.c */
void peer_report(const struct peer_flow *flow);

/* peer_server.c, peer_client.c */
int peer_server(const struct peer_config *cfg);
int peer_client(const struct peer_config *cfg);

#endif /* _PP_PEER_H */
