#include "support/state.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include <libknot/descriptor.h>
#include <libknot/wire.h>

/*! When samples are saved, on the clock of snapshots. */
#define NOW_MS INT64_C(5000000000)

const char *state_sample_name(state_sample_t sample)
{
	static const char *const names[STATE_SAMPLES] = {
		[STATE_NOTHING] = "nothing",   [STATE_UPSTREAMS] = "upstreams",
		[STATE_REFERRED] = "referred", [STATE_DEFINITIONS] = "definitions",
		[STATE_TARGETS] = "targets",   [STATE_LOST] = "lost",
		[STATE_FORCES] = "forces",     [STATE_KEYS] = "keys",
		[STATE_MANY] = "many",         [STATE_ALL] = "all",
	};
	return names[sample];
}

/*! One that asks by DNS, with all there is to say. */
static aname_state_upstream_t full_upstream(void)
{
	aname_state_upstream_t upstream = { .ttl_min = 5, .ttl_max = ANAME_STATE_TTL_MAX };
	upstream.source = (aname_source_t){
		.servers_count = 2,
		.secure = 1,
		.via_ipv4 = { 192, 0, 2, 1 },
		.via_ipv6 = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 },
		.servers = { { .address = { 192, 0, 2, 53 }, .len = 4, .port = 53 },
		             { .address = { 0x20, 0x01, 0x0d, 0xb8, [15] = 53 },
		               .len = 16,
		               .port = 5353 } },
	};
	return upstream;
}

static void add_upstreams(aname_state_out_t *out)
{
	aname_state_upstream_t upstream = { .ttl_min = 1, .ttl_max = 86400 };
	aname_state_add_upstream(out, &upstream);
	upstream = full_upstream();
	aname_state_add_upstream(out, &upstream);
	upstream.source.servers_count = ANAME_SERVERS_MAX;
	for (uint32_t i = 0; i < ANAME_SERVERS_MAX; i++) {
		upstream.source.servers[i] = upstream.source.servers[i % 2];
	}
	memset(upstream.source.via_ipv4, 0, sizeof(upstream.source.via_ipv4));
	upstream.source.secure = 0;
	aname_state_add_upstream(out, &upstream);
}

static void add_definitions(aname_state_out_t *out)
{
	const aname_probe_t common = {
		.interval_ms = 10000, .timeout_ms = 2000, .fall = 3, .rise = 2
	};
	aname_probe_t probe = common;
	probe.kind = ANAME_PROBE_TCP;
	probe.port = 443;
	aname_state_add_definition(out, &probe);
	probe.kind = ANAME_PROBE_TLS;
	probe.verify = 1;
	memcpy(probe.host, "www.example.com", 15);
	aname_state_add_definition(out, &probe);
	probe = common;
	probe.kind = ANAME_PROBE_HTTP;
	probe.port = 80;
	probe.path[0] = '/';
	probe.statuses_count = 1;
	probe.statuses[0] = (aname_probe_status_t){ 200, 399 };
	aname_state_add_definition(out, &probe);
	/* All that there is room for. */
	probe.kind = ANAME_PROBE_HTTPS;
	probe.interval_ms = 3600000;
	probe.timeout_ms = 30000;
	probe.fall = probe.rise = 20;
	probe.statuses_count = ANAME_PROBE_STATUSES_MAX;
	for (unsigned i = 0; i < ANAME_PROBE_STATUSES_MAX; i++) {
		probe.statuses[i] = (aname_probe_status_t){ 100 + i, 599 };
	}
	memset(probe.path + 1, 'x', sizeof(probe.path) - 2);
	for (unsigned i = 0; i < 253; i++) {
		probe.host[i] = i % 64 == 63 ? '.' : 'h';
	}
	aname_state_add_definition(out, &probe);
}

static void add_verdicts(aname_state_out_t *out)
{
	aname_state_verdict_t verdict = { .definition = 0,
		                          .len = 4,
		                          .address = { 192, 0, 2, 7 },
		                          .name = (const uint8_t *)"\3www\7example",
		                          .health = ANAME_HEALTH_UP,
		                          .age_ms = 123456 };
	aname_state_add_verdict(out, &verdict);
	verdict.definition = 3;
	verdict.len = 16;
	verdict.health = ANAME_HEALTH_DOWN;
	verdict.age_ms = INT64_MAX; /* The longest that there is room for. */
	aname_state_add_verdict(out, &verdict);
}

/*! Adds a target with a snapshot that was made for it. Takes the snapshot. */
static void add_target(aname_state_out_t *out, const aname_state_target_t *target,
                       aname_snapshot_t *snapshot)
{
	out->failed |= snapshot == NULL;
	if (snapshot != NULL) {
		aname_state_add_target(out, target, snapshot, NOW_MS);
	}
	free(snapshot);
}

/*! `count` addresses, from the `first` on. */
static aname_snapshot_t *answer(uint16_t len, uint32_t first, uint32_t count)
{
	uint8_t *addresses = calloc(count + 1, len);
	if (addresses == NULL) {
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++) {
		knot_wire_write_u32(addresses + (size_t)i * len, 0xC0000200 + first + i);
	}
	const aname_result_t result = {
		.known = count > 0 ? ANAME_KNOWN_ADDRESSES : ANAME_KNOWN_NODATA,
		.ttl = count > 0 ? 300 : 30,
		.bare = count > 0 ? 0 : 3,
		.address_len = len,
		.count = count,
		.addresses = addresses,
	};
	aname_snapshot_t *snapshot = aname_snapshot_new(&result, NOW_MS - 250000, 4711);
	if (snapshot != NULL) {
		snapshot->usual_ms = 21;
	}
	free(addresses);
	return snapshot;
}

static const aname_state_target_t target_a = {
	.type = KNOT_RRTYPE_A,
	.name = (const uint8_t *)"\3www\7example",
	.demand = 17,
	.asked_s = 3,
	.until_s = 3597,
	.min_ttl = 60,
	.next_ms = 41000,
};

static void add_targets(aname_state_out_t *out)
{
	aname_state_target_t target = target_a;
	add_target(out, &target, answer(4, 0, 4));
	target.type = KNOT_RRTYPE_AAAA;
	target.upstream = 1;
	target.dormant = true;
	target.next_ms = -123;
	add_target(out, &target, answer(16, 0, 2));
	target.min_ttl = UINT32_MAX;
	target.next_ms = INT64_MAX;
	add_target(out, &target, answer(16, 0, 0));
	target.next_ms = INT64_MIN;
	aname_state_add_target(out, &target, NULL, NOW_MS);
}

/*! The same as seen through definitions, of which there have to be three. */
static void add_seen(aname_state_out_t *out)
{
	aname_state_target_t target = target_a;
	target.views = 3;
	target.definitions[0] = 2;
	target.definitions[1] = 0;
	target.definitions[2] = 1;
	add_target(out, &target, answer(4, 7, 2));
}

/*! Makes a snapshot of another, which it takes. */
static aname_snapshot_t *gone(aname_snapshot_t *before, bool nxdomain)
{
	const aname_result_t result = { .known = ANAME_KNOWN_NODATA,
		                        .ttl = ANAME_TTL_UNKNOWN,
		                        .bare = 15,
		                        .nxdomain = nxdomain,
		                        .address_len = 4 };
	aname_snapshot_t *after =
	        before != NULL ? aname_snapshot_after(before, &result, NOW_MS - 90000, 12) : NULL;
	bool whole = after != NULL && after->lost;
	free(before);
	if (after != NULL && !whole) {
		free(after);
		return NULL; /* Out of memory. */
	}
	return after;
}

static aname_snapshot_t *failed(aname_snapshot_t *before, aname_failure_t failure)
{
	aname_snapshot_t *after =
	        before != NULL ? aname_snapshot_failed(before, failure, "as it is", NOW_MS - 4000)
	                       : NULL;
	free(before);
	return after;
}

static void add_lost(aname_state_out_t *out)
{
	aname_state_target_t target = target_a;
	add_target(out, &target, gone(answer(4, 0, 3), true));
	add_target(out, &target, gone(answer(4, 0, 1), false));
	target.failures = 255;
	add_target(out, &target, failed(gone(answer(4, 0, 2), false), ANAME_FAILURE_TIMEOUT));
	add_target(out, &target, failed(answer(4, 0, 2), ANAME_FAILURE_SERVER));
	add_target(out, &target, failed(answer(4, 0, 0), ANAME_FAILURE_BOGUS));
	target.type = KNOT_RRTYPE_AAAA;
	target.failures = 1;
	add_target(out, &target, failed(answer(16, 0, 2), ANAME_FAILURE_INSECURE));
	add_target(out, &target,
	           aname_snapshot_failed(NULL, ANAME_FAILURE_NETWORK, "as it is", NOW_MS - 1));
}

static void add_forces(aname_state_out_t *out)
{
	aname_state_force_t force = { .state = ANAME_FORCED_DOWN,
		                      .age_ms = 1,
		                      .left_ms = ANAME_FORCED_EVER,
		                      .subject = { .len = 4, .address = { 192, 0, 2, 1 } } };
	aname_state_add_force(out, &force);
	force.state = ANAME_FORCED_UP;
	force.left_ms = 3600000;
	force.subject.len = 16;
	aname_state_add_force(out, &force);
	force = (aname_state_force_t){ .state = ANAME_FORCED_DOWN,
		                       .left_ms = ANAME_FORCED_EVER - 1,
		                       .subject = { .name = "\3www\7example" } };
	aname_state_add_force(out, &force);
}

static void add_keys(aname_state_out_t *out)
{
	static const uint8_t rdata[] = { 1, 1, 3, 13, 1, 2, 3, 4, 5, 6, 7, 8, 0, 10 };
	aname_state_key_t key = { .directories = "/var/lib/knot/keys/keys\n/mnt/keys",
		                  .rdata_len = sizeof(rdata),
		                  .rdata = rdata };
	aname_state_add_key(out, &key);
	key.directories = "k";
	key.rdata_len = ANAME_STATE_KEY_MIN;
	aname_state_add_key(out, &key);
}

static void add_many(aname_state_out_t *out)
{
	aname_state_target_t target = target_a;
	add_target(out, &target, answer(4, 0, ANAME_ADDRESSES_MAX));
	uint8_t name[] = "\4aaaa\3www\7example";
	target.name = name;
	for (unsigned i = 0; i < 200; i++) {
		name[1] = 'a' + i % 26;
		name[2] = 'a' + i / 26;
		target.type = i % 2 == 0 ? KNOT_RRTYPE_A : KNOT_RRTYPE_AAAA;
		add_target(out, &target, answer(i % 2 == 0 ? 4 : 16, i, i % 7));
	}
}

bool state_sample(aname_state_out_t *out, state_sample_t sample)
{
	const aname_state_moment_t moment = { .boot_id = "0123456789abcde",
		                              .boot_ms = NOW_MS,
		                              .wall_ms = INT64_C(1700000000000) };
	bool all = sample == STATE_ALL;
	aname_state_begin(out, &moment);
	if (sample != STATE_NOTHING && sample != STATE_DEFINITIONS) {
		add_upstreams(out);
	}
	if (all || sample == STATE_DEFINITIONS || sample == STATE_REFERRED) {
		add_definitions(out);
	}
	if (all || sample == STATE_DEFINITIONS) {
		add_verdicts(out);
	}
	if (all || sample == STATE_TARGETS) {
		add_targets(out);
	}
	if (all) {
		add_seen(out);
	}
	if (all || sample == STATE_LOST) {
		add_lost(out);
	}
	if (all || sample == STATE_FORCES) {
		add_forces(out);
	}
	if (all || sample == STATE_KEYS) {
		add_keys(out);
	}
	if (sample == STATE_MANY) {
		add_many(out);
	}
	return aname_state_end(out);
}

void state_fix(uint8_t *data, size_t len)
{
	if (len >= 64) {
		knot_wire_write_u64(data + 24, len);
		knot_wire_write_u32(data + 20, crc32_z(0, data + 24, len - 24));
	}
}

static void copy_target(const aname_state_record_t *record, aname_state_out_t *out)
{
	aname_snapshot_t *snapshot =
	        record->known != NULL ? aname_state_snapshot(record, 0, NOW_MS) : NULL;
	out->failed |= record->known != NULL && snapshot == NULL;
	aname_state_add_target(out, &record->target, snapshot, NOW_MS);
	free(snapshot);
}

bool state_copy(aname_state_in_t *in, aname_state_out_t *out)
{
	aname_state_record_t record;
	aname_state_begin(out, &in->moment);
	for (;;) {
		switch (aname_state_next(in, &record)) {
		case ANAME_STATE_UPSTREAM: aname_state_add_upstream(out, &record.upstream); break;
		case ANAME_STATE_DEFINITION:
			aname_state_add_definition(out, &record.definition);
			break;
		case ANAME_STATE_VERDICT: aname_state_add_verdict(out, &record.verdict); break;
		case ANAME_STATE_TARGET: copy_target(&record, out); break;
		case ANAME_STATE_FORCE: aname_state_add_force(out, &record.force); break;
		case ANAME_STATE_KEY: aname_state_add_key(out, &record.key); break;
		case ANAME_STATE_END: return aname_state_end(out);
		}
	}
}
