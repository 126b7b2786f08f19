/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every part of ppctl shares: the exit statuses, the functions that report an
 * error, and the functions of the commands.
 */
#ifndef _PPCTL_H
#define _PPCTL_H

#include <stdbool.h>
#include <stddef.h>

enum status {
	STATUS_OK = 0,
	STATUS_USAGE = 1,	/* the command line is wrong; no request was sent */
	STATUS_REFUSED = 2,	/* the kernel refused it, or cannot be reached */
	STATUS_WARNING = 3,	/* check has found something that may be intended */
};

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE	__attribute__((format(printf, 1, 2)))

/* Each prints "ppctl: ..." on stderr and returns the exit status */
int usage_error(const char *fmt, ...) PRINTF_LIKE;
int failure(const char *fmt, ...) PRINTF_LIKE;

/* Errors begin with this line of a file, until the next call with NULL */
void error_at(const char *file, unsigned long line);

/* While @muted, errors and warnings are not printed */
void errors_mute(bool muted);

void warning(const char *fmt, ...) PRINTF_LIKE;
void out_of_memory(void) __attribute__((noreturn));

/* Refuses arguments for a command that takes none */
int no_arguments(const char *command, char **args);

/* Refuses all arguments but the name of a file, or none, for a command that takes a file */
int one_file(const char *command, char **args);

/* main.c: the commands */
const char *command_name(size_t at);
const char *command_alias(size_t at);

/* Each gets the words after its name, with a NULL at the end */
int cmd_add_rule(char **args);
int cmd_attach(char **args);
int cmd_check(char **args);
int cmd_complete(char **args);
int cmd_delete_rule(char **args);
int cmd_detach(char **args);
int cmd_flush_rules(char **args);
int cmd_get_rule(char **args);
int cmd_help(char **args);
int cmd_list_connections(char **args);
int cmd_list_rules(char **args);
int cmd_list_sockets(char **args);
int cmd_monitor(char **args);
int cmd_replace_rule(char **args);
int cmd_restore(char **args);
int cmd_save(char **args);
int cmd_set_limit(char **args);
int cmd_show_limits(char **args);
int cmd_show_stats(char **args);

#endif /* _PPCTL_H */
