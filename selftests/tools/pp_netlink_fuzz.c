// SPDX-License-Identifier: GPL-2.0
/*
 * Sends the module messages that no correct program sends. Each mode has a file of its
 * own, which says what it does.
 */
#include <stdlib.h>
#include <string.h>

#include "pp_netlink.h"

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (!strcmp(mode, "cases") && argc == 2)
		return pp_fuzz_cases(pp_socket_open());
	if (!strcmp(mode, "dump") && argc == 2)
		return pp_fuzz_dump(pp_socket_open());
	if (!strcmp(mode, "random") && argc == 4)
		return pp_fuzz_random(pp_socket_open(), strtoull(argv[2], NULL, 0),
				      strtoul(argv[3], NULL, 0));
	die("usage: pp_netlink_fuzz { cases | dump | random SEED COUNT }");
}
