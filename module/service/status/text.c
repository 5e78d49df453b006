#include "service/status/text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <unistd.h>

#include "protocol.h"
#include "rrtype.h"
#include "service/status/line.h"
#include "table/clock.h"
#include "table/kinds.h"
#include "table/policy.h"

static const char *state_of(const aname_judgement_t *judgement)
{
	switch (judgement->worth) {
	case ANAME_FRESH: return ANAME_STATE_FRESH;
	case ANAME_NODATA: return ANAME_STATE_NODATA;
	case ANAME_LATE:
	case ANAME_LATE_NODATA: return ANAME_STATE_LATE;
	case ANAME_STALE:
	case ANAME_STALE_NODATA: return ANAME_STATE_STALE;
	case ANAME_FAILED: return ANAME_STATE_FAILING;
	default: return ANAME_STATE_COLD;
	}
}

static void write_addresses(char *at, size_t *len, const aname_snapshot_t *known)
{
	knot_rdataset_t set = aname_snapshot_rdataset(known);
	knot_rdata_t *rdata = set.rdata;
	aname_line_add(at, len, ANAME_FIELD(ADDRESSES));
	for (unsigned i = 0; i < set.count; i++, rdata = knot_rdataset_next(rdata)) {
		aname_line_add(at, len, "%s", i > 0 ? "," : "");
		aname_line_add_address(at, len, rdata->data, rdata->len);
	}
}

static void write_subnet(char *at, size_t *len, const aname_subnet_t *subnet)
{
	char address[INET6_ADDRSTRLEN];
	(void)inet_ntop(subnet->family == ANAME_SUBNET_IPV4 ? AF_INET : AF_INET6, subnet->address,
	                address, sizeof(address));
	aname_line_add(at, len, ANAME_FIELD(SUBNET) "%s/%u", address, subnet->len);
}

static void write_via(char *at, size_t *len, const aname_source_t *source)
{
	char address[INET6_ADDRSTRLEN];
	bool ipv4 = aname_source_has_via(source, false);
	if (ipv4) {
		(void)inet_ntop(AF_INET, source->via_ipv4, address, sizeof(address));
		aname_line_add(at, len, ANAME_FIELD(VIA) "%s", address);
	}
	if (aname_source_has_via(source, true)) {
		(void)inet_ntop(AF_INET6, source->via_ipv6, address, sizeof(address));
		aname_line_add(at, len, "%s%s", ipv4 ? "," : ANAME_FIELD(VIA), address);
	}
}

static void write_resolver(char *at, size_t *len, const aname_source_t *source)
{
	aname_line_add(at, len, ANAME_FIELD(RESOLVER) "%s",
	               source->servers_count == 0 ? ANAME_RESOLVER_SYSTEM : "");
	for (unsigned i = 0; i < source->servers_count; i++) {
		const aname_server_t *server = &source->servers[i];
		char address[INET6_ADDRSTRLEN];
		(void)inet_ntop(server->len == 4 ? AF_INET : AF_INET6, server->address, address,
		                sizeof(address));
		aname_line_add(at, len, "%s%s@%u", i > 0 ? "," : "", address, server->port);
	}
	write_via(at, len, source);
	if (source->secure != 0) {
		aname_line_add(at, len, ANAME_FIELD(SECURE) "yes");
	}
}

/*! Smallest TTL of a record that asked lately, as the service's plan has it. */
static uint32_t wanted_ttl(aname_entry_t *entry)
{
	uint32_t ttl = atomic_load_explicit(&entry->min_ttl, memory_order_relaxed);
	ttl = ttl < entry->plan.min_ttl_prev ? ttl : entry->plan.min_ttl_prev;
	return ttl < INT32_MAX ? ttl : INT32_MAX;
}

static const char *word_of(aname_forced_t state)
{
	return state == ANAME_FORCED_UP ? ANAME_HEALTH_WORD_UP : ANAME_HEALTH_WORD_DOWN;
}

static void write_until(char *at, size_t *len, const aname_force_t *force, int64_t now_ms)
{
	if (force->until_ms != ANAME_FORCED_EVER) {
		int64_t left_ms = force->until_ms > now_ms ? force->until_ms - now_ms : 0;
		aname_line_add(at, len, ANAME_FIELD(UNTIL) "%" PRId64, (left_ms + 999) / 1000);
	}
}

static void write_known(char *at, size_t *len, aname_entry_t *entry, int64_t now_ms)
{
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	const aname_schedule_t *schedule = &entry->upstream->terms.schedule;
	aname_judgement_t judgement =
	        aname_policy_judge(known, atomic_load(&entry->cold), schedule,
	                           aname_policy_left(known, schedule, wanted_ttl(entry), now_ms),
	                           atomic_load(&entry->next_ms), now_ms);
	aname_line_add(at, len, ANAME_FIELD(STATE) "%s", state_of(&judgement));
	if (known == NULL) {
		return;
	}
	if (known->known != ANAME_KNOWN_NOTHING) {
		aname_line_add(at, len, ANAME_FIELD(TTL) "%" PRIu32 ANAME_FIELD(AGE) "%" PRId64,
		               judgement.ttl, (now_ms - known->learned_ms) / 1000);
		write_addresses(at, len, known);
		if (known->nxdomain) {
			aname_line_add(at, len, ANAME_FIELD(NXDOMAIN) "yes");
		}
	}
	const aname_failing_t *failing = aname_snapshot_failing(known);
	if (failing != NULL) {
		aname_line_add(at, len, ANAME_FIELD(FAILING) "%" PRId64 ANAME_FIELD(WHY) "%s",
		               (now_ms - failing->since_ms) / 1000, failing->why);
	}
}

/*! That a target is gone which had addresses; as queries see it. */
static void write_gone(char *at, size_t *len, const aname_table_t *table, aname_entry_t *entry,
                       int64_t now_ms)
{
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	const aname_lost_t *lost = known != NULL ? aname_snapshot_lost(known) : NULL;
	aname_entry_t *other = lost != NULL ? aname_table_find_other(table, entry) : NULL;
	const aname_snapshot_t *of_other = other != NULL ? aname_entry_snapshot(other) : NULL;
	if (lost != NULL && aname_policy_gone_surely(known, of_other)) {
		aname_line_add(at, len, ANAME_FIELD(GONE) "%" PRId64 ANAME_FIELD(DENIAL) "%s",
		               (now_ms - lost->since_ms) / 1000,
		               lost->nxdomain ? ANAME_DENIAL_NXDOMAIN : ANAME_DENIAL_NODATA);
	}
}

static void write_place(char *at, size_t *len, aname_owners_t *owners, uint64_t owner)
{
	aname_place_t place;
	if (aname_owners_place(owners, owner, &place)) {
		aname_line_add(at, len, ANAME_FIELD(CIRCLE) "%" PRIu32 "/%" PRIu16, place.circle,
		               place.distance);
	}
}

/*! That a target ends at an owner which leads back to itself. */
static void write_circle(char *at, size_t *len, aname_owners_t *owners, aname_entry_t *entry)
{
	uint64_t end = atomic_load(&entry->end);
	const knot_dname_t *name = aname_entry_name(entry);
	write_place(at, len, owners,
	            end != 0 ? end : aname_owners_hash(owners, name, knot_dname_size(name)));
}

size_t aname_status_write_owner(char *at, aname_owners_t *owners, const knot_dname_t *name)
{
	size_t len = 0;
	knot_dname_txt_storage_t text = "";
	aname_place_t place;
	uint64_t hash = aname_owners_hash(owners, name, knot_dname_size(name));
	if (!aname_owners_place(owners, hash, &place)) {
		return 0;
	}
	(void)knot_dname_to_str(text, name, sizeof(text));
	aname_line_add(at, &len, ANAME_STATUS_OWNER ANAME_FIELD(NAME) "%s", text);
	write_place(at, &len, owners, hash);
	aname_line_end(at, &len);
	return len;
}

size_t aname_status_write_zone(char *at, const knot_dname_t *name, const aname_zone_view_t *view)
{
	size_t len = 0;
	knot_dname_txt_storage_t text = "";
	(void)knot_dname_to_str(text, name, sizeof(text));
	aname_line_add(at, &len, ANAME_STATUS_ZONE ANAME_FIELD(NAME) "%s", text);
	write_resolver(at, &len, &view->source);
	if (view->unable) {
		aname_line_add(at, &len, ANAME_FIELD(UNSIGNED) "yes");
	}
	aname_line_end(at, &len);
	return len;
}

void aname_status_add_force(char *at, size_t *len, const aname_force_t *force, int64_t now_ms)
{
	aname_line_add(at, len, ANAME_FIELD(FORCED) "%s", word_of(force->state));
	write_until(at, len, force, now_ms);
}

/*! What is said of a target by itself. */
static void write_forced(char *at, size_t *len, const aname_forces_t *forces,
                         const knot_dname_t *name, int64_t now_ms)
{
	const aname_force_t *force = aname_forces_about(forces, name, NULL, 0);
	if (force != NULL) {
		aname_status_add_force(at, len, force, now_ms);
	}
}

/*! That no zone's records name a target any more. What nobody has asked for since the start may have
 *  its zone still to come. */
static void write_unused(char *at, size_t *len, const aname_shared_t *shared, aname_entry_t *entry)
{
	const aname_entry_t *target = entry->for_subnet ? entry->subnet_entry->target : entry;
	const knot_dname_t *name = aname_entry_name(entry);
	uint64_t hash = aname_owners_hash(shared->owners, name, knot_dname_size(name));
	if (aname_entry_zone(entry) != 0 && !target->plan.followed &&
	    !aname_zones_name(shared->zones, entry->upstream, hash)) {
		aname_line_add(at, len, ANAME_FIELD(UNUSED) "yes");
	}
}

size_t aname_status_write(char *at, const aname_shared_t *shared, aname_entry_t *entry,
                          const aname_forces_t *forces, int64_t now_ms)
{
	size_t len = 0;
	const aname_table_t *table = shared->table;
	knot_dname_txt_storage_t name = "";
	(void)knot_dname_to_str(name, aname_entry_name(entry), sizeof(name));
	aname_line_add(at, &len,
	               ANAME_STATUS_TARGET ANAME_FIELD(NAME) "%s" ANAME_FIELD(FAMILY) "%s", name,
	               aname_family_text(entry->type));
	if (entry->for_subnet) {
		write_subnet(at, &len, &entry->subnet_entry->network);
	}
	write_known(at, &len, entry, now_ms);
	write_gone(at, &len, table, entry, now_ms);
	write_circle(at, &len, shared->owners, entry);

	int64_t next_ms = atomic_load(&entry->next_ms);
	if (next_ms != ANAME_NEXT_NEVER) {
		aname_line_add(at, &len, ANAME_FIELD(NEXT) "%" PRId64,
		               next_ms > now_ms ? (next_ms - now_ms + 999) / 1000 : 0);
	}
	int64_t asked_s = atomic_load_explicit(&entry->asked_s, memory_order_relaxed);
	aname_line_add(at, &len, ANAME_FIELD(ASKED) "%" PRId64,
	               now_ms / 1000 > asked_s ? now_ms / 1000 - asked_s : 0);
	aname_line_add(at, &len, ANAME_FIELD(STARTED) "%" PRIu32 ANAME_FIELD(SUCCEEDED) "%" PRIu32,
	               atomic_load(&entry->started), atomic_load(&entry->succeeded));
	aname_line_add(at, &len, ANAME_FIELD(FAILED) "%" PRIu32 ANAME_FIELD(LAG) "%" PRIu32,
	               atomic_load(&entry->failed), atomic_load(&entry->lag_ms));
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	if (known != NULL && known->known != ANAME_KNOWN_NOTHING &&
	    known->ttl != ANAME_TTL_UNKNOWN) {
		aname_line_add(at, &len, ANAME_FIELD(GIVEN) "%" PRIu32, known->ttl);
	}
	write_resolver(at, &len, &entry->upstream->source);
	write_unused(at, &len, shared, entry);
	write_forced(at, &len, forces, aname_entry_name(entry), now_ms);
	aname_line_end(at, &len);
	return len;
}

size_t aname_status_write_forced(char *at, const aname_force_t *force, int64_t now_ms)
{
	size_t len = 0;
	char subject[ANAME_SUBJECT_TEXT_MAX];
	aname_subject_text(&force->subject, subject);
	aname_line_add(at, &len,
	               ANAME_STATUS_FORCED
	               "%s%s" ANAME_FIELD(STATE) "%s" ANAME_FIELD(SINCE) "%" PRId64,
	               force->subject.len > 0 ? ANAME_FIELD(ADDRESS) : ANAME_FIELD(NAME), subject,
	               word_of(force->state), (now_ms - force->since_ms) / 1000);
	write_until(at, &len, force, now_ms);
	aname_line_end(at, &len);
	return len;
}

size_t aname_status_write_reply(char *at, const char *word, const char *why)
{
	size_t len = 0;
	aname_line_add(at, &len, ANAME_STATUS_FORMAT "\n%s", word);
	if (why != NULL) {
		aname_line_add(at, &len, ANAME_FIELD(WHY) "%s", why);
	}
	aname_line_add(at, &len, "\n" ANAME_STATUS_END "\n");
	return len;
}

static void write_numbers(char *at, size_t *len, const aname_shared_t *shared,
                          const aname_status_backend_t *backend)
{
	if (backend->numbers == NULL) {
		return;
	}
	const aname_probes_numbers_t numbers = backend->numbers(backend->ctx);
	aname_line_add(at, len, ANAME_FIELD(UP) "%" PRIu64 ANAME_FIELD(DOWN) "%" PRIu64, numbers.up,
	               numbers.down);
	aname_line_add(at, len, ANAME_FIELD(UNKNOWN) "%" PRIu64, numbers.unknown);
	aname_line_add(at, len,
	               ANAME_FIELD(PROBES) "%" PRIu64 ANAME_FIELD(PROBES_FAILED) "%" PRIu64,
	               numbers.started, numbers.failed);
	aname_line_add(at, len, ANAME_FIELD(PROBES_REFUSED) "%" PRIu64 "%s", numbers.refused,
	               numbers.in_doubt ? ANAME_FIELD(DOUBT) "yes" : "");
	uint64_t ways = atomic_load(&shared->reached.views_full);
	if (numbers.late > 0) {
		aname_line_add(at, len, ANAME_FIELD(PROBES_LATE) "%" PRIu64, numbers.late);
	}
	if (ways > 0) {
		aname_line_add(at, len, ANAME_FIELD(PROBES_WAYS) "%" PRIu64, ways);
	}
}

/*! Which module this is. */
static void write_self(char *at, size_t *len, const aname_self_t *self)
{
	aname_line_add(at, len, ANAME_FIELD(VERSION) "%s", aname_self_version());
	if (self != NULL && self->path[0] != '\0') {
		aname_line_add(at, len, ANAME_FIELD(MODULE) "%s" ANAME_FIELD(FILE_ID) "%s",
		               self->path, self->file_id);
	}
}

/*! Writes the line of the state file, if there is one. */
static void write_file(char *at, size_t *len, const aname_status_backend_t *backend)
{
	if (backend->state == NULL) {
		return;
	}
	const aname_state_numbers_t numbers = aname_state_numbers(backend->state);
	if (numbers.path == NULL) {
		return;
	}
	aname_line_add(at, len, ANAME_STATUS_FILE ANAME_FIELD(FILE) "%s", numbers.path);
	if (numbers.saved_ms != INT64_MIN) {
		aname_line_add(at, len, ANAME_FIELD(SAVED) "%" PRId64 ANAME_FIELD(TOOK) "%" PRIu32,
		               (aname_clock_ms() - numbers.saved_ms) / 1000, numbers.took_ms);
		aname_line_add(at, len, ANAME_FIELD(HELD) "%.3f", numbers.held_us / 1000.0);
	}
	aname_line_add(at, len, ANAME_FIELD(LOADED) "%" PRIu32 ANAME_FIELD(OCTETS) "%" PRIu64,
	               numbers.loaded_ms, numbers.octets);
	aname_line_add(at, len, ANAME_FIELD(TARGETS) "%" PRIu32, numbers.targets);
	if (numbers.why_not != NULL) {
		aname_line_add(at, len, ANAME_FIELD(WHY) "%s", numbers.why_not);
	}
	aname_line_end(at, len);
}

/*! How many answers of each kind were given, of all zones. */
static void write_answers(char *at, size_t *len, const aname_shared_t *shared)
{
	for (unsigned kind = 0; kind < ANAME_KINDS; kind++) {
		aname_line_add(at, len, "%s%s:%" PRIu64, kind > 0 ? "," : ANAME_FIELD(ANSWERS),
		               aname_kind_name(kind), aname_kind_total(shared, kind));
	}
}

size_t aname_status_write_server(char *at, const aname_shared_t *shared,
                                 const aname_status_backend_t *backend)
{
	size_t len = 0;
	const aname_totals_t *totals = &shared->totals;
	aname_line_add(at, &len,
	               ANAME_STATUS_FORMAT "\n" ANAME_STATUS_SERVER ANAME_FIELD(PID) "%ld",
	               (long)getpid());
	write_self(at, &len, backend->self);
	aname_line_add(at, &len, ANAME_FIELD(ZONES) "%zu" ANAME_FIELD(UNSIGNED) "%zu",
	               aname_zones_count(shared->zones), aname_zones_unable_count(shared->zones));
	aname_line_add(at, &len, ANAME_FIELD(TARGETS) "%zu" ANAME_FIELD(ADDRESSES) "%zu",
	               aname_table_targets(shared->table), aname_table_addresses(shared->table));
	if (backend->followers != NULL) {
		aname_line_add(at, &len, ANAME_FIELD(FOLLOWERS) "%u",
		               aname_followers_count(backend->followers));
	}
	write_answers(at, &len, shared);
	aname_line_add(at, &len, ANAME_FIELD(STARTED) "%" PRIu64 ANAME_FIELD(SUCCEEDED) "%" PRIu64,
	               atomic_load(&totals->started), atomic_load(&totals->succeeded));
	aname_line_add(at, &len, ANAME_FIELD(FAILED) "%" PRIu64 ANAME_FIELD(LAG) "%" PRIu32 "%s",
	               atomic_load(&totals->failed), atomic_load(&totals->lag_ms),
	               atomic_load(&shared->reached.no_room) ? ANAME_FIELD(FULL) "yes" : "");
	write_numbers(at, &len, shared, backend);
	aname_line_end(at, &len);
	write_file(at, &len, backend);
	return len;
}
