#include "follow/owners.h"

#include <stdlib.h>
#include <string.h>

#include "fnv.h"

/*! Of the 16 that stand for targets so many stand for one. */
#define TARGET_BITS 5

void kaname_owners_init(kaname_owners_t *owners, kaname_sets_t *sets)
{
	*owners = (kaname_owners_t){ .sets = sets };
	aname_hash_new_key(&owners->key);
}

/*! The hash of a name, and of where in it the zone begins. */
static uint64_t hash_of(const kaname_owners_t *owners, const knot_dname_t *name, size_t zone_at)
{
	size_t len = knot_dname_size(name);
	uint64_t hash = aname_hash_word(owners->key.begin, len + (zone_at << 8), &owners->key);
	return aname_hash_end(aname_hash_octets(hash, name, len, &owners->key));
}

static uint64_t hash_of_owner(const void *ctx, const kaname_chained_t *one)
{
	const kaname_follow_owner_t *owner = (const kaname_follow_owner_t *)one;
	return hash_of(ctx, kaname_follow_name(owner), owner->zone_at);
}

static uint64_t hash_of_target(const void *ctx, const kaname_chained_t *one)
{
	return hash_of(ctx, ((const kaname_follow_target_t *)one)->name, 0);
}

static uint16_t fold(uint64_t hash)
{
	return (uint16_t)(hash ^ hash >> 16 ^ hash >> 32 ^ hash >> 48) | 1;
}

/*! The bits that stand for a target. */
static uint16_t bits_of(const kaname_follow_target_t *target)
{
	uint64_t hash = aname_fnv(ANAME_FNV_BASIS, target->name, knot_dname_size(target->name));
	uint16_t bits = 0;
	for (unsigned count = 0; count < TARGET_BITS;) {
		uint16_t bit = 1u << (hash >> 60);
		count += (bits & bit) == 0;
		bits |= bit;
		/* All of its values come, one after the other (Knuth's MMIX). */
		hash = hash * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	}
	return bits;
}

uint32_t kaname_follow_record(const kaname_follow_owner_t *owner)
{
	uint16_t targets = 0;
	for (uint16_t i = 0; i < owner->targets_count; i++) {
		targets |= bits_of(owner->links[i].target);
	}
	uint64_t ttl = aname_fnv(ANAME_FNV_BASIS, &owner->ttl, sizeof(owner->ttl));
	return (uint32_t)targets << 16 | fold(ttl);
}

bool kaname_follow_has_others(const kaname_follow_owner_t *owner)
{
	bool others = owner->record != 0;
	for (uint16_t i = 0; i < owner->targets_count && others; i++) {
		others = (bits_of(owner->links[i].target) & ~(owner->record >> 16)) != 0;
	}
	return others;
}

/* Targets. */

kaname_follow_target_t *kaname_owners_target(const kaname_owners_t *owners,
                                             const knot_dname_t *name)
{
	kaname_chained_t **chain = kaname_chains_find(&owners->targets, hash_of(owners, name, 0));
	kaname_follow_target_t *target = chain != NULL ? (kaname_follow_target_t *)*chain : NULL;
	while (target != NULL && !knot_dname_is_equal(target->name, name)) {
		target = (kaname_follow_target_t *)target->chained.next;
	}
	return target;
}

/*! Finds or adds one; NULL if out of memory. */
static kaname_follow_target_t *take_target(kaname_owners_t *owners, const knot_dname_t *name)
{
	kaname_follow_target_t *target = kaname_owners_target(owners, name);
	if (target != NULL) {
		return target;
	}
	size_t len = knot_dname_size(name);
	bool room = kaname_chains_reserve(&owners->targets, hash_of_target, owners);
	target = room ? malloc(sizeof(*target) + len) : NULL;
	if (target != NULL) {
		target->first = NULL;
		memcpy(target->name, name, len);
		kaname_chains_add(&owners->targets, &target->chained, hash_of(owners, name, 0));
	}
	return target;
}

static void drop_target(kaname_owners_t *owners, kaname_follow_target_t *target)
{
	kaname_chains_remove(&owners->targets, &target->chained, hash_of(owners, target->name, 0));
	free(target);
}

/*! An owner's first link to a target, which is the one that counts; NULL if there is none. */
static kaname_follow_link_t *find_link(const kaname_follow_owner_t *owner,
                                       const kaname_follow_target_t *target)
{
	for (uint16_t i = 0; i < owner->targets_count; i++) {
		if (owner->links[i].target == target) {
			return (kaname_follow_link_t *)&owner->links[i];
		}
	}
	return NULL;
}

kaname_follow_owner_t *kaname_owners_next(const kaname_follow_owner_t *owner,
                                          const kaname_follow_target_t *target)
{
	const kaname_follow_link_t *link = find_link(owner, target);
	return link != NULL ? link->next : NULL;
}

/*! Takes an owner out of the lists of its targets, and drops those that nobody names then. */
static void unlink_targets(kaname_owners_t *owners, kaname_follow_owner_t *owner)
{
	for (uint16_t i = 0; i < owner->targets_count; i++) {
		kaname_follow_link_t *link = &owner->links[i];
		kaname_follow_target_t *target = link->target;
		if (target == NULL || find_link(owner, target) != link) {
			continue;
		}
		kaname_follow_owner_t **at = &target->first;
		while (*at != owner) {
			at = &find_link(*at, target)->next;
		}
		*at = link->next;
		if (target->first == NULL) {
			drop_target(owners, target);
		}
		/* Those behind that name it once more find no target. */
		for (uint16_t j = i + 1; j < owner->targets_count; j++) {
			if (owner->links[j].target == target) {
				owner->links[j].target = NULL;
			}
		}
	}
}

/*! Puts an owner into the lists of the targets that were found; false if out of memory. */
static bool link_targets(kaname_owners_t *owners, kaname_follow_owner_t *owner,
                         const kaname_scan_owner_t *found)
{
	for (uint16_t i = 0; i < owner->targets_count; i++) {
		kaname_follow_link_t *link = &owner->links[i];
		link->target = take_target(owners, found->targets[i]);
		if (link->target == NULL) {
			return false;
		}
		if (find_link(owner, link->target) == link) {
			link->next = link->target->first;
			link->target->first = owner;
		}
	}
	return true;
}

/* Owners. */

kaname_follow_owner_t *kaname_owners_find(const kaname_owners_t *owners, const knot_dname_t *zone,
                                          const knot_dname_t *name)
{
	size_t zone_at = knot_dname_size(name) - knot_dname_size(zone);
	kaname_chained_t **chain =
	        kaname_chains_find(&owners->owners, hash_of(owners, name, zone_at));
	kaname_follow_owner_t *owner = chain != NULL ? (kaname_follow_owner_t *)*chain : NULL;
	while (owner != NULL && (owner->zone_at != zone_at ||
	                         !knot_dname_is_equal(kaname_follow_name(owner), name))) {
		owner = (kaname_follow_owner_t *)owner->chained.next;
	}
	return owner;
}

/*! Has it just these targets? */
static bool has_targets(const kaname_follow_owner_t *owner, const kaname_scan_owner_t *found)
{
	bool same = owner->targets_count == found->targets_count;
	for (uint16_t i = 0; i < owner->targets_count && same; i++) {
		same = knot_dname_is_equal(owner->links[i].target->name, found->targets[i]);
	}
	return same;
}

static void set_records(kaname_follow_owner_t *owner, const kaname_scan_owner_t *found)
{
	owner->ttl = found->ttl;
	owner->rrsets_count = found->rrsets_count;
	for (unsigned i = 0; i < found->rrsets_count; i++) {
		owner->rrsets[i] =
		        (kaname_follow_rrset_t){ found->rrsets[i].type, found->rrsets[i].count,
			                         found->rrsets[i].good };
	}
}

/*! A new one, which has its name and targets and stands nowhere; NULL if out of memory. */
static kaname_follow_owner_t *make_owner(kaname_owners_t *owners, const kaname_scan_owner_t *found)
{
	size_t name_len = knot_dname_size(found->owner), count = found->targets_count;
	kaname_follow_owner_t *owner =
	        calloc(1, sizeof(*owner) + count * sizeof(owner->links[0]) + name_len);
	if (owner == NULL) {
		return NULL;
	}
	owner->targets_count = count;
	owner->zone_at = name_len - knot_dname_size(found->zone);
	memcpy((void *)kaname_follow_name(owner), found->owner, name_len);
	if (!link_targets(owners, owner, found)) {
		while (owner->targets_count > 0 &&
		       owner->links[owner->targets_count - 1].target == NULL) {
			owner->targets_count--;
		}
		unlink_targets(owners, owner);
		free(owner);
		return NULL;
	}
	return owner;
}

/*! Puts a new one into the place of an owner, with all that this has but for its records. */
static void replace(kaname_owners_t *owners, kaname_follow_owner_t *before,
                    kaname_follow_owner_t *owner)
{
	uint16_t targets_count = owner->targets_count;
	uint64_t hash = hash_of_owner(owners, &before->chained);
	unlink_targets(owners, before);
	kaname_chains_remove(&owners->owners, &before->chained, hash);
	memcpy(owner, before, offsetof(kaname_follow_owner_t, links));
	owner->targets_count = targets_count;
	kaname_chains_add(&owners->owners, &owner->chained, hash);
	free(before);
}

/*! Has it just these records, of these types? */
static bool has_records(const kaname_follow_owner_t *owner, const kaname_scan_owner_t *found)
{
	bool same = owner->rrsets_count == found->rrsets_count;
	for (unsigned i = 0; i < found->rrsets_count && same; i++) {
		same = owner->rrsets[i].type == found->rrsets[i].type &&
		       owner->rrsets[i].count == found->rrsets[i].count &&
		       owner->rrsets[i].good == found->rrsets[i].good;
	}
	return same && has_targets(owner, found);
}

kaname_follow_owner_t *kaname_owners_take(kaname_owners_t *owners, const kaname_scan_owner_t *found,
                                          kaname_taken_t *outcome)
{
	kaname_follow_owner_t *before = kaname_owners_find(owners, found->zone, found->owner);
	*outcome = KANAME_TAKEN_SAME;
	if (before != NULL && has_records(before, found)) {
		*outcome = before->ttl != found->ttl ? KANAME_TAKEN_TTL : KANAME_TAKEN_SAME;
		set_records(before, found);
		return before;
	}
	if (before != NULL && kaname_follow_is_busy(before)) {
		*outcome = KANAME_TAKEN_BUSY;
		return before;
	}
	bool room = before != NULL || kaname_chains_reserve(&owners->owners, hash_of_owner, owners);
	kaname_follow_owner_t *owner = room ? make_owner(owners, found) : NULL;
	if (owner == NULL) {
		return NULL;
	}
	if (before != NULL) {
		*outcome = KANAME_TAKEN_CHANGED;
		replace(owners, before, owner);
	} else {
		*outcome = KANAME_TAKEN_NEW;
		kaname_chains_add(&owners->owners, &owner->chained,
		                  hash_of_owner(owners, &owner->chained));
	}
	set_records(owner, found);
	return owner;
}

static void free_owner(kaname_owners_t *owners, kaname_follow_owner_t *owner)
{
	unlink_targets(owners, owner);
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		kaname_set_release(owners->sets, owner->known[i].set);
		kaname_set_release(owners->sets, owner->written[i]);
	}
	free(owner);
}

void kaname_owners_drop(kaname_owners_t *owners, kaname_follow_owner_t *owner)
{
	kaname_chains_remove(&owners->owners, &owner->chained,
	                     hash_of_owner(owners, &owner->chained));
	free_owner(owners, owner);
}

void kaname_owners_deinit(kaname_owners_t *owners)
{
	kaname_chains_cursor_t cursor = { 0 };
	for (kaname_follow_owner_t *owner; (owner = kaname_owners_step(owners, &cursor)) != NULL;) {
		free_owner(owners, owner);
	}
	kaname_chains_deinit(&owners->owners);
	kaname_chains_deinit(&owners->targets);
}
