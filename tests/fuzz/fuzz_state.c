/*!
 * Any octets as a state file, or as one record of a file that is good otherwise. The first octet of
 * the input says which, and whether length and checksum are put right first. What is accepted must
 * be readable to the end, every record must hold together, and all of it must be the same octets when
 * it is written anew.
 *
 * Files: module/service/state/reader.c module/service/state/record.c module/service/state/writer.c
 */

#include "fuzz.h"

#include <libknot/descriptor.h>
#include <libknot/wire.h>

#include "support/state.h"

/*! Bits of the first octet: the rest is a file with whatever checksum it has; or a record, of which
 *  the next octet is the kind. */
#define AS_IT_IS 0x01
#define RECORD   0x02

/*! When it is read, on the clock of snapshots. */
#define NOW_MS INT64_C(86400000)

static void check_name(const knot_dname_t *name)
{
	knot_dname_storage_t lower;
	size_t len = knot_dname_size(name);
	require(len > 1 && len <= KNOT_DNAME_MAXLEN);
	memcpy(lower, name, len);
	knot_dname_to_lower(lower);
	require(memcmp(lower, name, len) == 0);
}

/*! Sorted, unique, and of one family? */
static void check_addresses(const aname_snapshot_t *snapshot, uint16_t len)
{
	require(snapshot->count <= ANAME_ADDRESSES_MAX);
	require((snapshot->known == ANAME_KNOWN_ADDRESSES) == (snapshot->count > 0));
	knot_rdata_t *rdata = aname_snapshot_rdataset(snapshot).rdata, *before = NULL;
	for (unsigned i = 0; i < snapshot->count; i++, rdata = knot_rdataset_next(rdata)) {
		require(rdata->len == len);
		require(before == NULL || memcmp(before->data, rdata->data, len) < 0);
		before = rdata;
	}
}

static aname_sight_t see(void *ctx, uint32_t definition, const uint8_t *address, uint8_t len)
{
	return (aname_sight_t){ .down = address[len - 1] & 1 };
}

/*! All that is done with snapshots is possible with this one. */
static void check_snapshot(const aname_state_record_t *record, int64_t elapsed_ms)
{
	aname_snapshot_t *snapshot = aname_state_snapshot(record, elapsed_ms, NOW_MS);
	require(snapshot != NULL && snapshot->views == 0);
	uint16_t len = record->target.type == KNOT_RRTYPE_A ? 4 : 16;
	check_addresses(snapshot, len);
	require(snapshot->known == ANAME_KNOWN_NOTHING ||
	        snapshot->learned_ms <= NOW_MS - elapsed_ms);

	const aname_failing_t *failing = aname_snapshot_failing(snapshot);
	require((failing != NULL) == (snapshot->failure != ANAME_FAILURE_NONE));
	require(failing == NULL || (failing->since_ms <= NOW_MS && strlen(failing->why) > 0));
	require((aname_snapshot_lost(snapshot) != NULL) == (aname_snapshot_last(snapshot) != NULL));
	if (aname_snapshot_lost(snapshot) != NULL) {
		require(snapshot->known == ANAME_KNOWN_NODATA);
		require(aname_snapshot_lost(snapshot)->since_ms <= NOW_MS);
		require(aname_snapshot_last(snapshot)->count > 0);
		check_addresses(aname_snapshot_last(snapshot), len);
	}
	const uint32_t definitions[] = { 1, 2 };
	aname_snapshot_t *seen =
	        aname_snapshot_with_views(snapshot, definitions, 2, false, see, NULL);
	require(seen != NULL && aname_snapshot_same(seen, snapshot));
	free(seen);
	free(snapshot);
}

static void check_target(const aname_state_in_t *in, const aname_state_record_t *record)
{
	const aname_state_target_t *target = &record->target;
	require(target->upstream < in->upstreams);
	require(target->type == KNOT_RRTYPE_A || target->type == KNOT_RRTYPE_AAAA);
	require(target->views <= ANAME_VIEWS_DEFINITIONS);
	check_name(target->name);
	for (unsigned i = 0; i < target->views; i++) {
		require(target->definitions[i] < in->definitions);
	}
	if (record->known != NULL) {
		check_snapshot(record, 0);
		check_snapshot(record, 3600000);
		check_snapshot(record, ANAME_STATE_TIME_MAX);
	}
}

static void check_probe(const aname_probe_t *probe)
{
	require(probe->kind > ANAME_PROBE_OFF && probe->kind <= ANAME_PROBE_HTTPS);
	require(aname_probe_text(probe->kind) != NULL);
	require(probe->statuses_count <= ANAME_PROBE_STATUSES_MAX);
	require(memchr(probe->host, '\0', sizeof(probe->host)) != NULL);
	require(memchr(probe->path, '\0', sizeof(probe->path)) != NULL);
	require(aname_probe_is_alike(probe, probe));
}

static void check_record(const aname_state_in_t *in, aname_state_kind_t kind,
                         const aname_state_record_t *record)
{
	switch (kind) {
	case ANAME_STATE_END: break;
	case ANAME_STATE_UPSTREAM:
		require(record->upstream.source.servers_count <= ANAME_SERVERS_MAX);
		break;
	case ANAME_STATE_DEFINITION: check_probe(&record->definition); break;
	case ANAME_STATE_VERDICT:
		require(record->verdict.definition < in->definitions);
		require(record->verdict.len == 4 || record->verdict.len == 16);
		require(record->verdict.age_ms >= 0);
		check_name(record->verdict.name);
		break;
	case ANAME_STATE_TARGET: check_target(in, record); break;
	case ANAME_STATE_FORCE:
		require(record->force.age_ms >= 0 && record->force.left_ms >= 0);
		if (record->force.subject.len == 0) {
			check_name(record->force.subject.name);
		}
		break;
	case ANAME_STATE_KEY:
		require(strlen(record->key.directories) > 0);
		require(record->key.rdata_len >= ANAME_STATE_KEY_MIN);
		break;
	}
}

/*! Reads it to its end, and writes it anew. */
static void check_file(aname_state_in_t *in, const uint8_t *file, size_t len)
{
	aname_state_in_t second = *in;
	aname_state_kind_t kind;
	aname_state_record_t record;
	uint64_t records = 0;
	while ((kind = aname_state_next(in, &record)) != ANAME_STATE_END) {
		check_record(in, kind, &record);
		records++;
	}
	require(records == (uint64_t)in->upstreams + in->definitions + in->verdicts + in->targets +
	                           in->forces + in->keys);
	static aname_state_out_t again; /* Its memory is used again. */
	require(state_copy(&second, &again));
	require(again.len == len && memcmp(again.data, file, len) == 0);
}

/*! Opens a file, which is taken. */
static void check(uint8_t *file, size_t len)
{
	aname_state_in_t in;
	if (aname_state_open(&in, file, len) == ANAME_STATE_GOOD) {
		require(aname_state_length(file, len) == len);
		check_file(&in, file, len);
	}
	free(file);
}

/*! One record, behind upstreams and definitions that it may refer to. */
static void check_one(const uint8_t *data, size_t size)
{
	static aname_state_out_t out;
	require(state_sample(&out, STATE_REFERRED));
	/* It takes the place of the end. */
	size_t at = out.len - 4, len = at + 4 + (size - 1) + 4;
	uint8_t *file = calloc(1, len);
	require(file != NULL);
	memcpy(file, out.data, at);
	knot_wire_write_u32(file + at, size - 1);
	file[at] = data[0];
	memcpy(file + at + 4, data + 1, size - 1);
	state_fix(file, len);
	check(file, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || (size == 1 && (data[0] & RECORD))) {
		return 0;
	}
	if (data[0] & RECORD) {
		check_one(data + 1, size - 1);
		return 0;
	}
	/* A block of exactly its size, so that reading past it is found out. */
	size_t len = size - 1;
	uint8_t *file = malloc(len);
	require(file != NULL);
	memcpy(file, data + 1, len);
	if (!(data[0] & AS_IT_IS)) {
		state_fix(file, len);
	}
	check(file, len);
	return 0;
}
