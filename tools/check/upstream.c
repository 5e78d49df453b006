#include "check/upstream.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <libknot/libknot.h>

#include "check/host.h"
#include "check/worth.h"
#include "print.h"
#include "text.h"

/*! A server of this host replies at once. */
#define REPLY_MS 1000

/* Whom the zone asks. */

/*! Does a server answer for the zone as its authority? Then it is this one, or as little use. */
static bool is_authority(const kaname_check_t *check, const char *server)
{
	knot_dname_storage_t zone;
	static kaname_answer_t answer;
	kaname_question_t question = { .name = kaname_name_read(zone, check->zone),
		                       .type = KNOT_RRTYPE_SOA,
		                       .timeout_ms = REPLY_MS };
	if (question.name == NULL || !kaname_address_read(server, &question.server)) {
		return false;
	}
	kaname_ask(&question, &answer);
	return answer.failure == NULL && answer.authoritative;
}

static bool is_this_server(const kaname_check_t *check, const char *server)
{
	kaname_host_t host = kaname_host_compare(&check->listen, server);
	return host == KANAME_HOST_SELF ||
	       (host == KANAME_HOST_MAYBE && is_authority(check, server));
}

/*! Whom the zone asks, as a list: of the module, or else of the configuration; those of the system
 *  where neither names any. */
static void read_servers(const kaname_check_t *check, const kaname_live_t *live,
                         kaname_values_t *servers, bool *system)
{
	const char *at = live != NULL ? kaname_live_field(&live->zone, ANAME_KEY_RESOLVER) : NULL;
	*system = at != NULL ? strcmp(at, ANAME_RESOLVER_SYSTEM) == 0 : check->resolver.count == 0;
	if (*system) {
		kaname_host_resolv_conf(servers);
		return;
	}
	*servers = check->resolver;
	if (at != NULL) {
		servers->count = 0;
		for (; *at != '\0' && servers->count < KANAME_VALUES_MAX; at += strspn(at, ",")) {
			size_t len = strcspn(at, ",");
			(void)snprintf(servers->at[servers->count++], KANAME_VALUE_MAX, "%.*s",
			               (int)len, at);
			at += len;
		}
	}
}

/*! Is something amiss for which the resolver may be the reason? */
static bool fails(const kaname_check_t *check, const kaname_live_t *live)
{
	for (size_t i = 0; live != NULL && i < live->count; i++) {
		if (kaname_live_field(&live->targets[i], ANAME_KEY_FAILING) != NULL) {
			return true;
		}
	}
	return live == NULL && check->is_asked && check->clients[0].count == 0 &&
	       check->clients[1].count == 0;
}

void kaname_check_resolver(kaname_check_t *check, const kaname_live_t *live)
{
	static kaname_values_t servers;
	bool system;
	size_t own = 0, first = 0;
	read_servers(check, live, &servers, &system);
	for (size_t i = servers.count; i > 0; i--) {
		if (is_this_server(check, servers.at[i - 1])) {
			own++;
			first = i - 1;
		}
	}
	const char *where = system ? " of /etc/resolv.conf" : "";
	if (own == 0) {
		return;
	}
	if (own == servers.count && fails(check, live)) {
		kaname_bad(check,
		           "name a recursor: with 'resolver' in the section of mod-aname, or in "
		           "/etc/resolv.conf; this server resolves no names of others",
		           "the resolver%s, %s, is this very server", where, servers.at[first]);
	} else {
		kaname_note("the resolver%s, %s, is this very server, which answers for its own "
		            "zones only",
		            where, servers.at[first]);
	}
}

/* What it says. */

/*! Addresses that share their reason with an earlier one are not named. */
void kaname_check_odd_addresses(const kaname_check_t *check, const kaname_line_t *target)
{
	const char *before = NULL;
	bool is_public = kaname_host_is_public(&check->listen);
	for (const char *at = kaname_field_or(target, ANAME_KEY_ADDRESSES, ""); *at != '\0';
	     at += strspn(at, ",")) {
		char address[INET6_ADDRSTRLEN];
		size_t len = strcspn(at, ",");
		(void)snprintf(address, sizeof(address), "%.*s", (int)len, at);
		at += len;
		const char *why = kaname_check_is_denied(check, address)
		                          ? NULL
		                          : kaname_host_odd(address, is_public);
		if (why != NULL && why != before) {
			kaname_note("target %s %s: has %s, %s",
			            kaname_field_or(target, ANAME_KEY_NAME, ""),
			            kaname_field_or(target, ANAME_KEY_FAMILY, ""), address, why);
			before = why;
		}
	}
}
