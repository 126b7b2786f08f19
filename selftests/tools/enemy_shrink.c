// SPDX-License-Identifier: GPL-2.0
/*
 * pp_enemy: makes a failure as small as it goes: what can be left out or made plainer,
 * while the trial still survives without the rule and fails with it, is.
 */
#include <netinet/tcp.h>

#include "enemy.h"

/* Most trials to shrink one failure */
#define TRIES_MAX	300

static unsigned int tries;

/* Keeps the smaller trial if it fails as well */
static bool keep(struct enemy_trial *trial, const struct enemy_trial *tried,
		 struct enemy_result *result)
{
	struct enemy_result now;

	if (tries++ >= TRIES_MAX || enemy_judge(tried, &now) != ENEMY_FAILED)
		return false;
	*trial = *tried;
	*result = now;
	return true;
}

static bool drop_shots(struct enemy_trial *trial, struct enemy_result *result)
{
	bool changed = false;

	for (unsigned int i = 0; i < trial->shots_count; i++) {
		struct enemy_trial tried = *trial;

		tried.shots[i].skipped = true;
		changed |= !trial->shots[i].skipped && keep(trial, &tried, result);
	}
	return changed;
}

/* The connection before the last may have nothing to do with it */
static bool drop_first(struct enemy_trial *trial, struct enemy_result *result)
{
	struct enemy_trial tried = *trial;
	unsigned int last = 0;

	for (unsigned int i = 0; i < trial->steps_count; i++)
		if (trial->steps[i].act == ENEMY_CONNECT && !trial->steps[i].skipped)
			last = i;
	for (unsigned int i = 0; i < last; i++)
		tried.steps[i].skipped = true;
	for (unsigned int i = 0; i < trial->shots_count; i++)
		tried.shots[i].skipped |= trial->shots[i].step < last;
	return last && keep(trial, &tried, result);
}

static bool drop_steps(struct enemy_trial *trial, struct enemy_result *result)
{
	bool changed = false;

	for (unsigned int i = trial->steps_count; i--;) {
		struct enemy_trial tried = *trial;
		struct enemy_step *step = &tried.steps[i];

		if (step->skipped || step->has_header || step->act == ENEMY_CONNECT)
			continue;
		step->skipped = true;
		changed |= keep(trial, &tried, result);
	}
	return changed;
}

static bool plain_offset(struct enemy_number *number)
{
	static const int32_t plain[] = { 0, 1, -1, 1000, 100000, -100000 };
	unsigned int i;

	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (number->offset == plain[i])
			return false;
	number->offset = number->offset > 0 ? 100000 : -100000;
	return true;
}

/* Simplifies a shot; false if it is as simple as that already */
static bool simplify(struct enemy_shot *shot, unsigned int how)
{
	struct enemy_shot old = *shot;

	switch (how) {
	case 0:
		shot->len = 0;
		return old.len;
	case 1:
		shot->timestamps = false;
		return old.timestamps;
	case 2:
		shot->window = 65535;
		return old.window != 65535;
	case 3:
		shot->after = 0;
		return old.after;
	case 4:
		shot->seq = (struct enemy_number){ ENEMY_BASE_NEXT, 0 };
		return old.seq.offset || old.seq.base != ENEMY_BASE_NEXT;
	case 5:
		shot->ack = (struct enemy_number){ ENEMY_BASE_NEXT, 0 };
		return shot->flags & TH_ACK && (old.ack.offset || old.ack.base != ENEMY_BASE_NEXT);
	case 6:
		return plain_offset(&shot->seq);
	default:
		return shot->flags & TH_ACK && plain_offset(&shot->ack);
	}
}

static void simplify_shots(struct enemy_trial *trial, struct enemy_result *result)
{
	for (unsigned int i = 0; i < trial->shots_count; i++)
		for (unsigned int how = 0; how < 8 && !trial->shots[i].skipped; how++) {
			struct enemy_trial tried = *trial;

			if (simplify(&tried.shots[i], how))
				keep(trial, &tried, result);
		}
}

static void shorten_steps(struct enemy_trial *trial, struct enemy_result *result)
{
	for (unsigned int i = 0; i < trial->steps_count; i++) {
		struct enemy_trial tried = *trial;
		struct enemy_step *step = &tried.steps[i];
		bool says = step->act == ENEMY_SAY || step->act == ENEMY_ANSWER;

		if (step->skipped || step->has_header || !says || step->arg <= 100)
			continue;
		step->arg = 100;
		keep(trial, &tried, result);
	}
}

/**
 * enemy_shrink - make a failed trial as small as possible
 * @trial: trial
 * @result: how it failed, and then how the smaller one does
 */
void enemy_shrink(struct enemy_trial *trial, struct enemy_result *result)
{
	tries = 0;
	drop_first(trial, result);
	while (drop_shots(trial, result) | drop_steps(trial, result))
		;
	simplify_shots(trial, result);
	shorten_steps(trial, result);
	drop_shots(trial, result);
}
