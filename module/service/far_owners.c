#include "service/far_owners.h"

#include <stdlib.h>
#include <string.h>

#include "service/enquiry.h"

/*! Names that are asked for, from one target on. */
#define NAMES_MAX   16
/*! What is noted is asked again with a lookup after so long, */
#define AGAIN_MS    30000
/*! and gives way to another one if it was not for so long. */
#define GIVE_WAY_MS 600000

typedef struct {
	aname_owner_word_t word; /*!< By which it is registered. */
	uint64_t owner;          /*!< Its hash. */
	int64_t seen_ms;         /*!< When it was found last. */
} far_owner_t;

struct aname_far_owners {
	aname_owners_t *owners;
	far_owner_t *list[ANAME_FAR_OWNERS_MAX]; /*!< The words stay where they are. */
	size_t count;
};

/*! Questions that follow each other from name to name. */
typedef struct {
	aname_enquiry_t enquiry;
	uint16_t type;
	unsigned count, at; /*!< Names, and the one that is asked for. */
	knot_dname_storage_t names[NAMES_MAX];
} walk_t;

aname_far_owners_t *aname_far_owners_new(aname_owners_t *owners)
{
	aname_far_owners_t *far = calloc(1, sizeof(*far));
	if (far != NULL) {
		far->owners = owners;
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

/*! Makes room by who was not found for longest; false if all were of late. */
static bool make_room(aname_far_owners_t *far, int64_t now_ms)
{
	if (far->count < ANAME_FAR_OWNERS_MAX) {
		return true;
	}
	size_t oldest = 0;
	for (size_t i = 1; i < far->count; i++) {
		if (far->list[i]->seen_ms < far->list[oldest]->seen_ms) {
			oldest = i;
		}
	}
	if (now_ms - far->list[oldest]->seen_ms < GIVE_WAY_MS) {
		return false;
	}
	drop(far, oldest);
	return true;
}

static void note(aname_far_owners_t *far, const aname_owner_t *owner, int64_t now_ms)
{
	size_t at = find(far, owner->owner);
	if (at == far->count) {
		far_owner_t *new = make_room(far, now_ms) ? calloc(1, sizeof(*new)) : NULL;
		if (new == NULL) {
			return;
		}
		atomic_init(&new->word, ANAME_OWNER_NEW);
		new->owner = owner->owner;
		at = far->count++;
		far->list[at] = new;
	}
	far->list[at]->seen_ms = now_ms;
	if (!aname_owners_register_far(far->owners, &far->list[at]->word, owner)) {
		drop(far, at);
	}
}

static void forget(aname_far_owners_t *far, uint64_t owner)
{
	size_t at = find(far, owner);
	if (at < far->count) {
		drop(far, at);
	}
}

/* Questions. */

static uint64_t hash_of(const aname_far_owners_t *far, const knot_dname_t *name)
{
	return aname_owners_hash(far->owners, name, knot_dname_size(name));
}

/*! Is it known well enough what stands at a name? An owner of this server: that it is one. */
static bool is_known(const aname_far_owners_t *far, const knot_dname_t *name, int64_t now_ms)
{
	uint16_t type;
	bool confirmed;
	uint64_t owner = hash_of(far, name);
	size_t at = find(far, owner);
	return (at < far->count && now_ms - far->list[at]->seen_ms < AGAIN_MS) ||
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

/*! Asks for the next name; false, and all is freed, if there is none. */
static bool go_on(aname_refresh_t *refresh, walk_t *walk, int64_t now_ms)
{
	while (walk->at < walk->count &&
	       is_known(refresh->far_owners, walk->names[walk->at], now_ms)) {
		walk->at++;
	}
	const aname_question_t question = { .name = walk->names[walk->at % NAMES_MAX],
		                            .type = walk->type };
	if (walk->at == walk->count ||
	    !aname_enquiry_start(refresh, walk->enquiry.upstream, &question, &walk->enquiry)) {
		free(walk);
		return false;
	}
	return true;
}

/*! Notes the records at a name, and has their targets asked for. */
static void take_records(aname_refresh_t *refresh, walk_t *walk, const knot_dname_t *name,
                         const aname_result_t *result, int64_t now_ms)
{
	aname_far_owners_t *far = refresh->far_owners;
	aname_owner_t owner = { .owner = hash_of(far, name), .type = walk->type };
	const knot_dname_t *target = result->addresses;
	for (uint32_t i = 0; i < result->count; i++) {
		aname_owner_add(&owner, hash_of(far, target));
		add_name(walk, target);
		target += knot_dname_size(target);
	}
	uint16_t type;
	bool confirmed;
	if (aname_owners_ask(far->owners, owner.owner, &type, &confirmed)) {
		aname_owners_confirm(far->owners, owner.owner,
		                     aname_enquiry_sum(far->owners, result));
	} else if (result->count > 0) {
		note(far, &owner, now_ms);
	} else {
		forget(far, owner.owner);
	}
}

/*! An alias leads to where it ends, as an owner with one record would. */
static void take_alias(aname_refresh_t *refresh, const walk_t *walk, const knot_dname_t *last,
                       int64_t now_ms)
{
	aname_far_owners_t *far = refresh->far_owners;
	aname_owner_t alias = { .owner = hash_of(far, walk->names[walk->at]), .type = walk->type };
	aname_owner_add(&alias, hash_of(far, last));
	note(far, &alias, now_ms);
}

static void take(aname_refresh_t *refresh, aname_enquiry_t *enquiry, const aname_result_t *result,
                 int64_t now_ms)
{
	walk_t *walk = (walk_t *)enquiry;
	if (result->failure == ANAME_FAILURE_NONE) {
		const knot_dname_t *name = walk->names[walk->at];
		const knot_dname_t *last = result->last != NULL ? result->last : name;
		bool aliased = !knot_dname_is_equal(last, name);
		if (aliased && result->count > 0) {
			take_alias(refresh, walk, last, now_ms);
		} else if (aliased) {
			forget(refresh->far_owners, hash_of(refresh->far_owners, name));
		}
		take_records(refresh, walk, last, result, now_ms);
	}
	walk->at++;
	(void)go_on(refresh, walk, now_ms);
}

/*! Is it time to ask about where a target ends? If nothing is known there about once in `idle`, so
 *  that those whose answers live long are asked for as often as others. */
static bool is_time(aname_refresh_t *refresh, aname_entry_t *entry, const knot_dname_t *end,
                    uint32_t life_s, int64_t now_ms)
{
	const aname_far_owners_t *far = refresh->far_owners;
	size_t at = find(far, hash_of(far, end));
	if (at < far->count) {
		return now_ms - far->list[at]->seen_ms >= AGAIN_MS;
	}
	uint32_t idle_s = entry->upstream->terms.schedule.idle;
	return aname_refresh_chance(refresh) % (idle_s + 1) <= life_s;
}

void aname_far_owners_ask(aname_refresh_t *refresh, aname_entry_t *entry, const knot_dname_t *last,
                          uint32_t life_s, int64_t now_ms)
{
	const knot_dname_t *end = last != NULL ? last : aname_entry_name(entry);
	uint16_t type = aname_owners_type(refresh->shared->owners);
	if (type == 0 || entry->for_subnet || !is_time(refresh, entry, end, life_s, now_ms) ||
	    is_known(refresh->far_owners, end, now_ms) ||
	    !aname_enquiry_has_room(refresh, aname_work_of(entry))) {
		return;
	}
	walk_t *walk = calloc(1, sizeof(*walk));
	if (walk == NULL) {
		return;
	}
	walk->enquiry.take = take;
	walk->enquiry.upstream = entry->upstream;
	walk->type = type;
	add_name(walk, end);
	(void)go_on(refresh, walk, now_ms);
}
