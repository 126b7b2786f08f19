// SPDX-License-Identifier: GPL-2.0
/*
 * pp_peer: the command line into struct peer_config.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "peer.h"

#define S PEER_SERVER
#define C PEER_CLIENT

/**
 * struct option - an option of the command line
 * @name: as written
 * @roles: who has it
 * @set: takes the value; NULL for a flag, which has none
 * @field: offset in struct peer_config of what it sets
 * @max: of a number
 * @choices: words, NULL at the end; the field gets the index
 */
struct option {
	const char *name;
	int roles;
	bool (*set)(const struct option *option, void *field, const char *value);
	size_t field;
	u64 max;
	const char *const *choices;
};

static const char *const orders[] = { "client", "server", "both", NULL };
static const char *const ends[] = { "fin", "half-close", "rst", "none", NULL };
static const char *const headers[] = { "none", "any", "v1", "v2", "local", "unknown", NULL };

static bool parse_number(const char *text, u64 max, bool suffix, u64 *number)
{
	static const char units[] = "kMG";
	const char *unit;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoull(text, &end, 0);
	unit = *end && suffix ? strchr(units, *end) : NULL;
	if (unit) {
		*number <<= 10 * (unit - units + 1);
		end++;
	}
	return !errno && !*end && *number <= max;
}

static bool set_number(const struct option *option, void *field, const char *value)
{
	return parse_number(value, option->max, false, field);
}

static bool set_size(const struct option *option, void *field, const char *value)
{
	return parse_number(value, option->max, true, field);
}

static bool set_recv_size(const struct option *option, void *field, const char *value)
{
	struct peer_config *cfg = field;

	cfg->recv_size_set = true;
	return set_size(option, &cfg->recv_size, value);
}

static bool set_choice(const struct option *option, void *field, const char *value)
{
	for (int i = 0; option->choices[i]; i++) {
		if (!strcmp(option->choices[i], value)) {
			*(int *)field = i;
			return true;
		}
	}
	return false;
}

static bool set_key(const struct option *option, void *field, const char *value)
{
	*(const char **)field = value;
	return *value && strlen(value) <= option->max;
}

static bool set_address(const struct option *option, void *field, const char *value)
{
	(void)option;
	return peer_endpoint_parse(field, value);
}

static bool parse_port(struct pp_endpoint *end, const char *value)
{
	u64 port;

	if (!parse_number(value, 65535, false, &port))
		return false;
	end->port = htons(port);
	return true;
}

static bool set_port(const struct option *option, void *field, const char *value)
{
	(void)option;
	return parse_port(field, value);
}

static bool match_word(enum peer_want *want, const char *value)
{
	if (!strcmp(value, "any"))
		*want = PEER_WANT_ANY;
	else if (!strcmp(value, "client"))
		*want = PEER_WANT_CLIENT;
	else
		*want = PEER_WANT_VALUE;
	return *want != PEER_WANT_VALUE;
}

static bool match_address(const struct option *option, void *field, const char *value)
{
	struct peer_match *match = field;

	(void)option;
	return match_word(&match->addr, value) || peer_endpoint_parse(&match->value, value);
}

static bool match_port(const struct option *option, void *field, const char *value)
{
	struct peer_match *match = field;

	(void)option;
	return match_word(&match->port, value) || parse_port(&match->value, value);
}

/* VERSION or VERSION,SRC,SPORT,DST,DPORT; VERSION is v1, v2, local or unknown */
static bool set_sent_header(const struct option *option, void *field, const char *value)
{
	struct peer_config *cfg = field;
	struct pp_header h = { .version = 2, .command = PP_HEADER_PROXY };
	char version[8], src[64], dst[64], sport[8], dport[8];
	int fields, ret;

	(void)option;
	fields = sscanf(value, "%7[^,],%63[^,],%7[^,],%63[^,],%7[^,]", version, src, sport,
			dst, dport);
	if (fields != 1 && fields != 5)
		return false;
	if (!strcmp(version, "v1") || !strcmp(version, "unknown"))
		h.version = 1;
	else if (!strcmp(version, "local"))
		h.command = PP_HEADER_LOCAL;
	else if (strcmp(version, "v2"))
		return false;

	if (fields == 1 && version[0] == 'v') {
		cfg->send_own_header = h.version;
		return true;
	}
	if (fields == 5 && (!peer_endpoint_parse(&h.src, src) || !parse_port(&h.src, sport) ||
			    !peer_endpoint_parse(&h.dst, dst) || !parse_port(&h.dst, dport)))
		return false;
	if (fields == 5 && version[0] == 'v' && !h.src.port) {
		cfg->send_own_header = h.version;
		cfg->sent_src = h.src;
		cfg->sent_dst = h.dst;
		return true;
	}
	ret = pp_proto_header_write(cfg->sent_header, sizeof(cfg->sent_header), &h);
	cfg->sent_header_len = ret > 0 ? ret : 0;
	return ret > 0;
}

static bool set_raw_header(const struct option *option, void *field, const char *value)
{
	struct peer_config *cfg = field;
	size_t len = strlen(value) / 2;

	(void)option;
	if (strlen(value) % 2 || len > sizeof(cfg->sent_header) ||
	    strspn(value, "0123456789abcdefABCDEF") != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		char byte[] = { value[2 * i], value[2 * i + 1], 0 };

		cfg->sent_header[i] = strtoul(byte, NULL, 16);
	}
	cfg->sent_header_len = len;
	return true;
}

#define FIELD(name) offsetof(struct peer_config, name)

static const struct option options[] = {
	{ "-l", S, set_address, FIELD(target), 0, NULL },
	{ "-c", C, set_address, FIELD(target), 0, NULL },
	{ "-p", S | C, set_port, FIELD(target), 0, NULL },
	{ "-b", C, set_address, FIELD(bind), 0, NULL },
	{ "--bind-port", C, set_port, FIELD(bind), 0, NULL },
	{ "-n", S | C, set_number, FIELD(count), 1000000000, NULL },
	{ "-j", C, set_number, FIELD(parallel), 4096, NULL },
	{ "--timeout", S | C, set_number, FIELD(timeout), 86400, NULL },
	{ "--order", S | C, set_choice, FIELD(order), 0, orders },
	{ "--end", S | C, set_choice, FIELD(end), 0, ends },
	{ "--no-data", S | C, NULL, FIELD(no_data), 0, NULL },
	{ "--reset-on-accept", S | C, NULL, FIELD(reset_on_accept), 0, NULL },
	{ "--size", S | C, set_size, FIELD(size), UINT64_MAX, NULL },
	{ "--recv-size", S | C, set_recv_size, 0, UINT64_MAX, NULL },
	{ "--header", S, set_choice, FIELD(header), 0, headers },
	{ "--src-addr", S, match_address, FIELD(src), 0, NULL },
	{ "--src-port", S, match_port, FIELD(src), 0, NULL },
	{ "--dst-addr", S, match_address, FIELD(dst), 0, NULL },
	{ "--dst-port", S, match_port, FIELD(dst), 0, NULL },
	{ "--peer-addr", S, match_address, FIELD(peer), 0, NULL },
	{ "--peer-port", S, match_port, FIELD(peer), 0, NULL },
	{ "--send-header", C, set_sent_header, 0, 0, NULL },
	{ "--send-raw", C, set_raw_header, 0, 0, NULL },
	{ "--chunk", S | C, set_size, FIELD(chunk), UINT32_MAX, NULL },
	{ "--mss", S | C, set_number, FIELD(mss), 32767, NULL },
	{ "--rcvbuf", S | C, set_size, FIELD(rcvbuf), INT32_MAX, NULL },
	{ "--mark", S | C, set_number, FIELD(mark), UINT32_MAX, NULL },
	{ "--md5", S | C, set_key, FIELD(md5), 80, NULL },
	{ "--no-delay", S | C, NULL, FIELD(no_delay), 0, NULL },
	{ "--fastopen", S | C, NULL, FIELD(fastopen), 0, NULL },
	{ "--mptcp", S | C, NULL, FIELD(mptcp), 0, NULL },
	{ "--transparent", S | C, NULL, FIELD(transparent), 0, NULL },
	{ "--ulp", S | C, NULL, FIELD(ulp), 0, NULL },
};

static const struct option *find(const char *name, enum peer_role role)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (options[i].roles & role && !strcmp(options[i].name, name))
			return &options[i];
	}
	return NULL;
}

static int complain(const char *what, const char *which)
{
	fprintf(stderr, "pp_peer: %s %s (-h for help)\n", what, which);
	return -1;
}

static bool wants_client(const struct peer_match *match)
{
	return match->addr == PEER_WANT_CLIENT || match->port == PEER_WANT_CLIENT;
}

static int check(const struct peer_config *cfg)
{
	bool told = wants_client(&cfg->src) || wants_client(&cfg->dst) || wants_client(&cfg->peer);

	if (cfg->target.family == AF_UNSPEC)
		return complain("missing", cfg->role == PEER_SERVER ? "-l" : "-c");
	if (!cfg->target.port && cfg->role == PEER_CLIENT)
		return complain("missing", "-p");
	if (cfg->bind.family != AF_UNSPEC && cfg->bind.family != cfg->target.family)
		return complain("-b is of another family than", "-c");
	if (!cfg->timeout || !cfg->parallel || (!cfg->count && cfg->role == PEER_CLIENT))
		return complain("0 is no good for", "-n, -j or --timeout");
	if (cfg->no_data && told)
		return complain("the client tells nothing with", "--no-data");
	/* the SYN leaves with the first data, and here there would be none */
	if (cfg->fastopen && cfg->role == PEER_CLIENT &&
	    (cfg->no_data || cfg->order == PEER_ORDER_SERVER))
		return complain("the client has nothing to send with", "--fastopen");
	return 0;
}

/**
 * peer_options_parse - parse the options of a command
 * @cfg: its role is set; gets the defaults and the options
 * @argc: options and their values
 * @argv: the same
 *
 * Return: 0, or -1 after a message.
 */
int peer_options_parse(struct peer_config *cfg, int argc, char **argv)
{
	cfg->count = 1;
	cfg->parallel = 1;
	cfg->timeout = 60;
	cfg->size = 1000;

	for (int i = 0; i < argc; i++) {
		const struct option *option = find(argv[i], cfg->role);
		void *field;

		if (!option)
			return complain("unknown option", argv[i]);
		field = (char *)cfg + option->field;
		if (!option->set) {
			*(bool *)field = true;
			continue;
		}
		if (i + 1 == argc)
			return complain("no value for", argv[i]);
		i++;
		if (!option->set(option, field, argv[i]))
			return complain("bad value for", argv[i - 1]);
	}
	return check(cfg);
}
