// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl check: firewall rules that look at source addresses (fib expressions of nft, rpfilter of
 * iptables). They see the client of an accepted connection on the device of the load balancer, and
 * drop it if the route to the client leads elsewhere.
 */
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "ppctl.h"
#include "rule.h"

/* As programs of these packages print their rules, if they are installed */
static const char *const listings[] = {
	"nft -s list ruleset 2>/dev/null",
	"iptables-save 2>/dev/null",
	"ip6tables-save 2>/dev/null",
	"iptables-legacy-save 2>/dev/null",
	"ip6tables-legacy-save 2>/dev/null",
};

/**
 * struct elsewhere - a load balancer whose device is not that of the route to clients
 * @rule: accept rule; 0: there is none
 * @device: by which the load balancer's packets come
 * @clients: of the route to clients; empty: there is none
 */
static struct {
	uint32_t rule;
	char device[IF_NAMESIZE];
	char clients[IF_NAMESIZE];
} elsewhere;

static bool has_accepts;

/* The default route stands for the routes to clients */
static void check_source(const struct rule *rule, const struct prefix *from)
{
	struct check_path balancer = check_find_path(from), clients;

	check_programs_on(&balancer);
	if (elsewhere.rule || !balancer.found || balancer.type != RTN_UNICAST)
		return;
	clients = check_default_path(from->family);
	if (clients.found && clients.device == balancer.device)
		return;
	if (!if_indextoname(balancer.device, elsewhere.device))
		return;
	if (!clients.found || !if_indextoname(clients.device, elsewhere.clients))
		*elsewhere.clients = '\0';
	elsewhere.rule = rule->id;
}

/**
 * check_filters_of - look at the sources of an accept rule, too
 * @rule: rule
 */
void check_filters_of(const struct rule *rule)
{
	unsigned int i;

	has_accepts = true;
	for (i = 0; i < rule->n_from; i++)
		check_source(rule, &rule->from[i]);
}

static bool has_word(const char *line, const char *word)
{
	return strstr(line, word);
}

/*
 * nft: fib saddr . iif oif missing drop; older ones print "oif 0". iptables: -m rpfilter --invert
 */
static bool looks_at_sources(const char *line)
{
	bool drops = has_word(line, "drop") || has_word(line, "reject") || has_word(line, "DROP") ||
		     has_word(line, "REJECT");

	if (has_word(line, "rpfilter"))
		return drops && has_word(line, "--invert") && !has_word(line, "--loose");
	return drops && has_word(line, "fib saddr") && has_word(line, "iif oif");
}

static bool find_line(const char *command, char *found, size_t size)
{
	bool is_found = false;
	char line[1024];
	FILE *pipe = popen(command, "re");

	if (!pipe)
		return false;
	while (fgets(line, sizeof(line), pipe)) {
		if (is_found || !looks_at_sources(line))
			continue;
		is_found = true;
		line[strcspn(line, "\n")] = '\0';
		snprintf(found, size, "%.150s", line + strspn(line, "\t "));
	}
	pclose(pipe);
	return is_found;
}

/**
 * check_filters - look for rules that would drop the clients of all these sources
 */
void check_filters(void)
{
	bool found = false;
	char line[160];
	size_t i;

	if (!has_accepts || geteuid())
		return;
	for (i = 0; i < ARRAY_SIZE(listings) && !found; i++)
		found = find_line(listings[i], line, sizeof(line));
	if (found && elsewhere.rule)
		check_say("filter", CHECK_WARNING, NULL,
			  "the firewall rule \"%s\" drops clients of rule %u: they come by %s with the load balancer, and %s%s; let the rule's destination pass before it, or route clients by %s",
			  line, elsewhere.rule, elsewhere.device,
			  *elsewhere.clients ? "their route leads to " : "they have no route",
			  elsewhere.clients, elsewhere.device);
	else
		check_say("filter", CHECK_OK, NULL,
			  "no firewall rule drops clients for the device that they come by");
}
