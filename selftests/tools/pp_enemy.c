// SPDX-License-Identifier: GPL-2.0
/*
 * pp_enemy: honest connections through a load balancer or to a host that accepts headers,
 * and an enemy who knows their addresses, ports and numbers and sends packets in their
 * name. Whatever survives that without a rule has to survive it with the rule.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enemy.h"

struct enemy_config enemy_cfg = {
	.trials = 100,
	.seed = 1,
	.first_port = 20000,
	.wait_max = 1000000,
	.failures_max = 1,
};

static const char usage[] =
"Usage: pp_enemy -C NS -S NS -c ADDR -v ADDR -b ADDR -p PORT,PORT -q PORT,PORT [OPTION]...\n"
"\n"
"A client ADDR (-c) in a network namespace (-C) connects to ADDR (-v), ports without and\n"
"with a rule (-p), and comes to a server that listens on ADDR (-b), ports likewise (-q), in\n"
"a namespace (-S). The enemy is at both ends, at the device eth0.\n"
"  -a        the rule is an accept rule: the client sends a header; else a send rule\n"
"  -u        the rule is for listeners with the TCP ULP\n"
"  -O NS     namespace of the clients that headers name\n"
"  -k KIND   of the enemy's packets: all (default), none, named, syn, synack, rst,\n"
"            ack, fin, data\n"
"  -n COUNT  trials (100)\n"
"  -s SEED   decides what they are (1)\n"
"  -t NUMBER only this trial; may be given several times\n"
"  -o PORT   first port of the client; each run of a trial has the next one (20000)\n"
"  -w MS     no wait is longer than that\n"
"  -f COUNT  failures to look for (1)\n"
"  -V        shows trials that say nothing, and failures as they were drawn, too\n"
"Exit status: 0, all trials survived; 1, one has failed; 2, usage; 3, cannot run.\n";

static bool parse_end(struct fuzz_end *end, const char *text)
{
	end->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	enemy_cfg.family = end->family;
	return inet_pton(end->family, text, end->addr) == 1;
}

static bool parse_ports(uint16_t *ports, const char *text)
{
	return sscanf(text, "%hu,%hu", &ports[0], &ports[1]) == 2;
}

static bool parse_kind(const char *text)
{
	static const char *const kinds[] = { "all", "none", "named", "syn", "synack", "rst", "ack",
					     "fin", "data" };

	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(text, kinds[i])) {
			enemy_cfg.kind = i;
			return true;
		}
	return false;
}

static bool parse_option(int option)
{
	switch (option) {
	case 'a':
		enemy_cfg.accept = true;
		return true;
	case 'u':
		enemy_cfg.by_socket = true;
		return true;
	case 'C':
		enemy_cfg.client_ns = optarg;
		return true;
	case 'S':
		enemy_cfg.server_ns = optarg;
		return true;
	case 'O':
		enemy_cfg.others_ns = optarg;
		return true;
	case 'c':
		return parse_end(&enemy_cfg.client, optarg);
	case 'v':
		return parse_end(&enemy_cfg.target, optarg);
	case 'b':
		return parse_end(&enemy_cfg.backend, optarg);
	case 'p':
		return parse_ports(enemy_cfg.target_port, optarg);
	case 'q':
		return parse_ports(enemy_cfg.listen_port, optarg);
	case 'k':
		return parse_kind(optarg);
	case 'V':
		enemy_cfg.verbose = true;
		return true;
	default:
		return false;
	}
}

static bool parse_number(int option)
{
	uint64_t number = strtoull(optarg, NULL, 10);

	if (option == 'n')
		enemy_cfg.trials = number;
	else if (option == 's')
		enemy_cfg.seed = number;
	else if (option == 't' && enemy_cfg.only_count < ENEMY_ONLY_MAX)
		enemy_cfg.only[enemy_cfg.only_count++] = number;
	else if (option == 'o')
		enemy_cfg.first_port = number;
	else if (option == 'w')
		enemy_cfg.wait_max = number;
	else
		enemy_cfg.failures_max = number;
	return true;
}

static bool parse(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "auVC:S:O:c:v:b:p:q:k:n:s:t:o:w:f:")) != -1)
		if (strchr("nstowf", option) ? !parse_number(option) : !parse_option(option))
			return false;
	return optind == argc && enemy_cfg.client_ns && enemy_cfg.server_ns &&
	       enemy_cfg.client.family && enemy_cfg.target.family && enemy_cfg.backend.family &&
	       enemy_cfg.target_port[1] && enemy_cfg.listen_port[1];
}

/* Without an enemy; the packets tell the enemy who its next hops are */
static bool is_sound(void)
{
	struct enemy_trial trial = {
		.steps = { { .act = ENEMY_CONNECT }, { .act = ENEMY_SAY, .arg = 100 },
			   { .act = ENEMY_ANSWER, .arg = 100 } },
		.steps_count = 3,
	};
	struct enemy_result result;

	if (enemy_judge(&trial, &result) == ENEMY_SURVIVED)
		return true;
	puts("# even without an enemy:");
	enemy_print(&trial, &result);
	return false;
}

static enum enemy_verdict try_one(unsigned int number)
{
	struct enemy_trial trial;
	struct enemy_result result;
	enum enemy_verdict verdict;

	enemy_draw(&trial, number);
	verdict = enemy_judge(&trial, &result);
	if (verdict != ENEMY_SURVIVED && enemy_cfg.verbose)
		enemy_print(&trial, &result);
	if (verdict == ENEMY_FAILED) {
		enemy_shrink(&trial, &result);
		enemy_print(&trial, &result);
	}
	return verdict;
}

/* Returns how many failed */
static unsigned int try_all(void)
{
	unsigned int count = enemy_cfg.only_count ?: enemy_cfg.trials;
	unsigned int verdicts[3] = { 0, 0, 0 }, i;

	for (i = 0; i < count && verdicts[ENEMY_FAILED] < enemy_cfg.failures_max; i++)
		verdicts[try_one(enemy_cfg.only_count ? enemy_cfg.only[i] : i)]++;
	printf("# seed %llu: %u trials, %u of them say nothing, %u failed\n",
	       (unsigned long long)enemy_cfg.seed, i, verdicts[ENEMY_MOOT], verdicts[ENEMY_FAILED]);
	return verdicts[ENEMY_FAILED];
}

int main(int argc, char **argv)
{
	if (!parse(argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	if (!enemy_honest_open() || !enemy_wires_open()) {
		perror("pp_enemy");
		return 3;
	}
	if (!is_sound())
		return 3;
	return try_all() > 0;
}
