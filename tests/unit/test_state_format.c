#include "support/test.h"

#include <libknot/wire.h>

#include "support/alloc.h"
#include "support/make.h"
#include "support/random.h"
#include "support/state.h"

#define NOW_MS INT64_C(5000000000)

/*! Opens octets in a block of exactly their size, so that reading past them is found out. What is
 *  accepted has to be written anew as the same octets. */
static aname_state_fault_t look(const uint8_t *data, size_t len)
{
	uint8_t *block = malloc(len > 0 ? len : 1);
	assert_non_null(block);
	if (len > 0) {
		memcpy(block, data, len);
	}
	aname_state_in_t in;
	aname_state_fault_t fault = aname_state_open(&in, block, len);
	if (fault == ANAME_STATE_GOOD) {
		aname_state_out_t again = { 0 };
		assert_true(state_copy(&in, &again));
		assert_int_equal(again.len, len);
		assert_memory_equal(again.data, block, len);
		free(again.data);
	}
	free(block);
	return fault;
}

/*! The same, if length and checksum are right. */
static aname_state_fault_t look_fixed(uint8_t *data, size_t len)
{
	state_fix(data, len);
	return look(data, len);
}

static aname_state_out_t sample_of(state_sample_t sample)
{
	aname_state_out_t out = { 0 };
	assert_true(state_sample(&out, sample));
	return out;
}

/* What is written comes back. */

static void comes_back(void **state)
{
	for (state_sample_t sample = 0; sample < STATE_SAMPLES; sample++) {
		aname_state_out_t out = sample_of(sample);
		assert_int_equal(look(out.data, out.len), ANAME_STATE_GOOD);
		free(out.data);
	}
}

static void counts(void **state)
{
	aname_state_out_t out = sample_of(STATE_ALL);
	aname_state_in_t in;
	aname_state_record_t record;
	assert_int_equal(aname_state_open(&in, out.data, out.len), ANAME_STATE_GOOD);
	assert_int_equal(in.version, ANAME_STATE_VERSION);
	assert_int_equal(in.moment.boot_ms, NOW_MS);
	assert_int_equal(in.moment.wall_ms, INT64_C(1700000000000));
	assert_memory_equal(in.moment.boot_id, "0123456789abcde", 16);
	uint32_t number[ANAME_STATE_KEY + 1] = { 0 };
	aname_state_kind_t kind;
	while ((kind = aname_state_next(&in, &record)) != ANAME_STATE_END) {
		number[kind]++;
	}
	assert_int_equal(aname_state_next(&in, &record), ANAME_STATE_END);
	assert_int_equal(in.upstreams, 3);
	assert_int_equal(in.definitions, 4);
	assert_int_equal(in.verdicts, 2);
	assert_int_equal(in.targets, 12);
	assert_int_equal(in.forces, 3);
	assert_int_equal(in.keys, 2);
	assert_int_equal(number[ANAME_STATE_UPSTREAM], in.upstreams);
	assert_int_equal(number[ANAME_STATE_DEFINITION], in.definitions);
	assert_int_equal(number[ANAME_STATE_VERDICT], in.verdicts);
	assert_int_equal(number[ANAME_STATE_TARGET], in.targets);
	assert_int_equal(number[ANAME_STATE_FORCE], in.forces);
	assert_int_equal(number[ANAME_STATE_KEY], in.keys);
	free(out.data);
}

/*! A file of its own, begun. */
static aname_state_out_t begin(void)
{
	const aname_state_moment_t moment = { .boot_ms = NOW_MS };
	aname_state_out_t out = { 0 };
	aname_state_begin(&out, &moment);
	assert_false(out.failed);
	return out;
}

/*! Ends a file and opens it; takes the record after so many others. */
static aname_state_kind_t reopen(aname_state_out_t *out, unsigned after,
                                 aname_state_record_t *record)
{
	aname_state_in_t in;
	assert_true(aname_state_end(out));
	assert_int_equal(aname_state_open(&in, out->data, out->len), ANAME_STATE_GOOD);
	for (unsigned i = 0; i < after; i++) {
		assert_int_not_equal(aname_state_next(&in, record), ANAME_STATE_END);
	}
	return aname_state_next(&in, record);
}

static const aname_state_upstream_t system_upstream = { .ttl_min = 1, .ttl_max = 86400 };

static void upstream_as_it_was(void **state)
{
	const aname_state_upstream_t given = {
		.ttl_min = 7,
		.ttl_max = 77777,
		.source = { .servers_count = 2,
		            .secure = 1,
		            .via_ipv4 = { 192, 0, 2, 9 },
		            .servers = { { .len = 4, .port = 53, .address = { 192, 0, 2, 1 } },
		                         { .len = 16, .port = 54, .address = { 32, 1, 13 } } } }
	};
	aname_state_out_t out = begin();
	aname_state_add_upstream(&out, &given);
	aname_state_record_t record;
	assert_int_equal(reopen(&out, 0, &record), ANAME_STATE_UPSTREAM);
	assert_memory_equal(&record.upstream.source, &given.source, sizeof(given.source));
	assert_int_equal(record.upstream.ttl_min, 7);
	assert_int_equal(record.upstream.ttl_max, 77777);
	free(out.data);
}

static const aname_probe_t https = {
	.kind = ANAME_PROBE_HTTPS,
	.port = 8443,
	.verify = 1,
	.interval_ms = 10000,
	.timeout_ms = 2000,
	.fall = 3,
	.rise = 2,
	.statuses_count = 2,
	.statuses = { { 200, 299 }, { 404, 404 } },
	.host = "www.example.com",
	.path = "/health",
};

static void definition_and_verdict_as_they_were(void **state)
{
	const aname_state_verdict_t given = { .definition = 0,
		                              .len = 4,
		                              .address = { 192, 0, 2, 7 },
		                              .name = (const uint8_t *)"\3www\7example",
		                              .health = ANAME_HEALTH_DOWN,
		                              .age_ms = 123456789 };
	aname_state_out_t out = begin();
	aname_state_add_definition(&out, &https);
	aname_state_add_verdict(&out, &given);
	aname_state_record_t record;
	assert_int_equal(reopen(&out, 1, &record), ANAME_STATE_VERDICT);
	assert_int_equal(record.verdict.definition, 0);
	assert_int_equal(record.verdict.len, 4);
	assert_memory_equal(record.verdict.address, given.address, 16);
	assert_int_equal(record.verdict.health, ANAME_HEALTH_DOWN);
	assert_int_equal(record.verdict.age_ms, 123456789);
	assert_true(knot_dname_is_equal(record.verdict.name, given.name));

	aname_state_in_t in;
	assert_int_equal(aname_state_open(&in, out.data, out.len), ANAME_STATE_GOOD);
	assert_int_equal(aname_state_next(&in, &record), ANAME_STATE_DEFINITION);
	assert_memory_equal(&record.definition, &https, sizeof(https));
	free(out.data);
}

static void force_and_key_as_they_were(void **state)
{
	const aname_state_force_t force = { .state = ANAME_FORCED_UP,
		                            .age_ms = 5,
		                            .left_ms = 77,
		                            .subject = { .name = "\3www\7example" } };
	aname_state_force_t ever = force;
	ever.left_ms = ANAME_FORCED_EVER;
	const aname_state_key_t key = { .directories = "/a\n/b",
		                        .rdata_len = 7,
		                        .rdata = (const uint8_t *)"1234567" };
	aname_state_out_t out = begin();
	aname_state_add_force(&out, &force);
	aname_state_add_force(&out, &ever);
	aname_state_add_key(&out, &key);
	aname_state_record_t record;
	assert_int_equal(reopen(&out, 0, &record), ANAME_STATE_FORCE);
	assert_int_equal(record.force.state, ANAME_FORCED_UP);
	assert_int_equal(record.force.age_ms, 5);
	assert_int_equal(record.force.left_ms, 77);
	assert_memory_equal(&record.force.subject, &force.subject, sizeof(force.subject));

	aname_state_in_t in;
	assert_int_equal(aname_state_open(&in, out.data, out.len), ANAME_STATE_GOOD);
	assert_int_equal(aname_state_next(&in, &record), ANAME_STATE_FORCE);
	assert_int_equal(aname_state_next(&in, &record), ANAME_STATE_FORCE);
	assert_true(record.force.left_ms == ANAME_FORCED_EVER);
	assert_int_equal(aname_state_next(&in, &record), ANAME_STATE_KEY);
	assert_string_equal(record.key.directories, "/a\n/b");
	assert_int_equal(record.key.rdata_len, 7);
	assert_memory_equal(record.key.rdata, "1234567", 7);
	free(out.data);
}

static const aname_state_target_t some_target = {
	.type = KNOT_RRTYPE_A,
	.name = (const uint8_t *)"\3www\7example",
	.dormant = true,
	.failures = 2,
	.demand = 300,
	.asked_s = 4,
	.until_s = 5,
	.min_ttl = 6,
	.next_ms = -7,
};

static void target_as_it_was(void **state)
{
	aname_state_out_t out = begin();
	aname_state_target_t given = some_target;
	given.upstream = 1;
	given.views = 2;
	given.definitions[0] = 1;
	given.definitions[1] = 0;
	aname_state_add_upstream(&out, &system_upstream);
	aname_state_add_upstream(&out, &system_upstream);
	aname_state_add_definition(&out, &https);
	aname_state_add_definition(&out, &https);
	aname_state_add_target(&out, &given, NULL, NOW_MS);
	aname_state_record_t record;
	assert_int_equal(reopen(&out, 4, &record), ANAME_STATE_TARGET);
	const aname_state_target_t *found = &record.target;
	assert_int_equal(found->upstream, 1);
	assert_int_equal(found->type, KNOT_RRTYPE_A);
	assert_true(knot_dname_is_equal(found->name, given.name));
	assert_true(found->dormant);
	assert_int_equal(found->failures, 2);
	assert_int_equal(found->demand, 300);
	assert_int_equal(found->asked_s, 4);
	assert_int_equal(found->until_s, 5);
	assert_int_equal(found->min_ttl, 6);
	assert_int_equal(found->next_ms, -7);
	assert_int_equal(found->views, 2);
	assert_int_equal(found->definitions[0], 1);
	assert_int_equal(found->definitions[1], 0);
	assert_null(record.known);
	free(out.data);
}

/* What was known of a target. */

/*! What comes of a snapshot that is saved now and read back later. */
static aname_snapshot_t *restored(const aname_snapshot_t *snapshot, uint16_t type,
                                  int64_t elapsed_ms, int64_t now_ms)
{
	aname_state_out_t out = begin();
	aname_state_target_t target = some_target;
	target.type = type;
	aname_state_add_upstream(&out, &system_upstream);
	aname_state_add_target(&out, &target, snapshot, NOW_MS);
	aname_state_record_t record;
	assert_int_equal(reopen(&out, 1, &record), ANAME_STATE_TARGET);
	assert_non_null(record.known);
	aname_snapshot_t *after = aname_state_snapshot(&record, elapsed_ms, now_ms);
	assert_non_null(after);
	assert_int_equal(after->views, 0);
	free(out.data);
	return after;
}

static void check_answer(const aname_snapshot_t *is, const aname_snapshot_t *was)
{
	assert_int_equal(is->known, was->known);
	assert_int_equal(is->ttl, was->ttl);
	assert_int_equal(is->pick, was->pick);
	assert_int_equal(is->usual_ms, was->usual_ms);
	assert_int_equal(is->scope, was->scope);
	assert_int_equal(is->bare, was->bare);
	assert_int_equal(is->step, was->step);
	assert_true(aname_snapshot_same(is, was));
}

static void answers_as_they_were(void **state)
{
	static const struct {
		uint16_t type, len;
		uint32_t count;
	} rows[] = {
		{ KNOT_RRTYPE_A, 4, 1 },     { KNOT_RRTYPE_A, 4, 1024 },
		{ KNOT_RRTYPE_AAAA, 16, 2 }, { KNOT_RRTYPE_AAAA, 16, 1024 },
		{ KNOT_RRTYPE_A, 4, 0 },     { KNOT_RRTYPE_AAAA, 16, 0 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		aname_snapshot_t *was = make_snapshot(rows[i].len, 5, rows[i].count, 4711);
		was->learned_ms = NOW_MS - 1234;
		was->usual_ms = 40;
		was->scope = 24;
		was->bare = 9;
		aname_snapshot_t *is = restored(was, rows[i].type, 60000, 100000);
		check_answer(is, was);
		assert_int_equal(is->failure, ANAME_FAILURE_NONE);
		assert_null(aname_snapshot_failing(is));
		assert_null(aname_snapshot_lost(is));
		assert_int_equal(is->learned_ms, 100000 - 60000 - 1234);
		free(is);
		free(was);
	}
}

static void failure_as_it_was(void **state)
{
	for (int failure = ANAME_FAILURE_TIMEOUT; failure <= ANAME_FAILURE_BOGUS; failure++) {
		aname_snapshot_t *good = make_snapshot(4, 1, 3, 1);
		aname_snapshot_t *was = aname_snapshot_failed(good, failure, "x", NOW_MS - 500);
		aname_snapshot_t *is = restored(was, KNOT_RRTYPE_A, 1000, NOW_MS);
		check_answer(is, good);
		assert_int_equal(is->failure, failure);
		assert_int_equal(aname_snapshot_failing(is)->since_ms, NOW_MS - 1500);
		assert_non_null(strstr(aname_snapshot_failing(is)->why, ", before the restart"));
		/* It can be used as any other. */
		aname_snapshot_t *on = aname_snapshot_failed(is, ANAME_FAILURE_SERVER, "y", NOW_MS);
		assert_int_equal(aname_snapshot_failing(on)->since_ms, NOW_MS - 1500);
		check_answer(on, good);
		free(on);
		free(is);
		free(was);
		free(good);
	}
	aname_snapshot_t *was = aname_snapshot_failed(NULL, ANAME_FAILURE_TIMEOUT, "x", NOW_MS);
	aname_snapshot_t *is = restored(was, KNOT_RRTYPE_AAAA, 1000, NOW_MS);
	assert_int_equal(is->known, ANAME_KNOWN_NOTHING);
	assert_int_equal(is->ttl, ANAME_TTL_UNKNOWN);
	assert_int_equal(is->count, 0);
	assert_int_equal(aname_snapshot_failing(is)->since_ms, NOW_MS - 1000);
	free(is);
	free(was);
}

static void loss_as_it_was(void **state)
{
	const aname_result_t negative = {
		.known = ANAME_KNOWN_NODATA, .ttl = 30, .nxdomain = true, .address_len = 16
	};
	for (unsigned failing = 0; failing < 2; failing++) {
		aname_snapshot_t *good = make_snapshot(16, 1, 5, 99);
		good->learned_ms = NOW_MS - 9000;
		aname_snapshot_t *was = aname_snapshot_after(good, &negative, NOW_MS - 3000, 4);
		if (failing) {
			aname_snapshot_t *on = aname_snapshot_failed(was, ANAME_FAILURE_TIMEOUT,
			                                             "x", NOW_MS - 1000);
			free(was);
			was = on;
		}
		aname_snapshot_t *is = restored(was, KNOT_RRTYPE_AAAA, 100, NOW_MS);
		check_answer(is, was);
		assert_int_equal(is->failure, was->failure);
		assert_int_equal(aname_snapshot_lost(is)->since_ms, NOW_MS - 3100);
		assert_true(aname_snapshot_lost(is)->nxdomain);
		check_answer(aname_snapshot_last(is), good);
		assert_int_equal(aname_snapshot_last(is)->learned_ms, NOW_MS - 9100);
		assert_int_equal(aname_snapshot_last(is)->views, 0);
		assert_int_equal(aname_snapshot_last(is)->lost, 0);
		if (failing) {
			assert_int_equal(aname_snapshot_failing(is)->since_ms, NOW_MS - 1100);
		}
		free(is);
		free(was);
		free(good);
	}
}

typedef struct {
	const char *proves;
	int64_t age_ms, elapsed_ms;
	int64_t is_ms; /*!< How old it is then. */
} age_row_t;

#define LONGEST ((INT64_C(1) << 48) - 1)

static const age_row_t age_rows[] = {
	{ "S2: time goes on", 5000, 60000, 65000 },
	{ "S2: what is learnt when it is saved has no age", 0, 0, 0 },
	{ "S2: what was learnt after it neither", -77, 0, 0 },
	{ "S2: an age that no number holds is the longest", INT64_MAX, 0, LONGEST },
	{ "S2: so is a time that none holds", 0, INT64_MAX, LONGEST },
	{ "S2: and both", INT64_MAX, INT64_MAX, 2 * LONGEST },
};

static void check_age(void **state)
{
	const age_row_t *row = *state;
	aname_snapshot_t *was = make_snapshot(4, 1, 1, 1);
	was->learned_ms = NOW_MS - row->age_ms;
	aname_snapshot_t *is = restored(was, KNOT_RRTYPE_A, row->elapsed_ms, 2 * NOW_MS);
	assert_int_equal(2 * NOW_MS - is->learned_ms, row->is_ms);
	free(is);
	free(was);
}

/* What is not whole, or not ours. */

static void truncated(void **state)
{
	for (state_sample_t sample = 0; sample < STATE_SAMPLES; sample++) {
		if (sample == STATE_MANY) {
			continue; /* Many times the same. */
		}
		aname_state_out_t out = sample_of(sample);
		assert_int_equal(look(out.data, 0), ANAME_STATE_EMPTY);
		for (size_t len = 1; len < out.len; len++) {
			assert_int_equal(look(out.data, len), ANAME_STATE_DAMAGED);
		}
		for (size_t len = out.len - 1; len >= 64; len--) {
			assert_int_equal(look_fixed(out.data, len), ANAME_STATE_DAMAGED);
		}
		free(out.data);
	}
}

static void longer(void **state)
{
	aname_state_out_t out = sample_of(STATE_ALL);
	for (unsigned more = 1; more < 10; more++) {
		uint8_t *data = calloc(1, out.len + more);
		assert_non_null(data);
		memcpy(data, out.data, out.len);
		assert_int_equal(look(data, out.len + more), ANAME_STATE_DAMAGED);
		/* Zeros are the end of a file, but there is only one. */
		assert_int_equal(look_fixed(data, out.len + more), ANAME_STATE_DAMAGED);
		free(data);
	}
	free(out.data);
}

static void damaged(void **state)
{
	unsigned refused = 0, harmless = 0;
	for (state_sample_t sample = 0; sample < STATE_SAMPLES; sample++) {
		if (sample == STATE_MANY) {
			continue;
		}
		aname_state_out_t out = sample_of(sample);
		for (size_t i = 0; i < out.len; i++) {
			for (unsigned bit = 0; bit < 9; bit++) {
				uint8_t before[24], flip = bit < 8 ? 1 << bit : 0xFF;
				memcpy(before, out.data + 8, sizeof(before));
				out.data[i] ^= flip;
				assert_int_not_equal(look(out.data, out.len), ANAME_STATE_GOOD);
				/* What is good then has been written anew as it is. */
				bool good = look_fixed(out.data, out.len) == ANAME_STATE_GOOD;
				harmless += good;
				refused += !good;
				out.data[i] ^= flip;
				memcpy(out.data + 8, before, sizeof(before));
			}
		}
		assert_int_equal(look(out.data, out.len), ANAME_STATE_GOOD);
		free(out.data);
	}
	assert_true(refused > 1000 && harmless > 1000);
}

static void of_others(void **state)
{
	aname_state_out_t out = sample_of(STATE_ALL);
	aname_state_in_t in;
	for (uint32_t version = 0; version < 5; version++) {
		knot_wire_write_u32(out.data + 16, version == 4 ? UINT32_MAX : version);
		state_fix(out.data, out.len);
		assert_int_equal(aname_state_open(&in, out.data, out.len),
		                 version == ANAME_STATE_VERSION ? ANAME_STATE_GOOD
		                                                : ANAME_STATE_VERSION_DIFFERS);
		assert_int_equal(in.version, version == 4 ? UINT32_MAX : version);
	}
	/* Of another version nothing else counts. */
	assert_int_equal(look(out.data, 20), ANAME_STATE_VERSION_DIFFERS);
	static const char *const texts[] = { "x", "{}", "mod-aname status",
		                             "mod-aname state\r\n1" };
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		assert_int_equal(look((const uint8_t *)texts[i], strlen(texts[i])),
		                 ANAME_STATE_FOREIGN);
	}
	random_t random = { 14 };
	for (unsigned i = 0; i < 1000; i++) {
		uint8_t noise[200];
		size_t len = 1 + random_below(&random, sizeof(noise));
		random_fill(&random, noise, len);
		noise[0] = noise[0] == 'm' ? 0 : noise[0];
		assert_int_equal(look(noise, len), ANAME_STATE_FOREIGN);
	}
	free(out.data);
}

/*! A record that is put behind three upstreams and four definitions. */
typedef struct {
	const char *proves;
	size_t len;
	const char *octets; /*!< Its head is added. */
	aname_state_kind_t kind;
	bool good;
} record_row_t;

#define RECORD(octets) sizeof(octets) - 1, octets
#define NAME           "\3www\7example\0"
/* Upstream 0, a family, no views, two octets, and numbers. */
#define TARGET(flags)  "\0\0" flags TIMES
#define TIMES          "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80\0\0\0\0\0"
#define ANSWER         "\0\0\0\0\0\x09\0\0\0\x3c\0\0\0\0\0\0"

static const record_row_t record_rows[] = {
	{ "a target is taken", RECORD(TARGET("\0") NAME), ANAME_STATE_TARGET, true },
	{ "the last upstream there is", RECORD("\0\2\0" TIMES NAME), ANAME_STATE_TARGET, true },
	{ "one that is not there", RECORD("\0\3\0" TIMES NAME), ANAME_STATE_TARGET, false },
	{ "a target that is the root", RECORD(TARGET("\0") "\0"), ANAME_STATE_TARGET, false },
	{ "a target in capitals", RECORD(TARGET("\0") "\3wWw\0"), ANAME_STATE_TARGET, false },
	{ "a target without an end", RECORD(TARGET("\0") "\3www"), ANAME_STATE_TARGET, false },
	{ "a compressed target", RECORD(TARGET("\0") "\3www\xC0\0"), ANAME_STATE_TARGET, false },
	{ "a label that is too long", RECORD(TARGET("\0") "\x40www\0"), ANAME_STATE_TARGET, false },
	{ "something behind a target", RECORD(TARGET("\0") NAME "\0"), ANAME_STATE_TARGET, false },
	{ "a flag that there is not", RECORD(TARGET("\x08") NAME), ANAME_STATE_TARGET, false },
	{ "two views", RECORD(TARGET("\x20") "\0\0\0\3" NAME), ANAME_STATE_TARGET, true },
	{ "a view twice", RECORD(TARGET("\x20") "\0\3\0\3" NAME), ANAME_STATE_TARGET, false },
	{ "a view of no definition", RECORD(TARGET("\x20") "\0\0\0\4" NAME), ANAME_STATE_TARGET,
	  false },
	{ "two addresses", RECORD(TARGET("\4") NAME "\1" ANSWER "\0\2aaaabbbb"), ANAME_STATE_TARGET,
	  true },
	{ "two that are not in order", RECORD(TARGET("\4") NAME "\1" ANSWER "\0\2bbbbaaaa"),
	  ANAME_STATE_TARGET, false },
	{ "two that are the same", RECORD(TARGET("\4") NAME "\1" ANSWER "\0\2aaaaaaaa"),
	  ANAME_STATE_TARGET, false },
	{ "none at all", RECORD(TARGET("\4") NAME "\1" ANSWER "\0\0"), ANAME_STATE_TARGET, false },
	{ "fewer than are said", RECORD(TARGET("\4") NAME "\1" ANSWER "\0\2aaaabbb"),
	  ANAME_STATE_TARGET, false },
	{ "those of another family", RECORD(TARGET("\5") NAME "\1" ANSWER "\0\2aaaabbbb"),
	  ANAME_STATE_TARGET, false },
	{ "no data", RECORD(TARGET("\4") NAME "\2" ANSWER), ANAME_STATE_TARGET, true },
	{ "nothing known, and no failure", RECORD(TARGET("\4") NAME "\0"), ANAME_STATE_TARGET,
	  false },
	{ "nothing known, and a failure", RECORD(TARGET("\4") NAME "\x10\0\0\0\0\0\1"),
	  ANAME_STATE_TARGET, true },
	{ "a failure that no lookup has", RECORD(TARGET("\4") NAME "\x60\0\0\0\0\0\1"),
	  ANAME_STATE_TARGET, false },
	{ "what is known in no such way", RECORD(TARGET("\4") NAME "\3" ANSWER), ANAME_STATE_TARGET,
	  false },
	{ "addresses that are lost and there",
	  RECORD(TARGET("\4") NAME "\5" ANSWER "\0\1aaaa\0\0\0\0\0\1" ANSWER "\0\1aaaa"),
	  ANAME_STATE_TARGET, false },
	{ "lost addresses", RECORD(TARGET("\4") NAME "\6" ANSWER "\0\0\0\0\0\1" ANSWER "\0\1aaaa"),
	  ANAME_STATE_TARGET, true },
	{ "a name that does not exist and has lost nothing",
	  RECORD(TARGET("\4") NAME "\x0a" ANSWER), ANAME_STATE_TARGET, false },
	{ "a verdict", RECORD("\0\3\1\0\0\0\0\0\1\4aaaa" NAME), ANAME_STATE_VERDICT, true },
	{ "of no definition", RECORD("\0\4\1\0\0\0\0\0\1\4aaaa" NAME), ANAME_STATE_VERDICT, false },
	{ "that says nothing", RECORD("\0\3\0\0\0\0\0\0\1\4aaaa" NAME), ANAME_STATE_VERDICT,
	  false },
	{ "that says what there is not", RECORD("\0\3\3\0\0\0\0\0\1\4aaaa" NAME),
	  ANAME_STATE_VERDICT, false },
	{ "an address of five octets", RECORD("\0\3\1\0\0\0\0\0\1\5aaaaa" NAME),
	  ANAME_STATE_VERDICT, false },
	{ "a forced address", RECORD("\1\0\0\0\0\0\1\0\0\0\0\0\1\4aaaa"), ANAME_STATE_FORCE, true },
	{ "a forced name", RECORD("\2\0\0\0\0\0\1\0\0\0\0\0\1\0" NAME), ANAME_STATE_FORCE, true },
	{ "what is forced to nothing", RECORD("\0\0\0\0\0\0\1\0\0\0\0\0\1\4aaaa"),
	  ANAME_STATE_FORCE, false },
	{ "the root, forced", RECORD("\1\0\0\0\0\0\1\0\0\0\0\0\1\0\0"), ANAME_STATE_FORCE, false },
	{ "a key", RECORD("\0\1k\0rdata"), ANAME_STATE_KEY, true },
	{ "directories without an end", RECORD("\0\1kkrdata"), ANAME_STATE_KEY, false },
	{ "directories with an end within", RECORD("\0\2\0k\0rdata"), ANAME_STATE_KEY, false },
	{ "no directory", RECORD("\0\0\0rdata"), ANAME_STATE_KEY, false },
	{ "hardly any RDATA", RECORD("\0\1k\0rdat"), ANAME_STATE_KEY, false },
	{ "an end that has something in it", RECORD("x"), ANAME_STATE_END, false },
	{ "a kind that there is not", RECORD(""), ANAME_STATE_KEY + 1, false },
	{ "the system's resolver", RECORD("\0\0\0\1\0\0\0\2\0\0"), ANAME_STATE_UPSTREAM, true },
	{ "the system's resolver, secure", RECORD("\0\0\0\1\0\0\0\2\1\0"), ANAME_STATE_UPSTREAM,
	  false },
	{ "a server", RECORD("\0\0\0\1\0\0\0\2\1\1\0\65\4aaaa"), ANAME_STATE_UPSTREAM, true },
	{ "a server without a port", RECORD("\0\0\0\1\0\0\0\2\1\1\0\0\4aaaa"), ANAME_STATE_UPSTREAM,
	  false },
	{ "lookups from address zero", RECORD("\0\0\0\1\0\0\0\2\2\0\0\0\0\1\0\65\4aaaa"),
	  ANAME_STATE_UPSTREAM, false },
	{ "a flag of upstreams that there is not", RECORD("\0\0\0\1\0\0\0\2\x08\1\0\65\4aaaa"),
	  ANAME_STATE_UPSTREAM, false },
	{ "a lifetime of more than a week", RECORD("\0\0\0\1\0\x09\x3a\x81\0\0"),
	  ANAME_STATE_UPSTREAM, false },
	{ "probes by TCP", RECORD("\1\0\65\0\0\0\4\0\0\0\1\0\3\2\0\0\0"), ANAME_STATE_DEFINITION,
	  true },
	{ "no probes", RECORD("\0\0\65\0\0\0\4\0\0\0\1\0\3\2\0\0\0"), ANAME_STATE_DEFINITION,
	  false },
	{ "TCP, verified", RECORD("\1\0\65\1\0\0\4\0\0\0\1\0\3\2\0\0\0"), ANAME_STATE_DEFINITION,
	  false },
	{ "TCP, to a host", RECORD("\1\0\65\0\0\0\4\0\0\0\1\0\3\2\0\1h\0"), ANAME_STATE_DEFINITION,
	  false },
	{ "TCP, with a status", RECORD("\1\0\65\0\0\0\4\0\0\0\1\0\3\2\1\0\xc8\0\xc8\0\0"),
	  ANAME_STATE_DEFINITION, false },
	{ "TLS, to a host", RECORD("\2\0\65\1\0\0\4\0\0\0\1\0\3\2\0\1h\0"), ANAME_STATE_DEFINITION,
	  true },
	{ "to a host in capitals", RECORD("\2\0\65\1\0\0\4\0\0\0\1\0\3\2\0\1H\0"),
	  ANAME_STATE_DEFINITION, false },
	{ "to a host with a dot behind it", RECORD("\2\0\65\1\0\0\4\0\0\0\1\0\3\2\0\2h.\0"),
	  ANAME_STATE_DEFINITION, false },
	{ "to a host with a zero octet", RECORD("\2\0\65\1\0\0\4\0\0\0\1\0\3\2\0\2h\0\0"),
	  ANAME_STATE_DEFINITION, false },
	{ "HTTP", RECORD("\3\0\65\0\0\0\4\0\0\0\1\0\3\2\1\0\xc8\0\xc8\0\1/"),
	  ANAME_STATE_DEFINITION, true },
	{ "HTTP without a path", RECORD("\3\0\65\0\0\0\4\0\0\0\1\0\3\2\1\0\xc8\0\xc8\0\0"),
	  ANAME_STATE_DEFINITION, false },
	{ "HTTP without a status", RECORD("\3\0\65\0\0\0\4\0\0\0\1\0\3\2\0\0\1/"),
	  ANAME_STATE_DEFINITION, false },
	{ "statuses from above", RECORD("\3\0\65\0\0\0\4\0\0\0\1\0\3\2\1\0\xc9\0\xc8\0\1/"),
	  ANAME_STATE_DEFINITION, false },
	{ "a status below 100", RECORD("\3\0\65\0\0\0\4\0\0\0\1\0\3\2\1\0\x63\0\xc8\0\1/"),
	  ANAME_STATE_DEFINITION, false },
	{ "a time-out above the interval", RECORD("\1\0\65\0\0\0\4\0\0\0\4\1\3\2\0\0\0"),
	  ANAME_STATE_DEFINITION, false },
	{ "up without a success", RECORD("\1\0\65\0\0\0\4\0\0\0\1\0\3\0\0\0\0"),
	  ANAME_STATE_DEFINITION, false },
};

/*! Begins a file with three upstreams and four definitions. */
static aname_state_out_t begin_full(void)
{
	aname_state_out_t out = begin();
	for (unsigned i = 0; i < 3; i++) {
		aname_state_add_upstream(&out, &system_upstream);
	}
	for (unsigned i = 0; i < 4; i++) {
		aname_state_add_definition(&out, &https);
	}
	assert_false(out.failed);
	return out;
}

static void check_record(void **state)
{
	const record_row_t *row = *state;
	aname_state_out_t out = begin_full();
	uint8_t *at = out.data + out.len;
	knot_wire_write_u32(at, row->len);
	at[0] = row->kind;
	memcpy(at + 4, row->octets, row->len);
	out.len += 4 + row->len;
	assert_true(aname_state_end(&out));
	assert_int_equal(look(out.data, out.len),
	                 row->good ? ANAME_STATE_GOOD : ANAME_STATE_DAMAGED);
	free(out.data);
}

/* What has no place in a file. */

typedef struct {
	const char *proves;
	void (*add)(aname_state_out_t *out);
} refused_row_t;

static void bad_moment(aname_state_out_t *out)
{
	const aname_state_moment_t moment = { .wall_ms = -1 };
	aname_state_begin(out, &moment);
}
static void far_moment(aname_state_out_t *out)
{
	const aname_state_moment_t moment = { .boot_ms = LONGEST + 1 };
	aname_state_begin(out, &moment);
}
static void bad_servers(aname_state_out_t *out)
{
	aname_state_upstream_t upstream = system_upstream;
	upstream.source.servers_count = ANAME_SERVERS_MAX + 1;
	aname_state_add_upstream(out, &upstream);
}
static void bad_server_len(aname_state_out_t *out)
{
	aname_state_upstream_t upstream = system_upstream;
	upstream.source.servers_count = 1;
	upstream.source.servers[0] = (aname_server_t){ .len = 260, .port = 53 };
	aname_state_add_upstream(out, &upstream);
}
static void bad_statuses(aname_state_out_t *out)
{
	aname_probe_t probe = https;
	probe.statuses_count = ANAME_PROBE_STATUSES_MAX + 1;
	aname_state_add_definition(out, &probe);
}
static void bad_kind(aname_state_out_t *out)
{
	aname_probe_t probe = https;
	probe.kind = 0x100 + ANAME_PROBE_HTTPS;
	aname_state_add_definition(out, &probe);
}
static void bad_fall(aname_state_out_t *out)
{
	aname_probe_t probe = https;
	probe.fall = 0x103;
	aname_state_add_definition(out, &probe);
}
static void bad_path(aname_state_out_t *out)
{
	aname_probe_t probe = https;
	probe.path[0] = 'x';
	aname_state_add_definition(out, &probe);
}
static void bad_health(aname_state_out_t *out)
{
	aname_state_verdict_t verdict = { .len = 4, .name = (const uint8_t *)"\1a" };
	aname_state_add_verdict(out, &verdict);
}
static void bad_type(aname_state_out_t *out)
{
	aname_state_target_t target = some_target;
	target.type = KNOT_RRTYPE_MX;
	aname_state_add_target(out, &target, NULL, NOW_MS);
}
static void bad_upstream(aname_state_out_t *out)
{
	aname_state_target_t target = some_target;
	target.upstream = 3;
	aname_state_add_target(out, &target, NULL, NOW_MS);
}
static void bad_views(aname_state_out_t *out)
{
	aname_state_target_t target = some_target;
	target.views = ANAME_VIEWS_DEFINITIONS + 1;
	aname_state_add_target(out, &target, NULL, NOW_MS);
}
static void bad_name(aname_state_out_t *out)
{
	aname_state_target_t target = some_target;
	target.name = (const uint8_t *)"\3wWw";
	aname_state_add_target(out, &target, NULL, NOW_MS);
}
static void bad_family(aname_state_out_t *out)
{
	aname_snapshot_t *snapshot = make_snapshot(16, 1, 1, 1);
	aname_state_add_target(out, &some_target, snapshot, NOW_MS);
	free(snapshot);
}
static void bad_failure(aname_state_out_t *out)
{
	aname_snapshot_t *snapshot = aname_snapshot_failed(NULL, ANAME_FAILURE_DENIED, "x", 1);
	aname_state_add_target(out, &some_target, snapshot, NOW_MS);
	free(snapshot);
}
static void bad_force(aname_state_out_t *out)
{
	const aname_state_force_t force = { .subject = { .len = 4 } };
	aname_state_add_force(out, &force);
}
static void bad_subject(aname_state_out_t *out)
{
	const aname_state_force_t force = { .state = ANAME_FORCED_UP, .subject = { .len = 255 } };
	aname_state_add_force(out, &force);
}
static void bad_rdata(aname_state_out_t *out)
{
	const aname_state_key_t key = { .directories = "/", .rdata = (const uint8_t *)"" };
	aname_state_add_key(out, &key);
}
static void bad_directories(aname_state_out_t *out)
{
	char directories[ANAME_DIRECTORIES_SIZE + 1];
	memset(directories, 'd', sizeof(directories));
	directories[ANAME_DIRECTORIES_SIZE] = '\0';
	const aname_state_key_t key = { .directories = directories,
		                        .rdata_len = 5,
		                        .rdata = (const uint8_t *)"rdata" };
	aname_state_add_key(out, &key);
}

static const refused_row_t refused_rows[] = {
	{ "a moment before 1970", bad_moment },
	{ "a moment in nine thousand years", far_moment },
	{ "nine servers", bad_servers },
	{ "a server with an address of 260 octets", bad_server_len },
	{ "nine ranges of statuses", bad_statuses },
	{ "a kind of probes that does not fit", bad_kind },
	{ "failures that do not fit", bad_fall },
	{ "a path that is none", bad_path },
	{ "a verdict that is none", bad_health },
	{ "a target of another type", bad_type },
	{ "a target of an upstream that is not there", bad_upstream },
	{ "sixteen views", bad_views },
	{ "a target in capitals", bad_name },
	{ "addresses of another family", bad_family },
	{ "a failure that no lookup has", bad_failure },
	{ "a force that is none", bad_force },
	{ "a force for an address of 255 octets", bad_subject },
	{ "a key without RDATA", bad_rdata },
	{ "too long a list of directories", bad_directories },
};

static void check_refused(void **state)
{
	const refused_row_t *row = *state;
	aname_state_out_t out = begin_full();
	row->add(&out);
	assert_true(out.failed);
	/* Nothing makes it good again ... */
	aname_state_add_target(&out, &some_target, NULL, NOW_MS);
	assert_false(aname_state_end(&out));
	/* ... but to begin anew, in the same memory. */
	const uint8_t *data = out.data;
	aname_state_begin(&out, &(aname_state_moment_t){ .boot_ms = 1 });
	assert_true(aname_state_end(&out));
	assert_ptr_equal(out.data, data);
	assert_int_equal(look(out.data, out.len), ANAME_STATE_GOOD);
	free(out.data);
}

/*! Adds so many of each; says whether the file is good. */
static bool is_good(unsigned upstreams, unsigned definitions, unsigned forces)
{
	const aname_state_force_t force = { .state = ANAME_FORCED_UP, .subject = { .len = 4 } };
	aname_state_out_t out = begin();
	for (unsigned i = 0; i < upstreams; i++) {
		aname_state_add_upstream(&out, &system_upstream);
	}
	for (unsigned i = 0; i < definitions; i++) {
		aname_state_add_definition(&out, &https);
	}
	for (unsigned i = 0; i < forces; i++) {
		aname_state_add_force(&out, &force);
	}
	bool good = aname_state_end(&out);
	if (!good) {
		/* If it were written all the same it would not be read. */
		out.failed = false;
		assert_true(aname_state_end(&out));
		assert_int_equal(look(out.data, out.len), ANAME_STATE_DAMAGED);
	} else {
		assert_int_equal(look(out.data, out.len), ANAME_STATE_GOOD);
	}
	free(out.data);
	return good;
}

static void too_many(void **state)
{
	assert_true(
	        is_good(ANAME_STATE_UPSTREAMS_MAX, ANAME_STATE_DEFINITIONS_MAX, ANAME_FORCES_MAX));
	assert_false(is_good(ANAME_STATE_UPSTREAMS_MAX + 1, 0, 0));
	assert_false(is_good(0, ANAME_STATE_DEFINITIONS_MAX + 1, 0));
	assert_false(is_good(0, 0, ANAME_FORCES_MAX + 1));
}

/*! 100,000 names with two addresses of each family, each seen through a definition. */
static void size(void **state)
{
	enum { NAMES = 100000 };
	aname_state_out_t out = begin();
	aname_state_add_upstream(&out, &system_upstream);
	aname_state_add_definition(&out, &https);
	aname_snapshot_t *ipv4 = make_snapshot(4, 1, 2, 1), *ipv6 = make_snapshot(16, 1, 2, 1);
	char text[40];
	for (unsigned i = 0; i < NAMES; i++) {
		(void)snprintf(text, sizeof(text), "t%06u.cdn.example.net.", i);
		name_t name = make_name(text);
		aname_state_target_t target = some_target;
		target.name = name.at;
		target.views = 1;
		aname_state_add_target(&out, &target, ipv4, NOW_MS);
		target.type = KNOT_RRTYPE_AAAA;
		aname_state_add_target(&out, &target, ipv6, NOW_MS);
	}
	assert_true(aname_state_end(&out));
	assert_true(out.len / NAMES < 200);
	aname_state_in_t in;
	assert_int_equal(aname_state_open(&in, out.data, out.len), ANAME_STATE_GOOD);
	assert_int_equal(in.targets, 2 * NAMES);

	aname_snapshot_t *four = make_snapshot(4, 1, 4, 1);
	aname_state_begin(&out, &in.moment);
	aname_state_add_upstream(&out, &system_upstream);
	size_t before = out.len;
	aname_state_add_target(&out, &some_target, four, NOW_MS);
	assert_true(out.len - before - knot_dname_size(some_target.name) <= 80);
	free(four);
	free(ipv4);
	free(ipv6);
	free(out.data);
}

static bool attempt_sample(void *sample)
{
	aname_state_out_t out = { 0 };
	bool good = state_sample(&out, *(state_sample_t *)sample);
	free(out.data);
	return good;
}

static bool attempt_copy(void *data)
{
	const aname_state_out_t *out = data;
	aname_state_out_t again = { 0 };
	aname_state_in_t in;
	assert_int_equal(aname_state_open(&in, out->data, out->len), ANAME_STATE_GOOD);
	bool good = state_copy(&in, &again);
	free(again.data);
	return good;
}

static void out_of_memory(void **state)
{
	state_sample_t sample = STATE_ALL;
	assert_true(alloc_fail_each(attempt_sample, &sample) > 10);
	sample = STATE_MANY;
	assert_true(alloc_fail_each(attempt_sample, &sample) > 100);
	aname_state_out_t out = sample_of(STATE_ALL);
	/* The file, and a snapshot for each target that something is known of. */
	assert_int_equal(alloc_fail_each(attempt_copy, &out), 1 + 11);
	free(out.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("S1: what is read and written anew is the same octets", comes_back),
		PROVES("S1: a file says when it was saved, and how many there are of what", counts),
		PROVES("S1: an upstream comes back as it was", upstream_as_it_was),
		PROVES("S1: so do a definition and a verdict", definition_and_verdict_as_they_were),
		PROVES("S1: what is forced, and a key", force_and_key_as_they_were),
		PROVES("S1: a target", target_as_it_was),
		PROVES("S1: what was known of it", answers_as_they_were),
		PROVES("S1: how its lookups failed, and that it was before", failure_as_it_was),
		PROVES("S1: and the addresses that it had before it was gone", loss_as_it_was),
		PROVES("S3: a file without its end is refused, at every octet", truncated),
		PROVES("S3: so is one with something behind it", longer),
		PROVES("S3: one with a wrong octet is refused; with a checksum that fits it is so, "
		       "or good",
		       damaged),
		PROVES("S3: files of others, and of other versions, are known as that", of_others),
		PROVES("S3: more than there may be is neither written nor read", too_many),
		PROVES("S1: a name takes less than 200 octets", size),
		PROVES("out of memory: the file is no good, nothing leaked", out_of_memory),
	};
	return RUN_ROWS("state format: ages", age_rows, check_age) +
	       RUN_ROWS("state format: records", record_rows, check_record) +
	       RUN_ROWS("state format: what is not written", refused_rows, check_refused) +
	       RUN_TESTS("state format: the rest", tests);
}
