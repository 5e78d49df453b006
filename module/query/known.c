#include "query/known.h"

#include <stdlib.h>
#include <string.h>

#include "path.h"

/*! So many octets of RDATA are copied at most. */
#define OCTETS_MAX 1024

bool aname_known_is_same(const aname_known_node_t *known, const knot_rrset_t *rrsets,
                         unsigned count)
{
	bool same = known->count == count;
	const uint8_t *at = (const uint8_t *)&known->sets[known->count];
	for (unsigned i = 0; i < count && same; i++) {
		const aname_known_set_t *set = &known->sets[i];
		const knot_rdataset_t *rrs = &rrsets[i].rrs;
		same = set->type == rrsets[i].type && set->ttl == rrsets[i].ttl &&
		       set->count == rrs->count && set->size == rrs->size &&
		       memcmp(at, rrs->rdata, rrs->size) == 0;
		at += set->size;
	}
	return same;
}

aname_known_node_t *aname_known_make(uint64_t stamp, const knot_rrset_t *rrsets, unsigned count)
{
	size_t octets = 0;
	for (unsigned i = 0; i < count; i++) {
		octets += rrsets[i].rrs.size;
	}
	aname_known_node_t *known =
	        octets > OCTETS_MAX
	                ? NULL
	                : malloc(sizeof(*known) + count * sizeof(known->sets[0]) + octets);
	if (known == NULL) {
		return NULL;
	}
	atomic_init(&known->stamp, stamp);
	known->count = count;
	uint8_t *at = (uint8_t *)&known->sets[count];
	for (unsigned i = 0; i < count; i++) {
		const knot_rdataset_t *rrs = &rrsets[i].rrs;
		known->sets[i] =
		        (aname_known_set_t){ rrsets[i].ttl, rrs->size, rrsets[i].type, rrs->count };
		memcpy(at, rrs->rdata, rrs->size);
		at += rrs->size;
	}
	return known;
}

ANAME_WARM void aname_known_read(const aname_known_node_t *known, const knot_dname_t *owner,
                                 knot_rrset_t *rrsets)
{
	uint8_t *at = (uint8_t *)&known->sets[known->count];
	for (unsigned i = 0; i < known->count; i++) {
		const aname_known_set_t *set = &known->sets[i];
		knot_rrset_init(&rrsets[i], (knot_dname_t *)owner, set->type, KNOT_CLASS_IN,
		                set->ttl);
		rrsets[i].rrs = (knot_rdataset_t){ .count = set->count,
			                           .size = set->size,
			                           .rdata = (knot_rdata_t *)at };
		at += set->size;
	}
}
