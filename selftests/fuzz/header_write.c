// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: pp_proto_header_write(), with the TLVs of kmod/send/tlv.c.
 *
 * The input is a connection, a rule, and the TLVs of a header that came in.
 * What is written must be as long as expected and never longer than a segment,
 * must say the same to both readers, must not fit in less, and must not touch
 * what lies behind it.
 */
#include <arpa/inet.h>
#include <string.h>

#include "fuzz.h"
#include "proto/header.h"
#include "proto/tlv.h"
#include "spec_header.h"

#define CANARY	0x5a
/* Bytes of addresses and ports of the longest header with TLVs */
#define MOST_FIXED	(PP_HEADER_V2_FIXED + 36)

/**
 * struct input - bytes that are still to be used; zeros behind them
 */
struct input {
	const uint8_t *data;
	size_t left;
};

static struct spec_header spec;

static uint8_t take(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->data++;
}

static void take_bytes(struct input *in, void *to, size_t len)
{
	uint8_t *bytes = to;

	while (len--)
		*bytes++ = take(in);
}

static u16 take_family(struct input *in)
{
	static const u16 families[] = {
		AF_INET, AF_INET6, AF_INET, AF_INET6, AF_INET, AF_INET6, AF_UNSPEC, AF_UNIX,
	};

	return families[take(in) % 8];
}

static void take_endpoint(struct input *in, struct pp_endpoint *end, u16 family)
{
	memset(end, 0, sizeof(*end));
	end->family = family;
	take_bytes(in, &end->port, sizeof(end->port));
	take_bytes(in, &end->addr, family == AF_INET ? 4 : 16);
}

static void take_header(struct input *in, struct pp_header *h)
{
	u8 kind = take(in);
	u16 family = take_family(in);

	memset(h, 0, sizeof(*h));
	h->version = kind % 16 == 15 ? 3 : 1 + kind % 2;
	h->command = kind >> 4 == 15 ? 2 : kind >> 4 == 0 ? PP_HEADER_LOCAL : PP_HEADER_PROXY;
	take_endpoint(in, &h->src, family);
	if (take(in) % 16 == 15)
		family = take_family(in);
	take_endpoint(in, &h->dst, family);
}

/* A rule has no others: pp_netlink_tlv_size() refuses them */
static u8 take_rule_type(struct input *in)
{
	static const u8 names[] = { PP_TLV_ALPN, PP_TLV_AUTHORITY, PP_TLV_NETNS };
	u8 byte = take(in);

	return byte < 3 ? names[byte] : PP_TLV_CUSTOM_FIRST + byte % 16;
}

/* TLVs of at most @room bytes; returns how many bytes they have */
static u16 take_tlvs(struct input *in, u8 *tlvs, size_t room, u8 (*take_type)(struct input *))
{
	static u8 value[PP_HEADER_READ_MAX];
	u8 count = take(in) % 20, type, *p = tlvs;
	size_t len;

	for (; count && in->left; count--) {
		type = take_type(in);
		len = take(in);
		if (len > 250)
			len = len << 4 | take(in) % 16;
		if (PP_TLV_FIXED + len > (size_t)(tlvs + room - p))
			break;
		take_bytes(in, value, len);
		p = pp_proto_tlv_put(p, type, value, len);
	}
	return p - tlvs;
}

/* As pp_netlink_tlv_size() allows and pp_netlink_tlv_read() makes them */
static void take_rule(struct input *in, u8 tlvs[PP_HEADER_SEND_MAX], struct pp_rule *rule)
{
	u8 flags = take(in);
	size_t room = PP_HEADER_SEND_MAX - MOST_FIXED;
	u8 *p;

	*rule = (struct pp_rule){
		.send = {
			.tlvs = tlvs,
			.unique_id = flags & 1,
			.crc32c = flags & 2,
			.drop_tlvs = flags & 4,
		},
	};
	if (rule->send.unique_id)
		room -= PP_TLV_FIXED + PP_UNIQUE_ID_LEN;
	if (rule->send.crc32c)
		room -= PP_TLV_FIXED + sizeof(u32);
	p = tlvs + take_tlvs(in, tlvs, room, take_rule_type);
	if (rule->send.unique_id)
		p = pp_proto_tlv_put(p, PP_TLV_UNIQUE_ID, NULL, PP_UNIQUE_ID_LEN);
	if (rule->send.crc32c)
		p = pp_proto_tlv_put(p, PP_TLV_CRC32C, NULL, sizeof(u32));
	rule->send.tlv_len = p - tlvs;
}

static bool is_inet(u16 family)
{
	return family == AF_INET || family == AF_INET6;
}

/* What pp_proto_header_write() says of itself */
static bool can_be_written(const struct pp_header *h)
{
	bool local = h->command == PP_HEADER_LOCAL;
	u16 family = h->src.family;

	if (h->version < 1 || h->version > 2 || h->command > PP_HEADER_PROXY)
		return false;
	if (h->tlvs && (h->version == 1 || local))
		return false;
	return local || (family == h->dst.family &&
			 (is_inet(family) || (family == AF_UNSPEC && h->version == 1)));
}

/* Into just @size bytes: no byte behind what is returned is touched */
static int write_sized(const struct pp_header *h, size_t size, uint8_t *to)
{
	uint8_t *buf = malloc(size ? size : 1);
	size_t i;
	int ret;

	memset(buf, CANARY, size);
	ret = pp_proto_header_write(buf, size, h);
	agree(ret <= (int)size);
	for (i = ret > 0 ? (size_t)ret : 0; i < size; i++)
		agree(buf[i] == CANARY);
	if (ret > 0)
		memcpy(to, buf, (size_t)ret);
	free(buf);
	return ret;
}

/* In buffers of other sizes it is the same, or nothing */
static void write_elsewhere(const struct pp_header *h, const uint8_t *bytes, size_t len)
{
	static const size_t short_of[] = { 1, 2, 3, 8, 15, 64, PP_HEADER_SEND_MAX };
	uint8_t again[PP_HEADER_SEND_MAX];
	size_t i;

	for (i = 0; i < sizeof(short_of) / sizeof(short_of[0]); i++) {
		if (short_of[i] <= len)
			agree(write_sized(h, len - short_of[i], again) == -EMSGSIZE);
	}
	agree(write_sized(h, 0, again) == -EMSGSIZE);
	agree(write_sized(h, len, again) == (int)len);
	agree(!memcmp(again, bytes, len));
}

static bool same_endpoint(const struct pp_endpoint *a, const struct pp_endpoint *b)
{
	return a->family == b->family && a->port == b->port &&
	       !memcmp(&a->addr, &b->addr, a->family == AF_INET ? 4 : 16);
}

static void read_back(const struct pp_header *h, const uint8_t *bytes, size_t len)
{
	bool local = h->command == PP_HEADER_LOCAL;
	struct pp_header got;

	agree(pp_proto_header_read(bytes, len, &got) == (int)len);
	agree(got.version == h->version);
	agree(got.command == (h->version == 1 ? PP_HEADER_PROXY : h->command));
	if (local || h->src.family == AF_UNSPEC) {
		agree(got.src.family == AF_UNSPEC && got.dst.family == AF_UNSPEC);
		return;
	}
	agree(same_endpoint(&got.src, &h->src) && same_endpoint(&got.dst, &h->dst));
	agree(got.tlv_len == (h->tlvs ? h->tlv_len : 0));
}

/* The specification's reader knows what the canonical form must be, too */
static void read_as_specified(const struct pp_header *h, const struct pp_rule *rule,
			      const uint8_t *bytes, size_t len)
{
	agree(spec_read(bytes, len, &spec) == SPEC_ACCEPTED);
	agree(spec.len == len);
	agree(spec.version == h->version);
	agree(spec.sport == (spec.address_len ? ntohs(h->src.port) : 0u));
	agree(spec.dport == (spec.address_len ? ntohs(h->dst.port) : 0u));
	agree(!memcmp(spec.src, &h->src.addr, spec.address_len));
	agree(!memcmp(spec.dst, &h->dst.addr, spec.address_len));
	if (h->tlvs && rule->send.crc32c)
		agree(spec.crc == SPEC_CRC_GOOD);
}

/* The TLVs that came in, less those that this host makes itself, then the rule's */
static void compare_tlvs(const struct pp_header *h, const struct pp_rule *rule,
			 const uint8_t *bytes, size_t len, u16 id)
{
	size_t own = len - rule->send.tlv_len, i;

	agree(h->tlv_len >= rule->send.tlv_len);
	agree(!rule->send.drop_tlvs || h->tlv_len == rule->send.tlv_len);
	for (i = 0; i < spec.n_tlvs && spec.tlvs[i].at < own; i++)
		agree(spec.tlvs[i].type != PP_TLV_CRC32C && spec.tlvs[i].type != PP_TLV_NOOP);
	agree(!id == !rule->send.unique_id);
	if (!id)
		return;
	agree(bytes[id - 3] == PP_TLV_UNIQUE_ID);
	for (i = 0; i < PP_UNIQUE_ID_LEN; i++)
		agree(bytes[id + i] == "a5"[i % 2]);
}

static size_t expected_length(const struct pp_header *h)
{
	if (h->command == PP_HEADER_LOCAL)
		return PP_HEADER_V2_FIXED;
	return PP_HEADER_V2_FIXED + (h->src.family == AF_INET ? 12 : 36) +
	       (h->tlvs ? h->tlv_len : 0);
}

/* @h as pp_send_make_flow() in kmod/send/header.c has it */
static void write_and_read(const struct pp_header *h, const struct pp_rule *rule)
{
	uint8_t bytes[PP_HEADER_SEND_MAX];
	int len = write_sized(h, sizeof(bytes), bytes);
	u16 id = 0;

	if (!can_be_written(h)) {
		agree(len == -EINVAL);
		return;
	}
	agree(len > 0);
	agree(h->version == 1 ? len <= PP_HEADER_V1_MAX : (size_t)len == expected_length(h));
	write_elsewhere(h, bytes, (size_t)len);
	if (h->tlvs)
		id = pp_send_finish_tlvs(rule, bytes, (u16)len);
	read_back(h, bytes, (size_t)len);
	read_as_specified(h, rule, bytes, (size_t)len);
	if (h->tlvs)
		compare_tlvs(h, rule, bytes, (size_t)len, id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	u8 rule_tlvs[PP_HEADER_SEND_MAX], came[PP_HEADER_READ_MAX - 28];
	unsigned int lost = 0, room;
	struct pp_accept accepted = { .net = &lost, .tlvs = came };
	struct pp_header h;
	struct pp_rule rule;
	u8 *tlvs;

	take_header(&in, &h);
	take_rule(&in, rule_tlvs, &rule);
	accepted.tlv_len = take_tlvs(&in, came, sizeof(came), take);

	room = PP_HEADER_SEND_MAX - PP_HEADER_V2_FIXED - (h.src.family == AF_INET6 ? 36 : 12);
	tlvs = malloc(room);
	h.tlv_len = pp_send_put_tlvs(&rule, accepted.tlv_len ? &accepted : NULL, room, tlvs);
	agree(h.tlv_len <= room);
	/* Where there can be none they must be refused, now and then */
	if (h.tlv_len && (h.version == 2 || rule.send.drop_tlvs))
		h.tlvs = tlvs;
	write_and_read(&h, &rule);
	free(tlvs);
	return 0;
}
