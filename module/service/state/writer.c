#include "service/state/writer.h"

#include <stdlib.h>
#include <string.h>

#include <libknot/descriptor.h>
#include <libknot/wire.h>

/*! Least room of a file that is being made. */
#define ROOM_MIN 262144

/* Values. They are put where it is known that there is room for the largest record. */

static uint8_t *put_u8(uint8_t *at, uint8_t number)
{
	*at = number;
	return at + 1;
}

static uint8_t *put_u16(uint8_t *at, uint16_t number)
{
	knot_wire_write_u16(at, number);
	return at + 2;
}

static uint8_t *put_u32(uint8_t *at, uint32_t number)
{
	knot_wire_write_u32(at, number);
	return at + 4;
}

/*! Puts milliseconds: not less than none, and not more than there is room for. */
static uint8_t *put_ms(uint8_t *at, int64_t ms)
{
	ms = ms > 0 ? ms : 0;
	knot_wire_write_u48(at, ms < ANAME_STATE_TIME_MAX ? ms : ANAME_STATE_TIME_MAX);
	return at + 6;
}

/*! Puts how long ago something was; what came after the moment of saving came then. */
static uint8_t *put_age(uint8_t *at, int64_t since_ms, int64_t now_ms)
{
	int64_t age_ms;
	bool endless = __builtin_sub_overflow(now_ms, since_ms, &age_ms);
	return put_ms(at, endless ? ANAME_STATE_TIME_MAX : age_ms);
}

static uint8_t *put(uint8_t *at, const void *octets, size_t len)
{
	memcpy(at, octets, len);
	return at + len;
}

static uint8_t *put_name(uint8_t *at, const knot_dname_t *name)
{
	return put(at, name, knot_dname_size(name));
}

/*! Puts the length of an address and the address. Another length is left to be refused. */
static uint8_t *put_address(uint8_t *at, const uint8_t *address, uint16_t len)
{
	bool fits = len <= 16;
	return put(put_u8(at, fits ? len : UINT8_MAX), address, fits ? len : 0);
}

/*! Sees to it that the largest record has room; says where it goes, NULL if nowhere. */
static uint8_t *begin_record(aname_state_out_t *out, aname_state_kind_t kind)
{
	if (out->failed) {
		return NULL;
	}
	if (out->room - out->len < ANAME_STATE_RECORD_MAX) {
		size_t room = out->room < ROOM_MIN ? ROOM_MIN : 2 * out->room;
		uint8_t *data = room > out->room ? realloc(out->data, room) : NULL;
		if (data == NULL) {
			out->failed = true;
			return NULL;
		}
		out->data = data;
		out->room = room;
	}
	uint8_t *at = out->data + out->len;
	at[0] = kind;
	return at + ANAME_STATE_RECORD_HEAD;
}

/*! Ends a record, unless it is one that nobody would read. */
static void end_record(aname_state_out_t *out, const uint8_t *end)
{
	uint8_t *head = out->data + out->len;
	const uint8_t *at = head + ANAME_STATE_RECORD_HEAD;
	size_t len = end - at;
	head[1] = len >> 16;
	knot_wire_write_u16(head + 2, len & UINT16_MAX);
	aname_state_record_t record;
	if (aname_state_record_read(head[0], at, len, out->upstreams, out->definitions, &record)) {
		out->len = end - out->data;
	} else {
		out->failed = true;
	}
}

/*! Counts one more of those of which there may not be more than so many. */
static void count(aname_state_out_t *out, uint32_t *number, uint32_t most)
{
	if (!out->failed && ++*number > most) {
		out->failed = true;
	}
}

void aname_state_begin(aname_state_out_t *out, const aname_state_moment_t *moment)
{
	*out = (aname_state_out_t){ .data = out->data, .room = out->room };
	uint8_t *head = begin_record(out, ANAME_STATE_END);
	if (head == NULL) {
		return;
	}
	head = out->data;
	memcpy(head, aname_state_magic, ANAME_STATE_MAGIC_LEN);
	knot_wire_write_u32(head + ANAME_STATE_VERSION_AT, ANAME_STATE_VERSION);
	memcpy(head + ANAME_STATE_BOOT_ID_AT, moment->boot_id, sizeof(moment->boot_id));
	knot_wire_write_u64(head + ANAME_STATE_BOOT_AT, moment->boot_ms);
	knot_wire_write_u64(head + ANAME_STATE_WALL_AT, moment->wall_ms);
	out->len = ANAME_STATE_HEAD;
	out->failed = moment->boot_ms < 0 || moment->boot_ms > ANAME_STATE_TIME_MAX ||
	              moment->wall_ms < 0 || moment->wall_ms > ANAME_STATE_TIME_MAX;
}

void aname_state_add_upstream(aname_state_out_t *out, const aname_state_upstream_t *upstream)
{
	const aname_source_t *source = &upstream->source;
	uint8_t *at = begin_record(out, ANAME_STATE_UPSTREAM);
	if (at == NULL || source->servers_count > ANAME_SERVERS_MAX) {
		out->failed = true;
		return;
	}
	bool via_ipv4 = aname_source_has_via(source, false);
	bool via_ipv6 = aname_source_has_via(source, true);
	at = put_u32(at, upstream->ttl_min);
	at = put_u32(at, upstream->ttl_max);
	at = put_u8(at, (source->secure ? ANAME_STATE_SECURE : 0) |
	                        (via_ipv4 ? ANAME_STATE_VIA_IPV4 : 0) |
	                        (via_ipv6 ? ANAME_STATE_VIA_IPV6 : 0));
	at = put(at, source->via_ipv4, via_ipv4 ? sizeof(source->via_ipv4) : 0);
	at = put(at, source->via_ipv6, via_ipv6 ? sizeof(source->via_ipv6) : 0);
	at = put_u8(at, source->servers_count);
	for (uint32_t i = 0; i < source->servers_count; i++) {
		const aname_server_t *server = &source->servers[i];
		at = put_u16(at, server->port);
		at = put_address(at, server->address, server->len);
	}
	end_record(out, at);
	count(out, &out->upstreams, ANAME_STATE_UPSTREAMS_MAX);
}

/*! Puts a text; one without an end is left to be refused. */
static uint8_t *put_text(uint8_t *at, const char text[ANAME_PROBE_TEXT_MAX])
{
	size_t len = strnlen(text, ANAME_PROBE_TEXT_MAX - 1);
	return put(put_u8(at, len), text, len);
}

void aname_state_add_definition(aname_state_out_t *out, const aname_probe_t *probe)
{
	uint8_t *at = begin_record(out, ANAME_STATE_DEFINITION);
	if (at == NULL || probe->statuses_count > ANAME_PROBE_STATUSES_MAX ||
	    probe->kind > UINT8_MAX || probe->verify > 1 || probe->fall > UINT8_MAX ||
	    probe->rise > UINT8_MAX) {
		out->failed = true;
		return;
	}
	at = put_u8(at, probe->kind);
	at = put_u16(at, probe->port);
	at = put_u8(at, probe->verify);
	at = put_u32(at, probe->interval_ms);
	at = put_u32(at, probe->timeout_ms);
	at = put_u8(at, probe->fall);
	at = put_u8(at, probe->rise);
	at = put_u8(at, probe->statuses_count);
	for (uint16_t i = 0; i < probe->statuses_count; i++) {
		at = put_u16(at, probe->statuses[i].low);
		at = put_u16(at, probe->statuses[i].high);
	}
	at = put_text(at, probe->host);
	at = put_text(at, probe->path);
	end_record(out, at);
	count(out, &out->definitions, ANAME_STATE_DEFINITIONS_MAX);
}

void aname_state_add_verdict(aname_state_out_t *out, const aname_state_verdict_t *verdict)
{
	uint8_t *at = begin_record(out, ANAME_STATE_VERDICT);
	if (at == NULL) {
		return;
	}
	at = put_u16(at, verdict->definition);
	at = put_u8(at, verdict->health);
	at = put_ms(at, verdict->age_ms);
	at = put_address(at, verdict->address, verdict->len);
	at = put_name(at, verdict->name);
	end_record(out, at);
}

/*! Puts an answer, as take_answer() in record.c takes it. */
static uint8_t *put_answer(uint8_t *at, const aname_snapshot_t *snapshot, int64_t now_ms)
{
	at = put_age(at, snapshot->learned_ms, now_ms);
	at = put_u32(at, snapshot->ttl);
	at = put_u16(at, snapshot->pick);
	at = put_u16(at, snapshot->usual_ms);
	at = put_u8(at, snapshot->scope);
	at = put_u8(at, snapshot->bare);
	if (snapshot->known != ANAME_KNOWN_ADDRESSES) {
		return at;
	}
	at = put_u16(at, snapshot->count);
	knot_rdata_t *rdata = aname_snapshot_rdataset(snapshot).rdata;
	for (unsigned i = 0; i < snapshot->count; i++, rdata = knot_rdataset_next(rdata)) {
		at = put(at, rdata->data, rdata->len);
	}
	return at;
}

static uint8_t *put_known(uint8_t *at, const aname_snapshot_t *snapshot, int64_t now_ms)
{
	const aname_lost_t *lost = aname_snapshot_lost(snapshot);
	const aname_failing_t *failing = aname_snapshot_failing(snapshot);
	at = put_u8(at, snapshot->known | (lost != NULL ? ANAME_STATE_LOST : 0) |
	                        (lost != NULL && lost->nxdomain ? ANAME_STATE_NXDOMAIN : 0) |
	                        snapshot->failure << ANAME_STATE_FAILURE_SHIFT);
	if (snapshot->known != ANAME_KNOWN_NOTHING) {
		at = put_answer(at, snapshot, now_ms);
	}
	if (lost != NULL) {
		at = put_age(at, lost->since_ms, now_ms);
		at = put_answer(at, aname_snapshot_last(snapshot), now_ms);
	}
	if (failing != NULL) {
		at = put_age(at, failing->since_ms, now_ms);
	}
	return at;
}

void aname_state_add_target(aname_state_out_t *out, const aname_state_target_t *target,
                            const aname_snapshot_t *snapshot, int64_t now_ms)
{
	uint8_t *at = begin_record(out, ANAME_STATE_TARGET);
	if (at == NULL || target->views > ANAME_VIEWS_DEFINITIONS ||
	    (target->type != KNOT_RRTYPE_A && target->type != KNOT_RRTYPE_AAAA) ||
	    (snapshot != NULL && snapshot->count > ANAME_ADDRESSES_MAX)) {
		out->failed = true;
		return;
	}
	at = put_u16(at, target->upstream);
	at = put_u8(at, (target->type == KNOT_RRTYPE_AAAA ? ANAME_STATE_AAAA : 0) |
	                        (target->dormant ? ANAME_STATE_DORMANT : 0) |
	                        (snapshot != NULL ? ANAME_STATE_KNOWN : 0) |
	                        target->views << ANAME_STATE_VIEWS_SHIFT);
	at = put_u8(at, target->failures);
	at = put_u16(at, target->demand);
	at = put_u32(at, target->asked_s);
	at = put_u32(at, target->until_s);
	at = put_u32(at, target->min_ttl);
	int64_t next_ms = target->next_ms;
	next_ms = next_ms < ANAME_STATE_NEXT_ZERO ? next_ms : ANAME_STATE_NEXT_ZERO;
	next_ms = next_ms > -ANAME_STATE_NEXT_ZERO ? next_ms : -ANAME_STATE_NEXT_ZERO;
	at = put_ms(at, next_ms + ANAME_STATE_NEXT_ZERO);
	for (unsigned i = 0; i < target->views; i++) {
		at = put_u16(at, target->definitions[i]);
	}
	at = put_name(at, target->name);
	at = snapshot != NULL ? put_known(at, snapshot, now_ms) : at;
	end_record(out, at);
}

void aname_state_add_force(aname_state_out_t *out, const aname_state_force_t *force)
{
	const aname_subject_t *subject = &force->subject;
	uint8_t *at = begin_record(out, ANAME_STATE_FORCE);
	if (at == NULL) {
		return;
	}
	int64_t most_ms = ANAME_STATE_LEFT_EVER - (force->left_ms == ANAME_FORCED_EVER ? 0 : 1);
	at = put_u8(at, force->state);
	at = put_ms(at, force->age_ms);
	at = put_ms(at, force->left_ms < most_ms ? force->left_ms : most_ms);
	at = put_address(at, subject->address, subject->len);
	at = subject->len == 0 ? put_name(at, subject->name) : at;
	end_record(out, at);
	count(out, &out->forces, ANAME_FORCES_MAX);
}

void aname_state_add_key(aname_state_out_t *out, const aname_state_key_t *key)
{
	size_t len = strnlen(key->directories, ANAME_DIRECTORIES_SIZE);
	uint8_t *at = begin_record(out, ANAME_STATE_KEY);
	if (at == NULL || len == ANAME_DIRECTORIES_SIZE) {
		out->failed = true;
		return;
	}
	at = put_u16(at, len);
	at = put(at, key->directories, len + 1);
	at = put(at, key->rdata, key->rdata_len);
	end_record(out, at);
}

bool aname_state_end(aname_state_out_t *out)
{
	uint8_t *at = begin_record(out, ANAME_STATE_END);
	if (at != NULL) {
		end_record(out, at);
	}
	if (out->failed || out->len > ANAME_STATE_SIZE_MAX) {
		out->failed = true;
		return false;
	}
	knot_wire_write_u64(out->data + ANAME_STATE_LENGTH_AT, out->len);
	knot_wire_write_u32(out->data + ANAME_STATE_CHECKSUM_AT,
	                    aname_state_checksum(out->data, out->len));
	return true;
}
