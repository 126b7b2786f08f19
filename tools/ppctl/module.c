// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel module: whether it is loaded, and whether modprobe would find it.
 * A request to its netlink family would load it.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "module.h"

/**
 * module_is_loaded - whether this kernel has the module now
 */
bool module_is_loaded(void)
{
	return access("/sys/module/proxyproto", F_OK) == 0;
}

/**
 * module_version - the version of the module that is loaded
 * @version: gets it
 * @size: room there
 *
 * Returns false if it is not known.
 */
bool module_version(char *version, size_t size)
{
	FILE *file = fopen("/sys/module/proxyproto/version", "re");
	bool known = file && fgets(version, (int)size, file);

	if (known)
		version[strcspn(version, "\n")] = '\0';
	if (file)
		fclose(file);
	return known;
}

/**
 * module_is_installed - whether depmod knows the module
 * @kernel: release of the kernel that it is for
 */
bool module_is_installed(const char *kernel)
{
	char path[256];
	char *line = NULL;
	size_t room = 0;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", kernel);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && getline(&line, &room, file) > 0) {
		line[strcspn(line, ":")] = '\0';
		found = strstr(line, "/proxyproto.ko");
	}
	free(line);
	fclose(file);
	return found;
}

/**
 * module_missing - find an installed kernel that has no module
 * @kernel: gets its release
 * @size: room there
 *
 * Returns whether there is one.
 */
bool module_missing(char *kernel, size_t size)
{
	static const char before[] = "/lib/modules/", after[] = "/modules.dep";
	bool found = false;
	glob_t list;
	size_t i;

	if (glob("/lib/modules/*/modules.dep", 0, NULL, &list))
		return false;
	for (i = 0; i < list.gl_pathc && !found; i++) {
		snprintf(kernel, size, "%.*s",
			 (int)(strlen(list.gl_pathv[i]) + 2 - sizeof(before) - sizeof(after)),
			 list.gl_pathv[i] + sizeof(before) - 1);
		found = !module_is_installed(kernel);
	}
	globfree(&list);
	return found;
}
