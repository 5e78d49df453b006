#include "service/state/reader.h"

#include <string.h>

#include <libknot/wire.h>

/*! Reads the head of all but the records. */
static aname_state_fault_t read_head(aname_state_in_t *in, const uint8_t *data, size_t len)
{
	if (len == 0) {
		return ANAME_STATE_EMPTY;
	}
	if (aname_state_is_foreign(data, len)) {
		return ANAME_STATE_FOREIGN;
	}
	if (len < ANAME_STATE_CHECKSUM_AT) {
		return ANAME_STATE_DAMAGED;
	}
	in->version = knot_wire_read_u32(data + ANAME_STATE_VERSION_AT);
	if (in->version != ANAME_STATE_VERSION) {
		return ANAME_STATE_VERSION_DIFFERS;
	}
	if (len < ANAME_STATE_HEAD || len > ANAME_STATE_SIZE_MAX ||
	    knot_wire_read_u64(data + ANAME_STATE_LENGTH_AT) != len ||
	    knot_wire_read_u32(data + ANAME_STATE_CHECKSUM_AT) != aname_state_checksum(data, len)) {
		return ANAME_STATE_DAMAGED;
	}
	uint64_t boot_ms = knot_wire_read_u64(data + ANAME_STATE_BOOT_AT);
	uint64_t wall_ms = knot_wire_read_u64(data + ANAME_STATE_WALL_AT);
	in->moment = (aname_state_moment_t){ .boot_ms = boot_ms, .wall_ms = wall_ms };
	memcpy(in->moment.boot_id, data + ANAME_STATE_BOOT_ID_AT, sizeof(in->moment.boot_id));
	return boot_ms <= ANAME_STATE_TIME_MAX && wall_ms <= ANAME_STATE_TIME_MAX
	               ? ANAME_STATE_GOOD
	               : ANAME_STATE_DAMAGED;
}

/*! Reads the record that stands at `in->at`, which moves behind it; false if it is not right. */
static bool read_record(aname_state_in_t *in, aname_state_kind_t *kind,
                        aname_state_record_t *record)
{
	if (in->end - in->at < ANAME_STATE_RECORD_HEAD) {
		return false;
	}
	const uint8_t *at = in->at + ANAME_STATE_RECORD_HEAD;
	size_t len = (size_t)in->at[1] << 16 | knot_wire_read_u16(in->at + 2);
	*kind = in->at[0];
	if ((size_t)(in->end - at) < len ||
	    !aname_state_record_read(*kind, at, len, in->upstreams, in->definitions, record)) {
		return false;
	}
	in->at = at + len;
	return true;
}

/*! Counts a record; false if there are too many of its kind. */
static bool count_record(aname_state_in_t *in, aname_state_kind_t kind)
{
	switch (kind) {
	case ANAME_STATE_END: break;
	case ANAME_STATE_UPSTREAM: in->upstreams++; break;
	case ANAME_STATE_DEFINITION: in->definitions++; break;
	case ANAME_STATE_VERDICT: in->verdicts++; break;
	case ANAME_STATE_TARGET: in->targets++; break;
	case ANAME_STATE_FORCE: in->forces++; break;
	case ANAME_STATE_KEY: in->keys++; break;
	}
	return in->upstreams <= ANAME_STATE_UPSTREAMS_MAX &&
	       in->definitions <= ANAME_STATE_DEFINITIONS_MAX && in->forces <= ANAME_FORCES_MAX;
}

bool aname_state_is_foreign(const uint8_t *data, size_t len)
{
	return memcmp(data, aname_state_magic,
	              len < ANAME_STATE_MAGIC_LEN ? len : ANAME_STATE_MAGIC_LEN) != 0;
}

uint64_t aname_state_length(const uint8_t *head, size_t len)
{
	return len >= ANAME_STATE_HEAD ? knot_wire_read_u64(head + ANAME_STATE_LENGTH_AT) : 0;
}

aname_state_fault_t aname_state_open(aname_state_in_t *in, const uint8_t *data, size_t len)
{
	*in = (aname_state_in_t){ 0 };
	aname_state_fault_t fault = read_head(in, data, len);
	if (fault != ANAME_STATE_GOOD) {
		return fault;
	}
	in->at = data + ANAME_STATE_HEAD;
	in->end = data + len;
	aname_state_kind_t kind = ANAME_STATE_END;
	aname_state_record_t record;
	do {
		if (!read_record(in, &kind, &record) || !count_record(in, kind)) {
			return ANAME_STATE_DAMAGED;
		}
	} while (kind != ANAME_STATE_END);
	if (in->at != in->end) {
		return ANAME_STATE_DAMAGED;
	}
	in->at = data + ANAME_STATE_HEAD;
	return ANAME_STATE_GOOD;
}

aname_state_kind_t aname_state_next(aname_state_in_t *in, aname_state_record_t *record)
{
	const uint8_t *at = in->at;
	aname_state_kind_t kind = ANAME_STATE_END;
	if (!read_record(in, &kind, record) || kind == ANAME_STATE_END) {
		in->at = at;
		return ANAME_STATE_END;
	}
	return kind;
}
