#include "log/tell.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rrtype.h"

/*! Addresses that are listed; the others are counted. */
#define ADDRESSES_MAX 32

/*! Adds the addresses of a snapshot, commas between, and how many more there are. */
static void add_addresses(aname_watch_line_t *line, const char *key, const char *more,
                          const aname_snapshot_t *snapshot)
{
	char text[ADDRESSES_MAX * (INET6_ADDRSTRLEN + 1) + 1] = "";
	size_t used = 0;
	knot_rdataset_t set = aname_snapshot_rdataset(snapshot);
	knot_rdata_t *rdata = set.rdata;
	for (unsigned i = 0; i < set.count && i < ADDRESSES_MAX;
	     i++, rdata = knot_rdataset_next(rdata)) {
		char address[INET6_ADDRSTRLEN] = "";
		(void)inet_ntop(rdata->len == 4 ? AF_INET : AF_INET6, rdata->data, address,
		                sizeof(address));
		used += snprintf(text + used, sizeof(text) - used, "%s%s", i > 0 ? "," : "",
		                 address);
	}
	aname_watch_field(line, key, "%s", text);
	if (set.count > ADDRESSES_MAX) {
		aname_watch_field(line, more, "%u", set.count - ADDRESSES_MAX);
	}
}

static void add_resolver(aname_watch_line_t *line, const aname_source_t *source)
{
	char text[ANAME_SERVERS_MAX * (INET6_ADDRSTRLEN + 8) + 1] = ANAME_RESOLVER_SYSTEM;
	size_t used = 0;
	for (unsigned i = 0; i < source->servers_count; i++) {
		const aname_server_t *server = &source->servers[i];
		char address[INET6_ADDRSTRLEN] = "";
		(void)inet_ntop(server->len == 4 ? AF_INET : AF_INET6, server->address, address,
		                sizeof(address));
		used += snprintf(text + used, sizeof(text) - used, "%s%s@%u", i > 0 ? "," : "",
		                 address, server->port);
	}
	aname_watch_field(line, ANAME_KEY_RESOLVER, "%s", text);
}

/*! Begins an event about one family of a target. */
static bool begin(aname_watch_line_t *line, aname_watch_t *watch, const char *event,
                  const aname_entry_t *entry)
{
	if (!aname_watch_any(watch) ||
	    !aname_watch_begin(line, watch, event, aname_entry_name(entry), ANAME_WATCH_ALL)) {
		return false;
	}
	aname_watch_field(line, ANAME_KEY_FAMILY, "%s", aname_family_text(entry->type));
	add_resolver(line, &entry->upstream->source);
	return true;
}

void aname_tell_changed(aname_watch_t *watch, const aname_entry_t *entry,
                        const aname_snapshot_t *before, const aname_snapshot_t *after)
{
	aname_watch_line_t line;
	if (begin(&line, watch, ANAME_EVENT_CHANGED, entry)) {
		add_addresses(&line, ANAME_KEY_FROM, ANAME_KEY_FROM_MORE, before);
		add_addresses(&line, ANAME_KEY_TO, ANAME_KEY_MORE, after);
		aname_watch_end(&line);
	}
}

void aname_tell_failure(aname_watch_t *watch, const aname_entry_t *entry,
                        const aname_snapshot_t *before, const aname_snapshot_t *after,
                        int64_t now_ms)
{
	bool failed = before != NULL && before->failure != ANAME_FAILURE_NONE;
	bool fails = after->failure != ANAME_FAILURE_NONE;
	aname_watch_line_t line;
	if (fails == failed ||
	    !begin(&line, watch, fails ? ANAME_EVENT_FAILS : ANAME_EVENT_RECOVERED, entry)) {
		return;
	}
	if (fails) {
		aname_watch_field(&line, ANAME_KEY_WHY, "%s", aname_snapshot_failing(after)->why);
	} else {
		aname_watch_field(&line, ANAME_KEY_SECONDS, "%" PRId64,
		                  (now_ms - aname_snapshot_failing(before)->since_ms) / 1000);
	}
	add_addresses(&line, ANAME_KEY_ADDRESSES, ANAME_KEY_MORE, after);
	aname_watch_end(&line);
}

void aname_tell_subnet(aname_watch_t *watch, const aname_entry_t *entry, const char *why)
{
	aname_watch_line_t line;
	if (begin(&line, watch, ANAME_EVENT_SUBNET_FAILS, entry)) {
		aname_watch_field(&line, ANAME_KEY_WHY, "%s", why);
		aname_watch_end(&line);
	}
}

void aname_tell_gone(aname_watch_t *watch, const aname_entry_t *entry, bool gone, bool nxdomain)
{
	aname_watch_line_t line;
	if (!aname_watch_any(watch) ||
	    !aname_watch_begin(&line, watch, gone ? ANAME_EVENT_GONE : ANAME_EVENT_RETURNED,
	                       aname_entry_name(entry), ANAME_WATCH_ALL)) {
		return;
	}
	add_resolver(&line, &entry->upstream->source);
	if (gone) {
		aname_watch_field(&line, ANAME_KEY_DENIAL, "%s",
		                  nxdomain ? ANAME_DENIAL_NXDOMAIN : ANAME_DENIAL_NODATA);
	}
	aname_watch_end(&line);
}

void aname_tell_health(aname_watch_t *watch, const knot_dname_t *target, size_t others,
                       aname_watch_whom_t whom, const aname_probe_t *probe, const uint8_t *address,
                       uint8_t len, const char *why)
{
	aname_watch_line_t line;
	char text[INET6_ADDRSTRLEN] = "";
	if (!aname_watch_any(watch) ||
	    !aname_watch_begin(&line, watch, why != NULL ? ANAME_EVENT_DOWN : ANAME_EVENT_UP,
	                       target, whom)) {
		return;
	}
	(void)inet_ntop(len == 4 ? AF_INET : AF_INET6, address, text, sizeof(text));
	aname_watch_field(&line, ANAME_KEY_ADDRESS, "%s", text);
	aname_watch_field(&line, ANAME_KEY_OTHERS, "%zu", others);
	aname_watch_field(&line, ANAME_KEY_PROBE, "%s", aname_probe_text(probe->kind));
	aname_watch_field(&line, ANAME_KEY_PORT, "%u", probe->port);
	if (why != NULL) {
		aname_watch_field(&line, ANAME_KEY_WHY, "%s", why);
	}
	aname_watch_end(&line);
}

void aname_tell_out(aname_watch_t *watch, const aname_upstream_t *upstream, bool answers)
{
	aname_watch_line_t line;
	if (aname_watch_any(watch) &&
	    aname_watch_begin(&line, watch, ANAME_EVENT_RESOLVER_OUT, NULL, ANAME_WATCH_ALL)) {
		add_resolver(&line, &upstream->source);
		aname_watch_field(&line, ANAME_KEY_WHY, "%s",
		                  answers ? "nothing succeeds" : "nothing is heard from it");
		aname_watch_end(&line);
	}
}

void aname_tell_back(aname_watch_t *watch, const aname_upstream_t *upstream, int64_t seconds)
{
	aname_watch_line_t line;
	if (aname_watch_any(watch) &&
	    aname_watch_begin(&line, watch, ANAME_EVENT_RESOLVER_BACK, NULL, ANAME_WATCH_ALL)) {
		add_resolver(&line, &upstream->source);
		aname_watch_field(&line, ANAME_KEY_SECONDS, "%" PRId64, seconds);
		aname_watch_end(&line);
	}
}

void aname_tell_limit(aname_watch_t *watch, const char *limit, uint64_t count)
{
	aname_watch_line_t line;
	if (aname_watch_any(watch) &&
	    aname_watch_begin(&line, watch, ANAME_EVENT_LIMIT, NULL, ANAME_WATCH_ALL)) {
		aname_watch_field(&line, ANAME_KEY_LIMIT, "%s", limit);
		aname_watch_field(&line, ANAME_KEY_COUNT, "%" PRIu64, count);
		aname_watch_end(&line);
	}
}

void aname_tell_doubt(aname_watch_t *watch, bool in_doubt)
{
	aname_watch_line_t line;
	if (aname_watch_any(watch) &&
	    aname_watch_begin(&line, watch, in_doubt ? ANAME_EVENT_DOUBT : ANAME_EVENT_NO_DOUBT,
	                      NULL, ANAME_WATCH_ALL)) {
		aname_watch_end(&line);
	}
}

void aname_tell_key(aname_watch_t *watch, const aname_secret_found_t *found, uint32_t failures)
{
	bool good = found->key != NULL;
	aname_watch_line_t line;
	if (aname_watch_any(watch) && good == (failures > 0) &&
	    aname_watch_begin(&line, watch, good ? ANAME_EVENT_KEY_GOOD : ANAME_EVENT_KEY_TROUBLE,
	                      NULL, ANAME_WATCH_ALL)) {
		aname_watch_field(&line, ANAME_KEY_KEY, "%s", found->id);
		if (!good) {
			const char *why = dnssec_strerror(found->error);
			aname_watch_field(&line, ANAME_KEY_WHY, "%s",
			                  why != NULL ? why : strerror(-found->error));
		}
		aname_watch_end(&line);
	}
}

void aname_tell_directory(aname_watch_t *watch, const char *directory, int len, bool back)
{
	aname_watch_line_t line;
	if (aname_watch_any(watch) &&
	    aname_watch_begin(&line, watch, back ? ANAME_EVENT_KEY_GOOD : ANAME_EVENT_KEY_TROUBLE,
	                      NULL, ANAME_WATCH_ALL)) {
		aname_watch_field(&line, ANAME_KEY_DIRECTORY, "%.*s", len, directory);
		if (!back) {
			aname_watch_field(&line, ANAME_KEY_WHY, "it does not answer");
		}
		aname_watch_end(&line);
	}
}
