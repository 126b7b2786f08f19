// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: who sends first in the connections of a rule, the client or the server.
 *
 * Owns whether an ACK may wait for data (hold.c). If the servers of a rule send first, no ACK
 * waits, except for a probe now and then. Each probe without data doubles the time to the next one.
 * The state is kept in pp_rule.send without a lock: a lost update makes little difference.
 */
#include <linux/jiffies.h>
#include "send/internal.h"

/* An ACK that waited in vain counts as much as this many ACKs that data followed */
#define SILENT_STEP	8
/* At this count, the rule's ACKs stop waiting; the count goes no higher than SILENT_MAX */
#define SILENT_ENOUGH	16
#define SILENT_MAX	20
/* Time between probes; it doubles with each probe, at most PROBES_MAX times, until data comes */
#define PROBE_INTERVAL	HZ
#define PROBES_MAX	10

/**
 * pp_send_habit_note_silent - note that an ACK has waited in vain
 * @rule: rule of its connection
 *
 * Context: any; takes no lock.
 */
void pp_send_habit_note_silent(struct pp_rule *rule)
{
	WRITE_ONCE(rule->send.probed, jiffies);
	WRITE_ONCE(rule->send.silent, min(READ_ONCE(rule->send.silent) + SILENT_STEP, SILENT_MAX));
}

/**
 * pp_send_habit_note_speaking - note that data followed an ACK that waited
 * @rule: rule of its connection
 *
 * Context: any; takes no lock.
 */
void pp_send_habit_note_speaking(struct pp_rule *rule)
{
	u8 silent = READ_ONCE(rule->send.silent);

	if (silent)
		WRITE_ONCE(rule->send.silent, silent - 1);
	if (READ_ONCE(rule->send.probes))
		WRITE_ONCE(rule->send.probes, 0);
}

/**
 * enum habit - who sends first in the connections of a rule
 * @HABIT_CLIENT_SPEAKS: the client, or nothing is known yet: all ACKs wait
 * @HABIT_CLIENT_SILENT: not the client: no ACK waits
 * @HABIT_PROBE: not the client, but the next ACK waits as a probe
 */
enum habit {
	HABIT_CLIENT_SPEAKS,
	HABIT_CLIENT_SILENT,
	HABIT_PROBE,
};

static enum habit habit_of(const struct pp_rule *rule)
{
	unsigned long pause = PROBE_INTERVAL << READ_ONCE(rule->send.probes);

	if (READ_ONCE(rule->send.silent) < SILENT_ENOUGH)
		return HABIT_CLIENT_SPEAKS;
	return time_before(jiffies, READ_ONCE(rule->send.probed) + pause) ? HABIT_CLIENT_SILENT :
									    HABIT_PROBE;
}

/**
 * pp_send_habit_may_wait - whether an ACK may wait for data
 * @rule: rule of its connection
 *
 * Context: any; takes no lock.
 * Return: whether it may
 */
bool pp_send_habit_may_wait(const struct pp_rule *rule)
{
	return habit_of(rule) != HABIT_CLIENT_SILENT;
}

/**
 * pp_send_habit_note_wait - note that an ACK waits
 * @rule: rule of its connection
 *
 * If the ACK is a probe, the next probe comes later.
 *
 * Context: any; takes no lock.
 */
void pp_send_habit_note_wait(struct pp_rule *rule)
{
	if (habit_of(rule) != HABIT_PROBE)
		return;
	WRITE_ONCE(rule->send.probed, jiffies);
	WRITE_ONCE(rule->send.probes, min(READ_ONCE(rule->send.probes) + 1, PROBES_MAX));
}
