#include "table/table.h"
#include "octets.h"
#include "path.h"
#include "table/hash.h"
#include "table/policy.h"
#include "table/rest.h"
#include "table/slots.h"

#include <stdlib.h>
#include <string.h>

struct aname_table {
	_Atomic(aname_slots_t *) slots;
	aname_epoch_t *epoch;
	aname_charges_t *charges;
	aname_hash_key_t secret;
	size_t used;     /*!< Slots with an entry or a tombstone. */
	unsigned builds; /*!< How often the slots were laid out anew. */
	uint64_t changes;
	_Atomic size_t targets, subnets;
	_Atomic size_t addresses;
};

/* Where an entry was removed: a search goes on behind it. It has no upstream, so matches no key. */
static aname_entry_t tombstone;

aname_table_t *aname_table_new(aname_epoch_t *epoch)
{
	aname_table_t *table = calloc(1, sizeof(*table));
	aname_slots_t *slots = aname_slots_new(ANAME_SLOTS_MIN);
	aname_charges_t *charges = aname_charges_new();
	if (table == NULL || slots == NULL || charges == NULL) {
		free(table);
		free(slots);
		aname_charges_free(charges);
		return NULL;
	}
	table->charges = charges;
	aname_hash_new_key(&table->secret);
	table->epoch = epoch;
	atomic_init(&table->slots, slots);
	return table;
}

static void entry_free(aname_entry_t *entry)
{
	if (!entry->for_subnet) {
		free(atomic_load(&entry->subnets));
	}
	aname_rest_destroy(atomic_load(&entry->snapshot));
	free(entry);
}

static void visit_free(aname_entry_t *entry, void *ctx)
{
	entry_free(entry);
}

void aname_table_free(aname_table_t *table)
{
	if (table == NULL) {
		return;
	}
	aname_table_foreach(table, visit_free, NULL);
	free(atomic_load(&table->slots));
	aname_charges_free(table->charges);
	free(table);
}

aname_charges_t *aname_table_charges(const aname_table_t *table)
{
	return table->charges;
}

uint64_t aname_table_hash(const aname_table_t *table, const aname_key_t *key)
{
	const aname_hash_key_t *secret = &table->secret;
	uint64_t hash = aname_hash_word(secret->begin, (uintptr_t)key->upstream, secret);
	hash = aname_hash_word(hash, (uint64_t)key->type << 8 | key->name_len, secret);
	return aname_hash_end(aname_hash_octets(hash, key->name, key->name_len, secret));
}

static ANAME_WARM bool matches(const aname_entry_t *entry, const aname_key_t *key)
{
	return entry->name_len == key->name_len && entry->type == key->type &&
	       entry->upstream == key->upstream &&
	       aname_octets_equal(entry->name, key->name, key->name_len);
}

aname_entry_t *aname_table_find(const aname_table_t *table, const aname_key_t *key, uint64_t hash)
{
	aname_slots_t *slots = atomic_load(&table->slots);
	for (size_t i = aname_slots_first(slots, hash);; i = aname_slots_after(slots, i)) {
		aname_entry_t *entry = atomic_load(&slots->at[i]);
		if (entry == NULL) {
			return NULL;
		}
		if (entry->hash == (uint32_t)hash && matches(entry, key)) {
			return entry;
		}
	}
}

aname_entry_t *aname_table_find_other(const aname_table_t *table, const aname_entry_t *entry)
{
	const knot_dname_t *name = aname_entry_name(entry);
	const aname_key_t key = {
		.upstream = entry->upstream,
		.name = name,
		.name_len = knot_dname_size(name),
		.type = entry->type == KNOT_RRTYPE_A ? KNOT_RRTYPE_AAAA : KNOT_RRTYPE_A,
	};
	return aname_table_find(table, &key, aname_table_hash(table, &key));
}

ANAME_WARM aname_entry_t *aname_table_look(const aname_table_t *table, const aname_key_t *key,
                                           uint32_t slot)
{
	aname_slots_t *slots = atomic_load(&table->slots);
	aname_entry_t *entry = slot < slots->count ? atomic_load(&slots->at[slot]) : NULL;
	return entry != NULL && matches(entry, key) ? entry : NULL;
}

uint32_t aname_table_slot(const aname_table_t *table, const aname_entry_t *entry)
{
	const aname_slots_t *slots = atomic_load(&table->slots);
	size_t i = aname_slots_first(slots, entry->hash);
	while (atomic_load(&slots->at[i]) != entry && atomic_load(&slots->at[i]) != NULL) {
		i = aname_slots_after(slots, i);
	}
	return i;
}

/*! Makes room for so many more: new slots, without tombstones, half full. */
static bool make_room(aname_table_t *table, size_t more)
{
	aname_slots_t *old = atomic_load(&table->slots);
	if ((table->used + more) * 3 <= old->count * 2) {
		return true;
	}

	size_t entries = atomic_load(&table->targets) + atomic_load(&table->subnets);
	size_t count = (entries + more) * 2;
	aname_slots_t *slots = aname_slots_new(count > ANAME_SLOTS_MIN ? count : ANAME_SLOTS_MIN);
	if (slots == NULL) {
		return false;
	}
	for (size_t i = 0; i < old->count; i++) {
		aname_entry_t *entry = atomic_load_explicit(&old->at[i], memory_order_relaxed);
		if (entry != NULL && entry != &tombstone) {
			atomic_init(&slots->at[aname_slots_free_for(slots, entry->hash)], entry);
		}
	}
	table->used = entries;
	atomic_store(&table->slots, slots);
	table->builds++;
	aname_epoch_retire(table->epoch, old);
	return true;
}

/*! A new entry of `size` octets with what stands behind it, in no slot yet. */
static aname_entry_t *new_entry(aname_table_t *table, const aname_upstream_t *upstream,
                                uint16_t type, size_t size)
{
	aname_entry_t *entry = make_room(table, 1) ? calloc(1, size) : NULL;
	if (entry == NULL) {
		return NULL;
	}
	entry->upstream = upstream;
	entry->type = type;
	atomic_init(&entry->next_ms, ANAME_NEXT_NEVER);
	atomic_init(&entry->min_ttl, UINT32_MAX);
	atomic_init(&entry->cold, true);
	entry->plan.min_ttl_prev = UINT32_MAX;
	return entry;
}

bool aname_table_reserve(aname_table_t *table, size_t more)
{
	return make_room(table, more);
}

static void show(aname_table_t *table, aname_entry_t *entry, uint32_t hash)
{
	entry->hash = hash;
	aname_slots_t *slots = atomic_load(&table->slots);
	atomic_store(&slots->at[aname_slots_free_for(slots, hash)], entry);
	table->used++;
	atomic_fetch_add(entry->for_subnet ? &table->subnets : &table->targets, 1);
}

aname_entry_t *aname_table_add(aname_table_t *table, const aname_key_t *key, uint64_t hash)
{
	/* The name may begin before the entry's own end, which is aligned. */
	size_t size = offsetof(aname_entry_t, name) + key->name_len;
	aname_entry_t *entry =
	        new_entry(table, key->upstream, key->type,
	                  size > sizeof(aname_entry_t) ? size : sizeof(aname_entry_t));
	if (entry != NULL) {
		entry->name_len = key->name_len;
		memcpy(entry->name, key->name, key->name_len);
		show(table, entry, hash);
	}
	return entry;
}

/* Subnets. */

static unsigned family_index(const aname_subnet_t *subnet)
{
	return subnet->family == ANAME_SUBNET_IPV6;
}

ANAME_WARM uint64_t aname_table_subnet_hash(const aname_table_t *table, uint64_t target_hash,
                                            const aname_subnet_t *subnet)
{
	const aname_hash_key_t *secret = &table->secret;
	/* All that is not octets fits into a word. Past the prefix there are zeros only. */
	uint64_t whose = (uint64_t)(uint32_t)target_hash << 16 | subnet->family << 8 | subnet->len;
	uint64_t hash = aname_hash_word(secret->begin, whose, secret);
	bool fits = subnet->len <= 8 * ANAME_HASH_WORD;
	size_t octets = fits ? ANAME_HASH_WORD : sizeof(subnet->address);
	return aname_hash_end(aname_hash_octets(hash, subnet->address, octets, secret));
}

ANAME_WARM aname_entry_t *aname_table_find_subnet(const aname_table_t *table,
                                                  const aname_entry_t *target,
                                                  const aname_subnet_t *network)
{
	uint32_t hash = aname_table_subnet_hash(table, target->hash, network);
	aname_slots_t *slots = atomic_load(&table->slots);
	for (size_t i = aname_slots_first(slots, hash);; i = aname_slots_after(slots, i)) {
		aname_entry_t *entry = atomic_load(&slots->at[i]);
		if (entry == NULL) {
			return NULL;
		}
		if (entry != &tombstone && entry->hash == hash && entry->for_subnet &&
		    entry->subnet_entry->target == target &&
		    aname_subnet_equal(&entry->subnet_entry->network, network)) {
			return entry;
		}
	}
}

/*!
 * Is the answer in an entry, whose network holds the client's, for that client too? What was asked
 * with too short a prefix (RFC 7871, 7.2.1) is for clients that send no longer one.
 */
static bool is_for(aname_entry_t *entry, const aname_subnet_t *client)
{
	uint8_t len = entry->subnet_entry->network.len;
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	return len == client->len ||
	       (known != NULL && known->known != ANAME_KNOWN_NOTHING && known->scope <= len);
}

ANAME_WARM aname_entry_t *aname_table_find_client(const aname_table_t *table, aname_entry_t *target,
                                                  const aname_subnet_t *client)
{
	aname_subnets_t *subnets = atomic_load(&target->subnets);
	if (subnets == NULL) {
		return NULL;
	}
	for (int word = client->len / 64; word >= 0; word--) {
		uint64_t lengths = atomic_load(&subnets->lengths[family_index(client)][word]);
		if (word == client->len / 64) {
			lengths &= UINT64_MAX >> (63 - client->len % 64);
		}
		while (lengths != 0) {
			unsigned bit = 63 - __builtin_clzll(lengths);
			lengths &= ~(UINT64_C(1) << bit);
			uint8_t len = 64 * word + bit;
			const aname_subnet_t network =
			        len == client->len ? *client : aname_subnet_cut(client, len);
			aname_entry_t *entry = aname_table_find_subnet(table, target, &network);
			if (entry != NULL && is_for(entry, client)) {
				return entry;
			}
		}
	}
	return NULL;
}

/*! Counts an entry in or out of its target's subnets. */
static void tally(aname_subnets_t *subnets, const aname_subnet_t *network, int change)
{
	unsigned family = family_index(network);
	uint32_t *held = &subnets->held[family][network->len];
	_Atomic uint64_t *lengths = &subnets->lengths[family][network->len / 64];
	uint64_t bit = UINT64_C(1) << (network->len % 64);
	*held += change;
	if (*held > 0) {
		atomic_fetch_or(lengths, bit);
	} else {
		atomic_fetch_and(lengths, ~bit);
	}
	atomic_fetch_add(&subnets->count, change);
}

static void enlist(aname_subnets_t *subnets, aname_entry_t *entry)
{
	entry->subnet_entry->next = subnets->first;
	if (subnets->first != NULL) {
		subnets->first->subnet_entry->prev = entry;
	}
	subnets->first = entry;
	tally(subnets, &entry->subnet_entry->network, 1);
}

static void delist(aname_subnets_t *subnets, aname_entry_t *entry)
{
	aname_entry_t *prev = entry->subnet_entry->prev, *next = entry->subnet_entry->next;
	if (prev != NULL) {
		prev->subnet_entry->next = next;
	} else {
		subnets->first = next;
	}
	if (next != NULL) {
		next->subnet_entry->prev = prev;
	}
	tally(subnets, &entry->subnet_entry->network, -1);
}

/*! The target's subnets, made if there are none yet; NULL if out of memory. */
static aname_subnets_t *subnets_of(aname_entry_t *target)
{
	aname_subnets_t *subnets = atomic_load(&target->subnets);
	if (subnets == NULL) {
		subnets = calloc(1, sizeof(*subnets));
		if (subnets != NULL) {
			subnets->target = target;
			atomic_store(&target->subnets, subnets);
		}
	}
	return subnets;
}

aname_entry_t *aname_table_add_subnet(aname_table_t *table, aname_entry_t *target,
                                      const aname_subnet_t *network, const aname_subnet_t *asked)
{
	aname_subnets_t *subnets = subnets_of(target);
	if (subnets == NULL) {
		return NULL;
	}
	/* The entry ends in a flexible array; the part behind it needs its own alignment. */
	size_t at = (sizeof(aname_entry_t) + _Alignof(aname_subnet_entry_t) - 1) /
	            _Alignof(aname_subnet_entry_t) * _Alignof(aname_subnet_entry_t);
	aname_entry_t *entry =
	        new_entry(table, target->upstream, target->type, at + sizeof(aname_subnet_entry_t));
	if (entry == NULL) {
		return NULL;
	}
	entry->subnet_entry = (aname_subnet_entry_t *)((uint8_t *)entry + at);
	*entry->subnet_entry = (aname_subnet_entry_t){ .target = target,
		                                       .network = *network,
		                                       .asked_for = *asked };
	entry->for_subnet = true;
	show(table, entry, aname_table_subnet_hash(table, target->hash, network));
	enlist(subnets, entry);
	return entry;
}

/* Both. */

static size_t count_of(const aname_snapshot_t *snapshot)
{
	return snapshot != NULL ? snapshot->count : 0;
}

void aname_table_remove(aname_table_t *table, aname_entry_t *entry)
{
	table->changes++;
	aname_slots_t *slots = atomic_load(&table->slots);
	size_t i = aname_slots_first(slots, entry->hash);
	while (atomic_load_explicit(&slots->at[i], memory_order_relaxed) != entry) {
		i = aname_slots_after(slots, i);
	}
	atomic_store(&slots->at[i], &tombstone);
	if (entry->for_subnet) {
		delist(atomic_load(&entry->subnet_entry->target->subnets), entry);
		atomic_fetch_sub(&table->subnets, 1);
	} else {
		aname_charges_drop(table->charges, &entry->charged);
		aname_epoch_retire(table->epoch, atomic_load(&entry->subnets));
		atomic_fetch_sub(&table->targets, 1);
	}
	aname_snapshot_t *snapshot = atomic_load(&entry->snapshot);
	atomic_fetch_sub(&table->addresses, count_of(snapshot));
	aname_epoch_destroy(table->epoch, snapshot, aname_rest_destroy);
	aname_epoch_retire(table->epoch, entry);
}

void aname_table_publish(aname_table_t *table, aname_entry_t *entry, aname_snapshot_t *snapshot)
{
	size_t count = count_of(snapshot);
	aname_snapshot_t *before = atomic_exchange(&entry->snapshot, snapshot);
	table->changes++;
	atomic_fetch_add(&table->addresses, count);
	atomic_fetch_sub(&table->addresses, count_of(before));
	aname_epoch_destroy(table->epoch, before, aname_rest_destroy);
}

size_t aname_table_targets(const aname_table_t *table)
{
	return atomic_load_explicit(&table->targets, memory_order_relaxed);
}

size_t aname_table_subnets(const aname_table_t *table)
{
	return atomic_load_explicit(&table->subnets, memory_order_relaxed);
}

size_t aname_table_addresses(const aname_table_t *table)
{
	return atomic_load_explicit(&table->addresses, memory_order_relaxed);
}

uint64_t aname_table_changes(const aname_table_t *table)
{
	return table->changes;
}

aname_cursor_t aname_table_begin(const aname_table_t *table)
{
	return (aname_cursor_t){ .builds = table->builds };
}

aname_entry_t *aname_table_step(const aname_table_t *table, aname_cursor_t *cursor)
{
	const aname_slots_t *slots = atomic_load(&table->slots);
	cursor->rebuilt = cursor->builds != table->builds;
	cursor->end = cursor->slot >= slots->count;
	if (cursor->rebuilt || cursor->end) {
		return NULL;
	}
	aname_entry_t *entry = atomic_load(&slots->at[cursor->slot++]);
	return entry != &tombstone ? entry : NULL;
}

void aname_table_foreach(aname_table_t *table, void (*visit)(aname_entry_t *entry, void *ctx),
                         void *ctx)
{
	aname_slots_t *slots = atomic_load(&table->slots);
	for (size_t i = 0; i < slots->count; i++) {
		aname_entry_t *entry = atomic_load(&slots->at[i]);
		if (entry != NULL && entry != &tombstone) {
			visit(entry, ctx);
		}
	}
}
