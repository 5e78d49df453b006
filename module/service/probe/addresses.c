#include "service/probe/addresses.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_MIN 64

void aname_addresses_init(aname_addresses_t *addresses)
{
	*addresses = (aname_addresses_t){ 0 };
	aname_hash_new_key(&addresses->key);
}

static void free_one(aname_address_t *address, void *ctx)
{
	free(address->probed.users);
	free(address);
}

void aname_addresses_deinit(aname_addresses_t *addresses)
{
	aname_addresses_foreach(addresses, free_one, NULL);
	free(addresses->buckets);
	*addresses = (aname_addresses_t){ 0 };
}

/* Finding. */

/*! Do different names make different probes? */
static bool name_counts(const aname_probe_t *probe)
{
	return probe->kind != ANAME_PROBE_TCP && probe->host[0] == '\0';
}

static uint64_t hash_name(const aname_addresses_t *addresses, const knot_dname_t *name)
{
	size_t len = knot_dname_size(name);
	uint64_t hash = aname_hash_word(addresses->key.begin, len, &addresses->key);
	return aname_hash_octets(hash, name, len, &addresses->key);
}

static uint64_t hash_of(const aname_addresses_t *addresses, const aname_address_key_t *key)
{
	uint64_t hash = name_counts(&key->definition->probe) ? hash_name(addresses, key->name)
	                                                     : addresses->key.begin;
	hash = aname_hash_word(hash, key->definition->id, &addresses->key);
	hash = aname_hash_word(hash, key->len, &addresses->key);
	return aname_hash_end(aname_hash_octets(hash, key->address, key->len, &addresses->key));
}

static bool is_of(const aname_address_t *address, const aname_address_key_t *key)
{
	const aname_probed_t *probed = &address->probed;
	return probed->definition == key->definition && probed->len == key->len &&
	       memcmp(probed->address, key->address, key->len) == 0 &&
	       (!name_counts(&key->definition->probe) ||
	        knot_dname_is_equal(address->name, key->name));
}

aname_address_t *aname_addresses_find(const aname_addresses_t *addresses,
                                      const aname_address_key_t *key)
{
	if (addresses->size == 0) {
		return NULL;
	}
	uint64_t hash = hash_of(addresses, key);
	aname_address_t *address = addresses->buckets[hash & (addresses->size - 1)];
	while (address != NULL && (address->hash != hash || !is_of(address, key))) {
		address = address->next_same;
	}
	return address;
}

/* Coming and going. */

static void put(aname_address_t **buckets, size_t size, aname_address_t *address)
{
	aname_address_t **at = &buckets[address->hash & (size - 1)];
	address->next_same = *at;
	*at = address;
}

/*! Makes room for one more; if there is no memory, with longer chains. */
static bool make_room(aname_addresses_t *addresses)
{
	if (addresses->count < addresses->size) {
		return true;
	}
	size_t size = addresses->size > 0 ? 2 * addresses->size : SIZE_MIN;
	aname_address_t **buckets = calloc(size, sizeof(aname_address_t *));
	if (buckets == NULL) {
		return addresses->size > 0;
	}
	for (size_t i = 0; i < addresses->size; i++) {
		for (aname_address_t *at = addresses->buckets[i], *next; at != NULL; at = next) {
			next = at->next_same;
			put(buckets, size, at);
		}
	}
	free(addresses->buckets);
	addresses->buckets = buckets;
	addresses->size = size;
	return true;
}

aname_address_t *aname_addresses_add(aname_addresses_t *addresses, const aname_address_key_t *key)
{
	size_t name_len = knot_dname_size(key->name);
	aname_address_t *address = calloc(1, sizeof(*address) + name_len);
	if (address == NULL || !make_room(addresses)) {
		free(address);
		return NULL;
	}
	address->probed.definition = key->definition;
	address->probed.len = key->len;
	memcpy(address->probed.address, key->address, key->len);
	memcpy(address->name, key->name, name_len);
	address->hash = hash_of(addresses, key);
	address->target = hash_name(addresses, key->name);
	put(addresses->buckets, addresses->size, address);
	addresses->count++;
	return address;
}

void aname_addresses_remove(aname_addresses_t *addresses, aname_address_t *address)
{
	if (address->kept_ms != 0) {
		aname_addresses_unkeep(addresses, address);
	}
	aname_address_t **at = &addresses->buckets[address->hash & (addresses->size - 1)];
	while (*at != address) {
		at = &(*at)->next_same;
	}
	*at = address->next_same;
	addresses->count--;
	free_one(address, NULL);
}

void aname_addresses_keep(aname_addresses_t *addresses, aname_address_t *address, int64_t now_ms)
{
	address->kept_ms = now_ms;
	address->next = NULL;
	address->before = addresses->kept_last;
	*(address->before != NULL ? &address->before->next : &addresses->kept_first) = address;
	addresses->kept_last = address;
	addresses->kept++;
}

void aname_addresses_unkeep(aname_addresses_t *addresses, aname_address_t *address)
{
	*(address->before != NULL ? &address->before->next : &addresses->kept_first) =
	        address->next;
	*(address->next != NULL ? &address->next->before : &addresses->kept_last) = address->before;
	address->kept_ms = 0;
	addresses->kept--;
}

void aname_addresses_foreach(const aname_addresses_t *addresses,
                             void (*visit)(aname_address_t *address, void *ctx), void *ctx)
{
	for (size_t i = 0; i < addresses->size; i++) {
		for (aname_address_t *at = addresses->buckets[i], *next; at != NULL; at = next) {
			next = at->next_same;
			visit(at, ctx);
		}
	}
}
