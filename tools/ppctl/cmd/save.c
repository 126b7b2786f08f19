// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl save: writes all rules, one to a line, as restore reads them. A file
 * gets them at once, or stays as it is.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nl.h"
#include "out.h"
#include "ppctl.h"
#include "replies.h"
#include "rule.h"

#define HEAD	"# Rules of proxyproto, as ppctl restore reads them: see ppctl(8)"

static int cannot_write(const char *name)
{
	return failure("cannot write %s: %s", name, strerror(errno));
}

static int print_rules(const struct replies *replies)
{
	out_text(HEAD, "");
	out_end_line();
	return replies_each(replies, PP_ATTR_RULE, rule_print_saved, NULL);
}

/* Takes over @fd */
static int fill(int fd, mode_t mode, const char *name, const struct replies *replies)
{
	FILE *file = fdopen(fd, "w");
	int status;

	if (!file) {
		status = cannot_write(name);
		close(fd);
		return status;
	}
	out_to(file);
	status = print_rules(replies);
	out_to(NULL);
	errno = EIO;
	if (!status && (fflush(file) || ferror(file) || fchmod(fd, mode) || fsync(fd)))
		status = cannot_write(name);
	if (fclose(file) && !status)
		status = cannot_write(name);
	return status;
}

static int write_beside(const char *name, mode_t mode, const struct replies *replies)
{
	char *temporary;
	int fd, status;

	if (asprintf(&temporary, "%s.XXXXXX", name) < 0)
		out_of_memory();
	fd = mkstemp(temporary);
	if (fd < 0) {
		status = cannot_write(name);
		goto free_name;
	}
	status = fill(fd, mode, name, replies);
	if (!status && rename(temporary, name))
		status = cannot_write(name);
	if (status)
		unlink(temporary);
free_name:
	free(temporary);
	return status;
}

/* A symbolic link stays one: what it points at is replaced */
static int write_file(const char *name, const struct replies *replies)
{
	mode_t mode = 0600;
	char target[PATH_MAX];
	struct stat old;

	if (stat(name, &old))
		return errno == ENOENT ? write_beside(name, mode, replies) :
					 cannot_write(name);
	if (!S_ISREG(old.st_mode))
		return failure("%s is not a regular file: without a file, save writes to stdout",
			       name);
	if (!realpath(name, target))
		return cannot_write(name);
	return write_beside(target, old.st_mode & 07777, replies);
}

int cmd_save(char **args)
{
	struct replies replies = { 0 };
	const char *name = args[0];
	int status;

	if (name && args[1])
		return usage_error("save takes one file: '%s'", args[1]);
	if (!out_is_text())
		return usage_error("save has no JSON: see list-rules");
	status = ppnl_dump(PP_CMD_RULE_GET, DUMP_SNAPSHOT, &replies);
	if (!status)
		status = !name || !strcmp(name, "-") ? print_rules(&replies) :
						       write_file(name, &replies);
	replies_free(&replies);
	return status;
}
