// SPDX-License-Identifier: GPL-2.0
/*
 * pp_enemy: what a trial is like, drawn from the seed and the number of the trial.
 *
 * Numbers and moments are drawn from where TCP, conntrack or the module decide something;
 * the rest at random, so that no case has to be thought of in advance.
 */
#include <netinet/tcp.h>

#include "enemy.h"

/* Bytes of a header's first part, if it comes in two */
#define HEADER_PART	10

#define PICK(list) ((list)[fuzz_below(sizeof(list) / sizeof((list)[0]))])

static void add_step(struct enemy_trial *trial, enum enemy_act act, uint32_t arg)
{
	if (act == ENEMY_WAIT && arg > enemy_cfg.wait_max)
		arg = enemy_cfg.wait_max;
	trial->steps[trial->steps_count++] = (struct enemy_step){ .act = act, .arg = arg };
}

static void add_header(struct enemy_trial *trial, uint32_t bytes)
{
	add_step(trial, ENEMY_SAY, bytes);
	trial->steps[trial->steps_count - 1].has_header = enemy_cfg.accept;
}

/* A load balancer sends its header first, sometimes in two parts */
static void draw_greeting(struct enemy_trial *trial)
{
	static const uint32_t waits[] = { 2, 15, 100, 2000, 7000 };
	static const uint32_t sizes[] = { 1, 20, 300, 3000, 8000 };
	uint32_t header = 0;

	if (fuzz_chance(60))
		add_step(trial, ENEMY_WAIT, PICK(waits));
	if (enemy_cfg.accept)
		header = enemy_cfg.family == AF_INET ? 28 : 52;
	if (header && fuzz_chance(25)) {
		add_header(trial, HEADER_PART);
		add_step(trial, ENEMY_WAIT, PICK(waits));
		header -= HEADER_PART;
	}
	if (!header && fuzz_chance(15)) {
		add_step(trial, ENEMY_ANSWER, PICK(sizes));
		return;
	}
	add_header(trial, header + 2 + PICK(sizes));
	if (fuzz_chance(70))
		add_step(trial, ENEMY_ANSWER, PICK(sizes));
}

static void draw_talk(struct enemy_trial *trial)
{
	static const uint32_t waits[] = { 0, 300, 5000, 15000, 70000, 18000 };
	static const uint32_t sizes[] = { 2, 30, 1000, 5000 };

	for (unsigned int n = fuzz_below(3); n; n--) {
		add_step(trial, ENEMY_WAIT, PICK(waits));
		if (fuzz_chance(50))
			add_step(trial, ENEMY_ANSWER, PICK(sizes));
		add_step(trial, ENEMY_SAY, PICK(sizes));
		add_step(trial, ENEMY_ANSWER, PICK(sizes));
	}
}

static void draw_half_close(struct enemy_trial *trial, bool client_first)
{
	static const uint32_t waits[] = { 0, 50, 3000, 20000, 70000 };

	add_step(trial, client_first ? ENEMY_CLIENT_FIN : ENEMY_SERVER_FIN, 0);
	if (fuzz_chance(60)) {
		add_step(trial, ENEMY_WAIT, PICK(waits));
		add_step(trial, client_first ? ENEMY_ANSWER : ENEMY_SAY, 1 + fuzz_below(2000));
	}
	add_step(trial, client_first ? ENEMY_SERVER_FIN : ENEMY_CLIENT_FIN, 0);
}

static void draw_end(struct enemy_trial *trial)
{
	switch (fuzz_below(8)) {
	case 0:
		add_step(trial, ENEMY_CLIENT_RST, 0);
		break;
	case 1:
		add_step(trial, ENEMY_SERVER_RST, 0);
		break;
	case 2:
		add_step(trial, ENEMY_VANISH_CLIENT, 0);
		add_step(trial, ENEMY_VANISH_SERVER, 0);
		break;
	case 3:
		add_step(trial, fuzz_chance(50) ? ENEMY_VANISH_CLIENT : ENEMY_VANISH_SERVER, 0);
		break;
	default:
		draw_half_close(trial, fuzz_chance(50));
	}
}

static void draw_life(struct enemy_trial *trial)
{
	static const uint32_t gaps[] = { 1500, 12000, 65000, 65000, 200000, 200000 };
	unsigned int conns = 1 + fuzz_chance(60);

	while (conns--) {
		add_step(trial, ENEMY_CONNECT, 0);
		draw_greeting(trial);
		draw_talk(trial);
		if (!conns && fuzz_chance(20))
			break;
		draw_end(trial);
		add_step(trial, ENEMY_WAIT, PICK(gaps));
	}
}

/* Most of what is decided is decided near the numbers that are expected, or just outside of
 * a window
 */
static int32_t draw_offset(void)
{
	switch (fuzz_below(6)) {
	case 0:
		return 0;
	case 1:
		return (int32_t)fuzz_below(7) - 3;
	case 2:
		return (int32_t)fuzz_below(1200) - 600;
	case 3:
		return (int32_t)fuzz_below(200001) - 100000;
	case 4:
		return (int32_t)((fuzz_chance(50) ? 1u : -1u) << fuzz_below(32));
	default:
		return (int32_t)fuzz_below(0xffffffff);
	}
}

static struct enemy_number draw_number(void)
{
	return (struct enemy_number){ fuzz_chance(75) ? ENEMY_BASE_NEXT : ENEMY_BASE_ISN,
				      draw_offset() };
}

static void draw_flags(struct enemy_shot *shot)
{
	static const uint16_t lengths[] = { 1, 2, 6, 28, 100, 1200 };
	enum enemy_kind kind = enemy_cfg.kind;

	if (kind == ENEMY_ALL || kind == ENEMY_NAMED)
		kind = ENEMY_SYN + fuzz_below(ENEMY_KINDS - ENEMY_SYN);
	switch (kind) {
	case ENEMY_SYN:
		shot->flags = TH_SYN;
		break;
	case ENEMY_SYNACK:
		shot->flags = TH_SYN | TH_ACK;
		break;
	case ENEMY_RST:
		shot->flags = fuzz_chance(50) ? TH_RST : TH_RST | TH_ACK;
		break;
	case ENEMY_FIN:
		shot->flags = TH_FIN | (fuzz_chance(80) ? TH_ACK : 0);
		break;
	default:
		shot->flags = TH_ACK;
	}
	if (kind == ENEMY_DATA || (kind != ENEMY_ACK && fuzz_chance(10)))
		shot->len = PICK(lengths);
	if (kind == ENEMY_DATA && fuzz_chance(70))
		shot->flags |= TH_PUSH;
}

static void draw_moment(const struct enemy_trial *trial, struct enemy_shot *shot)
{
	static const uint32_t later[] = { 0, 100, 300, 1000, 4000 };

	shot->step = fuzz_below(trial->steps_count);
	/* Most of a connection's life is waiting; most decisions are made while it begins */
	if (fuzz_chance(35)) {
		while (trial->steps[shot->step].act != ENEMY_CONNECT)
			shot->step = fuzz_below(trial->steps_count);
		shot->after = fuzz_chance(50) ? 8 + fuzz_below(26) : PICK(later);
	} else {
		shot->after = fuzz_chance(60) ? fuzz_below(50) : PICK(later);
	}
}

static void draw_shot(const struct enemy_trial *trial, struct enemy_shot *shot)
{
	static const uint16_t windows[] = { 0, 1, 512, 65535 };

	draw_moment(trial, shot);
	draw_flags(shot);
	shot->name = fuzz_chance(65) ? ENEMY_AS_CLIENT : ENEMY_AS_SERVER;
	if (enemy_cfg.kind == ENEMY_NAMED ||
	    (enemy_cfg.kind == ENEMY_ALL && enemy_cfg.accept && fuzz_chance(10)))
		shot->name = ENEMY_AS_NAMED;
	shot->seq = draw_number();
	shot->ack = draw_number();
	/* Two numbers that are wrong by the same amount may fit together */
	if (fuzz_chance(40)) {
		shot->ack.base = shot->seq.base;
		shot->ack.offset = shot->seq.offset;
	}
	if (!(shot->flags & TH_ACK))
		shot->ack = (struct enemy_number){ ENEMY_BASE_ZERO, 0 };
	shot->window = PICK(windows);
	shot->timestamps = fuzz_chance(50);
}

/* Often a second packet follows that is nearly the same */
static void draw_again(const struct enemy_trial *trial, struct enemy_shot *shot,
		       const struct enemy_shot *last)
{
	*shot = *last;
	shot->after += fuzz_below(500);
	shot->seq.offset += (int32_t)fuzz_below(5) - 1;
	if (fuzz_chance(30))
		draw_moment(trial, shot);
}

static bool has_parts(const struct enemy_trial *trial)
{
	for (unsigned int i = 0; i + 1 < trial->steps_count; i++)
		if (trial->steps[i].has_header && trial->steps[i].arg == HEADER_PART)
			return true;
	return false;
}

/**
 * enemy_draw - a trial
 * @trial: is overwritten
 * @number: which one
 */
void enemy_draw(struct enemy_trial *trial, unsigned int number)
{
	static const int cookies[] = { 0, 1, 2, 2 };
	unsigned int count;

	*trial = (struct enemy_trial){ .number = number };
	fuzz_seed(enemy_cfg.seed * 1000003 + number);
	for (unsigned int n = 0; n < 8; n++)
		fuzz_below(2);
	trial->cookies = PICK(cookies);
	draw_life(trial);
	count = enemy_cfg.kind == ENEMY_NONE ? 0 : 1 + fuzz_below(ENEMY_SHOTS_MAX);
	for (unsigned int i = 0; i < count; i++) {
		if (i && fuzz_chance(30))
			draw_again(trial, &trial->shots[i], &trial->shots[i - 1]);
		else
			draw_shot(trial, &trial->shots[i]);
	}
	trial->shots_count = count;
	/*
	 * By socket, nobody remembers a connection with a SYN cookie before its header has come:
	 * the server resets it for a part of the header, or for what the enemy sends meanwhile
	 */
	if (enemy_cfg.by_socket && trial->cookies > 1 && (count || has_parts(trial)))
		trial->cookies = 1;
}
