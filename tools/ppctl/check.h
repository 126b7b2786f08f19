/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of ppctl check share: a summary of the rules, and the function that
 * prints a finding.
 */
#ifndef _PPCTL_CHECK_H
#define _PPCTL_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"

struct nl_msg;
struct rule;

enum check_level {
	CHECK_OK,
	CHECK_NOTE,
	CHECK_WARNING,		/* some connections do not work; may be intended */
	CHECK_PROBLEM,		/* nothing works */
};

/**
 * struct check_path - the way to an address
 * @found: there is a route
 * @type: of the route, RTN_*
 * @device: index of the device; 0: not known
 * @has_gateway: by a router
 * @gateway: the router
 */
struct check_path {
	bool found;
	unsigned char type;
	unsigned int device;
	bool has_gateway;
	struct prefix gateway;
};

/**
 * struct check_family - what the rules need of one address family
 * @sends: a send rule names a backend of this family
 * @accepts: an accept rule names a destination or a source of this family
 */
struct check_family {
	bool sends;
	bool accepts;
};

/**
 * struct check_rules - what the rules need of the host
 * @sends: there are send rules
 * @accepts: there are accept rules
 * @sends_any: a send rule names no address family
 * @backends: how many backend addresses have been checked
 * @listeners: how many accept rules have been checked
 */
struct check_rules {
	bool sends;
	bool accepts;
	bool sends_any;
	unsigned int backends;
	unsigned int listeners;
	struct check_family ipv4;
	struct check_family ipv6;
};

/* cmd/check.c */
void check_say(const char *check, enum check_level level, const char *fix,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));
const char *check_fix(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/* check_rules.c */
bool check_rules(struct check_rules *rules);

/* check_host.c */
bool check_module(void);
void check_ipvs(const struct check_rules *rules);
void check_forwarding(const struct check_rules *rules);

/* check_route.c */
bool check_ask(int protocol, struct nl_msg *msg, int (*take)(struct nl_msg *msg, void *data),
	       void *data);
void check_routes(const struct check_rules *rules);
struct check_path check_find_path(const struct prefix *to);
struct check_path check_default_path(int family);
bool check_is_local(const struct prefix *address);
void check_pools(const struct rule *rule);

/* check_listen.c */
void check_listeners_begin(void);
void check_listeners_end(void);
void check_listeners(const struct rule *rule);

/* check_flow.c */
void check_flows_of(const struct rule *rule);
void check_flows(void);

/* check_bpf.c */
void check_programs_on(const struct check_path *path);
void check_programs(void);

/* check_filter.c */
void check_filters_of(const struct rule *rule);
void check_filters(void);

/* check_file.c */
void check_file(void);

/* check_count.c */
void check_counts(void);

#endif /* _PPCTL_CHECK_H */
