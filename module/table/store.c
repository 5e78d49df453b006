#include "table/store.h"

#include <stdlib.h>
#include <string.h>

/*! Octets that count. A single record may be followed by an octet of padding, which does not. */
static size_t size_of(const knot_rdataset_t *rrs)
{
	return rrs->count == 1 ? sizeof(rrs->rdata->len) + rrs->rdata->len : rrs->size;
}

uint64_t aname_store_hash(const aname_hash_key_t *key, const aname_content_t *content)
{
	const knot_rrset_t *rrset = content->rrset;
	size_t size = size_of(&rrset->rrs);
	uint64_t hash = aname_hash_word(key->begin, content->signer << 8 | content->changes, key);
	if (!content->apex) {
		size_t len = knot_dname_size(rrset->owner);
		hash = aname_hash_word(hash, len, key);
		hash = aname_hash_octets(hash, rrset->owner, len, key);
	}
	hash = aname_hash_word(hash, (uint64_t)rrset->ttl << 16 | rrset->type, key);
	hash = aname_hash_word(hash, size, key);
	return aname_hash_end(
	        aname_hash_octets(hash, (const uint8_t *)rrset->rrs.rdata, size, key));
}

/*! Copies a set behind what is in the block already. */
static uint8_t *append(uint8_t *at, const knot_rdataset_t *from, knot_rdataset_t *to)
{
	*to = (knot_rdataset_t){ .count = from->count, .size = from->size };
	if (from->count > 0) {
		to->rdata = (knot_rdata_t *)at;
		memcpy(at, from->rdata, from->size);
	}
	return at + from->size;
}

aname_signed_t *aname_signed_new(const aname_content_t *content, uint64_t hash,
                                 const knot_rdataset_t *made, const knot_rdataset_t *rrsigs,
                                 const aname_validity_t *validity)
{
	const knot_rrset_t *rrset = content->rrset;
	size_t owner_len = content->apex ? 0 : knot_dname_size(rrset->owner);
	aname_signed_t *signed_set = malloc(sizeof(*signed_set) + rrset->rrs.size + made->size +
	                                    rrsigs->size + owner_len);
	if (signed_set == NULL) {
		return NULL;
	}
	signed_set->hash = hash;
	signed_set->signer = content->signer;
	signed_set->ttl = rrset->ttl;
	signed_set->type = rrset->type;
	signed_set->changes = content->changes;
	signed_set->validity = *validity;
	atomic_init(&signed_set->version, 0);
	signed_set->owner_len = owner_len;
	uint8_t *at = append(signed_set->memory, &rrset->rrs, &signed_set->rrs);
	at = append(at, made, &signed_set->made);
	at = append(at, rrsigs, &signed_set->rrsigs);
	signed_set->owner = at;
	memcpy(at, rrset->owner, owner_len);
	return signed_set;
}

aname_store_t *aname_store_new(unsigned groups)
{
	aname_store_t *store = malloc(sizeof(*store) + groups * sizeof(store->at[0]));
	if (store == NULL) {
		return NULL;
	}
	store->groups = groups;
	for (unsigned i = 0; i < ANAME_STORE_TYPES; i++) {
		atomic_init(&store->positions[i], 0);
	}
	atomic_init(&store->denial, 0);
	for (unsigned i = 0; i < groups; i++) {
		for (unsigned k = 0; k < ANAME_STORE_GROUP; k++) {
			atomic_init(&store->at[i][k], NULL);
		}
	}
	return store;
}

void aname_store_free(aname_store_t *store)
{
	if (store == NULL) {
		return;
	}
	for (unsigned i = 0; i < store->groups; i++) {
		for (unsigned k = 0; k < ANAME_STORE_GROUP; k++) {
			free(atomic_load(&store->at[i][k]));
		}
	}
	free(store);
}

static bool has_owner(const aname_signed_t *signed_set, const aname_content_t *content)
{
	return signed_set->owner_len == 0
	               ? content->apex
	               : !content->apex &&
	                         knot_dname_is_equal(signed_set->owner, content->rrset->owner);
}

static bool matches(const aname_signed_t *signed_set, const aname_content_t *content)
{
	const knot_rrset_t *rrset = content->rrset;
	return signed_set->signer == content->signer && signed_set->ttl == rrset->ttl &&
	       signed_set->type == rrset->type && signed_set->changes == content->changes &&
	       signed_set->rrs.count == rrset->rrs.count &&
	       signed_set->rrs.size == rrset->rrs.size &&
	       memcmp(signed_set->rrs.rdata, rrset->rrs.rdata, size_of(&rrset->rrs)) == 0 &&
	       has_owner(signed_set, content);
}

static void note_use(aname_signed_t *found, int64_t now_s)
{
	uint32_t used_s = now_s;
	if (atomic_load_explicit(&found->used_s, memory_order_relaxed) != used_s) {
		atomic_store_explicit(&found->used_s, used_s, memory_order_relaxed);
	}
}

/*! A, AAAA, HTTPS, SOA, NSEC and NSEC3 have each their own. */
static unsigned type_index(uint16_t type)
{
	return (type ^ type >> 6) % ANAME_STORE_TYPES;
}

static aname_signed_t *at(const aname_store_t *store, unsigned position)
{
	return atomic_load(&store->at[position / ANAME_STORE_GROUP][position % ANAME_STORE_GROUP]);
}

const aname_signed_t *aname_store_look(const aname_store_t *store, const aname_content_t *content,
                                       int64_t now_s)
{
	aname_signed_t *found =
	        at(store, atomic_load_explicit(&store->positions[type_index(content->rrset->type)],
	                                       memory_order_relaxed));
	if (found == NULL || !matches(found, content)) {
		return NULL;
	}
	note_use(found, now_s);
	return found;
}

void aname_store_note_denial(aname_store_t *store, const aname_signed_t *signed_set,
                             uint64_t version)
{
	uint16_t position = atomic_load_explicit(&store->positions[type_index(signed_set->type)],
	                                         memory_order_relaxed);
	aname_signed_t *found = at(store, position);
	if (found == signed_set) {
		atomic_store_explicit(&found->version, version, memory_order_relaxed);
		atomic_store_explicit(&store->denial, position, memory_order_relaxed);
	}
}

const aname_signed_t *aname_store_denial(const aname_store_t *store, uint64_t version,
                                         int64_t now_s)
{
	aname_signed_t *found =
	        at(store, atomic_load_explicit(&store->denial, memory_order_relaxed));
	if (found == NULL ||
	    atomic_load_explicit(&found->version, memory_order_relaxed) != version) {
		return NULL;
	}
	note_use(found, now_s);
	return found;
}

/*! Groups in which a content may be: where one is full of what is in use the other one has room,
 *  but for a chance of next to nothing. */
#define GROUPS_EACH 2

static unsigned group_of(const aname_store_t *store, uint64_t hash, unsigned n)
{
	return (n == 0 ? hash : hash >> 32) % store->groups;
}

const aname_signed_t *aname_store_find(aname_store_t *store, const aname_content_t *content,
                                       uint64_t hash, int64_t now_s)
{
	for (unsigned i = 0; i < GROUPS_EACH * ANAME_STORE_GROUP; i++) {
		unsigned group = group_of(store, hash, i / ANAME_STORE_GROUP);
		unsigned k = i % ANAME_STORE_GROUP;
		aname_signed_t *found = atomic_load(&store->at[group][k]);
		if (found != NULL && found->hash == hash && matches(found, content)) {
			atomic_store_explicit(&store->positions[type_index(content->rrset->type)],
			                      group * ANAME_STORE_GROUP + k, memory_order_relaxed);
			note_use(found, now_s);
			return found;
		}
	}
	return NULL;
}

aname_store_t *aname_store_widen(const aname_store_t *store, unsigned groups, aname_bin_t *bin)
{
	aname_store_t *wider = aname_store_new(groups);
	for (unsigned n = 0; wider != NULL && n < store->groups * ANAME_STORE_GROUP; n++) {
		aname_signed_t *moved =
		        atomic_load(&store->at[n / ANAME_STORE_GROUP][n % ANAME_STORE_GROUP]);
		for (unsigned i = 0; moved != NULL && i < GROUPS_EACH * ANAME_STORE_GROUP; i++) {
			unsigned group = group_of(wider, moved->hash, i / ANAME_STORE_GROUP);
			_Atomic(aname_signed_t *) *at = &wider->at[group][i % ANAME_STORE_GROUP];
			if (atomic_load(at) == NULL) {
				atomic_store(at, moved);
				moved = NULL;
			}
		}
		if (moved != NULL) {
			aname_bin_retire(bin, moved, free);
		}
	}
	return wider;
}

/*! Do both sign the same? */
static bool is_same(const aname_signed_t *one, const aname_signed_t *other)
{
	const knot_rrset_t rrset = {
		.owner = other->owner, .ttl = other->ttl, .type = other->type, .rrs = other->rrs
	};
	const aname_content_t content = { .signer = other->signer,
		                          .rrset = &rrset,
		                          .changes = other->changes,
		                          .apex = other->owner_len == 0 };
	return one->hash == other->hash && matches(one, &content);
}

/*! Of denials there are no more than owners, while of addresses there may be other ones for each
 *  client: for so many seconds after its last use a denial goes after all addresses. */
#define DENIAL_STAYS_S 60

/*! The less, the sooner it goes: itself, nothing there, other keys, expired, not used for long. */
static int64_t worth(const aname_signed_t *occupant, const aname_signed_t *signed_set,
                     int64_t now_s)
{
	if (occupant == NULL) {
		return INT64_MIN + 1;
	}
	if (is_same(occupant, signed_set)) {
		return INT64_MIN;
	}
	if (occupant->signer != signed_set->signer || !aname_signed_is_good(occupant, now_s)) {
		return INT64_MIN + 2;
	}
	bool denies = occupant->type == KNOT_RRTYPE_NSEC || occupant->type == KNOT_RRTYPE_NSEC3;
	return atomic_load_explicit(&occupant->used_s, memory_order_relaxed) +
	       (denies ? (int64_t)DENIAL_STAYS_S : 0);
}

void aname_store_put(aname_store_t *store, aname_signed_t *signed_set, aname_bin_t *bin,
                     int64_t now_s)
{
	atomic_store_explicit(&signed_set->used_s, now_s, memory_order_relaxed);
	_Atomic(aname_signed_t *) *slot = NULL;
	int64_t least = INT64_MAX;
	for (unsigned i = 0; i < GROUPS_EACH * ANAME_STORE_GROUP; i++) {
		unsigned group = group_of(store, signed_set->hash, i / ANAME_STORE_GROUP);
		_Atomic(aname_signed_t *) *at = &store->at[group][i % ANAME_STORE_GROUP];
		int64_t value = worth(atomic_load(at), signed_set, now_s);
		if (value < least) {
			least = value;
			slot = at;
		}
	}
	aname_bin_retire(bin, atomic_exchange(slot, signed_set), free);
}
