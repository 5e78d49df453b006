#include "follow/owners.h"

#include <stdlib.h>
#include <string.h>

/*! Buckets of a table at first. */
#define BUCKETS_LEAST 64

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

static uint64_t hash_of_owner(const kaname_owners_t *owners, const kaname_follow_owner_t *owner)
{
	return hash_of(owners, kaname_follow_name(owner), owner->zone_at);
}

/* Both tables grow when there are as many in them as buckets; without memory their chains do. */

static void grow_owners(kaname_owners_t *owners)
{
	size_t size = owners->owners_size > 0 ? 2 * owners->owners_size : BUCKETS_LEAST;
	kaname_follow_owner_t **at = calloc(size, sizeof(*at));
	if (at == NULL) {
		return;
	}
	for (size_t i = 0; i < owners->owners_size; i++) {
		kaname_follow_owner_t *next;
		for (kaname_follow_owner_t *owner = owners->owners[i]; owner != NULL;
		     owner = next) {
			next = owner->next;
			kaname_follow_owner_t **bucket = &at[hash_of_owner(owners, owner) % size];
			owner->next = *bucket;
			*bucket = owner;
		}
	}
	free(owners->owners);
	owners->owners = at;
	owners->owners_size = size;
}

static void grow_targets(kaname_owners_t *owners)
{
	size_t size = owners->targets_size > 0 ? 2 * owners->targets_size : BUCKETS_LEAST;
	kaname_follow_target_t **at = calloc(size, sizeof(*at));
	if (at == NULL) {
		return;
	}
	for (size_t i = 0; i < owners->targets_size; i++) {
		kaname_follow_target_t *next;
		for (kaname_follow_target_t *target = owners->targets[i]; target != NULL;
		     target = next) {
			next = target->next;
			kaname_follow_target_t **bucket =
			        &at[hash_of(owners, target->name, 0) % size];
			target->next = *bucket;
			*bucket = target;
		}
	}
	free(owners->targets);
	owners->targets = at;
	owners->targets_size = size;
}

/* Targets. */

kaname_follow_target_t *kaname_owners_target(const kaname_owners_t *owners,
                                             const knot_dname_t *name)
{
	if (owners->targets_size == 0) {
		return NULL;
	}
	kaname_follow_target_t *target =
	        owners->targets[hash_of(owners, name, 0) % owners->targets_size];
	while (target != NULL && !knot_dname_is_equal(target->name, name)) {
		target = target->next;
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
	if (owners->targets_count >= owners->targets_size) {
		grow_targets(owners);
	}
	size_t len = knot_dname_size(name);
	target = owners->targets_size > 0 ? malloc(sizeof(*target) + len) : NULL;
	if (target != NULL) {
		kaname_follow_target_t **bucket =
		        &owners->targets[hash_of(owners, name, 0) % owners->targets_size];
		target->next = *bucket;
		target->first = NULL;
		memcpy(target->name, name, len);
		*bucket = target;
		owners->targets_count++;
	}
	return target;
}

static void drop_target(kaname_owners_t *owners, kaname_follow_target_t *target)
{
	kaname_follow_target_t **at =
	        &owners->targets[hash_of(owners, target->name, 0) % owners->targets_size];
	while (*at != target) {
		at = &(*at)->next;
	}
	*at = target->next;
	owners->targets_count--;
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

/*! Where an owner stands, or would: never NULL but while nothing is there at all. */
static kaname_follow_owner_t **find_place(const kaname_owners_t *owners, const knot_dname_t *zone,
                                          const knot_dname_t *name)
{
	if (owners->owners_size == 0) {
		return NULL;
	}
	size_t zone_at = knot_dname_size(name) - knot_dname_size(zone);
	kaname_follow_owner_t **at =
	        &owners->owners[hash_of(owners, name, zone_at) % owners->owners_size];
	while (*at != NULL &&
	       ((*at)->zone_at != zone_at || !knot_dname_is_equal(kaname_follow_name(*at), name))) {
		at = &(*at)->next;
	}
	return at;
}

kaname_follow_owner_t *kaname_owners_find(const kaname_owners_t *owners, const knot_dname_t *zone,
                                          const knot_dname_t *name)
{
	kaname_follow_owner_t **at = find_place(owners, zone, name);
	return at != NULL ? *at : NULL;
}

kaname_follow_owner_t *kaname_owners_step(const kaname_owners_t *owners,
                                          kaname_owners_cursor_t *cursor)
{
	while (cursor->next == NULL && cursor->bucket < owners->owners_size) {
		cursor->next = owners->owners[cursor->bucket++];
	}
	kaname_follow_owner_t *owner = cursor->next;
	cursor->next = owner != NULL ? owner->next : NULL;
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

/*! Gives a new one what an owner has but for its records, and frees that. */
static void replace(kaname_owners_t *owners, kaname_follow_owner_t **at,
                    kaname_follow_owner_t *owner)
{
	kaname_follow_owner_t *before = *at;
	uint16_t targets_count = owner->targets_count;
	unlink_targets(owners, before);
	memcpy(owner, before, offsetof(kaname_follow_owner_t, links));
	owner->targets_count = targets_count;
	*at = owner;
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
	*outcome = KANAME_TAKEN_SAME;
	if (owners->owners_count >= owners->owners_size) {
		grow_owners(owners);
	}
	kaname_follow_owner_t **at = find_place(owners, found->zone, found->owner);
	if (at == NULL) {
		return NULL;
	}
	if (*at == NULL || !has_records(*at, found)) {
		if (*at != NULL && kaname_follow_is_busy(*at)) {
			*outcome = KANAME_TAKEN_BUSY;
			return *at;
		}
		kaname_follow_owner_t *owner = make_owner(owners, found);
		if (owner == NULL) {
			return NULL;
		}
		*outcome = *at != NULL ? KANAME_TAKEN_CHANGED : KANAME_TAKEN_NEW;
		if (*at != NULL) {
			replace(owners, at, owner);
		} else {
			*at = owner;
			owners->owners_count++;
		}
	}
	set_records(*at, found);
	return *at;
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
	kaname_follow_owner_t **at =
	        find_place(owners, kaname_follow_zone(owner), kaname_follow_name(owner));
	*at = owner->next;
	owners->owners_count--;
	free_owner(owners, owner);
}

void kaname_owners_deinit(kaname_owners_t *owners)
{
	for (size_t i = 0; i < owners->owners_size; i++) {
		while (owners->owners[i] != NULL) {
			kaname_follow_owner_t *owner = owners->owners[i];
			owners->owners[i] = owner->next;
			free_owner(owners, owner);
		}
	}
	free(owners->owners);
	free(owners->targets);
	owners->owners = NULL;
	owners->targets = NULL;
	owners->owners_size = owners->targets_size = 0;
}
