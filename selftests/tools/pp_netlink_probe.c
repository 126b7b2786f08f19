// SPDX-License-Identifier: GPL-2.0
/*
 * Finds out by which rule connections are tagged. Opens those of a table on
 * stdin, one a line, each of which a reset must answer,
 *
 *	CONDITION | COMMENT | ADDRESS PORT [MARK]
 *
 * and looks which rules' counters grew: that of the rule with this comment by
 * one, and no other; "none": none. Prints lines of TAP without numbers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "pp_netlink.h"

#define RULES_MAX	16384

struct counters {
	unsigned int count;
	struct counter {
		char comment[32];
		uint64_t tagged;
	} rule[RULES_MAX];
};

static void read_rule(const struct nlattr *rule, void *data)
{
	size_t len = rule->nla_len - NLA_HDRLEN;
	const struct nlattr *comment = pp_attr_find(pp_attr_data(rule), len, PP_RULE_ATTR_COMMENT);
	const struct nlattr *tagged = pp_attr_find(pp_attr_data(rule), len, PP_RULE_ATTR_TAGGED);
	struct counters *counters = data;
	struct counter *counter;

	if (counters->count == RULES_MAX || !tagged)
		die("too many rules, or no counter");
	counter = &counters->rule[counters->count++];
	snprintf(counter->comment, sizeof(counter->comment), "%s",
		 comment ? (const char *)pp_attr_data(comment) : "");
	memcpy(&counter->tagged, pp_attr_data(tagged), sizeof(counter->tagged));
}

static void read_counters(int fd, struct counters *counters)
{
	struct pp_answer answer = { .each = read_rule, .data = counters };

	counters->count = 0;
	pp_socket_list(fd, &answer);
}

static socklen_t read_address(struct sockaddr_storage *to, const char *text, unsigned int port)
{
	struct sockaddr_in *in = (void *)to;
	struct sockaddr_in6 *in6 = (void *)to;

	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		return sizeof(*in);
	}
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
		die("no address: %s", text);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	return sizeof(*in6);
}

static bool is_reset(const char *address, unsigned int port, unsigned int mark)
{
	const struct timeval limit = { .tv_sec = 10 };
	struct sockaddr_storage to;
	socklen_t len = read_address(&to, address, port);
	int fd = socket(to.ss_family, SOCK_STREAM, 0), error;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)))
		die("no socket: %s", strerror(errno));
	error = connect(fd, (void *)&to, len) ? errno : 0;
	close(fd);
	if (error == ECONNREFUSED)
		return true;
	printf("# no reset came: %s\n", error ? strerror(error) : "connected");
	return false;
}

static bool is_right(const struct counters *before, const struct counters *after, const char *want)
{
	bool right = before->count == after->count;
	unsigned int i, found = 0;

	for (i = 0; right && i < after->count; i++) {
		bool wanted = !strcmp(after->rule[i].comment, want);

		found += wanted;
		if (after->rule[i].tagged == before->rule[i].tagged + wanted)
			continue;
		printf("# %s: %llu more\n", after->rule[i].comment, (unsigned long long)
		       (after->rule[i].tagged - before->rule[i].tagged));
		right = false;
	}
	return right && found == (strcmp(want, "none") ? 1 : 0);
}

int main(void)
{
	static struct counters before, after;
	char line[512], condition[256], want[32], address[64];
	unsigned int port, mark;
	int fd = pp_socket_open(), failed = 0;
	bool good;

	read_counters(fd, &before);
	while (fgets(line, sizeof(line), stdin)) {
		mark = 0;
		if (sscanf(line, " %255[^|]| %31s | %63s %u %i", condition, want, address, &port,
			   (int *)&mark) < 4)
			die("no case: %s", line);
		condition[strcspn(condition, "\t")] = '\0';
		good = is_reset(address, port, mark);
		read_counters(fd, &after);
		good &= is_right(&before, &after, want);
		before = after;
		failed |= !good;
		printf("%s - rule: %s -> %s\n", good ? "ok" : "not ok", condition, want);
	}
	return failed;
}
