// SPDX-License-Identifier: GPL-2.0
/*
 * The command line: options, the table of commands that gives both dispatch
 * and help, and the state of stdout at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netns.h"
#include "out.h"
#include "ppctl.h"

static const struct command {
	const char *name;
	int (*run)(char **args);
	const char *usage;
	const char *description;
} commands[] = {
	{ "add-rule", cmd_add_rule,
	  "send to PREFIX [ port PORTS ] [ mark VALUE[/MASK] ]\n"
	  "      [ version { 1 | 2 } ] [ origin { local | proxy } ] [ authority NAME ]\n"
	  "      [ alpn NAME ] [ netns ] [ tlv TYPE=VALUE ]... [ unique-id ] [ crc32c ]\n"
	  "      [ tlvs { pass | drop } ] [ comment TEXT ]\n"
	  "  add-rule accept to PREFIX [ port PORTS ] from PREFIX[,PREFIX]...\n"
	  "      [ header { required | optional } ] [ timeout SECONDS ] [ comment TEXT ]",
	  "Send a header before each new connection to PREFIX, or take it out of each\n"
	  "      new connection to PREFIX from the load balancers behind 'from'" },
	{ "delete-rule", cmd_delete_rule, "ID...",
	  "Delete the rules with these ids: all of them, or none" },
	{ "list-rules", cmd_list_rules, "",
	  "List the rules and what they have done" },
	{ "flush-rules", cmd_flush_rules, "",
	  "Delete all rules" },
	{ "list-connections", cmd_list_connections, "",
	  "List connections whose header is not acknowledged yet, and accepted ones" },
	{ "monitor", cmd_monitor, "",
	  "Print what happens to connections and rules, as it happens" },
	{ "show-stats", cmd_show_stats, "",
	  "Show every counter and what it counts" },
	{ "set-limit", cmd_set_limit, "{ handshakes | pending | accepted } N",
	  "Set how many handshakes may be in progress, how many connections may wait\n"
	  "      for their header, or how many accepted ones there may be" },
	{ "show-limits", cmd_show_limits, "",
	  "Show the limits" },
	{ "save", cmd_save, "[ FILE ]",
	  "Write all rules to a file, or to stdout" },
	{ "restore", cmd_restore, "[ FILE ]",
	  "Replace all rules by those of a file, or of stdin, at once" },
	{ "check", cmd_check, "",
	  "Tell what on this host keeps the rules from working, and what mends it" },
};

const char option_letters[] = "+:jpn:hV";

static void print_command(const struct command *command)
{
	printf("  %s%s%s\n      %s\n", command->name,
	       *command->usage ? " " : "", command->usage,
	       command->description);
}

static void print_help(void)
{
	size_t i;

	puts("Usage: ppctl [ -j ] [ -p ] [ -n NETNS ] COMMAND\n"
	     "       ppctl { -h | -V }\n"
	     "\n"
	     "Rules that send a PROXY protocol header to backends, or accept it from load\n"
	     "balancers.\n"
	     "\n"
	     "Options:\n"
	     "  -j         Print JSON\n"
	     "  -p         Print JSON with line breaks and indentation\n"
	     "  -n NETNS   Act on this network namespace: a name as in ip-netns(8),\n"
	     "             or a path such as /proc/PID/ns/net\n"
	     "  -h         Print this help; after a command, that of the command\n"
	     "  -V         Print the version\n"
	     "\n"
	     "Commands:");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		print_command(&commands[i]);
	puts("\n"
	     "PREFIX is an address, a prefix such as 10.0.0.0/24 or fd00::/64, or any.\n"
	     "PORTS is a list such as 80 or 8000-8099 or 80,443.\n"
	     "'from' names whose headers are believed; nobody else's are.");
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}

/**
 * command_name - the commands, one after another; NULL behind the last one
 * @at: from 0 on
 */
const char *command_name(size_t at)
{
	return at < ARRAY_SIZE(commands) ? commands[at].name : NULL;
}

static int run_command(char **args)
{
	const struct command *command;

	if (!args[0])
		return usage_error("no command given: see ppctl -h");
	/* Not for users: for the completion of shells */
	if (!strcmp(args[0], "complete"))
		return cmd_complete(args + 1);
	command = find_command(args[0]);
	if (!command)
		return usage_error("unknown command '%s': see ppctl -h", args[0]);
	if (args[1] && !strcmp(args[1], "-h") && !args[2]) {
		puts("Usage:");
		print_command(command);
		return STATUS_OK;
	}
	return command->run(args + 1);
}

static int wrong_option(int error)
{
	if (error == ':')
		return usage_error("option -%c needs a value", optopt);
	if (optopt == '-')
		return usage_error("there are no long options: see ppctl -h");
	return usage_error("unknown option '-%c': see ppctl -h", optopt);
}

static int set_netns(const char *name)
{
	static bool given;

	if (given)
		return usage_error("option -n is given twice");
	given = true;
	return netns_select(name);
}

static int run(int argc, char **argv)
{
	int option, status;

	opterr = 0;
	while ((option = getopt(argc, argv, option_letters)) != -1) {
		switch (option) {
		case 'j':
			out_select(OUT_JSON);
			break;
		case 'p':
			out_select(OUT_JSON_PRETTY);
			break;
		case 'n':
			status = set_netns(optarg);
			if (status)
				return status;
			break;
		case 'h':
			print_help();
			return STATUS_OK;
		case 'V':
			puts("ppctl " PPCTL_VERSION);
			return STATUS_OK;
		default:
			return wrong_option(option);
		}
	}
	return run_command(argv + optind);
}

/*
 * A standard stream that the caller closed must not become the number of the
 * netlink socket. Reading from or writing to its substitute fails, as it would
 * without one.
 */
static bool occupy_standard_streams(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) != -1 || errno != EBADF)
			continue;
		if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return false;
	}
	return true;
}

static int close_stdout(int status)
{
	bool failed = ferror(stdout);

	errno = 0;
	if (fclose(stdout) == 0 && !failed)
		return status;
	return failure("cannot write the output: %s",
		       errno ? strerror(errno) : "write error");
}

int main(int argc, char **argv)
{
	if (!occupy_standard_streams())
		return STATUS_REFUSED;
	/* A reader that went away is a write error, seen at the end */
	signal(SIGPIPE, SIG_IGN);
	return close_stdout(run(argc, argv));
}
