// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the PROXY protocol header of version 1, a line of text.
 *
 * A cursor moves over each byte once and stops at the first byte that no valid
 * line can have at its place. Addresses and ports are stored byte by byte, in
 * network order on any host.
 */
#include "proto/header_line.h"

/* Longest lines of SPEC 2.1, CRLF included */
#define V1_TCP4_MAX	56
#define V1_TCP6_MAX	104

#define IPV6_GROUPS	8
#define IPV4_GROUPS	2	/* a dotted quad at the end of an IPv6 address */

/**
 * struct line - a v1 line and how far it was read
 * @buf: the line
 * @len: bytes received
 * @max: longest line allowed
 * @pos: next byte
 *
 * The take_*() functions below move @pos behind what they took. They return
 * -EAGAIN if the line ends too early, and -EBADMSG if it has something else.
 */
struct line {
	const u8 *buf;
	size_t len;
	size_t max;
	size_t pos;
};

static int peek_char(const struct line *line)
{
	if (line->pos >= line->max)
		return -EBADMSG;
	if (line->pos >= line->len)
		return -EAGAIN;
	return line->buf[line->pos];
}

static int take_text(struct line *line, const char *text)
{
	for (; *text; text++) {
		int c = peek_char(line);

		if (c < 0)
			return c;
		if (c != *text)
			return -EBADMSG;
		line->pos++;
	}
	return 0;
}

/* A decimal number of at most @max, without leading zeros */
static int take_number(struct line *line, int max)
{
	int value = 0, c = peek_char(line);

	if (c < 0)
		return c;
	if (c < '0' || c > '9')
		return -EBADMSG;

	while (c >= '0' && c <= '9') {
		value = 10 * value + c - '0';
		if (value > max)
			return -EBADMSG;
		line->pos++;
		if (!value)
			return 0;
		c = peek_char(line);
		if (c < 0)
			return c;
	}
	return value;
}

static int take_ipv4(struct line *line, u8 *addr)
{
	int i, ret;

	for (i = 0; i < 4; i++) {
		ret = i ? take_text(line, ".") : 0;
		if (ret < 0)
			return ret;
		ret = take_number(line, 255);
		if (ret < 0)
			return ret;
		addr[i] = ret;
	}
	return 0;
}

static int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One to four hex digits. -EAGAIN unless the byte behind them has come, too */
static int take_group(struct line *line)
{
	int value = 0, digits, c;

	for (digits = 0; ; digits++) {
		c = peek_char(line);
		if (c < 0)
			return c;
		if (digits == 4 || hex_digit(c) < 0)
			break;
		value = value << 4 | hex_digit(c);
		line->pos++;
	}
	return digits ? value : -EBADMSG;
}

/**
 * struct ipv6_text - an IPv6 address in the making
 * @addr: the groups so far, in network byte order
 * @groups: how many of them
 * @gap: groups before the "::", or -1
 */
struct ipv6_text {
	u8 addr[16];
	int groups;
	int gap;
};

/* "::" stands for at least one group */
static int ipv6_max_groups(const struct ipv6_text *text)
{
	return text->gap < 0 ? IPV6_GROUPS : IPV6_GROUPS - 1;
}

/* A dotted quad, which began at @start, as the end of an IPv6 address */
static int take_ipv6_quad(struct line *line, size_t start, struct ipv6_text *text)
{
	int room = ipv6_max_groups(text) - text->groups;

	if (room < IPV4_GROUPS || (text->gap < 0 && room > IPV4_GROUPS))
		return -EBADMSG;
	line->pos = start;
	text->groups += IPV4_GROUPS;
	return take_ipv4(line, &text->addr[2 * (text->groups - IPV4_GROUPS)]);
}

/*
 * A group, or the dotted quad at the end, and the colons behind it.
 * Returns 1 if another group may follow, 0 at the end of the address.
 */
static int take_ipv6_part(struct line *line, struct ipv6_text *text)
{
	size_t start = line->pos;
	int group = take_group(line), c = peek_char(line);

	if (group < 0)
		return group;
	if (c == '.')
		return take_ipv6_quad(line, start, text);

	text->addr[2 * text->groups] = group >> 8;
	text->addr[2 * text->groups + 1] = group & 0xff;
	text->groups++;
	if (c != ':' || text->groups == ipv6_max_groups(text))
		return 0;

	line->pos++;
	c = peek_char(line);
	if (c == ':' && text->gap < 0) {
		line->pos++;
		text->gap = text->groups;
		c = peek_char(line);
		if (c >= 0 && hex_digit(c) < 0)
			return 0;
	}
	if (c < 0)
		return c;
	return text->groups < ipv6_max_groups(text) ? 1 : -EBADMSG;
}

static int take_ipv6(struct line *line, u8 *addr)
{
	struct ipv6_text text = { .gap = -1 };
	int c = peek_char(line), ret = 1, tail;

	if (c == ':') {
		ret = take_text(line, "::");
		if (ret < 0)
			return ret;
		text.gap = 0;
		c = peek_char(line);
		ret = c < 0 ? c : hex_digit(c) >= 0;
	}
	while (ret > 0)
		ret = take_ipv6_part(line, &text);
	if (ret < 0)
		return ret;
	if (text.gap < 0 && text.groups != IPV6_GROUPS)
		return -EBADMSG;

	if (text.gap < 0)
		text.gap = text.groups;
	tail = text.groups - text.gap;
	memset(addr, 0, sizeof(text.addr));
	memcpy(addr, text.addr, 2 * text.gap);
	memcpy(addr + 2 * (IPV6_GROUPS - tail), text.addr + 2 * text.gap, 2 * tail);
	return 0;
}

static int take_address(struct line *line, struct pp_endpoint *end)
{
	int ret;

	if (end->family == AF_INET)
		ret = take_ipv4(line, (u8 *)&end->addr.ip);
	else
		ret = take_ipv6(line, end->addr.in6.s6_addr);
	return ret ?: take_text(line, " ");
}

static int take_port(struct line *line, struct pp_endpoint *end)
{
	u8 *bytes = (u8 *)&end->port;
	int port = take_number(line, 65535);

	if (port < 0)
		return port;
	bytes[0] = port >> 8;
	bytes[1] = port & 0xff;
	return 0;
}

/* Everything up to CRLF; a CR or an LF alone is part of it */
static int skip_line(struct line *line)
{
	int last = 0, c;

	for (; (c = peek_char(line)) >= 0; last = c, line->pos++) {
		if (last == '\r' && c == '\n') {
			line->pos++;
			return 0;
		}
		/* The last two bytes of the longest line are CRLF */
		if (line->pos == line->max - 2 && c != '\r')
			return -EBADMSG;
	}
	return c;
}

static int read_unknown(struct line *line)
{
	int ret = take_text(line, "UNKNOWN"), c;

	if (ret)
		return ret;
	c = peek_char(line);
	if (c != ' ')
		return c < 0 ? c : take_text(line, "\r\n");
	line->pos++;
	return skip_line(line);
}

static int read_tcp(struct line *line, struct pp_header *h)
{
	int ret = take_text(line, "TCP"), c;

	if (ret)
		return ret;
	c = peek_char(line);
	if (c < 0)
		return c;
	if (c != '4' && c != '6')
		return -EBADMSG;
	line->pos++;
	line->max = c == '4' ? V1_TCP4_MAX : V1_TCP6_MAX;
	h->family_proto = c == '4' ? PP_HEADER_TCP4 : PP_HEADER_TCP6;
	h->src.family = c == '4' ? AF_INET : AF_INET6;
	h->dst.family = h->src.family;

	return take_text(line, " ") ?: take_address(line, &h->src) ?:
	       take_address(line, &h->dst) ?: take_port(line, &h->src) ?:
	       take_text(line, " ") ?: take_port(line, &h->dst) ?:
	       take_text(line, "\r\n");
}

/**
 * pp_proto_line_read - read a v1 header at the beginning of a stream
 * @buf: the stream
 * @len: bytes received so far
 * @h: all zero; filled if the result is above 0, else undefined
 *
 * Context: any; no allocation, no locks.
 *
 * The line follows SPEC 2.1: one space between fields, decimals without leading
 * zeros, addresses of the family named, CRLF at the end within 56 bytes (TCP4),
 * 104 (TCP6) or 107 (UNKNOWN). Decisions:
 *
 * - Fields are checked before CRLF has come, so that a bad line is refused at once.
 *   They count only with CRLF.
 * - An IPv6 address may end in a dotted quad (RFC 4291, 2.2). SPEC 2.1 names only
 *   hex groups, but HAProxy writes IPv4-mapped addresses as quads, and both HAProxy
 *   and nginx read them.
 * - After UNKNOWN comes CRLF, or a space and then anything up to CRLF. HAProxy takes
 *   only CRLF.
 *
 * Return: length of the line with its CRLF, -EAGAIN, or -EBADMSG, as
 * pp_proto_header_read() does.
 */
int pp_proto_line_read(const u8 *buf, size_t len, struct pp_header *h)
{
	struct line line = { .buf = buf, .len = len, .max = PP_HEADER_V1_MAX };
	int ret = take_text(&line, "PROXY ");

	if (ret)
		return ret;
	h->version = 1;
	h->command = PP_HEADER_PROXY;
	ret = peek_char(&line) == 'U' ? read_unknown(&line) : read_tcp(&line, h);
	return ret ?: (int)line.pos;
}
