/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events: what those are told who listen.
 */
#ifndef _PP_EVENT_H
#define _PP_EVENT_H

#include "net.h"

struct pp_accept;
struct pp_flow;
struct pp_rule;

void pp_event_tagged(struct pp_flow *flow);
void pp_event_accepted(const struct pp_accept *entry);
void pp_event_refused(const struct pp_accept *entry, enum pp_stats_attr reason);
void pp_event_rule(struct pp_net *pn, enum pp_event_kind kind, const struct pp_rule *rule);
void pp_event_rules(struct pp_net *pn, enum pp_event_kind kind, struct pp_rules *rules);

#endif /* _PP_EVENT_H */
