/*!
 * \brief The addresses, each once per definition; those that are kept for a while.  [P]
 *
 * Thread: service.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libknot/dname.h>

#include "service/probe/plan.h"
#include "service/probe/probed.h"
#include "table/hash.h"

struct aname_attempt;
struct aname_probes;

typedef struct aname_address {
	aname_probed_t probed;
	aname_probe_planned_t planned;
	struct aname_probes *probes;
	struct aname_attempt *attempt;       /*!< Under way; NULL: none. */
	int64_t started_ms;                  /*!< When the last one began that was not cut off. */
	struct aname_address *next_same;     /*!< In its bucket. */
	struct aname_address *before, *next; /*!< Among those that are kept. */
	int64_t kept_ms;                     /*!< Since when it is; 0: it is held. */
	uint64_t hash;
	uint64_t target; /*!< A number for the name. */
	knot_dname_t name[];
} aname_address_t;

typedef struct {
	aname_hash_key_t key;
	aname_address_t **buckets;
	size_t size; /*!< Buckets; a power of two, or 0. */
	size_t count;
	aname_address_t *kept_first, *kept_last; /*!< By time. */
	size_t kept;
} aname_addresses_t;

/*! What an address is found by; see aname_probes_hold(). */
typedef struct {
	const aname_definition_t *definition;
	const uint8_t *address;
	uint8_t len;
	const knot_dname_t *name;
} aname_address_key_t;

void aname_addresses_init(aname_addresses_t *addresses);

/*! Frees all of them. */
void aname_addresses_deinit(aname_addresses_t *addresses);

aname_address_t *aname_addresses_find(const aname_addresses_t *addresses,
                                      const aname_address_key_t *key);

/*! Adds one that is not there, all zero beside what it is; NULL if out of memory. */
aname_address_t *aname_addresses_add(aname_addresses_t *addresses, const aname_address_key_t *key);

/*! Takes it out and frees it. */
void aname_addresses_remove(aname_addresses_t *addresses, aname_address_t *address);

/*! Nobody holds it any more, it is only kept. */
void aname_addresses_keep(aname_addresses_t *addresses, aname_address_t *address, int64_t now_ms);

/*! It is held again. */
void aname_addresses_unkeep(aname_addresses_t *addresses, aname_address_t *address);

/*! The first in a bucket, below `size`; the others follow by `next_same`. */
static inline const aname_address_t *aname_addresses_in(const aname_addresses_t *addresses,
                                                        size_t bucket)
{
	return addresses->buckets[bucket];
}

/*! Calls `visit` for each, which may remove that one. */
void aname_addresses_foreach(const aname_addresses_t *addresses,
                             void (*visit)(aname_address_t *address, void *ctx), void *ctx);
