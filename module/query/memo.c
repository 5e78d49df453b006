#include "query/memo.h"

#include <string.h>

#include "conf/lookup.h"
#include "path.h"
#include "query/version.h"

/* Nobody outside chooses what is spread, but for serials and the beginnings of names, which tell
 * nothing alone. */
#define SPREAD_3 UINT64_C(0x165667b19e3779f9)

/*! Facts that are kept, as one word each: of a name by its hash, of a set by where it stands. */
#define FACTS_BITS 17
static _Atomic uint64_t facts[1 << FACTS_BITS];

/*! By how names of owners begin: a bit each. It is emptied when a quarter of the bits is set. */
#define OWNERS_BITS 20
static _Atomic uint64_t owners[1 << (OWNERS_BITS - 6)];
static _Atomic uint32_t owners_set;

uint64_t aname_memo_begin(void)
{
	static _Atomic uint64_t count;
	return (atomic_fetch_add(&count, 1) + 1) * ANAME_SPREAD_2;
}

/*! A number that no other instance has; 0 for those of the apex alone, of which only names are kept,
 *  and all of a zone end with its own. */
static inline uint64_t begin_of(const aname_instance_t *instance)
{
	return aname_instance_any(instance) ? instance->nodes->begin : 0;
}

ANAME_WARM uint64_t aname_memo_version(knotd_qdata_t *qdata, const aname_instance_t *instance)
{
	return aname_version(qdata, begin_of(instance));
}

/* Owners. */

/*! Which bit stands for names that begin like this one. */
static inline uint32_t owners_bit(const knot_dname_t *lower, const aname_instance_t *instance)
{
	uint64_t begin;
	memcpy(&begin, lower, sizeof(begin));
	return ((begin ^ begin_of(instance)) * ANAME_SPREAD_1) >> (64 - OWNERS_BITS);
}

ANAME_WARM bool aname_memo_may_be_early(knotd_qdata_t *qdata, const aname_instance_t *instance)
{
	const knot_pkt_t *asked = qdata->query;
	if (asked->qname_size < sizeof(uint64_t)) {
		return true;
	}
	uint32_t bit = owners_bit(asked->lower_qname, instance);
	uint64_t word = atomic_load_explicit(&owners[bit / 64], memory_order_relaxed);
	return word >> (bit % 64) & 1;
}

/*! Nearly all names would be taken for owners. Those that are will be noted again. */
static ANAME_ASIDE void empty_owners(void)
{
	atomic_store_explicit(&owners_set, 0, memory_order_relaxed);
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		atomic_store_explicit(&owners[i], 0, memory_order_relaxed);
	}
}

void aname_memo_note_early(const aname_instance_t *instance, const knot_dname_t *lower)
{
	if (knot_dname_size(lower) < sizeof(uint64_t)) {
		return;
	}
	uint32_t bit = owners_bit(lower, instance);
	uint64_t set = UINT64_C(1) << bit % 64;
	if ((atomic_fetch_or_explicit(&owners[bit / 64], set, memory_order_relaxed) & set) == 0 &&
	    atomic_fetch_add_explicit(&owners_set, 1, memory_order_relaxed) >=
	            (UINT32_C(1) << OWNERS_BITS) / 4) {
		empty_owners();
	}
}

/* Facts. */

/*! A fact about something in a version of a zone. */
static inline uint64_t make_fact(uint64_t version, uint64_t about)
{
	uint64_t mixed = (version ^ about * SPREAD_3) * ANAME_SPREAD_1;
	return mixed ^ mixed >> 32;
}

static inline _Atomic uint64_t *place_of(uint64_t fact)
{
	return &facts[fact >> (64 - FACTS_BITS)];
}

static inline bool is_known(uint64_t fact)
{
	return atomic_load_explicit(place_of(fact), memory_order_relaxed) == fact;
}

static void note(uint64_t fact)
{
	atomic_store_explicit(place_of(fact), fact, memory_order_relaxed);
}

/*! What facts of a name are about: the last bits, with which nothing stands in memory. */
typedef enum {
	NAME_IS_PLAIN = 1,   /*!< No ANAME records answer for it. */
	NAME_IS_COVERED = 3, /*!< It is answered by the wildcard beside it. */
	NAME_IS_ALIAS = 5,   /*!< It leads to the apex right away. */
} name_fact_t;

static uint64_t fact_of(uint64_t version, name_fact_t what, const knot_dname_t *name, size_t len,
                        const aname_instance_t *instance)
{
	uint64_t hash = aname_owners_hash(instance->shared->owners, name, len);
	return make_fact(version, hash << 3 | what);
}

/*! A fact of the name that Knot has come to. */
static uint64_t fact_of_name(uint64_t version, name_fact_t what, knotd_qdata_t *qdata,
                             const aname_instance_t *instance)
{
	return fact_of(version, what, qdata->name, knot_dname_size(qdata->name), instance);
}

/*! That the name that is asked for is an alias. */
static uint64_t fact_of_alias(uint64_t version, const knotd_qdata_t *qdata,
                              const aname_instance_t *instance)
{
	const knot_pkt_t *asked = qdata->query;
	return fact_of(version, NAME_IS_ALIAS, asked->lower_qname, asked->qname_size, instance);
}

/*! Is the reply nothing but the set that was asked for, of the very name and no alias's? */
static inline bool is_simple(knotd_in_state_t state, uint16_t type, const knot_pkt_t *pkt,
                             knotd_qdata_t *qdata)
{
	return state == KNOTD_IN_STATE_HIT && qdata->name == qdata->query->lower_qname &&
	       pkt->rrset_count > 0 && pkt->rr[0].type == type;
}

/*! The set that stands at this address is one of a node without ANAME records. */
static inline uint64_t fact_of_set(uint64_t version, const knot_pkt_t *pkt)
{
	return make_fact(version, (uintptr_t)pkt->rr[0].rrs.rdata);
}

ANAME_WARM bool aname_memo_is_complete(knotd_in_state_t state, uint16_t type, const knot_pkt_t *pkt,
                                       knotd_qdata_t *qdata, const aname_instance_t *instance)
{
	if (!is_simple(state, type, pkt, qdata)) {
		return false;
	}
	uint64_t version = aname_memo_version(qdata, instance);
	return version != 0 && is_known(fact_of_set(version, pkt));
}

bool aname_memo_is_plain(knotd_in_state_t state, knotd_qdata_t *qdata,
                         const aname_instance_t *instance)
{
	if (state != KNOTD_IN_STATE_HIT && state != KNOTD_IN_STATE_NODATA) {
		return false;
	}
	uint64_t version = aname_memo_version(qdata, instance);
	return version != 0 && is_known(fact_of_name(version, NAME_IS_PLAIN, qdata, instance));
}

/*!
 * Is the set in the reply that of the name itself? A wildcard's is not, for which a signed reply
 * has to prove something, be it that of the wildcard which was asked for.
 */
static bool is_own(const knot_pkt_t *pkt, knotd_qdata_t *qdata)
{
	knot_rrset_t own;
	return !knot_dname_is_wildcard(qdata->name) &&
	       knotd_qdata_zone_rrset(qdata, NULL, qdata->name, pkt->rr[0].type, &own) ==
	               KNOT_EOK &&
	       own.rrs.count > 0 && own.rrs.rdata == pkt->rr[0].rrs.rdata;
}

void aname_memo_note_plain(knotd_in_state_t state, const knot_pkt_t *pkt, knotd_qdata_t *qdata,
                           const aname_instance_t *instance)
{
	uint64_t version = aname_memo_version(qdata, instance);
	if (version == 0) {
		return;
	}
	note(fact_of_name(version, NAME_IS_PLAIN, qdata, instance));
	if (is_simple(state, knot_pkt_qtype(pkt), pkt, qdata) && is_own(pkt, qdata)) {
		note(fact_of_set(version, pkt));
	}
}

bool aname_memo_is_covered(uint64_t version, knotd_qdata_t *qdata, const aname_instance_t *instance)
{
	return is_known(fact_of_name(version, NAME_IS_COVERED, qdata, instance));
}

void aname_memo_note_covered(uint64_t version, knotd_qdata_t *qdata,
                             const aname_instance_t *instance)
{
	note(fact_of_name(version, NAME_IS_COVERED, qdata, instance));
}

bool aname_memo_is_alias(uint64_t version, const knotd_qdata_t *qdata,
                         const aname_instance_t *instance)
{
	return is_known(fact_of_alias(version, qdata, instance));
}

void aname_memo_note_alias(uint64_t version, const knotd_qdata_t *qdata,
                           const aname_instance_t *instance)
{
	note(fact_of_alias(version, qdata, instance));
	aname_memo_note_early(instance, qdata->query->lower_qname);
}
