// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel module: whether it is loaded, and whether modprobe would find it.
 * A request to its netlink family would load it.
 */
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
 * module_is_installed - whether depmod has seen the module
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
