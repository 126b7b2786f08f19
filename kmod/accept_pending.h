/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Accepting: what is to be done about a connection that is not accepted yet.
 */
#ifndef _PP_ACCEPT_PENDING_H
#define _PP_ACCEPT_PENDING_H

#include "accept.h"

/* What is to be done once the connection is not locked any more */
enum pp_job {
	PP_JOB_TAKE_BACK = BIT(0),
	PP_JOB_ACKNOWLEDGE = BIT(1),
	PP_JOB_REPLAY = BIT(2),
	PP_JOB_REFUSE = BIT(3),
};

/**
 * struct pp_outcome - of a packet
 * @jobs: enum pp_job
 * @verdict: of the hook
 * @reason: of PP_JOB_REFUSE
 * @half_open: of PP_JOB_TAKE_BACK: a request socket that nobody else has to hear of, or NULL
 */
struct pp_outcome {
	unsigned int jobs;
	unsigned int verdict;
	enum pp_stats_attr reason;
	struct sock *half_open;
};

static inline void pp_outcome_refuse(struct pp_outcome *out, enum pp_stats_attr reason)
{
	out->jobs |= PP_JOB_REFUSE;
	out->reason = reason;
}

void pp_accept_gather(struct pp_accept *entry, struct pp_packet *pkt, struct pp_outcome *out);
void pp_accept_pass(struct pp_accept *entry, struct pp_packet *pkt, struct pp_outcome *out);
bool pp_accept_is_distinct(const struct pp_pending *pending);
bool pp_accept_keep(struct pp_accept *entry, struct pp_packet *pkt);

#endif /* _PP_ACCEPT_PENDING_H */
