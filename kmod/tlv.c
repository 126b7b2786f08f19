// SPDX-License-Identifier: GPL-2.0
/*
 * The TLVs behind the addresses of a v2 header: one step of a walk, and one
 * written.
 *
 * The same step of a walk validates a header that is still arriving and reads one that
 * is complete.
 */
#include "tlv.h"

/**
 * pp_tlv_put - write a TLV
 * @p: where, with room for PP_TLV_FIXED + @len bytes
 * @type: PP2_TYPE_* of SPEC 2.2
 * @value: its value; NULL: zeros, to be filled in
 * @len: bytes of the value
 *
 * Return: behind it
 */
u8 *pp_tlv_put(u8 *p, u8 type, const void *value, u16 len)
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

/* Whether TLVs can fill this many bytes, and leave no stray byte behind */
static bool can_hold_tlvs(size_t bytes)
{
	return bytes == 0 || bytes >= PP_TLV_FIXED;
}

/**
 * pp_tlv_next - take the next TLV
 * @walk: the TLVs ahead; moves behind the one that is returned
 * @tlv: set when the result is 1
 *
 * A TLV that overruns the header and one or two stray bytes behind the last TLV
 * are refused, as HAProxy does (SPEC 2.2 only says that receivers may skip
 * TLVs), and as soon as the bytes received leave no other outcome.
 *
 * Return: 1, or 0 at the end of the header, -EAGAIN when the TLV is not
 * complete yet, -EBADMSG when it never can be.
 */
int pp_tlv_next(struct pp_tlv_walk *walk, struct pp_tlv *tlv)
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
