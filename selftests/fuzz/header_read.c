// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: pp_header_read() and pp_tlv_next() against spec_header.c.
 *
 * The input is a stream. Both must say the same of each beginning of it, and
 * of the whole; what one beginning was told holds for every longer one.
 */
#include <arpa/inet.h>
#include <string.h>

#include "fuzz.h"
#include "header.h"
#include "checksum.h"
#include "spec_header.h"
#include "tlv.h"

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

/* As a receiver that knows CRC32C */
static enum spec_crc check_crc(const uint8_t *data, size_t len, const struct pp_tlv *tlv)
{
	uint32_t crc;

	if (tlv->len != sizeof(crc))
		return SPEC_CRC_BAD;
	memcpy(&crc, tlv->value, sizeof(crc));
	return ntohl(crc) == pp_checksum_header(data, len, tlv->value - data) ? SPEC_CRC_GOOD :
									       SPEC_CRC_BAD;
}

static void compare_tlvs(const uint8_t *data, size_t len, const struct pp_header *h)
{
	struct pp_tlv_walk walk = { data + h->tlv_off, h->tlv_len, h->tlv_len };
	enum spec_crc crc = SPEC_CRC_NONE;
	struct pp_tlv tlv;
	size_t i;

	for (i = 0; pp_tlv_next(&walk, &tlv) == 1; i++) {
		agree(i < spec.n_tlvs);
		agree(tlv.type == spec.tlvs[i].type);
		agree(tlv.len == spec.tlvs[i].len);
		agree(tlv.value == data + spec.tlvs[i].at);
		if (tlv.type == PP_TLV_CRC32C && crc != SPEC_CRC_BAD)
			crc = check_crc(data, len, &tlv);
	}
	agree(i == spec.n_tlvs);
	agree(crc == spec.crc);
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
	int ret = pp_header_read(beginning, len, h), want = spec_result(beginning, len);

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *room = malloc(size ? size : 1);

	read_beginnings(data, size, room);
	free(room);
	return 0;
}
