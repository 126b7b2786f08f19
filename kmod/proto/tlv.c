// SPDX-License-Identifier: GPL-2.0
/*
 * The TLVs behind the addresses of a v2 header: writes one, and reads the next one.
 *
 * The same function validates a header that is still arriving and reads a complete
 * one.
 */
#include "proto/tlv.h"

/**
 * pp_proto_tlv_put - write a TLV
 * @p: where to write, with room for PP_TLV_FIXED + @len bytes
 * @type: PP2_TYPE_* of SPEC 2.2
 * @value: its value; NULL: zeros, to be filled in later
 * @len: bytes of the value
 *
 * Return: the place behind the TLV
 */
u8 *pp_proto_tlv_put(u8 *p, u8 type, const void *value, u16 len)
{
	*p++ = type;
	*p++ = len >> 8;
	*p++ = len & 0xff;
	if (value)
		memcpy(p, value, len);
	else
		memset(p, 0, len);
	return p + len;
}

/* Whether TLVs can fill exactly this many bytes */
static bool can_hold_tlvs(size_t bytes)
{
	return bytes == 0 || bytes >= PP_TLV_FIXED;
}

/**
 * pp_proto_tlv_next - take the next TLV
 * @walk: the TLVs ahead; moves behind the TLV that is returned
 * @tlv: set if the result is 1
 *
 * A TLV that overruns the header is refused, and so are one or two stray bytes behind
 * the last TLV, as in HAProxy (SPEC 2.2 only says that receivers may skip TLVs). They
 * are refused as soon as the bytes received leave no other outcome.
 *
 * Return: 1; 0 at the end of the header; -EAGAIN if the TLV is not complete yet;
 * -EBADMSG if it never can be.
 */
int pp_proto_tlv_next(struct pp_tlv_walk *walk, struct pp_tlv *tlv)
{
	size_t len, room;

	if (!walk->left)
		return 0;
	if (!can_hold_tlvs(walk->left))
		return -EBADMSG;
	room = walk->left - PP_TLV_FIXED;

	if (walk->have < 2)
		return -EAGAIN;
	len = walk->pos[1] << 8;
	if (len > room)
		return -EBADMSG;

	if (walk->have < PP_TLV_FIXED)
		return -EAGAIN;
	len |= walk->pos[2];
	if (len > room || !can_hold_tlvs(room - len))
		return -EBADMSG;
	if (walk->have < PP_TLV_FIXED + len)
		return -EAGAIN;

	tlv->type = walk->pos[0];
	tlv->len = len;
	tlv->value = walk->pos + PP_TLV_FIXED;
	walk->pos += PP_TLV_FIXED + len;
	walk->have -= PP_TLV_FIXED + len;
	walk->left -= PP_TLV_FIXED + len;
	return 1;
}
