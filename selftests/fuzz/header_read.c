// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: pp_proto_header_read(), pp_proto_stack_read() and pp_proto_tlv_next() against
 * spec_header.c.
 *
 * The input is a stream. Both must say the same of each beginning of it, and
 * of the whole; the result for one beginning holds for every longer one. Then the
 * stream is read as several headers in a row.
 */
#include <arpa/inet.h>
#include <string.h>

#include "fuzz.h"
#include "proto/header.h"
#include "proto/header_stack.h"
#include "proto/checksum.h"
#include "proto/tlv.h"
#include "spec_header.h"

/* Beginnings that are looked at, of a stream that has more */
#define BEGINNINGS	128

static struct spec_header spec;

static int spec_result(const uint8_t *data, size_t len)
{
	switch (spec_read(data, len, &spec)) {
	case SPEC_MORE:
		return -EAGAIN;
	case SPEC_REFUSED:
		return -EBADMSG;
	default:
		return (int)spec.len;
	}
}

static void compare_endpoint(const struct pp_endpoint *end, const uint8_t *address,
			     unsigned int port)
{
	agree(end->family == (spec.address_len == 0 ? AF_UNSPEC :
			      spec.address_len == 4 ? AF_INET : AF_INET6));
	if (!spec.address_len)
		return;
	agree(!memcmp(&end->addr, address, spec.address_len));
	agree(ntohs(end->port) == port);
}

static void compare_tlvs(const uint8_t *data, size_t len, const struct pp_header *h)
{
	struct pp_tlv_walk walk = { data + h->tlv_off, h->tlv_len, h->tlv_len };
	struct pp_tlv tlv;
	size_t i;

	for (i = 0; pp_proto_tlv_next(&walk, &tlv) == 1; i++) {
		agree(i < spec.n_tlvs);
		agree(tlv.type == spec.tlvs[i].type);
		agree(tlv.len == spec.tlvs[i].len);
		agree(tlv.value == data + spec.tlvs[i].at);
	}
	agree(i == spec.n_tlvs);
	agree(pp_proto_checksum_fits(data, h, len) == (spec.crc != SPEC_CRC_BAD));
}

static void compare(const uint8_t *data, size_t len, const struct pp_header *h)
{
	agree(h->version == spec.version);
	agree(h->command == (spec.is_local ? PP_HEADER_LOCAL : PP_HEADER_PROXY));
	agree(h->family_proto == spec.family_proto);
	compare_endpoint(&h->src, spec.src, spec.sport);
	compare_endpoint(&h->dst, spec.dst, spec.dport);
	compare_tlvs(data, len, h);
}

/* With the checksum put right, both must find it right */
static void compare_repaired(const uint8_t *data, size_t len, const struct pp_header *h)
{
	uint8_t copy[PP_HEADER_READ_MAX];
	uint32_t crc;
	size_t i;

	memcpy(copy, data, len);
	for (i = 0; i < spec.n_tlvs && spec.tlvs[i].type != PP_TLV_CRC32C; i++)
		;
	if (i == spec.n_tlvs || spec.tlvs[i].len != sizeof(crc))
		return;
	crc = htonl(spec_crc32c(copy, len, spec.tlvs[i].at));
	memcpy(copy + spec.tlvs[i].at, &crc, sizeof(crc));
	agree(spec_result(copy, len) == (int)len);
	compare(copy, len, h);
}

/* The result for a beginning, from the result for the one before */
static int read_beginning(const uint8_t *beginning, size_t len, int last, struct pp_header *h)
{
	int ret = pp_proto_header_read(beginning, len, h), want = spec_result(beginning, len);

	if (ret != want)
		disagree("%zu bytes: read %d, specified %d", len, ret, want);
	if (last != -EAGAIN && ret != last)
		disagree("%zu bytes: read %d, fewer bytes %d", len, ret, last);
	agree(ret <= (int)len);
	return ret;
}

/* Each stands at the end of the array, so that reads beyond it are seen */
static void read_beginnings(const uint8_t *data, size_t size, uint8_t *room)
{
	size_t step = 1 + size / BEGINNINGS, len;
	struct pp_header h;
	int last = -EAGAIN;

	for (len = 0; len < size; len += step) {
		memcpy(room + size - len, data, len);
		last = read_beginning(room + size - len, len, last, &h);
	}
	memcpy(room, data, size);
	last = read_beginning(room, size, last, &h);
	if (last <= 0)
		return;
	compare(room, (size_t)last, &h);
	compare_repaired(room, (size_t)last, &h);
}

/*
 * What a row of @want headers is by its definition. *@named is the offset of the header that names
 * the client; the checksums are right if *@fits.
 */
static int spec_stack(const uint8_t *data, size_t len, unsigned int want, size_t *named,
		      bool *fits)
{
	size_t at = 0;
	int ret;

	*named = 0;
	*fits = true;
	while (want--) {
		ret = spec_result(data + at, len - at);
		if (ret == -EAGAIN && len >= PP_HEADER_READ_MAX)
			return -EBADMSG;
		if (ret < 0)
			return ret;
		if (at + (size_t)ret > PP_HEADER_READ_MAX)
			return -EBADMSG;
		if (spec.address_len)
			*named = at;
		*fits = *fits && spec.crc != SPEC_CRC_BAD;
		at += (size_t)ret;
		if (!spec.address_len)
			break;
	}
	return (int)at;
}

static int read_stack(const uint8_t *data, size_t len, unsigned int want)
{
	struct pp_stack stack;
	size_t named;
	bool fits;
	int expected = spec_stack(data, len, want, &named, &fits);
	int ret = pp_proto_stack_read(data, len, want, &stack);

	if (ret != expected)
		disagree("%zu bytes, %u headers: read %d, specified %d", len, want, ret, expected);
	if (ret <= 0)
		return ret;
	agree(stack.start == named);
	agree(spec_result(data + named, len - named) == stack.end - stack.start);
	if (stack.named.tlv_off)
		stack.named.tlv_off -= (uint16_t)named;
	compare(data + named, stack.end - stack.start, &stack.named);
	if (stack.named.tlv_off)
		stack.named.tlv_off += (uint16_t)named;
	agree(pp_proto_checksums_fit(data, &stack, (unsigned int)ret) == fits);
	return ret;
}

/* Of the whole and of its beginnings */
static void read_stacks(const uint8_t *data, size_t size, uint8_t *room)
{
	size_t step = 1 + size / BEGINNINGS, len;
	unsigned int want;
	int last, ret;

	for (want = 2; want <= 8; want *= 2) {
		for (last = -EAGAIN, len = 0; len < size; len += step, last = ret) {
			memcpy(room + size - len, data, len);
			ret = read_stack(room + size - len, len, want);
			agree(last == -EAGAIN || ret == last);
		}
		memcpy(room, data, size);
		ret = read_stack(room, size, want);
		agree(last == -EAGAIN || ret == last);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *room = malloc(size ? size : 1);

	read_beginnings(data, size, room);
	read_stacks(data, size, room);
	free(room);
	return 0;
}
