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
#include "options.h"
#include "out.h"
#include "ppctl.h"

/**
 * struct command - a command
 * @alias: another name, or NULL
 * @run: gets the words behind the name and its options
 * @has_rule: a rule follows: options stand before it, as it may have any words
 */
static const struct command {
	const char *name;
	const char *alias;
	int (*run)(char **args);
	bool has_rule;
	const char *usage;
	const char *description;
} commands[] = {
	{ "add-rule", NULL, cmd_add_rule, true,
	  "[ --if-missing ] send to PREFIX[,PREFIX]... [ port PORTS ]\n"
	  "      [ mark VALUE[/MASK] ] [ version { 1 | 2 } ] [ origin { local | proxy } ]\n"
	  "      [ authority NAME ] [ alpn NAME ] [ netns ] [ tlv TYPE=VALUE ]...\n"
	  "      [ unique-id ] [ crc32c ] [ tlvs { pass | drop } ] [ comment TEXT ]\n"
	  "  add-rule [ --if-missing ] accept to PREFIX[,PREFIX]... [ port PORTS ]\n"
	  "      from PREFIX[,PREFIX]... [ dev NAME ] [ map4 PREFIX ]\n"
	  "      [ map6 PREFIX [ per LENGTH ] [ map6-key KEY ] ]\n"
	  "      [ header { required | optional | none } ] [ stacked NUMBER ]\n"
	  "      [ timeout SECONDS ] [ comment TEXT ]",
	  "Send a header before each new connection to PREFIX, or take it out of each\n"
	  "      new connection to PREFIX from the load balancers in 'from'" },
	{ "replace-rule", NULL, cmd_replace_rule, true, "[ ID ] { send | accept } to PREFIX ...",
	  "Put a rule in the place of the one with this id, or of the one with the same\n"
	  "      destination, ports and mark, at once" },
	{ "delete-rule", NULL, cmd_delete_rule, false, "{ ID | ID-ID }... | all",
	  "Delete the rules with these ids: all of them, or none" },
	{ "list-rules", "show-rules", cmd_list_rules, false, "[ --reset ]",
	  "List the rules and their counters; --reset sets these to 0" },
	{ "get-rule", NULL, cmd_get_rule, true,
	  "send to ADDRESS port PORT [ mark VALUE ]\n"
	  "  get-rule accept to ADDRESS port PORT from ADDRESS [ dev NAME ]",
	  "Name the rule that a new connection would meet, and why" },
	{ "flush-rules", NULL, cmd_flush_rules, false, "",
	  "Delete all rules" },
	{ "list-connections", "show-connections", cmd_list_connections, false,
	  "[ rule ID ] [ direction { send | accept } ] [ state STATE ]\n"
	  "      [ client PREFIX ] [ seen PREFIX ] [ to PREFIX ] [ count ]",
	  "List connections whose header is not acknowledged yet, and accepted ones, or\n"
	  "      count them" },
	{ "attach", NULL, cmd_attach, false,
	  "to ADDRESS port PORT [ from PREFIX[,PREFIX]...\n"
	  "      [ header { required | optional } ] [ stacked NUMBER ] [ timeout SECONDS ] ]",
	  "Let the listeners of a running program on this address and port take headers\n"
	  "      themselves: from the load balancers in 'from', or as accept rules say" },
	{ "detach", NULL, cmd_detach, false, "to ADDRESS port PORT",
	  "Let them take no more headers" },
	{ "list-sockets", "show-sockets", cmd_list_sockets, false, "",
	  "List the listeners that take headers themselves" },
	{ "monitor", NULL, cmd_monitor, false,
	  "[ rule ID ] [ direction { send | accept } ] [ event EVENT ]",
	  "Print events of connections and rules, as they happen" },
	{ "show-stats", "list-stats", cmd_show_stats, false,
	  "[ --reset | --format { openmetrics | prometheus } [ --output FILE ] ]",
	  "Show every counter and what it counts, or print all for a monitoring system;\n"
	  "      --reset sets the counters to 0" },
	{ "set-limit", NULL, cmd_set_limit, false, "{ handshakes | pending | accepted } N",
	  "Set the limit of handshakes in progress, of connections that wait for\n"
	  "      their header, or of accepted connections" },
	{ "show-limits", "list-limits", cmd_show_limits, false, "",
	  "Show the limits" },
	{ "save", NULL, cmd_save, false, "[ FILE ]",
	  "Write all rules and limits to a file, or to stdout" },
	{ "restore", NULL, cmd_restore, false, "[ -c | --check ] [ --allow-empty ] [ FILE ]",
	  "Replace all rules by those of a file, or of stdin, at once, and set its\n"
	  "      limits; --check only says what would change" },
	{ "check", NULL, cmd_check, false, "",
	  "Look for what keeps the rules from working on this host, and what fixes it" },
	{ "help", NULL, cmd_help, false, "[ COMMAND ]",
	  "Print all commands, or one" },
};

static void print_command(const struct command *command)
{
	printf("  %s%s%s\n      %s\n", command->name,
	       *command->usage ? " " : "", command->usage,
	       command->description);
}

static void print_help(void)
{
	size_t i;

	puts("Usage: ppctl [ OPTIONS ] COMMAND [ OPTIONS ] [ ARGUMENTS ]\n"
	     "       ppctl { help [ COMMAND ] | --help | --version }\n"
	     "\n"
	     "Rules that send a PROXY protocol header to backends, or accept it from load\n"
	     "balancers.\n"
	     "\n"
	     "Options:\n"
	     "  -j, --json         Print JSON\n"
	     "  -p, --pretty       Print JSON with line breaks and indentation\n"
	     "  -n, --netns NETNS  Act on this network namespace: a name as in ip-netns(8),\n"
	     "                     or a path such as /proc/PID/ns/net\n"
	     "  -h, --help         Print this help; after a command, that of the command\n"
	     "  -V, --version      Print the version\n"
	     "\n"
	     "Commands:");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		print_command(&commands[i]);
	puts("\n"
	     "PREFIX is an address, a prefix such as 10.0.0.0/24 or fd00::/64, or any.\n"
	     "PORTS is a list such as 80 or https or 8000-8099 or 80,443.\n"
	     "ADDRESS is what a program listens on, or any for all addresses.\n"
	     "Only headers from the load balancers in 'from' are read.\n"
	     "show-rules is list-rules, and so on: list- and show- mean the same.");
}

static int help_command(const struct command *command)
{
	puts("Usage:");
	print_command(command);
	return STATUS_OK;
}

static const struct command *find_command(const char *name)
{
	const struct command *command;

	for (command = commands; command < commands + ARRAY_SIZE(commands); command++) {
		if (!strcmp(command->name, name) ||
		    (command->alias && !strcmp(command->alias, name)))
			return command;
	}
	usage_error("unknown command '%s': see ppctl --help", name);
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

/**
 * command_alias - another name of a command, or NULL
 * @at: its number
 */
const char *command_alias(size_t at)
{
	return commands[at].alias;
}

int cmd_help(char **args)
{
	const struct command *command;

	if (!args[0]) {
		print_help();
		return STATUS_OK;
	}
	if (args[1])
		return usage_error("help takes one command: '%s'", args[1]);
	command = find_command(args[0]);
	return command ? help_command(command) : STATUS_USAGE;
}

static void print_version(void)
{
	puts("ppctl " PPCTL_VERSION);
}

static int apply_options(void)
{
	if (option_given(OPTION_JSON))
		out_select(OUT_JSON);
	if (option_given(OPTION_PRETTY))
		out_select(OUT_JSON_PRETTY);
	return option_given(OPTION_NETNS) ? netns_select(option_value(OPTION_NETNS)) :
					    STATUS_OK;
}

static int run_command(int argc, char **argv)
{
	const struct command *command = find_command(argv[0]);
	int status, used;

	if (!command)
		return STATUS_USAGE;
	status = options_read(command->name, !command->has_rule, argc, argv, &used);
	if (!status)
		status = apply_options();
	if (status)
		return status;
	if (option_given(OPTION_HELP))
		return help_command(command);
	if (option_given(OPTION_VERSION)) {
		print_version();
		return STATUS_OK;
	}
	return command->run(argv + used);
}

static int run(int argc, char **argv)
{
	int status, used;

	status = options_read(NULL, false, argc, argv, &used);
	if (status)
		return status;
	argc -= used;
	argv += used;
	if (option_given(OPTION_HELP) && !argc) {
		print_help();
		return STATUS_OK;
	}
	if (option_given(OPTION_VERSION)) {
		print_version();
		return STATUS_OK;
	}
	if (!argc)
		return usage_error("no command given: see ppctl --help");
	/* Not for users: for the completion of shells */
	if (!strcmp(argv[0], "complete"))
		return cmd_complete(argv + 1);
	return run_command(argc, argv);
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
