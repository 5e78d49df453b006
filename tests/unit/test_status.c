#include "support/test.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <libknot/errcode.h>

#include "service/status/addresses.h"
#include "service/status/line.h"
#include "service/status/listener.h"
#include "service/status/request.h"
#include "service/status/text.h"
#include "support/make.h"
#include "table/clock.h"
#include "table/kinds.h"
#include "table/policy.h"

/* A walk through the table. */

static aname_entry_t *add(aname_table_t *table, const aname_upstream_t *upstream, uint32_t n)
{
	name_t name = make_name_nth(n);
	aname_key_t key = make_key(upstream, &name, KNOT_RRTYPE_A);
	aname_entry_t *entry = aname_table_add(table, &key, aname_table_hash(table, &key));
	assert_non_null(entry);
	return entry;
}

static aname_shared_t *make_floor(const aname_upstream_t **upstream)
{
	aname_shared_t *shared = aname_shared_new(NULL, NULL);
	assert_non_null(shared);
	*upstream = make_upstream(shared, &make_schedule, &make_source);
	assert_non_null(*upstream);
	return shared;
}

/*! Walks to the end; counts each entry in its lag. */
static size_t walk(aname_table_t *table)
{
	size_t found = 0;
	aname_cursor_t cursor = aname_table_begin(table);
	while (!cursor.end) {
		aname_entry_t *entry = aname_table_step(table, &cursor);
		assert_false(cursor.rebuilt);
		if (entry != NULL) {
			entry->lag_ms++;
			found++;
		}
	}
	assert_null(aname_table_step(table, &cursor));
	assert_true(cursor.end);
	return found;
}

static void walk_meets_each_once(void **state)
{
	const aname_upstream_t *upstream;
	aname_shared_t *shared = make_floor(&upstream);
	assert_int_equal(walk(shared->table), 0);
	aname_entry_t *entries[1000];
	for (uint32_t i = 0; i < COUNT_OF(entries); i++) {
		entries[i] = add(shared->table, upstream, i);
	}
	assert_int_equal(walk(shared->table), COUNT_OF(entries));
	for (uint32_t i = 0; i < COUNT_OF(entries); i++) {
		assert_int_equal(entries[i]->lag_ms, 1);
		if (i % 3 == 0) {
			aname_table_remove(shared->table, entries[i]);
		}
	}
	assert_int_equal(walk(shared->table), 666);
	aname_shared_free(shared);
}

static void walk_ends_when_rebuilt(void **state)
{
	const aname_upstream_t *upstream;
	aname_shared_t *shared = make_floor(&upstream);
	(void)add(shared->table, upstream, 0);
	aname_cursor_t cursor = aname_table_begin(shared->table);
	(void)aname_table_step(shared->table, &cursor);
	assert_false(cursor.rebuilt || cursor.end);
	for (uint32_t i = 1; i < 100; i++) {
		(void)add(shared->table, upstream, i);
	}
	assert_null(aname_table_step(shared->table, &cursor));
	assert_true(cursor.rebuilt);
	aname_shared_free(shared);
}

/* What is shown of an entry. */

#define NOW_MS 1000000

typedef struct {
	const char *proves;
	const char *contains; /*!< Some fields. */
	uint32_t addresses;
	aname_failure_t failure;
	int64_t age_ms;
	int64_t next_ms;
	const char *why;
	bool known, cold;
} row_t;

static const row_t rows[] = {
	{ "nothing is known yet", "\tfamily=A\tstate=cold\tnext=0\tasked=", 0, ANAME_FAILURE_NONE,
	  0, NOW_MS - 20, NULL, false, true },
	{ "addresses within their lifetime",
	  "\tstate=fresh\tttl=50\tage=10\taddresses=10.0.0.1,10.0.0.2\tnext=5\t", 2,
	  ANAME_FAILURE_NONE, 10000, NOW_MS + 4001, NULL, true, false },
	{ "none at all", "\tstate=nodata\tttl=60\tage=0\taddresses=\tnext=", 0, ANAME_FAILURE_NONE,
	  0, NOW_MS, NULL, true, false },
	{ "a failure within the lifetime of what was learnt",
	  "\tstate=fresh\tttl=50\tage=10\taddresses=10.0.0.1\tfailing=0\twhy=REFUSED\tnext=", 1,
	  ANAME_FAILURE_SERVER, 10000, NOW_MS, "REFUSED", true, false },
	{ "past the lifetime",
	  "\tstate=stale\tttl=30\tage=100\taddresses=10.0.0.1\tfailing=0\twhy=no answer in time\t",
	  1, ANAME_FAILURE_TIMEOUT, 100000, NOW_MS, "no answer in time", true, false },
	{ "past the lifetime, being looked up",
	  "\tstate=late\tttl=1\tage=61\taddresses=10.0.0.1\tnext=0\t", 1, ANAME_FAILURE_NONE, 61000,
	  NOW_MS - 500, NULL, true, false },
	{ "none at all, being looked up", "\tstate=late\tttl=1\tage=60\taddresses=\tnext=0\t", 0,
	  ANAME_FAILURE_NONE, 60000, NOW_MS - 500, NULL, true, false },
	{ "past the lifetime, and its lookup takes too long",
	  "\tstate=stale\tttl=30\tage=100\taddresses=10.0.0.1\tnext=0\t", 1, ANAME_FAILURE_NONE,
	  100000, NOW_MS - 2000, NULL, true, false },
	{ "a failure and nothing to fall back on",
	  "\tstate=failing\tfailing=0\twhy=the resolver cannot be asked\tnext=", 0,
	  ANAME_FAILURE_NETWORK, 0, NOW_MS, "the resolver cannot be asked", false, false },
	{ "a dormant one past its lifetime",
	  "\tstate=cold\tttl=30\tage=100\taddresses=10.0.0.1\tasked=", 1, ANAME_FAILURE_NONE,
	  100000, ANAME_NEXT_NEVER, NULL, true, true },
};

/*! Writes the line of an entry where nothing is forced. */
static size_t write_entry(char *line, const aname_shared_t *shared, aname_entry_t *entry,
                          int64_t now_ms)
{
	aname_forces_t *forces = aname_forces_new();
	assert_non_null(forces);
	size_t len = aname_status_write(line, shared, entry, forces, now_ms);
	aname_forces_free(forces);
	return len;
}

static aname_snapshot_t *make_known(const row_t *row)
{
	aname_snapshot_t *known = NULL;
	if (row->known) {
		uint8_t addresses[8] = { 10, 0, 0, 1, 10, 0, 0, 2 };
		const aname_result_t result = {
			.known = row->addresses > 0 ? ANAME_KNOWN_ADDRESSES : ANAME_KNOWN_NODATA,
			.ttl = 60,
			.address_len = 4,
			.count = row->addresses,
			.addresses = addresses,
		};
		known = aname_snapshot_new(&result, NOW_MS - row->age_ms, 0);
	}
	if (row->failure != ANAME_FAILURE_NONE) {
		aname_snapshot_t *failed =
		        aname_snapshot_failed(known, row->failure, row->why, NOW_MS);
		free(known);
		known = failed;
	}
	return known;
}

static void check_row(void **state)
{
	const row_t *row = *state;
	const aname_upstream_t *upstream;
	aname_shared_t *shared = make_floor(&upstream);
	aname_entry_t *entry = add(shared->table, upstream, 0);
	aname_table_publish(shared->table, entry, make_known(row));
	entry->next_ms = row->next_ms;
	entry->cold = row->cold;
	entry->asked_s = NOW_MS / 1000;
	char *line = malloc(ANAME_LINE_MAX);
	assert_non_null(line);
	size_t len = write_entry(line, shared, entry, NOW_MS);
	line[len] = '\0';
	if (strstr(line, row->contains) == NULL) {
		fail_msg("'%s' in: %s", row->contains, line);
	}
	assert_memory_equal(line, "target\tname=", 12);
	assert_ptr_equal(strchr(line, '\n'), line + len - 1);
	assert_non_null(strstr(line, "\tresolver=system\n"));
	free(line);
	aname_shared_free(shared);
}

typedef struct {
	const char *proves;
	const char *contains; /*!< NULL: nothing of it. */
	bool nxdomain;
	bool other;  /*!< The other family is known. */
	bool stands; /*!< It has addresses, and had them after this one was lost. */
} gone_row_t;

static const gone_row_t gone_rows[] = {
	{ "a name that does not exist any more", "\tgone=7\tdenial=NXDOMAIN\tnext=", true, false,
	  false },
	{ "W1: neither family has addresses", "\tgone=7\tdenial=NODATA\tnext=", false, true,
	  false },
	{ "W1: the other family is not known", "\tgone=7\tdenial=NODATA\tnext=", false, false,
	  false },
	{ "W1: one family that goes is not gone", NULL, false, true, true },
};

static aname_snapshot_t *learn(uint32_t count, bool nxdomain, const aname_snapshot_t *before,
                               int64_t age_ms)
{
	static const uint8_t address[4] = { 10, 0, 0, 1 };
	const aname_result_t result = {
		.known = count > 0 ? ANAME_KNOWN_ADDRESSES : ANAME_KNOWN_NODATA,
		.ttl = 60,
		.address_len = 4,
		.count = count,
		.addresses = address,
		.nxdomain = nxdomain,
	};
	aname_snapshot_t *snapshot = aname_snapshot_after(before, &result, NOW_MS - age_ms, 0);
	assert_non_null(snapshot);
	return snapshot;
}

static void check_gone(void **state)
{
	const gone_row_t *row = *state;
	const aname_upstream_t *upstream;
	aname_shared_t *shared = make_floor(&upstream);
	aname_table_t *table = shared->table;
	name_t name = make_name_nth(0);
	aname_key_t key = make_key(upstream, &name, KNOT_RRTYPE_AAAA);
	if (row->other) {
		aname_entry_t *other = aname_table_add(table, &key, aname_table_hash(table, &key));
		assert_non_null(other);
		aname_table_publish(table, other, learn(row->stands, false, NULL, 1000));
	}
	aname_entry_t *entry = add(table, upstream, 0);
	aname_snapshot_t *before = learn(1, false, NULL, 20000);
	aname_table_publish(table, entry, learn(0, row->nxdomain, before, 7999));
	free(before);
	entry->next_ms = NOW_MS;

	char *line = calloc(1, ANAME_LINE_MAX + 1);
	assert_non_null(line);
	(void)write_entry(line, shared, entry, NOW_MS);
	const char *gone = strstr(line, "\tgone=");
	if (row->contains == NULL) {
		assert_null(gone);
	} else if (gone == NULL || strncmp(gone, row->contains, strlen(row->contains)) != 0) {
		fail_msg("'%s' in: %s", row->contains, line);
	}
	free(line);
	aname_shared_free(shared);
}

static void what_no_zone_names(void **state)
{
	const aname_upstream_t *upstream;
	aname_shared_t *shared = make_floor(&upstream);
	aname_entry_t *entry = add(shared->table, upstream, 0);
	const knot_dname_t *name = aname_entry_name(entry);
	aname_zone_targets_t targets = { .count = 1 };
	targets.at[0] = aname_owners_hash(shared->owners, name, knot_dname_size(name));
	aname_zone_t zone = { .named.upstream = upstream };
	char *line = calloc(1, ANAME_LINE_MAX);
	assert_non_null(line);
	aname_zones_add(shared->zones, &zone, 1);

	/* It is from before a restart: nobody has asked. */
	(void)write_entry(line, shared, entry, NOW_MS);
	assert_null(strstr(line, "\tunused="));
	entry->charged = 1;
	(void)write_entry(line, shared, entry, NOW_MS);
	assert_non_null(strstr(line, "\tunused=yes"));
	/* Nobody asks over DNS, but for who follows. */
	entry->plan.followed = true;
	memset(line, 0, ANAME_LINE_MAX);
	(void)write_entry(line, shared, entry, NOW_MS);
	assert_null(strstr(line, "\tunused="));
	entry->plan.followed = false;
	aname_zones_note(shared->zones, &zone.named, &targets);
	memset(line, 0, ANAME_LINE_MAX);
	(void)write_entry(line, shared, entry, NOW_MS);
	assert_null(strstr(line, "\tunused="));
	aname_zones_drop(shared->zones, &zone);
	(void)write_entry(line, shared, entry, NOW_MS);
	assert_non_null(strstr(line, "\tunused=yes"));
	free(line);
	aname_shared_free(shared);
}

static void line_of_a_zone(void **state)
{
	aname_zone_view_t view = {
		.source = { .servers_count = 1, .secure = 1, .via_ipv4 = { 192, 0, 2, 1 } },
		.unable = true,
	};
	view.source.servers[0] =
	        (aname_server_t){ .address = { 127, 0, 0, 1 }, .len = 4, .port = 53 };
	name_t name = make_name("example.com");
	char *line = calloc(1, ANAME_LINE_MAX);
	assert_non_null(line);
	(void)aname_status_write_zone(line, name.at, &view);
	assert_string_equal(line, "zone\tname=example.com.\tresolver=127.0.0.1@53\tvia=192.0.2.1\t"
	                          "secure=yes\tunsigned=yes\n");
	free(line);
}

static void longest_entry(void **state)
{
	aname_shared_t *shared = aname_shared_new(NULL, NULL);
	aname_source_t source = { .servers_count = ANAME_SERVERS_MAX };
	for (unsigned i = 0; i < ANAME_SERVERS_MAX; i++) {
		source.servers[i] = (aname_server_t){ .len = 16, .port = 65535 };
		memset(source.servers[i].address, 0xff, 16);
	}
	const aname_upstream_t *upstream = make_upstream(shared, &make_schedule, &source);
	name_t name = make_name_longest('\x01');
	aname_key_t key = make_key(upstream, &name, KNOT_RRTYPE_AAAA);
	aname_entry_t *entry =
	        aname_table_add(shared->table, &key, aname_table_hash(shared->table, &key));
	aname_snapshot_t *known = make_snapshot(16, 0xffff0000, ANAME_ADDRESSES_MAX, 0);
	assert_non_null(known);
	assert_int_equal(known->count, ANAME_ADDRESSES_MAX);
	/* None of them is short in text. */
	knot_rdataset_t set = aname_snapshot_rdataset(known);
	knot_rdata_t *rdata = set.rdata;
	for (unsigned i = 0; i < set.count; i++, rdata = knot_rdataset_next(rdata)) {
		memset(rdata->data, 0xff, 14);
	}
	aname_table_publish(shared->table, entry, known);

	char *line = malloc(ANAME_LINE_MAX);
	assert_non_null(line);
	size_t len = write_entry(line, shared, entry, INT64_MAX / 2);
	assert_in_range(len, ANAME_ADDRESSES_MAX * 39, ANAME_LINE_MAX - 1000);
	assert_int_equal(line[len - 1], '\n');
	free(line);
	aname_shared_free(shared);
}

/* What a request says. */

typedef struct {
	const char *proves;
	const char *line;
	const char *subject; /*!< NULL: it is not understood. */
	aname_forced_t state;
	uint32_t seconds;
} request_row_t;

static const request_row_t request_rows[] = {
	{ "H8: a target", "force Www.CDN.example. down", "www.cdn.example.", ANAME_FORCED_DOWN, 0 },
	{ "a name without a dot at its end", "force a.example up", "a.example.", ANAME_FORCED_UP,
	  0 },
	{ "H8: an address", "force 192.0.2.1 up", "192.0.2.1", ANAME_FORCED_UP, 0 },
	{ "an IPv6 address", "force 2001:DB8::0:1 down 60", "2001:db8::1", ANAME_FORCED_DOWN, 60 },
	{ "taken back", "force 192.0.2.1 auto", "192.0.2.1", ANAME_FORCED_AUTO, 0 },
	{ "spaces, and a line that ends as others end it", "  force  a.example  down 1 \r",
	  "a.example.", ANAME_FORCED_DOWN, 1 },
	{ "the longest time", "force a.example down 31536000", "a.example.", ANAME_FORCED_DOWN,
	  31536000 },
	{ "a longer one", "force a.example down 31536001", NULL, 0, 0 },
	{ "one that does not fit into any number", "force a.example down 99999999999999999999999",
	  NULL, 0, 0 },
	{ "no time at all", "force a.example down 0", NULL, 0, 0 },
	{ "a negative one", "force a.example down -1", NULL, 0, 0 },
	{ "one with a unit", "force a.example down 1h", NULL, 0, 0 },
	{ "an end of what is taken back", "force a.example auto 60", NULL, 0, 0 },
	{ "another state", "force a.example sideways", NULL, 0, 0 },
	{ "a state in capitals", "force a.example DOWN", NULL, 0, 0 },
	{ "no state", "force a.example", NULL, 0, 0 },
	{ "nothing", "force", NULL, 0, 0 },
	{ "more", "force a.example down 60 now", NULL, 0, 0 },
	{ "an empty label", "force a..example down", NULL, 0, 0 },
	{ "the root", "force . down", NULL, 0, 0 },
	{ "an IPv4 address that is none", "force 192.0.2.300 down", NULL, 0, 0 },
	{ "an IPv6 address that is none", "force 2001:db8::g down", NULL, 0, 0 },
	{ "a network", "force 2001:db8::/32 down", NULL, 0, 0 },
	{ "another word", "forced a.example down", NULL, 0, 0 },
	{ "the word in capitals", "FORCE a.example down", NULL, 0, 0 },
	{ "an empty line", "", NULL, 0, 0 },
};

static void check_request(void **state)
{
	const request_row_t *row = *state;
	char line[200], text[ANAME_SUBJECT_TEXT_MAX];
	aname_status_request_t request;
	(void)snprintf(line, sizeof(line), "%s", row->line);
	const char *why = aname_status_request_read(&request, line, strlen(line));
	if (row->subject == NULL) {
		assert_non_null(why);
		return;
	}
	assert_null(why);
	assert_int_equal(request.kind, ANAME_REQUEST_FORCE);
	assert_int_equal(request.state, row->state);
	assert_int_equal(request.seconds, row->seconds);
	aname_subject_text(&request.subject, text);
	assert_string_equal(text, row->subject);
}

static void names_of_a_request(void **state)
{
	static aname_status_request_t request;
	char line[8 * ANAME_STATUS_NAMES + 100];
	size_t len = snprintf(line, sizeof(line), "status");
	for (unsigned i = 0; i < ANAME_STATUS_NAMES; i++) {
		len += snprintf(line + len, sizeof(line) - len, " N%u.a", i);
	}
	char more[sizeof(line)];
	size_t more_len = snprintf(more, sizeof(more), "%s b", line);
	assert_null(aname_status_request_read(&request, line, len));
	assert_int_equal(request.kind, ANAME_REQUEST_STATUS);
	assert_int_equal(request.names_count, ANAME_STATUS_NAMES);
	const name_t last = make_name("n31.a.");
	assert_true(knot_dname_is_equal(request.names[ANAME_STATUS_NAMES - 1], last.at));
	assert_non_null(aname_status_request_read(&request, more, more_len));

	(void)snprintf(line, sizeof(line), "status");
	assert_null(aname_status_request_read(&request, line, 6));
	assert_int_equal(request.names_count, 0);
	memcpy(line, "status\0a", 8);
	assert_non_null(aname_status_request_read(&request, line, 8));
	(void)snprintf(line, sizeof(line), "status a..b");
	assert_non_null(aname_status_request_read(&request, line, 11));
}

typedef struct {
	const char *line;
	bool understood;
	uint32_t seconds;
	size_t names_count;
} refresh_row_t;

static void lookups_of_a_request(void **state)
{
	static const refresh_row_t refresh_rows[] = {
		{ "refresh 10 a.example", true, 10, 1 },
		{ "refresh 600 A.example b.example.", true, 600, 2 },
		{ "refresh 601 a.example", false, 0, 0 },
		{ "refresh 0 a.example", false, 0, 0 },
		{ "refresh a.example", false, 0, 0 },
		{ "refresh 10", false, 0, 0 },
		{ "refresh 10 a..example", false, 0, 0 },
		{ "refresh", false, 0, 0 },
	};
	for (size_t i = 0; i < COUNT_OF(refresh_rows); i++) {
		static aname_status_request_t request;
		const refresh_row_t *row = &refresh_rows[i];
		char line[100];
		int len = snprintf(line, sizeof(line), "%s", row->line);
		const char *why = aname_status_request_read(&request, line, len);
		assert_int_equal(why == NULL, row->understood);
		if (row->understood) {
			assert_int_equal(request.kind, ANAME_REQUEST_REFRESH);
			assert_int_equal(request.seconds, row->seconds);
			assert_int_equal(request.names_count, row->names_count);
			const name_t name = make_name("a.example.");
			assert_true(knot_dname_is_equal(request.names[0], name.at));
		}
	}
}

/*! Octets from a generator whose beginning is fixed, some of them words of the language. */
static void garbage(void **state)
{
	static const char *const words[] = { "force", "status", " ",       "down", "up", "auto",
		                             "a.b",   "::1",    "1.2.3.4", "60",   "." };
	static aname_status_request_t request;
	uint64_t random = 1;
	unsigned understood = 0;
	for (unsigned round = 0; round < 100000; round++) {
		char line[64];
		size_t len = 0;
		while (len < 40) {
			random = random * 6364136223846793005 + 1442695040888963407;
			unsigned value = random >> 33;
			if (value % 8 > 0) {
				const char *word = words[value / 8 % COUNT_OF(words)];
				memcpy(line + len, word, strlen(word));
				len += strlen(word);
				line[len++] = ' ';
			} else if (value % 64 < 8) {
				break;
			} else {
				line[len++] = (char)(value / 64);
			}
		}
		if (aname_status_request_read(&request, line, len) == NULL) {
			understood++;
			assert_in_range(request.state, ANAME_FORCED_AUTO, ANAME_FORCED_UP);
			assert_in_range(request.seconds, 0, ANAME_FORCED_SECONDS_MAX);
			assert_in_range(request.names_count, 0, ANAME_STATUS_NAMES);
		}
	}
	assert_in_range(understood, 100, 99999);
}

/* Lines of what is forced, and of addresses. */

/*! Addresses as probes would have them, by their last octet. */
static const aname_probed_t *probed_as(void *ctx, uint32_t definition, const knot_dname_t *name,
                                       const uint8_t *address, uint8_t len)
{
	static const aname_definition_t definitions[] = {
		{ .probe = { .kind = ANAME_PROBE_TCP, .port = 443 } },
		{ .probe = { .kind = ANAME_PROBE_HTTPS,
		             .port = 8443,
		             .host = "www.example",
		             .path = "/up" } },
	};
	static const aname_probed_t healths[] = {
		{ .definition = &definitions[0] },
		{ .definition = &definitions[0],
		  .verdict = { ANAME_HEALTH_UP, 0, NOW_MS - 5000 },
		  .probed_ms = NOW_MS - 1000,
		  .why = "connection refused" },
		{ .definition = &definitions[1],
		  .verdict = { ANAME_HEALTH_DOWN, 0, NOW_MS - 7000 },
		  .probed_ms = NOW_MS - 2000,
		  .why = "status 503" },
	};
	assert_int_equal(definition, 7);
	assert_int_equal(len, 4);
	return address[3] < COUNT_OF(healths) ? &healths[address[3]] : NULL;
}

static aname_probes_numbers_t numbers_as(void *ctx)
{
	return (aname_probes_numbers_t){ 1, 2, 3, 4, 5, 6, 7, true };
}

static aname_sight_t all_up(void *ctx, uint32_t definition, const uint8_t *address, uint8_t len)
{
	return (aname_sight_t){ .changed_ms = INT64_MIN };
}

/*! Forces what is named by the subject's text. */
static void force_as(aname_forces_t *forces, const char *text, aname_forced_t state,
                     int64_t until_ms)
{
	aname_status_request_t request;
	char line[100];
	int len = snprintf(line, sizeof(line), "force %s up", text);
	assert_null(aname_status_request_read(&request, line, len));
	assert_int_equal(aname_forces_set(forces, &request.subject, state, until_ms, NOW_MS - 9000),
	                 0);
}

/*! Addresses 10.0.0.0 to 10.0.0.3, in views of these definitions, or in none. Returns all lines. */
static char *write_addresses(const aname_forces_t *forces, const uint32_t *definitions,
                             unsigned count)
{
	const aname_upstream_t *upstream;
	aname_shared_t *shared = make_floor(&upstream);
	name_t name = make_name("cdn.example.");
	aname_key_t key = make_key(upstream, &name, KNOT_RRTYPE_A);
	aname_entry_t *entry =
	        aname_table_add(shared->table, &key, aname_table_hash(shared->table, &key));
	assert_non_null(entry);
	aname_snapshot_t *known = make_snapshot(4, 0x0a000000, 4, 0);
	if (count > 0) {
		aname_snapshot_t *seen =
		        aname_snapshot_with_views(known, definitions, count, false, all_up, NULL);
		free(known);
		known = seen;
	}
	aname_table_publish(shared->table, entry, known);
	const aname_status_backend_t backend = { .forces = forces, .probed = probed_as };
	aname_status_addresses_t addresses;
	char *text = calloc(1, 2 * ANAME_LINE_MAX);
	assert_non_null(text);
	size_t len = 0;
	aname_status_addresses_begin(&addresses, &backend, entry);
	/* What is written does not depend on what is published. */
	aname_table_publish(shared->table, entry, NULL);
	while (addresses.snapshot != NULL && len < ANAME_LINE_MAX) {
		len += aname_status_addresses_write(&addresses, &backend, text + len, NOW_MS);
	}
	aname_shared_free(shared);
	return text;
}

#define LINE(rest) "address\tname=cdn.example.\tfamily=A\taddress=10.0.0." rest "\n"

static void lines_of_probed(void **state)
{
	static const uint32_t definitions[] = { 0, 7 };
	aname_forces_t *forces = aname_forces_new();
	assert_non_null(forces);
	force_as(forces, "10.0.0.3", ANAME_FORCED_UP, NOW_MS + 1001);
	char *text = write_addresses(forces, definitions, COUNT_OF(definitions));
	assert_string_equal(
	        text,
	        LINE("0\tprobe=tcp\tport=443\thealth=unknown")
	                LINE("1\tprobe=tcp\tport=443\thealth=up\tsince=5\tprobed=1") LINE(
	                        "2\tprobe=https\tport=8443\thost=www.example\tpath=/up\thealth=down"
	                        "\tsince=7\tprobed=2\twhy=status 503")
	                        LINE("3\thealth=unknown\tforced=up\tuntil=2"));
	free(text);
	aname_forces_free(forces);
}

static void lines_of_forced(void **state)
{
	static const uint32_t nobody = 0;
	aname_forces_t *forces = aname_forces_new();
	assert_non_null(forces);
	char *text = write_addresses(forces, NULL, 0);
	assert_string_equal(text, "");
	free(text);
	text = write_addresses(forces, &nobody, 1);
	assert_string_equal(text, "");
	free(text);

	force_as(forces, "10.0.0.1", ANAME_FORCED_DOWN, ANAME_FORCED_EVER);
	text = write_addresses(forces, NULL, 0);
	assert_string_equal(text, LINE("1\thealth=unknown\tforced=down"));
	free(text);
	text = write_addresses(forces, &nobody, 1);
	assert_string_equal(text, LINE("1\thealth=unknown\tforced=down"));
	free(text);

	force_as(forces, "cdn.example", ANAME_FORCED_UP, NOW_MS + 60000);
	text = write_addresses(forces, NULL, 0);
	assert_string_equal(text, LINE("0\thealth=unknown\tforced=up\tuntil=60")
	                                  LINE("1\thealth=unknown\tforced=down")
	                                          LINE("2\thealth=unknown\tforced=up\tuntil=60")
	                                                  LINE("3\thealth=unknown\tforced=up"
	                                                       "\tuntil=60"));
	free(text);
	aname_forces_free(forces);
}

static void lines_of_subjects(void **state)
{
	aname_forces_t *forces = aname_forces_new();
	char *line = calloc(1, ANAME_LINE_MAX);
	assert_non_null(forces);
	assert_non_null(line);
	force_as(forces, "2001:db8::1", ANAME_FORCED_UP, ANAME_FORCED_EVER);
	force_as(forces, "cdn.example", ANAME_FORCED_DOWN, NOW_MS + 59001);
	size_t position = 0, len = 0;
	len += aname_status_write_forced(line + len, aname_forces_step(forces, &position), NOW_MS);
	len += aname_status_write_forced(line + len, aname_forces_step(forces, &position), NOW_MS);
	assert_string_equal(line, "forced\taddress=2001:db8::1\tstate=up\tsince=9\n"
	                          "forced\tname=cdn.example.\tstate=down\tsince=9\tuntil=60\n");
	free(line);
	aname_forces_free(forces);
}

static void line_of_the_server(void **state)
{
	aname_shared_t *shared = aname_shared_new(NULL, NULL);
	char *line = calloc(1, ANAME_LINE_MAX);
	assert_non_null(line);
	aname_follower_t follower = { .ctx = NULL };
	aname_followers_t followers = { .first = &follower };
	aname_status_backend_t backend = { .numbers = numbers_as, .followers = &followers };
	(void)aname_status_write_server(line, shared, &backend);
	assert_non_null(strstr(line, "\tfollowers=1\t"));
	assert_non_null(strstr(line,
	                       "\tlag=0\tup=1\tdown=2\tunknown=3\tprobes=4"
	                       "\tprobes-failed=5\tprobes-refused=6\tdoubt=yes\tprobes-late=7\n"));
	assert_non_null(strstr(line, "\tversion="));
	assert_non_null(strstr(line, "\tzones=0\t"));
	assert_null(strstr(line, "\tmodule="));
	memset(line, 0, ANAME_LINE_MAX);
	backend.numbers = NULL;
	/* What two workers have counted. */
	atomic_store(&shared->workers[0].answers[ANAME_KIND_FRESH], 7);
	atomic_store(&shared->workers[1].answers[ANAME_KIND_FRESH], 5);
	atomic_store(&shared->workers[1].answers[ANAME_KIND_ALL_DOWN], 1);
	aname_self_t self;
	aname_self_find(&self);
	backend.self = &self;
	(void)aname_status_write_server(line, shared, &backend);
	assert_non_null(strstr(line, "\tlag=0\n"));
	assert_non_null(strstr(line, "/test_status\tfile-id="));
	assert_non_null(strstr(line, "\tanswers=fresh:12,late:0,stale:0,sibling:0,nodata:0,gone:0,"
	                             "truncated:0,cold:0,failed:0,denied:0,all-down:1,"
	                             "https:0\t"));
	free(line);
	aname_shared_free(shared);
}

/* A client on the other end of the socket. */

typedef struct {
	char path[100];
	const char *request; /*!< NULL: "status". */
	bool insists;        /*!< Asks again when it is turned away. */
	char *text;
	size_t len;
	uv_async_t done;
} client_t;

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/*! Asks; puts what is told into `text`, in which there is room for `size` octets. */
static void ask_once(client_t *client, size_t size)
{
	const char *request = client->request != NULL ? client->request : "status\n";
	int fd = connect_to(client->path);
	client->len = 0;
	if (fd >= 0 && send(fd, request, strlen(request), MSG_NOSIGNAL) > 0) {
		ssize_t got;
		while ((got = read(fd, client->text + client->len, size - client->len - 1)) > 0) {
			client->len += got;
		}
	}
	(void)close(fd);
	client->text[client->len] = '\0';
}

static void *run_client(void *arg)
{
	client_t *client = arg;
	size_t size = 64 << 20;
	client->text = malloc(size);
	if (client->text != NULL) {
		do {
			ask_once(client, size);
		} while (client->insists && client->len == 0);
	}
	(void)uv_async_send(&client->done);
	return NULL;
}

static void on_done(uv_async_t *done)
{
	uv_close((uv_handle_t *)done, NULL);
	uv_stop(done->loop);
}

static void count_iteration(uv_prepare_t *prepare)
{
	(*(unsigned *)prepare->data)++;
}

/*! By hand: a sanitizer's strstr() measures all of the text each time. */
static unsigned count_lines(const client_t *client, const char *begin)
{
	unsigned count = 0;
	size_t len = strlen(begin);
	for (size_t i = 1; i + len <= client->len; i++) {
		count += client->text[i - 1] == '\n' && memcmp(client->text + i, begin, len) == 0;
	}
	return count;
}

/*! What a request had changed. */
typedef struct {
	unsigned calls;
	int result;
	aname_subject_t subject;
	aname_forced_t state;
	int64_t until_ms;
} changed_t;

static int note_change(void *ctx, const aname_subject_t *subject, aname_forced_t state,
                       int64_t until_ms)
{
	changed_t *changed = ctx;
	changed->calls++;
	changed->subject = *subject;
	changed->state = state;
	changed->until_ms = until_ms;
	return changed->result;
}

/*! Sends a request to a socket that shows this; returns what comes back. */
static char *ask_of(aname_shared_t *shared, const char *request,
                    const aname_status_backend_t *backend)
{
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	aname_status_t *status = aname_status_new(shared, backend, &loop);
	assert_non_null(status);
	char directory[DIRECTORY_MAX];
	make_directory(directory);
	client_t client = { .request = request };
	(void)snprintf(client.path, sizeof(client.path), "%s/s", directory);
	aname_status_listen(status, client.path);
	uv_async_init(&loop, &client.done, on_done);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, run_client, &client), 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	pthread_join(thread, NULL);

	aname_status_listen(status, "");
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	aname_status_free(status);
	assert_int_equal(rmdir(directory), 0);
	return client.text;
}

/*! The same, where nothing is known. */
static char *ask(const char *request, const aname_status_backend_t *backend)
{
	const aname_upstream_t *upstream;
	aname_shared_t *shared = make_floor(&upstream);
	char *text = ask_of(shared, request, backend);
	aname_shared_free(shared);
	return text;
}

typedef struct {
	const char *proves;
	const char *request, *answer;
	int result;
	bool called;
	uint32_t seconds; /*!< 0: without end. */
} answer_row_t;

static const answer_row_t answer_rows[] = {
	{ "H8: the server's own user may force", "force a.example down 60\n", "aname\t1\nok\nend\n",
	  KNOT_EOK, true, 60 },
	{ "what is not forced cannot be taken back", "force a.example auto\n",
	  "aname\t1\nrefused\twhy=it is not forced\nend\n", KNOT_ENOENT, true, 0 },
	{ "too much is forced already", "force a.example up\n",
	  "aname\t1\nrefused\twhy=1000 targets and addresses are forced already, take one of them "
	  "back\nend\n",
	  KNOT_ELIMIT, true, 0 },
	{ "out of memory", "force a.example up\n",
	  "aname\t1\nrefused\twhy=the server is out of memory\nend\n", KNOT_ENOMEM, true, 0 },
	{ "what is not understood changes nothing", "force a.example down soon\n",
	  "aname\t1\nerror\twhy=the time has to be 1 to 31536000 seconds\nend\n", KNOT_EOK, false,
	  0 },
	{ "neither does another request", "farce a.example down\n",
	  "aname\t1\nerror\twhy=there is no such request\nend\n", KNOT_EOK, false, 0 },
};

static void check_answer(void **state)
{
	const answer_row_t *row = *state;
	changed_t changed = { .result = row->result };
	const aname_status_backend_t backend = { .ctx = &changed, .force = note_change };
	int64_t before_ms = aname_clock_ms();
	char *text = ask(row->request, &backend);
	assert_string_equal(text, row->answer);
	free(text);
	assert_int_equal(changed.calls, row->called);
	if (row->called) {
		const name_t name = make_name("a.example.");
		assert_int_equal(changed.subject.len, 0);
		assert_true(knot_dname_is_equal(changed.subject.name, name.at));
	}
	if (row->called && row->seconds > 0) {
		int64_t after_ms = aname_clock_ms();
		assert_in_range(changed.until_ms, before_ms + 1000 * (int64_t)row->seconds,
		                after_ms + 1000 * (int64_t)row->seconds);
	} else if (row->called) {
		assert_int_equal(changed.until_ms, ANAME_FORCED_EVER);
	}
}

/*! More than a page of what is forced, and what of it is shown to whoever names a target. */
static void forced_are_shown(void **state)
{
	aname_forces_t *forces = aname_forces_new();
	assert_non_null(forces);
	for (uint32_t i = 0; i < ANAME_FORCES_MAX; i++) {
		char text[40];
		(void)snprintf(text, sizeof(text), i % 2 == 0 ? "n%u.example" : "10.0.%u.1",
		               i % 2 == 0 ? i : i / 4);
		force_as(forces, text, ANAME_FORCED_DOWN, ANAME_FORCED_EVER);
	}
	const aname_status_backend_t backend = { .forces = forces };
	client_t client = { .text = ask("status\n", &backend) };
	client.len = strlen(client.text);
	/* Of the addresses each comes twice. */
	assert_int_equal(count_lines(&client, "forced\tname="), ANAME_FORCES_MAX / 2);
	assert_int_equal(count_lines(&client, "forced\taddress="), ANAME_FORCES_MAX / 4);
	assert_string_equal(client.text + client.len - 5, "\nend\n");
	free(client.text);

	client.text = ask("status n8.example n9.example\n", &backend);
	client.len = strlen(client.text);
	assert_int_equal(count_lines(&client, "forced\t"), 1);
	assert_int_equal(count_lines(&client, "forced\tname=n8.example.\t"), 1);
	free(client.text);
	aname_forces_free(forces);
}

/*! More addresses than a page holds, and a target behind them. */
static void many_addresses(void **state)
{
	const aname_upstream_t *upstream;
	aname_shared_t *shared = make_floor(&upstream);
	aname_table_publish(shared->table, add(shared->table, upstream, 0),
	                    make_snapshot(4, 0x0a000000, ANAME_ADDRESSES_MAX, 0));
	aname_table_publish(shared->table, add(shared->table, upstream, 1),
	                    make_snapshot(4, 0x0b000000, 1, 0));
	aname_forces_t *forces = aname_forces_new();
	assert_non_null(forces);
	for (uint32_t i = 0; i < 2; i++) {
		aname_subject_t subject = { .len = 0 };
		const name_t name = make_name_nth(i);
		memcpy(subject.name, name.at, name.len);
		assert_int_equal(aname_forces_set(forces, &subject, ANAME_FORCED_DOWN,
		                                  ANAME_FORCED_EVER, NOW_MS),
		                 KNOT_EOK);
	}
	const aname_status_backend_t backend = { .forces = forces };
	client_t client = { .text = ask_of(shared, "status\n", &backend) };
	client.len = strlen(client.text);
	assert_int_equal(count_lines(&client, "forced\t"), 2);
	assert_int_equal(count_lines(&client, "target\t"), 2);
	assert_int_equal(count_lines(&client, "address\t"), ANAME_ADDRESSES_MAX + 1);
	for (unsigned i = 0; i < ANAME_ADDRESSES_MAX; i += 93) {
		char address[40];
		(void)snprintf(address, sizeof(address), "address=10.0.%u.%u\t", i / 256, i % 256);
		assert_non_null(strstr(client.text, address));
	}
	assert_string_equal(client.text + client.len - 5, "\nend\n");
	free(client.text);
	aname_forces_free(forces);
	aname_shared_free(shared);
}

/*! A server with its socket, and so many targets. */
typedef struct {
	aname_shared_t *shared;
	aname_forces_t *forces;
	aname_status_backend_t backend;
	uv_loop_t loop;
	aname_status_t *status;
	char directory[DIRECTORY_MAX];
} server_t;

static void serve(server_t *server, uint32_t targets, client_t *client)
{
	const aname_upstream_t *upstream;
	server->shared = make_floor(&upstream);
	for (uint32_t i = 0; i < targets; i++) {
		(void)add(server->shared->table, upstream, i);
	}
	server->forces = aname_forces_new();
	assert_non_null(server->forces);
	server->backend = (aname_status_backend_t){ .forces = server->forces };
	assert_int_equal(uv_loop_init(&server->loop), 0);
	server->status = aname_status_new(server->shared, &server->backend, &server->loop);
	assert_non_null(server->status);
	make_directory(server->directory);
	(void)snprintf(client->path, sizeof(client->path), "%s/s", server->directory);
	aname_status_listen(server->status, client->path);
}

/*! Runs the loop until the client has everything. */
static void serve_client(server_t *server, client_t *client)
{
	uv_async_init(&server->loop, &client->done, on_done);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, run_client, client), 0);
	uv_run(&server->loop, UV_RUN_DEFAULT);
	pthread_join(thread, NULL);
}

/*! Nothing is left on the loop, or in the directory. */
static void stop_serving(server_t *server, client_t *client)
{
	aname_status_listen(server->status, "");
	uv_run(&server->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&server->loop), 0);
	aname_status_free(server->status);
	assert_int_equal(rmdir(server->directory), 0);
	free(client->text);
	aname_forces_free(server->forces);
	aname_shared_free(server->shared);
}

static void large_table(void **state)
{
	server_t server;
	client_t client = { .len = 0 };
	serve(&server, 100000, &client);
	unsigned iterations = 0;
	uv_prepare_t prepare = { .data = &iterations };
	uv_prepare_init(&server.loop, &prepare);
	uv_prepare_start(&prepare, count_iteration);
	serve_client(&server, &client);

	assert_int_equal(count_lines(&client, "target\t"), 100000);
	assert_memory_equal(client.text + client.len - 5, "\nend\n", 5);
	/* Other work is done between the pages. */
	assert_true(iterations > client.len / 131072);
	uv_close((uv_handle_t *)&prepare, NULL);
	stop_serving(&server, &client);
}

/*! How many the other end has not hung up on. */
static unsigned count_open(const int *fds, unsigned count)
{
	unsigned open = 0;
	for (unsigned i = 0; i < count; i++) {
		struct pollfd hung_up = { .fd = fds[i] };
		open += poll(&hung_up, 1, 0) == 0;
	}
	return open;
}

static void stalled_give_way(void **state)
{
	server_t server;
	client_t client = { .insists = true };
	serve(&server, 20000, &client);
	int stalled[8];
	for (unsigned i = 0; i < COUNT_OF(stalled); i++) {
		stalled[i] = connect_to(client.path);
		assert_int_equal(send(stalled[i], "status\n", 7, MSG_NOSIGNAL), 7);
	}
	serve_client(&server, &client);

	assert_int_equal(count_lines(&client, "target\t"), 20000);
	assert_int_equal(count_open(stalled, COUNT_OF(stalled)), 7);
	for (unsigned i = 0; i < COUNT_OF(stalled); i++) {
		(void)close(stalled[i]);
	}
	stop_serving(&server, &client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("a walk meets every entry once, and no removed one", walk_meets_each_once),
		PROVES("a walk ends when the table is laid out anew", walk_ends_when_rebuilt),
		PROVES("what no zone's records name any more is told", what_no_zone_names),
		PROVES("the line of a zone says whom it asks", line_of_a_zone),
		PROVES("the longest entry fits", longest_entry),
		PROVES("a request names up to 32 targets, and nothing but targets",
		       names_of_a_request),
		PROVES("a request names what is to be looked up, and how long that is waited for",
		       lookups_of_a_request),
		PROVES("garbage is not understood, or as it stands", garbage),
		PROVES("H8: addresses that are probed, with age and reason", lines_of_probed),
		PROVES("H8: addresses that are forced, where nothing is probed", lines_of_forced),
		PROVES("H8: what is forced", lines_of_subjects),
		PROVES("W1: numbers of the probes, and doubt", line_of_the_server),
		PROVES("what is forced is shown whole, or for the targets named", forced_are_shown),
		PROVES("1,024 addresses of a target are shown whole, though they take many pages",
		       many_addresses),
		PROVES("100,000 targets are shown, never more than 128 KiB in an iteration of the "
		       "loop",
		       large_table),
		PROVES("L1: of those who take nothing one gives way to who asks", stalled_give_way),
	};
	return RUN_ROWS("status: one entry", rows, check_row) +
	       RUN_ROWS("status: what is gone", gone_rows, check_gone) +
	       RUN_ROWS("status: requests", request_rows, check_request) +
	       RUN_ROWS("status: what is changed", answer_rows, check_answer) +
	       RUN_TESTS("status: all", tests);
}
