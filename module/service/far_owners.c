#include "service/far_owners.h"

#include <stdlib.h>
#include <string.h>

#include "service/enquiry.h"

/*! Names that are asked for, from one target on. */
#define NAMES_MAX   16
/*! What is noted is asked again with a lookup after so long, */
#define AGAIN_MS    30000
/*! and gives way to any other one if it was not for so long. */
#define GIVE_WAY_MS 600000

typedef struct {
	aname_owner_word_t word; /*!< By which it is registered. */
	uint64_t owner;          /*!< Its hash. */
	int64_t seen_ms;         /*!< When it was found last. */
	uint32_t zone;           /*!< To which it is charged. */
	uint16_t type;           /*!< Of its records. */
} far_owner_t;

struct aname_far_owners {
	aname_owners_t *owners;
	_Atomic uint64_t *full;                  /*!< Counts that there was no room. */
	far_owner_t *list[ANAME_FAR_OWNERS_MAX]; /*!< The words stay where they are. */
	size_t count;
	uint32_t walking[ANAME_FAR_OWNERS_WALKS]; /*!< Zones whose names are being asked for. */
	unsigned walks;
	uint16_t types[ANAME_RRTYPES_MAX]; /*!< Of the records that owners here were seen with. */
	unsigned types_count;
};

/*! Questions that follow each other from name to name. */
typedef struct {
	aname_enquiry_t enquiry;
	uint32_t zone;      /*!< Whose target they began with. */
	uint16_t type;      /*!< Of the records that are looked for, */
	uint16_t asked;     /*!< and of those that are asked for now. */
	unsigned count, at; /*!< Names, and the one that is asked for. */
	knot_dname_storage_t names[NAMES_MAX];
} walk_t;

aname_far_owners_t *aname_far_owners_new(aname_shared_t *shared)
{
	aname_far_owners_t *far = calloc(1, sizeof(*far));
	if (far != NULL) {
		far->owners = shared->owners;
		far->full = &shared->reached.far_full;
	}
	return far;
}

static void drop(aname_far_owners_t *far, size_t at)
{
	aname_owners_drop(far->owners, &far->list[at]->word);
	free(far->list[at]);
	far->list[at] = far->list[--far->count];
}

void aname_far_owners_free(aname_far_owners_t *far)
{
	while (far != NULL && far->count > 0) {
		drop(far, far->count - 1);
	}
	free(far);
}

size_t aname_far_owners_count(const aname_far_owners_t *far)
{
	return far->count;
}

/* What is noted. */

/*! Where an owner is in the list; `count` if it is not. */
static size_t find(const aname_far_owners_t *far, uint64_t owner)
{
	size_t at = 0;
	while (at < far->count && far->list[at]->owner != owner) {
		at++;
	}
	return at;
}

static size_t held_by(const aname_far_owners_t *far, uint32_t zone)
{
	size_t held = 0;
	for (size_t i = 0; i < far->count; i++) {
		held += far->list[i]->zone == zone;
	}
	return held;
}

/*! Would a zone that had one more still hold fewer than another one? */
static bool is_lighter(const aname_far_owners_t *far, uint32_t zone, uint32_t other)
{
	return held_by(far, zone) + 1 < held_by(far, other);
}

/*! The zone that holds the most. */
static uint32_t heaviest(const aname_far_owners_t *far)
{
	uint32_t zone = far->list[0]->zone;
	size_t most = held_by(far, zone);
	for (size_t i = 1; i < far->count; i++) {
		uint32_t other = far->list[i]->zone;
		size_t held = other != zone ? held_by(far, other) : 0;
		if (held > most) {
			zone = other;
			most = held;
		}
	}
	return zone;
}

/*! Who was not found for longest, of a zone; NULL: of all. */
static size_t oldest(const aname_far_owners_t *far, const uint32_t *zone)
{
	size_t oldest = far->count;
	for (size_t i = 0; i < far->count; i++) {
		if ((zone == NULL || far->list[i]->zone == *zone) &&
		    (oldest == far->count || far->list[i]->seen_ms < far->list[oldest]->seen_ms)) {
			oldest = i;
		}
	}
	return oldest;
}

/*! Makes room for one more of a zone; false if nobody has to give way. */
static bool make_room(aname_far_owners_t *far, uint32_t zone, int64_t now_ms)
{
	if (far->count < ANAME_FAR_OWNERS_MAX) {
		return true;
	}
	size_t at = oldest(far, NULL);
	if (now_ms - far->list[at]->seen_ms < GIVE_WAY_MS) {
		atomic_fetch_add(far->full, 1);
		uint32_t most = heaviest(far);
		if (!is_lighter(far, zone, most)) {
			return false;
		}
		at = oldest(far, &most);
	}
	drop(far, at);
	return true;
}

/*! Notes one, which a target of this zone leads to. */
static void note(aname_far_owners_t *far, const aname_owner_t *owner, uint32_t zone, int64_t now_ms)
{
	size_t at = find(far, owner->owner);
	if (at == far->count) {
		far_owner_t *new = make_room(far, zone, now_ms) ? calloc(1, sizeof(*new)) : NULL;
		if (new == NULL) {
			return;
		}
		atomic_init(&new->word, ANAME_OWNER_NEW);
		new->owner = owner->owner;
		new->zone = zone;
		at = far->count++;
		far->list[at] = new;
	}
	far_owner_t *noted = far->list[at];
	noted->zone = is_lighter(far, zone, noted->zone) ? zone : noted->zone;
	noted->type = owner->type;
	noted->seen_ms = now_ms;
	if (!aname_owners_register_far(far->owners, &noted->word, owner)) {
		drop(far, at);
	}
}

/*! There are no records of this type any more. */
static void forget(aname_far_owners_t *far, uint64_t owner, uint16_t type)
{
	size_t at = find(far, owner);
	if (at < far->count && far->list[at]->type == type) {
		drop(far, at);
	}
}

/*! Was it found of late? If it is charged to a zone that holds more it is found anew, and charged to
 *  this one: else it gave way with what is the other zone's. */
static bool is_recent(const aname_far_owners_t *far, size_t at, uint32_t zone, int64_t now_ms)
{
	const far_owner_t *noted = far->list[at];
	return now_ms - noted->seen_ms < AGAIN_MS && !is_lighter(far, zone, noted->zone);
}

/* Questions. */

static uint64_t hash_of(const aname_far_owners_t *far, const knot_dname_t *name)
{
	return aname_owners_hash(far->owners, name, knot_dname_size(name));
}

/*! Is it known well enough what stands at a name? An owner of this server: that it is one. */
static bool is_known(const aname_far_owners_t *far, const knot_dname_t *name, uint32_t zone,
                     int64_t now_ms)
{
	uint16_t type;
	bool confirmed;
	uint64_t owner = hash_of(far, name);
	size_t at = find(far, owner);
	return (at < far->count && is_recent(far, at, zone, now_ms)) ||
	       (aname_owners_ask(far->owners, owner, &type, &confirmed) && confirmed);
}

/*! Has a name asked for, too. */
static void add_name(walk_t *walk, const knot_dname_t *name)
{
	unsigned i = 0;
	while (i < walk->count && !knot_dname_is_equal(walk->names[i], name)) {
		i++;
	}
	if (i == walk->count && i < NAMES_MAX) {
		walk->count += knot_dname_store(walk->names[i], name) > 0;
	}
}

/*! The next name that is not known well enough, in any order; NULL: there is none. */
static const knot_dname_t *next_name(aname_refresh_t *refresh, walk_t *walk, int64_t now_ms)
{
	for (; walk->at < walk->count; walk->at++) {
		uint8_t *name = walk->names[walk->at];
		unsigned left = walk->count - walk->at;
		uint8_t *any = walk->names[walk->at + aname_refresh_chance(refresh) % left];
		knot_dname_storage_t first;
		memcpy(first, name, sizeof(first));
		memmove(name, any, sizeof(first));
		memcpy(any, first, sizeof(first));
		if (!is_known(refresh->far_owners, name, walk->zone, now_ms)) {
			return name;
		}
	}
	return NULL;
}

static bool is_walking(const aname_far_owners_t *far, uint32_t zone)
{
	unsigned i = 0;
	while (i < far->walks && far->walking[i] != zone) {
		i++;
	}
	return i < far->walks;
}

static void end_walk(aname_far_owners_t *far, walk_t *walk)
{
	unsigned i = 0;
	while (far->walking[i] != walk->zone) {
		i++;
	}
	far->walking[i] = far->walking[--far->walks];
	free(walk);
}

/*! Asks for the next name. That was all if there is none, or if it cannot be asked for now. */
static void go_on(aname_refresh_t *refresh, walk_t *walk, int64_t now_ms)
{
	aname_far_owners_t *far = refresh->far_owners;
	aname_question_t question = { .name = next_name(refresh, walk, now_ms),
		                      .type = walk->type };
	if (question.name != NULL) {
		/* An owner of this server is asked about as what it is. */
		bool confirmed;
		(void)aname_owners_ask(far->owners, hash_of(far, question.name), &question.type,
		                       &confirmed);
		walk->asked = question.type;
	}
	if (question.name == NULL || !aname_enquiry_start(refresh, walk->enquiry.upstream,
	                                                  &question, &walk->enquiry, now_ms)) {
		end_walk(far, walk);
	}
}

/*! Is it an owner here that has these records? If there is one by that name, it is confirmed, or not
 *  any more. */
static bool is_ours(aname_far_owners_t *far, const aname_owner_t *owner,
                    const aname_result_t *result)
{
	uint16_t type;
	bool confirmed;
	if (!aname_owners_ask(far->owners, owner->owner, &type, &confirmed)) {
		return false;
	}
	/* Records of another type say nothing about its own. */
	if (type == owner->type) {
		aname_owners_confirm(far->owners, owner->owner,
		                     aname_enquiry_sum(far->owners, result));
		(void)aname_owners_ask(far->owners, owner->owner, &type, &confirmed);
	}
	return confirmed;
}

/*! Notes the records at a name, and has their targets asked for. */
static void take_records(aname_refresh_t *refresh, walk_t *walk, const knot_dname_t *name,
                         const aname_result_t *result, int64_t now_ms)
{
	aname_far_owners_t *far = refresh->far_owners;
	aname_owner_t owner = { .owner = hash_of(far, name), .type = walk->asked };
	const knot_dname_t *target = result->addresses;
	for (uint32_t i = 0; i < result->count; i++) {
		aname_owner_add(&owner, hash_of(far, target));
		add_name(walk, target);
		target += knot_dname_size(target);
	}
	bool ours = is_ours(far, &owner, result);
	if (result->count > 0 && !ours) {
		note(far, &owner, walk->zone, now_ms);
	} else {
		forget(far, owner.owner, walk->asked);
	}
}

/*! An alias leads to where it ends, as an owner with one record would. */
static void take_alias(aname_refresh_t *refresh, const walk_t *walk, const knot_dname_t *last,
                       int64_t now_ms)
{
	aname_far_owners_t *far = refresh->far_owners;
	aname_owner_t alias = { .owner = hash_of(far, walk->names[walk->at]), .type = walk->asked };
	aname_owner_add(&alias, hash_of(far, last));
	note(far, &alias, walk->zone, now_ms);
}

static void take(aname_refresh_t *refresh, aname_enquiry_t *enquiry, const aname_result_t *result,
                 int64_t now_ms)
{
	aname_far_owners_t *far = refresh->far_owners;
	walk_t *walk = (walk_t *)enquiry;
	if (result->failure != ANAME_FAILURE_NONE) {
		/* Others after it may take as long. */
		end_walk(far, walk);
		return;
	}
	const knot_dname_t *name = walk->names[walk->at];
	const knot_dname_t *last = result->last != NULL ? result->last : name;
	bool aliased = !knot_dname_is_equal(last, name);
	if (aliased && result->count > 0) {
		take_alias(refresh, walk, last, now_ms);
	} else if (aliased) {
		forget(far, hash_of(far, name), walk->asked);
	}
	take_records(refresh, walk, last, result, now_ms);
	walk->at++;
	go_on(refresh, walk, now_ms);
}

/*! The type to look for: of those of the owners here any, since who was registered last may have
 *  another one than the owner that the target belongs to; 0: there is none yet. */
static uint16_t any_type(aname_refresh_t *refresh)
{
	aname_far_owners_t *far = refresh->far_owners;
	uint16_t type = aname_owners_type(far->owners);
	unsigned i = 0;
	while (i < far->types_count && far->types[i] != type) {
		i++;
	}
	if (type != 0 && i == far->types_count && i < ANAME_RRTYPES_MAX) {
		far->types[far->types_count++] = type;
	}
	return far->types_count > 0 ? far->types[aname_refresh_chance(refresh) % far->types_count]
	                            : 0;
}

/*! Is it time to ask about where a target ends? If nothing is known there about once in `idle`, so
 *  that those whose answers live long are asked for as often as others. */
static bool is_time(aname_refresh_t *refresh, aname_entry_t *entry, const knot_dname_t *end,
                    uint32_t life_s, int64_t now_ms)
{
	const aname_far_owners_t *far = refresh->far_owners;
	size_t at = find(far, hash_of(far, end));
	if (at < far->count) {
		return !is_recent(far, at, aname_entry_zone(entry), now_ms);
	}
	uint32_t idle_s = entry->upstream->terms.schedule.idle;
	return aname_refresh_chance(refresh) % (idle_s + 1) <= life_s;
}

/*! May names be asked for from a target of this zone on? */
static bool may_walk(const aname_refresh_t *refresh, const aname_entry_t *entry)
{
	const aname_far_owners_t *far = refresh->far_owners;
	return far->walks < ANAME_FAR_OWNERS_WALKS && !is_walking(far, aname_entry_zone(entry)) &&
	       aname_enquiry_has_room(refresh, aname_work_of(entry), true);
}

void aname_far_owners_ask(aname_refresh_t *refresh, aname_entry_t *entry, const knot_dname_t *last,
                          uint32_t life_s, int64_t now_ms)
{
	aname_far_owners_t *far = refresh->far_owners;
	const knot_dname_t *end = last != NULL ? last : aname_entry_name(entry);
	uint16_t type = any_type(refresh);
	if (type == 0 || entry->for_subnet || !is_time(refresh, entry, end, life_s, now_ms) ||
	    !may_walk(refresh, entry)) {
		return;
	}
	walk_t *walk = calloc(1, sizeof(*walk));
	if (walk == NULL) {
		return;
	}
	walk->enquiry.take = take;
	walk->enquiry.walk = true;
	walk->enquiry.upstream = entry->upstream;
	walk->zone = aname_entry_zone(entry);
	walk->type = type;
	add_name(walk, end);
	far->walking[far->walks++] = walk->zone;
	go_on(refresh, walk, now_ms);
}
