/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of ppctl check share: the rules as far as they matter there,
 * and the way to say what was found.
 */
#ifndef _PPCTL_CHECK_H
#define _PPCTL_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"

enum check_level {
	CHECK_OK,
	CHECK_NOTE,
	CHECK_WARNING,		/* may be meant */
	CHECK_PROBLEM,		/* does not work */
};

/**
 * struct check_family - what the rules want of one address family
 * @sends: a send rule names a backend of it
 * @accepts: an accept rule names a destination or a source of it
 * @source: one of the load balancers; its family is AF_UNSPEC if none is named
 */
struct check_family {
	bool sends;
	bool accepts;
	struct prefix source;
};

/**
 * struct check_rules - what the rules want of the host
 * @sends: there are send rules
 * @accepts: there are accept rules
 * @sends_any: a send rule names no address family
 * @backends: how many addresses of backends have been looked at
 */
struct check_rules {
	bool sends;
	bool accepts;
	bool sends_any;
	unsigned int backends;
	struct check_family ipv4;
	struct check_family ipv6;
};

/* cmd/check.c */
void check_say(const char *check, enum check_level level, const char *mend,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));
const char *check_mend(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/* check_rules.c */
bool check_rules(struct check_rules *rules);

/* check_host.c */
bool check_module(void);
void check_ipvs(const struct check_rules *rules);
void check_forwarding(const struct check_rules *rules);

/* check_route.c */
void check_routes(const struct check_rules *rules);
bool check_is_local(const struct prefix *address);

/* check_count.c */
void check_counts(void);

#endif /* _PPCTL_CHECK_H */
