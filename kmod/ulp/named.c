// SPDX-License-Identifier: GPL-2.0
/*
 * Sending by socket: the header that a program names.
 *
 * Owns the values of PP_SO_SEND and PP_SO_SEND_READY. Whatever a program gives, the reader of
 * headers has to find it complete and right, so that no backend is sent anything else.
 */
#include <linux/kernel.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "proto/checksum.h"
#include "ulp/internal.h"

/* Longest value of a TLV UNIQUE_ID (SPEC 2.2.5) */
#define UNIQUE_ID_MAX	128
#define ALL_FLAGS	(PP_SO_SEND_LOCAL | PP_SO_SEND_UNIQUE_ID | PP_SO_SEND_CRC32C)

static bool read_end(const struct pp_so_end *end, struct pp_endpoint *to)
{
	unsigned int len = end->family == AF_INET6 ? sizeof(to->addr.in6) : sizeof(to->addr.ip);

	if ((end->family != AF_INET && end->family != AF_INET6) ||
	    memchr_inv(end->addr + len, 0, sizeof(end->addr) - len))
		return false;
	to->family = end->family;
	to->port = end->port;
	memcpy(&to->addr, end->addr, len);
	return true;
}

static bool read_ends(const struct pp_so_send *send, struct pp_header *header)
{
	static const struct pp_so_end none;

	if (send->flags & PP_SO_SEND_LOCAL)
		return send->flags == PP_SO_SEND_LOCAL && !send->tlv_len &&
		       !memcmp(&send->client, &none, sizeof(none)) &&
		       !memcmp(&send->dst, &none, sizeof(none));
	return read_end(&send->client, &header->src) && read_end(&send->dst, &header->dst);
}

/* Return: bytes of the TLVs with those that the flags ask for */
static unsigned int put_flagged_tlvs(const struct pp_so_send *send, u8 *tlvs)
{
	char id[PP_UNIQUE_ID_LEN + 1];
	u8 random[PP_UNIQUE_ID_LEN / 2];
	u8 *p = tlvs + send->tlv_len;

	memcpy(tlvs, send->tlvs, send->tlv_len);
	if (send->flags & PP_SO_SEND_UNIQUE_ID) {
		get_random_bytes(random, sizeof(random));
		scnprintf(id, sizeof(id), "%*phN", (int)sizeof(random), random);
		p = pp_proto_tlv_put(p, PP_TLV_UNIQUE_ID, id, PP_UNIQUE_ID_LEN);
	}
	if (send->flags & PP_SO_SEND_CRC32C)
		p = pp_proto_tlv_put(p, PP_TLV_CRC32C, NULL, sizeof(u32));
	return p - tlvs;
}

static void put_checksum(u8 *header, unsigned int len)
{
	unsigned int value = len - sizeof(u32);

	put_unaligned_be32(pp_proto_checksum_header(header, len, value), header + value);
}

/* Return: bytes of the header, or an error */
static int write_named(struct pp_ulp_named *named, const struct pp_so_send *send)
{
	struct pp_header header = { .version = send->version };
	u8 tlvs[PP_SO_SEND_MAX];
	int len;

	if (send->flags & ~ALL_FLAGS || !read_ends(send, &header))
		return -EINVAL;
	if (send->tlv_len + 2 * PP_TLV_FIXED + PP_UNIQUE_ID_LEN + sizeof(u32) > sizeof(tlvs))
		return -EMSGSIZE;
	header.command = send->flags & PP_SO_SEND_LOCAL ? PP_HEADER_LOCAL : PP_HEADER_PROXY;
	header.tlv_len = put_flagged_tlvs(send, tlvs);
	header.tlvs = header.tlv_len ? tlvs : NULL;
	len = pp_proto_header_write(named->bytes, sizeof(named->bytes), &header);
	if (len < 0)
		return len;
	if (send->flags & PP_SO_SEND_CRC32C)
		put_checksum(named->bytes, len);
	if (send->flags & PP_SO_SEND_UNIQUE_ID)
		named->unique_id = len - PP_UNIQUE_ID_LEN -
				   (send->flags & PP_SO_SEND_CRC32C ?
				    PP_TLV_FIXED + sizeof(u32) : 0);
	return len;
}

static int read_send(struct pp_ulp_named *named, sockptr_t arg, unsigned int len)
{
	struct pp_so_send *send;
	int ret = -EFAULT;

	if (len < sizeof(*send))
		return -EINVAL;
	if (len > sizeof(*send) + PP_SO_SEND_MAX)
		return -EMSGSIZE;
	send = kmalloc(len, GFP_KERNEL_ACCOUNT);
	if (!send)
		return -ENOMEM;
	if (!copy_from_sockptr(send, arg, len))
		ret = len == sizeof(*send) + send->tlv_len ? write_named(named, send) : -EINVAL;
	kfree(send);
	return ret;
}

static int read_ready(struct pp_ulp_named *named, sockptr_t arg, unsigned int len)
{
	if (len > sizeof(named->bytes))
		return -EMSGSIZE;
	return copy_from_sockptr(named->bytes, arg, len) ? -EFAULT : len;
}

static bool ids_are_short(const struct pp_ulp_named *named)
{
	struct pp_tlv_walk walk = {
		.pos = named->bytes + named->ends.tlv_off,
		.have = named->ends.tlv_len,
		.left = named->ends.tlv_len,
	};
	struct pp_tlv tlv;

	while (named->ends.tlv_len && pp_proto_tlv_next(&walk, &tlv) == 1)
		if (tlv.type == PP_TLV_UNIQUE_ID && tlv.len > UNIQUE_ID_MAX)
			return false;
	return true;
}

/**
 * pp_ulp_named_read - read the header that a program names
 * @named: is filled; all zero before
 * @option: PP_SO_SEND or PP_SO_SEND_READY
 * @arg: value of the option
 * @len: bytes of @arg
 *
 * Context: may sleep.
 * Return: 0, or an error as the uapi header says
 */
int pp_ulp_named_read(struct pp_ulp_named *named, int option, sockptr_t arg, unsigned int len)
{
	int ret = option == PP_SO_SEND ? read_send(named, arg, len) : read_ready(named, arg, len);

	if (ret < 0)
		return ret;
	if (!ret || pp_proto_header_read(named->bytes, ret, &named->ends) != ret ||
	    !pp_proto_checksum_fits(named->bytes, &named->ends, ret) || !ids_are_short(named))
		return -EINVAL;
	named->len = ret;
	return 0;
}
