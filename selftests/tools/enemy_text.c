// SPDX-License-Identifier: GPL-2.0
/*
 * pp_enemy: a trial in words.
 */
#include <stdio.h>
#include <string.h>

#include <netinet/tcp.h>

#include "enemy.h"

static const char *const acts[] = {
	[ENEMY_CONNECT] = "client connects",
	[ENEMY_SAY] = "client sends %u bytes",
	[ENEMY_ANSWER] = "server sends %u bytes",
	[ENEMY_WAIT] = "%u ms pass",
	[ENEMY_CLIENT_FIN] = "client sends FIN",
	[ENEMY_SERVER_FIN] = "server sends FIN",
	[ENEMY_CLIENT_RST] = "client resets the connection",
	[ENEMY_SERVER_RST] = "server resets the connection",
	[ENEMY_VANISH_CLIENT] = "client vanishes without a packet",
	[ENEMY_VANISH_SERVER] = "server vanishes without a packet",
};

static const char *const names[] = {
	[ENEMY_AS_CLIENT] = "client > server",
	[ENEMY_AS_SERVER] = "server > client",
	[ENEMY_AS_NAMED] = "named client > server",
};

static void print_number(const char *name, const struct enemy_number *number)
{
	static const char *const bases[] = { "next", "isn", "" };

	printf(" %s %s%+d", name, bases[number->base], number->offset);
}

static void print_shot(const struct enemy_shot *shot)
{
	static const struct {
		uint8_t flag;
		const char *name;
	} flags[] = { { TH_SYN, " SYN" }, { TH_FIN, " FIN" }, { TH_RST, " RST" },
		      { TH_PUSH, " PSH" }, { TH_ACK, " ACK" } };

	printf("#     enemy, %u ms later, %s:", shot->after, names[shot->name]);
	for (unsigned int i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (shot->flags & flags[i].flag)
			fputs(flags[i].name, stdout);
	print_number("seq", &shot->seq);
	if (shot->flags & TH_ACK)
		print_number("ack", &shot->ack);
	printf(" len %u win %u%s\n", shot->len, shot->window, shot->timestamps ? " timestamps" : "");
}

/**
 * enemy_print - a trial and how it failed
 * @trial: trial
 * @result: its result
 */
void enemy_print(const struct enemy_trial *trial, const struct enemy_result *result)
{
	printf("# trial %u, tcp_syncookies=%d: %s, %s\n", trial->number, trial->cookies,
	       result->failed, result->detail);
	for (unsigned int i = 0; i < trial->steps_count && i <= result->step; i++) {
		const struct enemy_step *step = &trial->steps[i];

		if (!step->skipped) {
			fputs("#   ", stdout);
			printf(acts[step->act], step->arg);
			puts(i == result->step ? "   <-- fails" : "");
		} else if (i == result->step) {
			puts("#   (nothing more)   <-- fails");
		}
		for (unsigned int j = 0; j < trial->shots_count; j++)
			if (!trial->shots[j].skipped && trial->shots[j].step == i)
				print_shot(&trial->shots[j]);
	}
	fflush(stdout);
}
