/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which connections and events are shown.
 */
#ifndef _PPCTL_FILTER_H
#define _PPCTL_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"

struct nlattr;

/**
 * struct filter - what must hold; what is not given holds for all
 * @rule: id of the rule, or 0
 * @direction: enum pp_direction, or 0
 * @state: name of a state, or NULL
 * @event: name of an event, or NULL
 * @client: of the connection
 * @has_client: @client is given
 * @seen: what the application sees of the client of an accept rule
 * @has_seen: @seen is given
 * @to: the backend of a send rule, or the destination of an accept rule
 * @has_to: @to is given
 */
struct filter {
	uint32_t rule;
	uint8_t direction;
	const char *state;
	const char *event;
	struct prefix client;
	bool has_client;
	struct prefix seen;
	bool has_seen;
	struct prefix to;
	bool has_to;
};

int filter_parse(const char *command, const char *allowed, char ***args, struct filter *filter);
bool filter_takes_connection(const struct filter *filter, struct nlattr *nest);
bool filter_takes_rule(const struct filter *filter, struct nlattr *nest);

#endif /* _PPCTL_FILTER_H */
