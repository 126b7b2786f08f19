// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl check: whether the file of rules that the systemd units restore at boot has the rules that
 * are in force.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "netns.h"
#include "nl.h"
#include "ppctl.h"
#include "replies.h"
#include "rule_set.h"
#include "rules_file.h"

/* Of proxyproto.service and proxyproto@.service */
#define HOST_FILE	"/etc/proxyproto.rules"
#define NETNS_FILE	"/etc/proxyproto.d/%s.rules"

/**
 * struct difference - the rules in force and those of a file
 * @set: rules in force
 * @changed: rules of the file that are not in force as they are there
 */
struct difference {
	struct rule_set set;
	size_t changed;
};

/* Whether this is the namespace of the first process, for which the file of the host is */
static bool is_host_netns(void)
{
	struct stat own, first;

	return !stat("/proc/thread-self/ns/net", &own) && !stat("/proc/1/ns/net", &first) &&
	       own.st_ino == first.st_ino && own.st_dev == first.st_dev;
}

static bool file_name(char *path, size_t size)
{
	const char *netns = netns_selected();
	int len;

	if (netns && !strchr(netns, '/'))
		len = snprintf(path, size, NETNS_FILE, netns);
	else if (is_host_netns())
		len = snprintf(path, size, HOST_FILE);
	else
		return false;
	return len > 0 && (size_t)len < size && !access(path, R_OK);
}

static int compare_rule(struct rule *rule, unsigned long line, void *data)
{
	struct difference *difference = data;
	struct rule_member *member;

	(void)line;
	if (rule_set_match(&difference->set, rule, &member) != RULE_SAME)
		difference->changed++;
	if (member)
		member->is_met = true;
	return STATUS_OK;
}

static size_t count_others(const struct rule_set *set)
{
	size_t i, count = 0;

	for (i = 0; i < set->count; i++)
		count += !set->members[i].is_met;
	return count;
}

static int compare_file(const struct rules_file *file, struct difference *difference)
{
	struct replies replies = { 0 };
	int status;

	status = ppnl_dump(PP_CMD_RULE_GET, DUMP_SNAPSHOT, &replies);
	if (!status)
		status = rule_set_fill(&difference->set, &replies);
	if (!status)
		status = rules_file_each(file, compare_rule, difference);
	replies_free(&replies);
	return status;
}

static void say_difference(const char *path, const struct difference *difference)
{
	size_t others = count_others(&difference->set);

	if (!difference->changed && !others)
		check_say("file", CHECK_OK, NULL, "%s has the rules that are in force", path);
	else
		check_say("file", CHECK_WARNING, NULL,
			  "%s differs: %zu of its rules are not in force as they are there, and %zu rules in force are not in it; \"ppctl restore --check %s\" shows which, then \"ppctl save %s\" keeps those in force or \"ppctl restore %s\" those of the file",
			  path, difference->changed, others, path, path, path);
}

/**
 * check_file - compare the file with the rules in force
 */
void check_file(void)
{
	struct difference difference = { 0 };
	struct rules_file file = { 0 };
	char path[512];
	int status;

	if (!file_name(path, sizeof(path)))
		return;
	errors_mute(true);
	status = rules_file_read(path, &file);
	if (!status)
		status = compare_file(&file, &difference);
	errors_mute(false);
	if (status)
		check_say("file", CHECK_PROBLEM, NULL,
			  "%s cannot be restored: \"ppctl restore --check %s\" says why",
			  path, path);
	else
		say_difference(path, &difference);
	rule_set_free(&difference.set);
	rules_file_free(&file);
}
