// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl check: the kernel, the module, and the settings of the network namespace
 * that send rules depend on.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "check.h"
#include "module.h"
#include "ppctl.h"

#define OLDEST_MAJOR	5
#define OLDEST_MINOR	10

static void check_kernel(const char *release)
{
	unsigned int major, minor;

	if (sscanf(release, "%u.%u", &major, &minor) != 2)
		return;
	if (major < OLDEST_MAJOR ||
	    (major == OLDEST_MAJOR && minor < OLDEST_MINOR))
		check_say("kernel", CHECK_PROBLEM, NULL,
			  "kernel %s is too old: %d.%d is the oldest that is supported",
			  release, OLDEST_MAJOR, OLDEST_MINOR);
	else
		check_say("kernel", CHECK_OK, NULL, "kernel %s is supported",
			  release);
}

static void check_version(void)
{
	char version[64];

	if (!module_version(version, sizeof(version)))
		return;
	if (strcmp(version, PPCTL_VERSION))
		check_say("version", CHECK_WARNING, NULL,
			  "the module that is loaded has version %s and ppctl has %s: load the module again when no connection needs it, or restart the host",
			  version, PPCTL_VERSION);
	else
		check_say("version", CHECK_OK, NULL, "module and ppctl have version %s", version);
}

/* Only where the module is installed at all: it may have been loaded from its source tree */
static void check_kernels(const char *running)
{
	char kernel[256], fix[512];

	if (!module_is_installed(running))
		return;
	if (module_missing(kernel, sizeof(kernel))) {
		snprintf(fix, sizeof(fix), "dkms install -m proxyproto -v " PPCTL_VERSION " -k %s",
			 kernel);
		check_say("kernels", CHECK_WARNING,
			  access("/var/lib/dkms/proxyproto/" PPCTL_VERSION, F_OK) ? NULL : fix,
			  "the module is not installed for kernel %s: after a restart with that kernel nothing adds or reads headers; \"dkms status\" may say why",
			  kernel);
	} else {
		check_say("kernels", CHECK_OK, NULL, "every installed kernel has the module");
	}
}

/**
 * check_module - check the kernel's version and whether it has the module
 *
 * Returns whether the module is loaded.
 */
bool check_module(void)
{
	struct utsname uts;

	if (uname(&uts))
		return false;
	check_kernel(uts.release);
	if (module_is_loaded()) {
		check_say("module", CHECK_OK, NULL, "the module is loaded");
		check_version();
		check_kernels(uts.release);
		return true;
	}
	if (module_is_installed(uts.release))
		check_say("module", CHECK_PROBLEM, "modprobe proxyproto",
			  "the module is installed, but not loaded");
	else
		check_say("module", CHECK_PROBLEM, "make dkms-install",
			  "the module is not installed for kernel %s: install it from its source tree",
			  uts.release);
	return false;
}

/* The number in a file, or -1 */
static int read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	int number;

	if (!file)
		return -1;
	if (fscanf(file, "%d", &number) != 1)
		number = -1;
	fclose(file);
	return number;
}

/* Whether IPVS has a backend that it reaches by NAT ("Masq") */
static bool ipvs_has_nat(void)
{
	FILE *file = fopen("/proc/net/ip_vs", "re");
	char line[256];
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = strstr(line, "  -> ") == line && strstr(line, " Masq ");
	fclose(file);
	return found;
}

/**
 * check_ipvs - whether conntrack knows the connections of IPVS
 */
void check_ipvs(const struct check_rules *rules)
{
	if (!rules->sends || !ipvs_has_nat())
		return;
	if (read_number("/proc/sys/net/ipv4/vs/conntrack") == 0)
		check_say("ipvs", CHECK_WARNING,
			  check_fix("sysctl -w net.ipv4.vs.conntrack=1"),
			  "conntrack does not know the connections of IPVS: their headers name the backend as the destination that the client asked for");
	else
		check_say("ipvs", CHECK_OK, NULL,
			  "conntrack knows the connections of IPVS");
}

/* Whether any interface forwards; also true if that is not known */
static bool forwards(const char *dir)
{
	const struct dirent *entry;
	bool found = false;
	char path[512];
	DIR *interfaces = opendir(dir);

	if (!interfaces)
		return true;
	while (!found && (entry = readdir(interfaces))) {
		if (*entry->d_name == '.' || !strcmp(entry->d_name, "default"))
			continue;
		snprintf(path, sizeof(path), "%s/%s/forwarding", dir, entry->d_name);
		found = read_number(path) > 0;
	}
	closedir(interfaces);
	return found;
}

static void say_forwarding(const char *family, bool on, const char *sysctl)
{
	if (on)
		check_say("forwarding", CHECK_OK, NULL, "%s is forwarded", family);
	else
		check_say("forwarding", CHECK_WARNING,
			  check_fix("sysctl -w %s=1", sysctl),
			  "%s is not forwarded: only connections that this host itself opens reach the backends of send rules",
			  family);
}

/**
 * check_forwarding - whether connections of other hosts can reach the backends
 */
void check_forwarding(const struct check_rules *rules)
{
	bool ipv4 = forwards("/proc/sys/net/ipv4/conf");
	bool ipv6 = forwards("/proc/sys/net/ipv6/conf");

	/* For a rule without a family, forwarding of either family is enough */
	if (rules->ipv4.sends || (rules->sends_any && !ipv6))
		say_forwarding("IPv4", ipv4, "net.ipv4.ip_forward");
	if (rules->ipv6.sends)
		say_forwarding("IPv6", ipv6, "net.ipv6.conf.all.forwarding");
}
