// SPDX-License-Identifier: GPL-2.0
/*
 * pp_enemy: runs a trial, step by step, and judges it.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "enemy.h"

/* A step may take so long without a rule, and so much longer with one */
#define PATIENCE_MS	100000
#define MORE_MS		30000
/* Packets in flight have arrived by then */
#define LATE_MS		60

static unsigned int runs;

/* Time is that of the kernel, which may be simulated: it passes only while we wait */
static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

struct moment {
	const struct enemy_trial *trial;
	unsigned int step;
	int shift;
	uint64_t begun;
	bool shot[ENEMY_SHOTS_MAX];
};

static uint64_t due(const struct moment *moment, const struct enemy_shot *shot)
{
	int after = (int)shot->after + moment->shift;

	return moment->begun + (after > 0 ? after : 0);
}

static bool is_waiting(const struct moment *moment, unsigned int i)
{
	const struct enemy_shot *shot = &moment->trial->shots[i];

	return !shot->skipped && shot->step == moment->step && !moment->shot[i];
}

/* Milliseconds until the next shot, most; or -1 if none is left in this step */
static int shoot(struct moment *moment)
{
	const struct enemy_trial *trial = moment->trial;
	uint64_t now = now_ms();
	int next = -1;

	for (unsigned int i = 0; i < trial->shots_count; i++) {
		const struct enemy_shot *shot = &trial->shots[i];

		if (!is_waiting(moment, i))
			continue;
		if (due(moment, shot) <= now) {
			enemy_shoot(shot, enemy_honest_conn());
			moment->shot[i] = true;
		} else if (next < 0 || due(moment, shot) - now < (uint64_t)next) {
			next = due(moment, shot) - now;
		}
	}
	return next;
}

/* In the name of a client that the header names, the attacker gets answers */
static bool may_leak(const struct enemy_trial *trial)
{
	for (unsigned int i = 0; i < trial->shots_count; i++)
		if (!trial->shots[i].skipped && trial->shots[i].name == ENEMY_AS_NAMED)
			return true;
	return false;
}

static bool has_failed(const struct enemy_trial *trial, struct enemy_result *result)
{
	const char *leak = may_leak(trial) ? NULL : enemy_wires_leak();

	if (leak) {
		result->failed = "leak";
		result->is_absolute = true;
		snprintf(result->detail, sizeof(result->detail), "%s", leak);
		return true;
	}
	return enemy_honest_failed(result);
}

static bool is_done(const struct enemy_step *step, uint64_t spent)
{
	if (step->skipped)
		return true;
	return step->act == ENEMY_WAIT ? spent >= step->arg : enemy_honest_done(step);
}

static void run_step(struct moment *moment, uint32_t least, uint32_t patience,
		     struct enemy_result *result)
{
	const struct enemy_step *step = &moment->trial->steps[moment->step];
	uint64_t spent = 0;
	int next, left;

	moment->begun = now_ms();
	if (!step->skipped)
		enemy_honest_start(step);
	for (;;) {
		next = shoot(moment);
		if (has_failed(moment->trial, result)) {
			result->took[moment->step] = spent + 1;
			return;
		}
		if (is_done(step, spent)) {
			result->took[moment->step] = result->took[moment->step] ?: spent + 1;
			if (next < 0 && spent >= least)
				return;
		} else if (spent >= patience) {
			result->failed = "stall";
			snprintf(result->detail, sizeof(result->detail), "not done after %u ms",
				 patience);
			return;
		}
		left = step->act == ENEMY_WAIT && spent < step->arg ? step->arg - spent : patience;
		if (spent < least && (int)(least - spent) < left)
			left = least - spent;
		enemy_honest_poll(next < 0 || next > left ? left : next);
		spent = now_ms() - moment->begun;
	}
}

static void wait_for_late(const struct enemy_trial *trial, struct enemy_result *result)
{
	uint64_t end = now_ms() + LATE_MS, now;

	while ((now = now_ms()) < end && !has_failed(trial, result))
		enemy_honest_poll(end - now);
}

/*
 * @shift moves all shots by so many milliseconds. @without is how it went without the
 * rule, or NULL. No step is shorter than that of @pace, if that is not NULL.
 */
static void run(const struct enemy_trial *trial, int shift, const struct enemy_result *without,
		const struct enemy_result *pace, struct enemy_result *result)
{
	struct moment moment = { .trial = trial, .shift = shift };
	uint16_t port = enemy_cfg.first_port + runs++ % (65536 - enemy_cfg.first_port);

	*result = (struct enemy_result){ .failed = NULL };
	enemy_wires_begin(without, port);
	enemy_honest_begin(trial, without, port);
	for (unsigned int i = 0; i < trial->steps_count && !result->failed; i++) {
		uint32_t patience = without ? without->took[i] + MORE_MS : PATIENCE_MS;

		if (trial->steps[i].act == ENEMY_WAIT)
			patience += trial->steps[i].arg;
		moment.step = i;
		result->step = i;
		run_step(&moment, pace ? pace->took[i] : 0, patience, result);
	}
	if (!result->failed)
		wait_for_late(trial, result);
	enemy_honest_end();
}

/**
 * enemy_judge - runs a trial without the rule and with it
 * @trial: trial
 * @result: how it went with the rule
 *
 * What fails with the rule must survive without it also a little earlier and later: the
 * module holds an ACK for some milliseconds, and whoever guesses a number exactly kills
 * any connection. It must also survive at the pace of the connection with the rule: what
 * the enemy sends comes before or after the next step's packets. It must survive every time: the
 * ends draw numbers of their own, and with some of them a trial may fail that survives with others.
 * Some things must not be in any case.
 */
enum enemy_verdict enemy_judge(const struct enemy_trial *trial, struct enemy_result *result)
{
	static const int shifts[] = { 0, -9, 0, -5, 0, -2, 0, 2, 0, 5, 0, 9, 0, 21 };
	struct enemy_result without, shifted;

	run(trial, 0, NULL, NULL, &without);
	run(trial, 0, &without, NULL, result);
	if (result->is_absolute)
		return ENEMY_FAILED;
	if (without.failed) {
		*result = without;
		return ENEMY_MOOT;
	}
	if (!result->failed)
		return ENEMY_SURVIVED;
	for (unsigned int i = 0; i < sizeof(shifts) / sizeof(shifts[0]); i++) {
		run(trial, shifts[i], NULL, NULL, &shifted);
		if (!shifted.failed)
			run(trial, shifts[i], NULL, result, &shifted);
		if (shifted.failed)
			return ENEMY_MOOT;
	}
	return ENEMY_FAILED;
}
