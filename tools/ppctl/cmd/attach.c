// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl attach: lets the listeners of a running program take headers themselves. All sockets of a
 * reuseport group are attached, or none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/proxyproto.h>

#include "listener.h"
#include "nl.h"
#include "parse.h"
#include "ppctl.h"

/**
 * struct attachment - what the command line says
 * @name: which listeners
 * @from: sources whose headers are believed
 * @n_from: 0: accept rules decide
 * @header: enum pp_header_need
 * @stacked: headers in a row
 * @timeout: seconds
 */
struct attachment {
	struct listener_name name;
	struct prefix from[PP_FROM_MAX];
	unsigned int n_from;
	uint32_t header;
	uint32_t stacked;
	uint32_t timeout;
};

static int parse_need(const char *value, uint32_t *need)
{
	if (!strcmp(value, "required"))
		*need = PP_HEADER_REQUIRED;
	else if (!strcmp(value, "optional"))
		*need = PP_HEADER_OPTIONAL;
	else
		return usage_error("unknown header '%s': required or optional", value);
	return STATUS_OK;
}

/* The keywords; those behind WORD_FROM need it */
enum word {
	WORD_TO,
	WORD_PORT,
	WORD_FROM,
	WORD_HEADER,
	WORD_STACKED,
	WORD_TIMEOUT,
	WORDS
};

static const char *const names[WORDS] = { "to", "port", "from", "header", "stacked", "timeout" };

/* The value of a keyword, or NULL */
static const char **value_of(const char *name, const char **values)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(names[i], name))
			return &values[i];
	}
	return NULL;
}

static int collect_values(char **args, const char **values)
{
	const char **value;

	for (; args[0]; args += 2) {
		value = value_of(args[0], values);
		if (!value)
			return usage_error("unknown keyword '%s': see ppctl attach --help",
					   args[0]);
		if (*value)
			return usage_error("'%s' is given twice", args[0]);
		if (!args[1])
			return usage_error("'%s' needs a value", args[0]);
		*value = args[1];
	}
	return STATUS_OK;
}

static int check_words(const char **values)
{
	int i;

	if (!values[WORD_TO] || !values[WORD_PORT])
		return usage_error("attach needs 'to' and 'port': the address and port of a listener");
	for (i = WORD_FROM + 1; i < WORDS; i++) {
		if (values[i] && !values[WORD_FROM])
			return usage_error("'%s' needs 'from': without it, accept rules decide",
					   names[i]);
	}
	return STATUS_OK;
}

/* What is asked of the sources */
static int parse_policy(const char **values, struct attachment *at)
{
	int status = STATUS_OK;

	at->timeout = PP_TIMEOUT_DEFAULT;
	at->stacked = 1;
	if (values[WORD_FROM])
		status = prefix_parse_list("source", values[WORD_FROM], at->from, PP_FROM_MAX,
					   &at->n_from);
	if (!status && values[WORD_HEADER])
		status = parse_need(values[WORD_HEADER], &at->header);
	if (!status && values[WORD_STACKED])
		status = parse_stacked(values[WORD_STACKED], &at->stacked);
	if (!status && values[WORD_TIMEOUT])
		status = parse_timeout(values[WORD_TIMEOUT], &at->timeout);
	return status;
}

static int parse_words(char **args, struct attachment *at)
{
	const char *values[WORDS] = { NULL };
	int status;

	memset(at, 0, sizeof(*at));
	status = collect_values(args, values);
	if (!status)
		status = check_words(values);
	if (!status)
		status = listener_parse(values[WORD_TO], values[WORD_PORT], &at->name);
	if (!status)
		status = parse_policy(values, at);
	return status;
}

static void put_source(struct pp_so_attach *value, int family, const struct prefix *from)
{
	struct pp_so_source *source = &value->sources[value->source_count++];

	source->family = (uint8_t)family;
	source->prefix_len = (uint8_t)from->len;
	memcpy(source->addr, from->bytes, address_bytes(family));
}

/* The value of PP_SO_ATTACH; "any" is one source of each family */
static struct pp_so_attach *make_value(const struct attachment *at, socklen_t *len)
{
	struct pp_so_attach *value;
	unsigned int i;

	value = calloc(1, sizeof(*value) + 2 * PP_FROM_MAX * sizeof(value->sources[0]));
	if (!value)
		out_of_memory();
	for (i = 0; i < at->n_from; i++) {
		if (at->from[i].family != AF_INET6)
			put_source(value, AF_INET, &at->from[i]);
		if (at->from[i].family != AF_INET)
			put_source(value, AF_INET6, &at->from[i]);
	}
	if (at->n_from) {
		value->header = at->header;
		value->stacked = at->stacked;
		value->timeout = at->timeout;
	}
	*len = (socklen_t)(sizeof(*value) + value->source_count * sizeof(value->sources[0]));
	return value;
}

static int report_attach(int error, const char *text)
{
	switch (error) {
	case EALREADY:
		return failure("the listener on %s is attached already: ppctl detach it first",
			       text);
	case EEXIST:
		return failure("the listener on %s has another upper layer protocol (TCP_ULP): use an accept rule",
			       text);
	case EOPNOTSUPP:
		return failure("the listener on %s is used by BPF, SMC or Multipath TCP, or this kernel is not known: use an accept rule (Go: GODEBUG=multipathtcp=0)",
			       text);
	case EBUSY:
		return failure("net.ipv4.tcp_abort_on_overflow is 1, which resets connections that wait for their header: set it to 0");
	case EPERM:
		return failure("attaching with 'from' needs CAP_NET_ADMIN in the network namespace; without it, an accept rule for the listener");
	case ENOPROTOOPT:
		return failure("the kernel module that is loaded does not know listeners: load the current one");
	default:
		return failure("cannot attach to the listener on %s: %s", text,
			       strerror(error));
	}
}

/* Multipath TCP has no options of modules */
static int attach_one(int fd, const struct pp_so_attach *value, socklen_t len)
{
	int protocol = 0;
	socklen_t size = sizeof(protocol);

	getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size);
	if (protocol != IPPROTO_TCP)
		return EOPNOTSUPP;
	return setsockopt(fd, SOL_IP, PP_SO_ATTACH, value, len) ? errno : 0;
}

static int attach_all(const struct attachment *at, const struct listening *list,
		      unsigned int count)
{
	char text[PREFIX_TEXT_MAX + 16];
	struct pp_so_attach *value;
	unsigned int i;
	socklen_t len;
	int error = 0;

	value = make_value(at, &len);
	listener_format(&at->name, text, sizeof(text));
	for (i = 0; i < count && !error; i++)
		error = attach_one(list[i].fd, value, len);
	free(value);
	if (!error) {
		listener_wake(list, count);
		return STATUS_OK;
	}
	/* The last one has failed */
	for (i--; i > 0; i--)
		setsockopt(list[i - 1].fd, SOL_IP, PP_SO_DETACH, NULL, 0);
	return report_attach(error, text);
}

int cmd_attach(char **args)
{
	static struct listening list[LISTENERS_MAX];
	struct attachment at;
	unsigned int count;
	int status;

	status = parse_words(args, &at);
	if (!status)
		status = ppnl_open();
	if (!status)
		status = listener_take(&at.name, list, &count);
	if (!status)
		status = attach_all(&at, list, count);
	return status;
}
