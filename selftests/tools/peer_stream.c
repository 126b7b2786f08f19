// SPDX-License-Identifier: GPL-2.0
/*
 * pp_peer: what travels in one direction of a connection, made and verified.
 *
 *   [ PROXY header ]  magic  length  seed  local  remote  [ data ... ]  SHA-256
 *                     8      8       8     19     19      length        32
 *
 * Numbers are big endian; local and remote are the sender's view of its socket:
 * 4 or 6, 16 bytes of address (4 of them used for IPv4), port. The data follow
 * from the seed, so that the receiver can name the first byte that differs; the
 * digest is the sender's and is over the data alone. Nothing may come after it.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <sys/random.h>

#include "peer.h"

#define MAGIC_LEN 8
#define ENDPOINT_LEN 19

static const char *magic_of(enum peer_role role)
{
	return role == PEER_SERVER ? "PPSERVER" : "PPCLIENT";
}

/* Word @index of the data: SplitMix64, which needs no state but the seed */
static u64 data_word(u64 seed, u64 index)
{
	u64 z = seed + (index + 1) * 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void make_data(u8 *p, u64 seed, u64 offset, size_t len)
{
	u64 word = data_word(seed, offset / 8);

	for (size_t i = 0; i < len; i++, offset++) {
		if (offset % 8 == 0)
			word = data_word(seed, offset / 8);
		p[i] = word >> 8 * (offset % 8);
	}
}

static u8 *put_u64(u8 *p, u64 value)
{
	value = htobe64(value);
	memcpy(p, &value, sizeof(value));
	return p + sizeof(value);
}

static u64 get_u64(const u8 *p)
{
	u64 value;

	memcpy(&value, p, sizeof(value));
	return be64toh(value);
}

static u8 *put_endpoint(u8 *p, const struct pp_endpoint *end)
{
	p[0] = end->family == AF_INET ? 4 : 6;
	memcpy(p + 1, &end->addr, 16);
	memcpy(p + 17, &end->port, 2);
	return p + ENDPOINT_LEN;
}

static void get_endpoint(const u8 *p, struct pp_endpoint *end)
{
	end->family = p[0] == 4 ? AF_INET : AF_INET6;
	memcpy(&end->addr, p + 1, 16);
	memcpy(&end->port, p + 17, 2);
}

/* After the names of the flow's socket are known */
void peer_stream_init(struct peer_flow *flow)
{
	struct peer_preamble *preamble = &flow->tx.preamble;
	const struct peer_config *cfg = flow->cfg;

	sha256_init(&flow->tx.sha);
	sha256_init(&flow->rx.sha);
	preamble->length = cfg->size;
	preamble->local = flow->local;
	preamble->remote = flow->remote;
	if (getrandom(&preamble->seed, sizeof(preamble->seed), 0) != sizeof(preamble->seed))
		preamble->seed = flow->start;

	if (cfg->header == PEER_HEADER_NONE)
		flow->rx.stage = cfg->no_data ? PEER_STAGE_END : PEER_STAGE_PREAMBLE;
}

/* The next part into the buffer; @message: whether more than the header may go */
static bool fill_part(struct peer_flow *flow, bool message)
{
	struct peer_sender *tx = &flow->tx;
	size_t room = sizeof(tx->buf) - tx->have;
	u64 left = tx->preamble.length - tx->offset;
	u8 *p = tx->buf + tx->have;

	if (tx->stage == PEER_STAGE_HEADER) {
		if (tx->header_len)
			memcpy(p, tx->header, tx->header_len);
		tx->have += tx->header_len;
		tx->stage = flow->cfg->no_data ? PEER_STAGE_END : PEER_STAGE_PREAMBLE;
		return true;
	}
	if (!message || tx->stage == PEER_STAGE_END || room < PEER_PREAMBLE_LEN)
		return false;

	if (tx->stage == PEER_STAGE_PREAMBLE) {
		memcpy(p, magic_of(flow->cfg->role), MAGIC_LEN);
		p = put_u64(p + MAGIC_LEN, tx->preamble.length);
		p = put_u64(p, tx->preamble.seed);
		p = put_endpoint(p, &tx->preamble.local);
		put_endpoint(p, &tx->preamble.remote);
		tx->have += PEER_PREAMBLE_LEN;
		tx->stage = PEER_STAGE_DATA;
	} else if (left) {
		size_t len = left < room ? left : room;

		make_data(p, tx->preamble.seed, tx->offset, len);
		sha256_update(&tx->sha, len, p);
		tx->offset += len;
		tx->have += len;
	} else {
		sha256_digest(&tx->sha, sizeof(tx->digest), tx->digest);
		memcpy(p, tx->digest, sizeof(tx->digest));
		tx->have += sizeof(tx->digest);
		tx->stage = PEER_STAGE_END;
	}
	return true;
}

/*
 * Puts as much into the buffer as fits, so that a header and a short message
 * can leave in one segment. Returns whether there is something to send.
 */
bool peer_stream_fill(struct peer_flow *flow, bool message)
{
	struct peer_sender *tx = &flow->tx;

	if (tx->pos < tx->have)
		return true;
	tx->pos = 0;
	tx->have = 0;
	while (fill_part(flow, message))
		;
	return tx->have > 0;
}

/* Collects bytes up to @want in all; returns how many it took */
static size_t collect(struct peer_receiver *rx, size_t want, const u8 *bytes, size_t len)
{
	if (len > want - rx->have)
		len = want - rx->have;
	memcpy(rx->buf + rx->have, bytes, len);
	rx->have += len;
	return len;
}

static void check_header(struct peer_flow *flow)
{
	static const struct {
		const char *name;
		int version;
		int command;
		bool addresses;
	} wanted[] = {
		[PEER_HEADER_V1] = { "v1 with addresses", 1, PP_HEADER_PROXY, true },
		[PEER_HEADER_V2] = { "v2 with addresses", 2, PP_HEADER_PROXY, true },
		[PEER_HEADER_LOCAL] = { "v2 LOCAL", 2, PP_HEADER_LOCAL, false },
		[PEER_HEADER_UNKNOWN] = { "v1 UNKNOWN", 1, PP_HEADER_PROXY, false },
	};
	const struct pp_header *h = &flow->rx.header;
	int want = flow->cfg->header;

	if (want == PEER_HEADER_ANY)
		return;
	if (h->version != wanted[want].version || h->command != wanted[want].command ||
	    (h->src.family != AF_UNSPEC) != wanted[want].addresses)
		peer_flow_fail(flow, "the header is not %s", wanted[want].name);
}

static size_t feed_header(struct peer_flow *flow, const u8 *bytes, size_t len)
{
	struct peer_receiver *rx = &flow->rx;
	size_t before = rx->have;
	int ret;

	len = collect(rx, sizeof(rx->buf), bytes, len);
	ret = pp_proto_header_read(rx->buf, rx->have, &rx->header);
	if (ret == -EAGAIN)
		return len;
	if (ret < 0) {
		peer_flow_fail(flow, "no PROXY header at the beginning");
		return len;
	}
	rx->header_len = ret;
	rx->have = 0;
	rx->stage = flow->cfg->no_data ? PEER_STAGE_END : PEER_STAGE_PREAMBLE;
	check_header(flow);
	return ret - before;
}

static size_t feed_preamble(struct peer_flow *flow, const u8 *bytes, size_t len)
{
	enum peer_role other = flow->cfg->role == PEER_SERVER ? PEER_CLIENT : PEER_SERVER;
	struct peer_receiver *rx = &flow->rx;
	const u8 *p = rx->buf;

	len = collect(rx, PEER_PREAMBLE_LEN, bytes, len);
	if (memcmp(p, magic_of(other), rx->have < MAGIC_LEN ? rx->have : MAGIC_LEN))
		peer_flow_fail(flow, "the message does not begin with %s", magic_of(other));
	if (rx->have < PEER_PREAMBLE_LEN)
		return len;

	rx->preamble.length = get_u64(p + MAGIC_LEN);
	rx->preamble.seed = get_u64(p + MAGIC_LEN + 8);
	get_endpoint(p + MAGIC_LEN + 16, &rx->preamble.local);
	get_endpoint(p + MAGIC_LEN + 16 + ENDPOINT_LEN, &rx->preamble.remote);
	if (flow->cfg->recv_size_set && rx->preamble.length != flow->cfg->recv_size)
		peer_flow_fail(flow, "the message has %ju bytes of data, not %ju",
			       (uintmax_t)rx->preamble.length, (uintmax_t)flow->cfg->recv_size);
	rx->have = 0;
	rx->stage = PEER_STAGE_DATA;
	return len;
}

static size_t feed_data(struct peer_flow *flow, const u8 *bytes, size_t len)
{
	struct peer_receiver *rx = &flow->rx;
	u64 left = rx->preamble.length - rx->offset;
	u8 want[4096];
	size_t i;

	if (len > left)
		len = left;
	if (len > sizeof(want))
		len = sizeof(want);
	make_data(want, rx->preamble.seed, rx->offset, len);
	for (i = 0; i < len; i++) {
		if (bytes[i] != want[i]) {
			peer_flow_fail(flow, "byte %ju of the data differs",
				       (uintmax_t)(rx->offset + i));
			break;
		}
	}
	sha256_update(&rx->sha, len, bytes);
	rx->offset += len;
	if (rx->offset == rx->preamble.length)
		rx->stage = PEER_STAGE_DIGEST;
	return len;
}

static size_t feed_digest(struct peer_flow *flow, const u8 *bytes, size_t len)
{
	struct peer_receiver *rx = &flow->rx;

	len = collect(rx, sizeof(rx->digest), bytes, len);
	if (rx->have < sizeof(rx->digest))
		return len;
	sha256_digest(&rx->sha, sizeof(rx->digest), rx->digest);
	if (memcmp(rx->digest, rx->buf, sizeof(rx->digest)))
		peer_flow_fail(flow, "the digest of the data differs");
	rx->stage = PEER_STAGE_END;
	return len;
}

/* Takes in what was received; fails the flow at the first byte that is wrong */
void peer_stream_feed(struct peer_flow *flow, const u8 *bytes, size_t len)
{
	static size_t (*const feed[])(struct peer_flow *flow, const u8 *bytes, size_t len) = {
		[PEER_STAGE_HEADER] = feed_header,
		[PEER_STAGE_PREAMBLE] = feed_preamble,
		[PEER_STAGE_DATA] = feed_data,
		[PEER_STAGE_DIGEST] = feed_digest,
	};

	while (len && !flow->error[0]) {
		size_t taken;

		if (flow->rx.stage == PEER_STAGE_END) {
			peer_flow_fail(flow, "%zu bytes after the end", len);
			return;
		}
		taken = feed[flow->rx.stage](flow, bytes, len);
		bytes += taken;
		len -= taken;
	}
}
