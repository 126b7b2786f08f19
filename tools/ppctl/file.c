// SPDX-License-Identifier: GPL-2.0
/*
 * Writes a file that is replaced at once: the text goes to a new file beside it.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "out.h"
#include "ppctl.h"

static int cannot_write(const char *name)
{
	return failure("cannot write %s: %s", name, strerror(errno));
}

/* Takes over @fd */
static int fill(int fd, mode_t mode, const char *name,
		int (*print)(const void *data), const void *data)
{
	FILE *file = fdopen(fd, "w");
	int status;

	if (!file) {
		status = cannot_write(name);
		close(fd);
		return status;
	}
	out_to(file);
	status = print(data);
	out_to(NULL);
	errno = EIO;
	if (!status && (fflush(file) || ferror(file) || fchmod(fd, mode) || fsync(fd)))
		status = cannot_write(name);
	if (fclose(file) && !status)
		status = cannot_write(name);
	return status;
}

static int write_beside(const char *name, mode_t mode,
			int (*print)(const void *data), const void *data)
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
	status = fill(fd, mode, name, print, data);
	if (!status && rename(temporary, name))
		status = cannot_write(name);
	if (status)
		unlink(temporary);
free_name:
	free(temporary);
	return status;
}

/**
 * file_replace - put text into a file at once, or leave the file as it is
 * @name: if it is a symbolic link, the file that it points to is replaced
 * @mode: of a new file; an old one keeps its mode
 * @print: writes the text by out_ functions
 * @data: what @print gets
 */
int file_replace(const char *name, mode_t mode, int (*print)(const void *data), const void *data)
{
	char target[PATH_MAX];
	struct stat old;

	if (stat(name, &old))
		return errno == ENOENT ? write_beside(name, mode, print, data) :
					 cannot_write(name);
	if (!S_ISREG(old.st_mode))
		return failure("%s is not a regular file: it would not be replaced at once",
			       name);
	if (!realpath(name, target))
		return cannot_write(name);
	return write_beside(target, old.st_mode & 07777, print, data);
}
