// SPDX-License-Identifier: GPL-2.0
/*
 * Making netlink messages by hand. Lengths are kept right as attributes are
 * added; whoever wants them wrong changes the bytes afterwards.
 */
#include <string.h>

#include <linux/genetlink.h>

#include "pp_netlink.h"

/**
 * pp_msg_room - lengthen a message by zeros, to the next multiple of 4
 */
void *pp_msg_room(struct pp_msg *msg, size_t len)
{
	void *at = msg->data + msg->len;

	if (NLMSG_ALIGN(len) > sizeof(msg->data) - msg->len)
		die("a message of more than %zu bytes", sizeof(msg->data));
	memset(at, 0, NLMSG_ALIGN(len));
	msg->len += NLMSG_ALIGN(len);
	msg->nlh.nlmsg_len = msg->len;
	return at;
}

/**
 * pp_msg_begin - make the headers; pp_socket_send() adds family and number
 */
void pp_msg_begin(struct pp_msg *msg, uint8_t command, uint16_t flags)
{
	struct genlmsghdr *genl;

	msg->len = 0;
	pp_msg_room(msg, NLMSG_HDRLEN);
	genl = pp_msg_room(msg, GENL_HDRLEN);
	genl->cmd = command;
	genl->version = PP_GENL_VERSION;
	msg->nlh.nlmsg_flags = NLM_F_REQUEST | flags;
}

/**
 * pp_msg_put - append an attribute
 *
 * Return: where in the message it stands
 */
size_t pp_msg_put(struct pp_msg *msg, uint16_t type, const void *data, size_t len)
{
	size_t at = msg->len;
	struct nlattr *attr = pp_msg_room(msg, NLA_HDRLEN + len);

	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + len;
	if (len)
		memcpy((char *)attr + NLA_HDRLEN, data, len);
	return at;
}

/**
 * pp_msg_number - append a number
 * @width: bytes that it takes
 */
void pp_msg_number(struct pp_msg *msg, uint16_t type, size_t width, uint64_t value)
{
	uint8_t u8 = value;
	uint16_t u16 = value;
	uint32_t u32 = value;

	switch (width) {
	case 1:
		pp_msg_put(msg, type, &u8, width);
		break;
	case 2:
		pp_msg_put(msg, type, &u16, width);
		break;
	case 4:
		pp_msg_put(msg, type, &u32, width);
		break;
	case 8:
		pp_msg_put(msg, type, &value, width);
		break;
	default:
		die("a number of %zu bytes", width);
	}
}

size_t pp_msg_nest(struct pp_msg *msg, uint16_t type)
{
	return pp_msg_put(msg, type, NULL, 0);
}

/**
 * pp_msg_nest_end - give a nest the length of what was appended since
 * @nest: what pp_msg_nest() returned
 */
void pp_msg_nest_end(struct pp_msg *msg, size_t nest)
{
	struct nlattr *attr = (struct nlattr *)(msg->data + nest);

	attr->nla_len = msg->len - nest;
}
