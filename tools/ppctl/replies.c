// SPDX-License-Identifier: GPL-2.0
/*
 * The answers of the kernel. They are kept as they came, which takes little memory for
 * a hundred thousand rules, and read one by one.
 */
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include <linux/proxyproto.h>

#include "ppctl.h"
#include "replies.h"

/**
 * reply_bad - report an answer that cannot be parsed
 */
int reply_bad(void)
{
	return failure("the answer of the kernel is not understood");
}

/**
 * reply_number - the value of an unsigned attribute of any width
 * @attr: may be NULL
 * @missing: the value if there is no such attribute
 */
uint64_t reply_number(const struct nlattr *attr, uint64_t missing)
{
	switch (attr ? nla_len(attr) : 0) {
	case 1:
		return nla_get_u8((struct nlattr *)attr);
	case 2:
		return nla_get_u16((struct nlattr *)attr);
	case 4:
		return nla_get_u32((struct nlattr *)attr);
	case 8:
		return nla_get_u64((struct nlattr *)attr);
	default:
		return missing;
	}
}

/**
 * replies_append - keep one more message
 */
void replies_append(struct replies *replies, const struct nlmsghdr *nlh)
{
	size_t len = NLMSG_ALIGN(nlh->nlmsg_len);
	size_t room = 2 * replies->room + len;
	char *data;

	if (replies->room - replies->len < len) {
		data = realloc(replies->data, room);
		if (!data)
			out_of_memory();
		replies->data = data;
		replies->room = room;
	}
	memset(replies->data + replies->len, 0, len);
	memcpy(replies->data + replies->len, nlh, nlh->nlmsg_len);
	replies->len += len;
}

void replies_free(struct replies *replies)
{
	free(replies->data);
	memset(replies, 0, sizeof(*replies));
}

/**
 * replies_each - call a function for one attribute of each answer
 * @replies: the answers
 * @type: enum pp_attr
 * @each: gets the attribute and @data; a status other than 0 ends the walk
 */
int replies_each(const struct replies *replies, int type,
		 int (*each)(struct nlattr *nest, void *data), void *data)
{
	struct nlattr *tb[PP_ATTR_MAX + 1];
	struct nlmsghdr *nlh;
	size_t at;
	int status;

	for (at = 0; at < replies->len; at += NLMSG_ALIGN(nlh->nlmsg_len)) {
		nlh = (struct nlmsghdr *)(replies->data + at);
		if (genlmsg_parse(nlh, 0, tb, PP_ATTR_MAX, NULL) || !tb[type])
			return reply_bad();
		status = each(tb[type], data);
		if (status)
			return status;
	}
	return STATUS_OK;
}
