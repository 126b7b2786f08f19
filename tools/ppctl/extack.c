// SPDX-License-Identifier: GPL-2.0
/*
 * How the kernel ended a request: the errno, and the text and place of an extended
 * acknowledgement. NLMSG_ERROR and NLMSG_DONE both have them.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <string.h>

#include <linux/proxyproto.h>

#include "extack.h"
#include "limit.h"
#include "ppctl.h"

/* The words of the language for attributes that a user can get wrong */
static const char * const rule_names[PP_RULE_ATTR_MAX + 1] = {
	[PP_RULE_ATTR_ID] = "id",
	[PP_RULE_ATTR_DIRECTION] = "direction",
	[PP_RULE_ATTR_TO] = "to",
	[PP_RULE_ATTR_TO_LEN] = "to",
	[PP_RULE_ATTR_PORTS] = "port",
	[PP_RULE_ATTR_MARK] = "mark",
	[PP_RULE_ATTR_MARK_MASK] = "mark",
	[PP_RULE_ATTR_VERSION] = "version",
	[PP_RULE_ATTR_ORIGIN] = "origin",
	[PP_RULE_ATTR_COMMENT] = "comment",
	[PP_RULE_ATTR_FROM] = "from",
	[PP_RULE_ATTR_HEADER] = "header",
	[PP_RULE_ATTR_STACKED] = "stacked",
	[PP_RULE_ATTR_TIMEOUT] = "timeout",
};

static const char *attribute_name(int nest, int type)
{
	if (nest == PP_ATTR_RULE && type <= PP_RULE_ATTR_MAX)
		return rule_names[type];
	if (nest == PP_ATTR_LIMITS)
		return limit_name(type);
	return NULL;
}

/* Whether @offset, counted from the start of the request, is in @attr */
static bool covers(const struct nlattr *attr, const struct nlmsghdr *request,
		   size_t offset)
{
	size_t start = (size_t)((const char *)attr - (const char *)request);

	return offset >= start && offset < start + attr->nla_len;
}

static const char *find_in_nest(struct nlattr *nest,
				const struct nlmsghdr *request, size_t offset)
{
	struct nlattr *attr;
	int rest;

	nla_for_each_nested(attr, nest, rest) {
		if (covers(attr, request, offset))
			return attribute_name(nla_type(nest), nla_type(attr));
	}
	return NULL;
}

/* The name of the attribute at @offset of the request, or NULL */
static const char *find_attribute(const struct nlmsghdr *request, size_t offset)
{
	struct nlattr *attr;
	int rest;

	nlmsg_for_each_attr(attr, (struct nlmsghdr *)request, GENL_HDRLEN, rest) {
		if (covers(attr, request, offset))
			return find_in_nest(attr, request, offset);
	}
	return NULL;
}

static void read_attributes(struct extack *extack, struct nlattr *head, int len,
			    const struct nlmsghdr *request)
{
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1];
	struct nlattr *offset;

	if (nla_parse(tb, NLMSGERR_ATTR_MAX, head, len, NULL))
		return;
	if (tb[NLMSGERR_ATTR_MSG])
		nla_strlcpy(extack->text, tb[NLMSGERR_ATTR_MSG],
			    sizeof(extack->text));
	offset = tb[NLMSGERR_ATTR_OFFS];
	if (offset && nla_len(offset) >= (int)sizeof(uint32_t))
		extack->attribute = find_attribute(request, nla_get_u32(offset));
}

/*
 * Both messages begin with the errno. In an error the header of the request
 * follows, and the whole request unless the kernel was asked to cap it.
 */
static size_t fixed_part(const struct nlmsghdr *answer)
{
	const struct nlmsgerr *error = NLMSG_DATA(answer);

	if (answer->nlmsg_type == NLMSG_DONE)
		return sizeof(int);
	if (answer->nlmsg_flags & NLM_F_CAPPED || !error->error)
		return sizeof(*error);
	return sizeof(error->error) + error->msg.nlmsg_len;
}

/**
 * extack_read - read how a request ended
 * @extack: is filled
 * @answer: NLMSG_ERROR or NLMSG_DONE
 * @request: what it answers
 */
void extack_read(struct extack *extack, const struct nlmsghdr *answer,
		 const struct nlmsghdr *request)
{
	size_t len = answer->nlmsg_len - NLMSG_HDRLEN;
	size_t minimum = sizeof(int), fixed;
	int error;

	memset(extack, 0, sizeof(*extack));
	if (answer->nlmsg_type == NLMSG_ERROR)
		minimum = sizeof(struct nlmsgerr);
	if (len < minimum) {
		extack->error = answer->nlmsg_type == NLMSG_ERROR ? EBADMSG : 0;
		return;
	}
	memcpy(&error, NLMSG_DATA(answer), sizeof(error));
	extack->error = error < 0 ? -error : 0;

	fixed = NLMSG_ALIGN(fixed_part(answer));
	if (answer->nlmsg_flags & NLM_F_ACK_TLVS && fixed < len)
		read_attributes(extack,
				(struct nlattr *)((char *)NLMSG_DATA(answer) + fixed),
				(int)(len - fixed), request);
}

/* The text if the kernel gave none */
static const char *describe(int error)
{
	switch (error) {
	case EPERM:
	case EACCES:
		return "permission denied: needs CAP_NET_ADMIN in this network namespace";
	case EEXIST:
		return "there is a rule with the same destination, ports and mark";
	case ENOENT:
		return "there is no such rule";
	case ENOSPC:
		return "there are as many rules as one network namespace can have";
	case EMSGSIZE:
		return "the request is longer than the kernel takes: name fewer rules";
	default:
		return strerror(error);
	}
}

/**
 * extack_report - print how a request ended, if it failed or has a warning
 */
int extack_report(const struct extack *extack)
{
	if (!extack->error) {
		if (*extack->text)
			warning("%s", extack->text);
		return STATUS_OK;
	}
	if (!*extack->text && !extack->attribute)
		return failure("%s", describe(extack->error));
	if (!*extack->text)
		return failure("%s ('%s')", describe(extack->error),
			       extack->attribute);
	/* These errors often do not say which value is wrong */
	if (extack->attribute &&
	    (extack->error == EINVAL || extack->error == ERANGE ||
	     extack->error == EOPNOTSUPP))
		return failure("%s ('%s')", extack->text, extack->attribute);
	return failure("%s", extack->text);
}
