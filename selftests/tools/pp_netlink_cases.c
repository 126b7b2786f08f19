// SPDX-License-Identifier: GPL-2.0
/*
 * pp_netlink_fuzz cases: sends the messages of a table on stdin, one a line,
 *
 *	CONDITION | ERRNO [TEXT] | MESSAGE
 *
 * as pp_netlink_text.c reads them, and compares errno and text of the answer;
 * without a text any will do. What is refused must leave rules and limits as
 * they were. Prints lines of TAP without numbers.
 */
#include <stdio.h>
#include <string.h>

#include "pp_netlink.h"

static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	for (len = strlen(text); len && strchr(" \t\n", text[len - 1]); len--)
		text[len - 1] = '\0';
	return text;
}

/* All that a message can change */
struct state {
	struct pp_answer rules;
	struct pp_answer limits;
};

static void read_state(int fd, struct state *state)
{
	struct pp_msg msg;

	pp_socket_list(fd, &state->rules);
	pp_msg_begin(&msg, PP_CMD_LIMITS_GET, NLM_F_ACK);
	pp_socket_ask(fd, &msg, &state->limits);
	if (state->limits.error || !state->limits.replies)
		die("cannot read the limits");
}

static bool changed(const struct state *before, const struct state *after)
{
	return before->rules.replies != after->rules.replies ||
	       before->rules.hash != after->rules.hash ||
	       before->limits.hash != after->limits.hash;
}

static const char *errno_name(const struct pp_answer *answer)
{
	if (!answer->ended)
		return "SILENT";
	return answer->error ? strerrorname_np(answer->error) : "OK";
}

/* Prints what is wrong, or nothing */
static bool judge(const struct pp_answer *answer, const char *want)
{
	size_t len = strcspn(want, " ");
	const char *got = errno_name(answer), *text = want + len;
	bool good = strlen(got) == len && !memcmp(got, want, len);

	text += strspn(text, " ");
	if (*text && strcmp(text, answer->text))
		good = false;
	if (!good)
		printf("# want %s\n# got  %s %s\n", want, got, answer->text);
	return good;
}

static bool run(int fd, const char *want, const char *text)
{
	struct state before = { 0 }, after = { 0 };
	struct pp_answer answer = { 0 };
	struct pp_msg msg;
	bool good;

	if (!pp_msg_from_text(&msg, text)) {
		printf("# not understood: %s\n", text);
		return false;
	}
	read_state(fd, &before);
	pp_socket_ask(fd, &msg, &answer);
	read_state(fd, &after);
	good = judge(&answer, want);
	if (answer.error && changed(&before, &after)) {
		printf("# it was refused, and rules or limits have changed\n");
		good = false;
	}
	return good;
}

int pp_fuzz_cases(int fd)
{
	char line[8192], *name, *want, *text, *rest;
	int failed = 0;
	bool good;

	while (fgets(line, sizeof(line), stdin)) {
		if (line[0] == '#' || !*trim(line))
			continue;
		name = strtok_r(line, "|", &rest);
		want = strtok_r(NULL, "|", &rest);
		text = strtok_r(NULL, "|", &rest);
		if (!text)
			die("no case: %s", line);
		want = trim(want);
		good = run(fd, want, trim(text));
		failed |= !good;
		printf("%s - netlink: %s -> %s\n", good ? "ok" : "not ok", trim(name), want);
		fflush(stdout);
	}
	return failed;
}
