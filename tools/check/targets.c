#include "check/check.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "check/health.h"
#include "check/upstream.h"
#include "check/why.h"
#include "check/worth.h"
#include "live.h"
#include "running.h"

static const char *of(const kaname_line_t *line, const char *key)
{
	const char *value = kaname_live_field(line, key);
	return value != NULL ? value : "";
}

/*! The option that has kdig ask from where the module asks; "" if there is none. */
static void source_option(const kaname_line_t *line, const char *server, char *option, size_t size)
{
	bool ipv6 = strchr(server, ':') != NULL;
	option[0] = '\0';
	for (const char *at = of(line, ANAME_KEY_VIA); *at != '\0'; at += at[0] == ',') {
		size_t len = strcspn(at, ",");
		if ((memchr(at, ':', len) != NULL) == ipv6) {
			(void)snprintf(option, size, "-b %.*s ", (int)len, at);
		}
		at += len;
	}
}

/*! A target that had addresses, and has none of either family any more. */
static void report_gone(kaname_check_t *check, const kaname_line_t *line, const char *what)
{
	char next[KANAME_CHECK_TEXT_MAX];
	if (check->delay.count > 0 && strtol(check->delay.at[0], NULL, 10) > 0) {
		(void)snprintf(next, sizeof(next),
		               "ask whoever runs it, or 'kaname set' with another one; its last "
		               "addresses stay in use for as long as 'negative-delay: %s' says",
		               check->delay.at[0]);
	} else {
		(void)snprintf(next, sizeof(next),
		               "ask whoever runs it, or 'kaname set' with another one; with "
		               "'negative-delay' its last addresses stay in use for a while");
	}
	kaname_bad(check, next, "%s: is gone for %s s (%s), and had addresses before; asked: %s",
	           what, of(line, ANAME_KEY_GONE),
	           strcmp(of(line, ANAME_KEY_DENIAL), ANAME_DENIAL_NXDOMAIN) == 0
	                   ? "NXDOMAIN"
	                   : "no address of either family",
	           of(line, ANAME_KEY_RESOLVER));
}

/*! Does a target lead back to the zone's owner, so that it is not used (F5)? Both are in one circle,
 *  and the target is not nearer to a way out of it. */
static bool leads_back(const kaname_live_t *live, const kaname_line_t *target)
{
	const char *own = of(&live->owner, ANAME_KEY_CIRCLE), *its = of(target, ANAME_KEY_CIRCLE);
	char *own_distance = NULL, *its_distance = NULL;
	unsigned long own_circle = strtoul(own, &own_distance, 10);
	unsigned long its_circle = strtoul(its, &its_distance, 10);
	return *own_distance == '/' && *its_distance == '/' &&
	       (own_circle == UINT32_MAX ||
	        (own_circle == its_circle &&
	         strtoul(its_distance + 1, NULL, 10) >= strtoul(own_distance + 1, NULL, 10)));
}

static void report_circle(kaname_check_t *check, const kaname_line_t *line)
{
	knot_dname_storage_t target, zone;
	bool below =
	        knot_dname_from_str(target, of(line, ANAME_KEY_NAME), sizeof(target)) != NULL &&
	        knot_dname_from_str(zone, check->zone, sizeof(zone)) != NULL &&
	        knot_dname_in_bailiwick(target, zone) > 0;
	kaname_bad(check, "remove one ANAME or CNAME record of the circle",
	           "target %s %s: leads back to %s, and is not used: %s", of(line, ANAME_KEY_NAME),
	           of(line, ANAME_KEY_FAMILY), check->zone,
	           below ? "it is an alias of the owner, or of one that names it"
	                 : "it ends at another owner, here or elsewhere, whose ANAME records lead "
	                   "here");
}

/*! The command that asks the same resolver as the module does, of several the first. */
static void ask_the_same(const kaname_line_t *line, char *next, size_t size)
{
	const char *resolver = of(line, ANAME_KEY_RESOLVER);
	const char *name = of(line, ANAME_KEY_NAME), *family = of(line, ANAME_KEY_FAMILY);
	if (strcmp(resolver, ANAME_RESOLVER_SYSTEM) == 0) {
		/* 'ahosts' would hide that one family fails, and without -A getent leaves out a
		 * family that this host has no address of. It maps A where there is no AAAA. */
		bool v4 = strcmp(family, "A") == 0;
		(void)snprintf(next, size, "'getent -A ahostsv%d %s' asks the same resolver%s",
		               v4 ? 4 : 6, name,
		               v4 ? "" : " (what begins with ::ffff: there is no AAAA)");
		return;
	}
	char source[INET6_ADDRSTRLEN + sizeof("-b ")], port[sizeof("-p 65535 ")] = "";
	source_option(line, resolver, source, sizeof(source));
	size_t len = strcspn(resolver, "@");
	long number = resolver[len] == '@' ? strtol(resolver + len + 1, NULL, 10) : 53;
	if (number != 53) {
		(void)snprintf(port, sizeof(port), "-p %u ", (unsigned)number % 65536);
	}
	(void)snprintf(next, size, "'kdig %s@%.*s %s%s %s' asks the same resolver", source,
	               (int)len, resolver, port, name, family);
}

/*! What is to be done about a target that fails: a command that asks the same resolver as the
 *  module does, of several the first, and what to look at. */
static void write_next(const kaname_line_t *line, char *next, size_t size)
{
	const char *advice = kaname_check_why_advice(line);
	ask_the_same(line, next, size);
	size_t len = strlen(next);
	if (advice != NULL) {
		(void)snprintf(next + len, size - len, "; %s", advice);
	}
}

void kaname_check_target(kaname_check_t *check, const char *whose, const kaname_line_t *line)
{
	const char *state = of(line, ANAME_KEY_STATE),
	           *failing = kaname_live_field(line, ANAME_KEY_FAILING);
	const char *addresses = of(line, ANAME_KEY_ADDRESSES),
	           *resolver = of(line, ANAME_KEY_RESOLVER);
	const char *planned = kaname_live_field(line, ANAME_KEY_NEXT);
	char what[KANAME_CHECK_TEXT_MAX], next[KANAME_CHECK_TEXT_MAX];
	(void)snprintf(what, sizeof(what), "%s%starget %s %s", whose != NULL ? whose : "",
	               whose != NULL ? ": " : "", of(line, ANAME_KEY_NAME),
	               of(line, ANAME_KEY_FAMILY));
	write_next(line, next, sizeof(next));
	if (failing == NULL && kaname_live_field(line, ANAME_KEY_GONE) != NULL) {
		report_gone(check, line, what);
	} else if (failing != NULL) {
		kaname_bad(check, next,
		           "%s: cannot be resolved for %s s (%s), asked: %s; %s%s, %s%s%s", what,
		           failing, of(line, ANAME_KEY_WHY), resolver,
		           addresses[0] != '\0' ? "held: " : "nothing is held", addresses,
		           planned != NULL ? "next lookup in " : "looked up when it is asked for",
		           planned != NULL ? planned : "", planned != NULL ? " s" : "");
	} else if (addresses[0] != '\0') {
		kaname_good("%s: resolvable, asked: %s %s s ago; %s, TTL left %s s, held: %s", what,
		            resolver, of(line, ANAME_KEY_AGE), state, of(line, ANAME_KEY_TTL),
		            addresses);
	} else if (kaname_live_field(line, ANAME_KEY_NXDOMAIN) != NULL) {
		kaname_bad(check, "is it misspelt? 'kaname set' with another one mends it",
		           "%s: does not exist (NXDOMAIN), asked: %s %s s ago", what, resolver,
		           of(line, ANAME_KEY_AGE));
	} else if (strcmp(state, ANAME_STATE_NODATA) == 0 || strcmp(state, ANAME_STATE_LATE) == 0 ||
	           strcmp(state, ANAME_STATE_STALE) == 0) {
		kaname_note("%s: has no address of this family, asked: %s %s s ago, TTL left %s s",
		            what, resolver, of(line, ANAME_KEY_AGE), of(line, ANAME_KEY_TTL));
	} else {
		kaname_note("%s: not looked up yet", what);
	}
}

bool kaname_check_is_pending(const kaname_line_t *line)
{
	return strcmp(of(line, ANAME_KEY_STATE), ANAME_STATE_COLD) == 0 &&
	       kaname_live_field(line, ANAME_KEY_NEXT) != NULL;
}

/*! Asks the module; and again for a while if targets are being looked up. */
static kaname_exit_t read_live(kaname_check_t *check, kaname_live_t *live)
{
	kaname_exit_t ret = kaname_live_read(check->args, check->zone, &check->records, live);
	for (int i = 0; i < KANAME_CHECK_REPEATS && ret == KANAME_OK; i++) {
		size_t settled = 0;
		while (settled < live->count && !kaname_check_is_pending(&live->targets[settled])) {
			settled++;
		}
		if (settled == live->count) {
			break;
		}
		kaname_live_free(live);
		(void)poll(NULL, 0, KANAME_CHECK_REPEAT_MS);
		ret = kaname_live_read(check->args, check->zone, &check->records, live);
	}
	return ret;
}

/*! What clients get of the addresses that are held, of one family. */
typedef struct {
	bool any;     /*!< There are some. */
	bool allowed; /*!< `deny-address` leaves some of them. */
	bool served;  /*!< Some are in the answer. */
} held_t;

static bool is_served(const kaname_answer_t *answer, const char *address)
{
	for (unsigned i = 0; i < answer->count && i < KANAME_ADDRESSES_MAX; i++) {
		if (strcmp(answer->addresses[i], address) == 0) {
			return true;
		}
	}
	return false;
}

/*! Takes the addresses of a target, which have commas between them. */
static void take_held(const kaname_check_t *check, const kaname_line_t *target,
                      const kaname_answer_t *answer, held_t *held)
{
	for (const char *at = of(target, ANAME_KEY_ADDRESSES); *at != '\0'; at += strspn(at, ",")) {
		char address[INET6_ADDRSTRLEN];
		size_t len = strcspn(at, ",");
		(void)snprintf(address, sizeof(address), "%.*s", (int)len, at);
		held->any = true;
		held->allowed |= !kaname_check_is_denied(check, address);
		held->served |= is_served(answer, address);
		at += len;
	}
}

static held_t read_held(const kaname_check_t *check, const kaname_live_t *live, int family)
{
	held_t held = { 0 };
	for (size_t i = 0; i < live->count; i++) {
		const kaname_line_t *line = &live->targets[i];
		if (strcmp(of(line, ANAME_KEY_FAMILY),
		           aname_family_text(kaname_families[family])) == 0 &&
		    kaname_live_field(line, ANAME_KEY_SUBNET) == NULL &&
		    kaname_live_field(line, ANAME_KEY_FAILING) == NULL && !leads_back(live, line)) {
			take_held(check, line, &check->clients[family], &held);
		}
	}
	return held;
}

/*! Policy has left none of a family; that is as it is to be while the other one has some. */
static void report_denied(kaname_check_t *check, const char *family, bool other)
{
	if (other) {
		kaname_note("all addresses that are held, %s, are in networks of 'deny-address': a "
		            "client "
		            "gets none of them",
		            family);
		return;
	}
	kaname_bad(check, "are these addresses right? If so, 'deny-address' is to let them",
	           "all addresses that are held, %s, are in networks of 'deny-address'", family);
}

/*! No target of a family is usable, since health or an operator took them away. */
static void report_all_down(kaname_check_t *check, int family)
{
	const char *name = aname_family_text(kaname_families[family]),
	           *option = kaname_check_all_down_option(check);
	bool any = check->clients[family].count > 0;
	if (strcmp(option, "serve") == 0) {
		kaname_note("%s: all addresses are down or forced down, and with 'all-down: serve' "
		            "they are served all the same",
		            name);
	} else if (!any) {
		kaname_bad(check,
		           "what is down is above; 'all-down: serve' would give it all the same",
		           "%s: all addresses are down or forced down, and 'all-down: %s' gives "
		           "none",
		           name, option);
	} else if (strcmp(option, "sibling") == 0) {
		kaname_note("%s: all addresses are down or forced down, and with 'all-down: "
		            "sibling' the zone's own are served",
		            name);
	}
}

/*! Will what is known be there after a restart? */
static void check_file(kaname_check_t *check, const kaname_live_t *live)
{
	const char *next, *why = kaname_live_file_fault(live, &next);
	if (why != NULL) {
		kaname_bad(check, next,
		           "state file %s: %s; what is known does not survive a restart",
		           of(&live->file, ANAME_KEY_FILE), why);
	}
}

/*! Is the module that is running the one on disk? */
static void check_running(kaname_check_t *check, const kaname_live_t *live)
{
	char text[KANAME_CHECK_TEXT_MAX];
	const char *next;
	switch (kaname_running_compare(live, text, sizeof(text), &next)) {
	case KANAME_RUNNING_OLD: kaname_note("%s: %s", text, next); break;
	case KANAME_RUNNING_GONE: kaname_bad(check, next, "%s", text); break;
	default: break;
	}
}

/*! Does a client who gets an answer get what is held for it, and not what is in the zone? */
static void check_served(kaname_check_t *check, const held_t held[2], bool all_down, int family)
{
	const kaname_answer_t *answer = &check->clients[family];
	if (!check->is_asked || check->is_unsigned || answer->failure != NULL ||
	    answer->rcode != KNOT_RCODE_NOERROR) {
		return;
	}
	if (all_down) {
		report_all_down(check, family);
		return;
	}
	if (answer->ede >= 0 || !held[family].any || held[family].served) {
		return;
	}
	if (!held[family].allowed) {
		report_denied(check, aname_family_text(kaname_families[family]),
		              held[1 - family].allowed);
		return;
	}
	const char *next = "does another module in the zone's list answer for the apex?";
	if (check->bad_before > 0) {
		next = "what is BAD above comes first";
	} else if (check->is_signed) {
		next = "the log says why; with 'dnssec: off', 'kaname follow' has to write them "
		       "where the zone is signed; see 'Signed zones' in the operator's guide";
	} else if (check->modules.count == 0 || check->deny.count == KANAME_VALUES_MAX) {
		/* Not all of the section was read. */
		next = "does 'deny-address' take them, or does another module in the template's "
		       "list answer for the apex?";
	}
	kaname_bad(check, next, "a client gets none of the addresses that are held, %s",
	           aname_family_text(kaname_families[family]));
}

void kaname_check_targets(kaname_check_t *check)
{
	kaname_live_t live;
	if (check->is_mute) {
		kaname_note("what the module knows was not asked: 'status-socket: off'");
		kaname_check_resolver(check, NULL);
		return;
	}
	if (read_live(check, &live) != KANAME_OK) {
		kaname_bad(check, "see above; without it the log is what there is",
		           "what the module knows could not be asked");
		return;
	}
	size_t general = 0, subnets = 0, failing = 0;
	check_running(check, &live);
	check_file(check, &live);
	kaname_check_probes(check, &live);
	kaname_check_resolver(check, &live);
	for (size_t i = 0; i < live.count; i++) {
		const kaname_line_t *line = &live.targets[i];
		if (kaname_live_field(line, ANAME_KEY_SUBNET) == NULL) {
			if (leads_back(&live, line)) {
				report_circle(check, line);
			} else {
				kaname_check_target(check, NULL, line);
				kaname_check_odd_addresses(check, line);
			}
			kaname_check_health(check, line);
			general++;
		} else {
			subnets++;
			failing += kaname_live_field(line, ANAME_KEY_FAILING) != NULL;
		}
	}
	if (subnets > 0) {
		kaname_note("%zu answers for client subnets are held, %zu of them failing; 'kaname "
		            "status' "
		            "shows them",
		            subnets, failing);
	}
	bool full = kaname_live_field(&live.server, ANAME_KEY_FULL) != NULL;
	if (full && general < 2 * check->records.count) {
		kaname_bad(
		        check, "raise 'max-targets' and reload",
		        "there is no room for %s: the module holds %s targets, one for each name "
		        "and family, and all of them are asked for",
		        general == 0 ? "the target" : "all of the target",
		        of(&live.server, ANAME_KEY_TARGETS));
	} else if (live.count == 0 && check->records.count > 0) {
		kaname_note("the module knows nothing of the target: it was not asked for it");
	}
	const held_t held[2] = { read_held(check, &live, 0), read_held(check, &live, 1) };
	for (int i = 0; i < 2; i++) {
		const char *family = aname_family_text(kaname_families[i]);
		check_served(check, held, kaname_check_all_down(check, &live, family), i);
	}
	kaname_check_suffixes(check);
	if (check->args->client != NULL && check->records.count > 0) {
		kaname_check_choice(check, &live);
	}
	kaname_live_free(&live);
}
