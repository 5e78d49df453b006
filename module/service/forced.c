#include "service/forced.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/errcode.h>

/*! In order of their subjects. Few, and looked at for every address that is published. */
struct aname_forces {
	size_t count;
	uint64_t changes;
	aname_force_t *at[ANAME_FORCES_MAX];
};

/*! Order: addresses before names, then by octets. */
static int compare(const aname_subject_t *one, const aname_subject_t *other)
{
	if (one->len != other->len) {
		return one->len == 0 || (other->len != 0 && one->len > other->len) ? 1 : -1;
	}
	if (one->len > 0) {
		return memcmp(one->address, other->address, one->len);
	}
	size_t len = knot_dname_size(one->name), other_len = knot_dname_size(other->name);
	return len != other_len ? (len > other_len) - (len < other_len)
	                        : memcmp(one->name, other->name, len);
}

/*! Where a subject stands, or would have to. */
static size_t position_of(const aname_forces_t *forces, const aname_subject_t *subject, bool *found)
{
	size_t low = 0, high = forces->count;
	*found = false;
	while (low < high && !*found) {
		size_t middle = low + (high - low) / 2;
		int order = compare(subject, &forces->at[middle]->subject);
		*found = order == 0;
		if (order > 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return *found ? high : low;
}

static void take_out(aname_forces_t *forces, size_t position)
{
	free(forces->at[position]);
	forces->count--;
	forces->changes++;
	memmove(&forces->at[position], &forces->at[position + 1],
	        (forces->count - position) * sizeof(forces->at[0]));
}

/*! Makes room at a position, and a force that says nothing yet. */
static aname_force_t *put_in(aname_forces_t *forces, size_t position,
                             const aname_subject_t *subject)
{
	aname_force_t *force = calloc(1, sizeof(*force));
	if (force == NULL) {
		return NULL;
	}
	force->subject.len = subject->len;
	if (subject->len > 0) {
		memcpy(force->subject.address, subject->address, subject->len);
	} else {
		memcpy(force->subject.name, subject->name, knot_dname_size(subject->name));
	}
	memmove(&forces->at[position + 1], &forces->at[position],
	        (forces->count - position) * sizeof(forces->at[0]));
	forces->at[position] = force;
	forces->count++;
	return force;
}

aname_forces_t *aname_forces_new(void)
{
	return calloc(1, sizeof(aname_forces_t));
}

void aname_forces_free(aname_forces_t *forces)
{
	for (size_t i = 0; forces != NULL && i < forces->count; i++) {
		free(forces->at[i]);
	}
	free(forces);
}

int aname_forces_set(aname_forces_t *forces, const aname_subject_t *subject, aname_forced_t state,
                     int64_t until_ms, int64_t now_ms)
{
	bool found;
	size_t position = position_of(forces, subject, &found);
	if (state == ANAME_FORCED_AUTO) {
		if (!found) {
			return KNOT_ENOENT;
		}
		take_out(forces, position);
		return KNOT_EOK;
	}
	if (!found && forces->count == ANAME_FORCES_MAX) {
		return KNOT_ELIMIT;
	}
	aname_force_t *force = found ? forces->at[position] : put_in(forces, position, subject);
	if (force == NULL) {
		return KNOT_ENOMEM;
	}
	if (force->state != state) {
		force->state = state;
		force->since_ms = now_ms;
	}
	force->until_ms = until_ms;
	forces->changes++;
	return KNOT_EOK;
}

bool aname_forces_restore(aname_forces_t *forces, const aname_force_t *force)
{
	return aname_forces_find(forces, &force->subject) == NULL &&
	       aname_forces_set(forces, &force->subject, force->state, force->until_ms,
	                        force->since_ms) == KNOT_EOK;
}

uint64_t aname_forces_changes(const aname_forces_t *forces)
{
	return forces->changes;
}

const aname_force_t *aname_forces_find(const aname_forces_t *forces, const aname_subject_t *subject)
{
	bool found;
	size_t position = position_of(forces, subject, &found);
	return found ? forces->at[position] : NULL;
}

static const aname_force_t *find_address(const aname_forces_t *forces, const uint8_t *address,
                                         uint8_t len)
{
	aname_subject_t subject;
	subject.len = len;
	memcpy(subject.address, address, len);
	return aname_forces_find(forces, &subject);
}

static const aname_force_t *find_name(const aname_forces_t *forces, const knot_dname_t *name)
{
	aname_subject_t subject;
	subject.len = 0;
	memcpy(subject.name, name, knot_dname_size(name));
	return aname_forces_find(forces, &subject);
}

const aname_force_t *aname_forces_about(const aname_forces_t *forces, const knot_dname_t *name,
                                        const uint8_t *address, uint8_t len)
{
	if (forces->count == 0) {
		return NULL;
	}
	const aname_force_t *own = address != NULL ? find_address(forces, address, len) : NULL;
	const aname_force_t *target = name != NULL ? find_name(forces, name) : NULL;
	return own != NULL ? own : target;
}

aname_forced_t aname_forces_of(const aname_forces_t *forces, const knot_dname_t *name,
                               const uint8_t *address, uint8_t len, int64_t *since_ms)
{
	const aname_force_t *force = aname_forces_about(forces, name, address, len);
	if (force == NULL) {
		return ANAME_FORCED_AUTO;
	}
	if (since_ms != NULL) {
		*since_ms = force->since_ms;
	}
	return force->state;
}

bool aname_forces_any(const aname_forces_t *forces)
{
	return forces->count > 0;
}

bool aname_forces_expire(aname_forces_t *forces, int64_t now_ms, aname_force_t *ended)
{
	for (size_t i = 0; i < forces->count; i++) {
		int64_t until_ms = forces->at[i]->until_ms;
		if (until_ms != ANAME_FORCED_EVER && until_ms <= now_ms) {
			*ended = *forces->at[i];
			take_out(forces, i);
			return true;
		}
	}
	return false;
}

int64_t aname_forces_next(const aname_forces_t *forces)
{
	int64_t next_ms = INT64_MAX;
	for (size_t i = 0; i < forces->count; i++) {
		int64_t until_ms = forces->at[i]->until_ms;
		next_ms = until_ms < next_ms ? until_ms : next_ms;
	}
	return next_ms;
}

const aname_force_t *aname_forces_step(const aname_forces_t *forces, size_t *position)
{
	return *position < forces->count ? forces->at[(*position)++] : NULL;
}

void aname_subject_text(const aname_subject_t *subject, char text[ANAME_SUBJECT_TEXT_MAX])
{
	text[0] = '\0';
	if (subject->len > 0) {
		(void)inet_ntop(subject->len == 4 ? AF_INET : AF_INET6, subject->address, text,
		                ANAME_SUBJECT_TEXT_MAX);
	} else {
		(void)knot_dname_to_str(text, subject->name, ANAME_SUBJECT_TEXT_MAX);
	}
}
