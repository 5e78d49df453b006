/*!
 * \brief The instance and the query in hand, as data.  [K]
 *
 * One object stands for a query from its first hook to its last. It is in the slot of the worker
 * (table/shared.h), which has one query in hand at a time, and it is good for as long as that:
 * PREANSWER, where every query of an instance comes by first, begins it or lets it go, so nothing
 * of the query before is left. What belongs to the zone (records) is good between hooks; what is
 * published (targets, keys) is so only from enter to leave.
 *
 * A zone has one instance: of several in its list the first one counts, see mod_aname.c.
 *
 * Thread: worker.
 */

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <knot/module.h>

#include "conf/options.h"
#include "table/answer.h"
#include "query/pool_plan.h"
#include "table/owner.h"
#include "table/shared.h"
#include "table/store.h"

struct aname_signer;

/*! What an instance has for signing its zone. */
typedef struct {
	_Atomic(const char *) directories; /*!< Where private keys are; NULL if not known yet. */
	_Atomic(struct aname_signer *) signer;
	_Atomic(struct aname_signer *) before; /*!< Good until `signer` is; NULL if not needed. */
	_Atomic(aname_store_t *) store;
} aname_signing_t;

/*! What an instance keeps of a node of its zone that has ANAME records. All zeros at first, but for
 *  `owner`. */
typedef struct {
	_Atomic(aname_pool_plan_t *)
	        plan;                  /*!< Where there are several records; see query/pool.h. */
	_Atomic uint32_t positions[2]; /*!< Where the target was last found, of each family. */
	_Atomic uint32_t shown_s;      /*!< When it was last shown (query/show.h). */
	aname_owner_word_t owner;      /*!< Whether targets may lead back to the owner (F5). */
} aname_node_t;

/*! The nodes of a zone besides its apex, see query/nodes.h. */
typedef struct {
	_Atomic(struct aname_buckets *) names, nsec3;
	_Atomic uint32_t moving; /*!< Odd while nodes are moved to other buckets. */
	uint32_t count;
	uint32_t swept;           /*!< The bucket whose nodes were looked for last. */
	_Atomic uint32_t swept_s; /*!< When some were looked for because it was time. */
	struct listed *spare;     /*!< Stands for nodes for which there is no memory. */
	uint64_t begin;           /*!< Of versions of the zone (query/memo.h). */
	/* How far their numbers are, see query/count.h. */
	_Atomic bool counting;                /*!< Some worker goes on with it. */
	_Atomic int64_t counted_ms;           /*!< When one did last. */
	_Atomic(struct aname_count *) counts; /*!< The pass that goes on; NULL: none. */
} aname_nodes_t;

/*! One instance: the module loaded for one zone, or globally. Never changed after load, but for
 *  what is atomic. There is one for each of very many zones: 120 octets are a whole block of
 *  malloc's. */
typedef struct {
	const aname_options_t *options;
	aname_shared_t *shared;
	aname_signing_t signing;
	aname_node_t apex;
	uint8_t waiters_max;     /*!< TCP workers that may wait at once (C2). */
	uint8_t onlinesign : 7;  /*!< aname_onlinesign_t */
	bool yields : 1;         /*!< To modules that answer before Knot looks, as mod-geoip. */
	uint8_t zone_len;        /*!< Octets of the zone's name; 0 if loaded as global module. */
	_Atomic bool failing;    /*!< Some target was failing when the numbers were last shown. */
	_Atomic uint32_t unable; /*!< Of the signer that was logged to be unable the lower half
	                                    of its identity; 1: that there is none. */
	aname_zone_t zone;       /*!< Whom it asks, and what it names. */
	aname_nodes_t nodes[];   /*!< One with `owners: any`; else none. */
} aname_instance_t;

/*! The ANAME records of a node, as they stand in the zone. */
typedef struct {
	unsigned count; /*!< RRsets; 0: there is none. */
	knot_rrset_t rrsets[ANAME_RRTYPES_MAX];
} aname_found_t;

typedef enum {
	ANAME_SIGN_NEEDLESS = 0, /*!< The zone is not signed, or mod-onlinesign does it. */
	ANAME_SIGN_READY,
	ANAME_SIGN_PENDING, /*!< The keys are being read. */
	ANAME_SIGN_UNABLE,  /*!< What this module makes would be bogus (D4). */
} aname_sign_state_t;

/*! How a query in hand is signed. Nothing but the first two is set if it is NEEDLESS. */
typedef struct {
	uint8_t state; /*!< aname_sign_state_t */
	bool wanted;   /*!< The zone is signed, and the client asks for DNSSEC records (D5). */
	const struct aname_signer *signer;
	uint64_t signer_id;             /*!< Its identity. */
	uint32_t inception, expiration; /*!< Of the signature over the SOA. */
	int64_t now_s;                  /*!< Wall clock. */
} aname_sign_t;

/*! What a hook leaves to be done by a later one. */
typedef enum {
	ANAME_PENDING_ALL = 0,   /*!< Nothing is decided yet. */
	ANAME_PENDING_NOTHING,   /*!< The answer is complete. */
	ANAME_PENDING_NODATA,    /*!< NODATA was found before Knot looked, who is to prove it. */
	ANAME_PENDING_PUT_SOA,   /*!< NODATA was answered before Knot looked: there is no SOA. */
	ANAME_PENDING_PUT_PROOF, /*!< The same with the denial that was taken. */
	ANAME_PENDING_LOWER_SOA, /*!< NODATA was answered after Knot looked. */
	ANAME_PENDING_DROP_SOA,  /*!< Knot is to prove what an answer has not (A4). */
} aname_pending_t;

/*! What was decided of a family for this query, in memory of the worker (table/shared.h). */
typedef struct {
	aname_answer_t answer;
	/* If it is spared (A10): what this family is worth alone, and for whom. */
	uint8_t alone, scope;
	/* Of what a client gets, and with one record: its target has addresses for everybody. */
	bool all_have;
} aname_decision_t;

/*! How far a decision is, as bits. */
typedef enum {
	ANAME_SETTLED = 1,
	ANAME_SETTLED_ACCEPTED = 2, /*!< Fallbacks were accepted. */
	ANAME_SETTLED_SPARED = 4, /*!< The other family was looked at, where that is called for. */
} aname_settled_t;

/*! The denial of the apex with the signatures over it, to be put. Their RDATA is the packet's. */
typedef struct {
	knot_rrset_t record, rrsigs;
} aname_denial_t;

/*! Of two families, for everybody and for the client. */
#define ANAME_DECISIONS 4

/*! A query in hand. */
typedef struct {
	aname_instance_t *instance; /*!< Whose it is; NULL: the object is free. */
	knot_pkt_t *pkt;
	knotd_qdata_t *qdata;
	knotd_mod_t *mod;
	aname_worker_t *slot; /*!< What belongs to the worker. */
	aname_epoch_t *epoch; /*!< What is entered and left. */
	uint64_t entered;     /*!< Which one was entered last. */
	unsigned worker;
	uint32_t now_s; /*!< As the following, in whole seconds. */
	int64_t now_ms;

	uint8_t pending; /*!< aname_pending_t */
	bool waited;     /*!< A lookup ended while it waited: the numbers have changed. */
	bool for_subnet; /*!< The answer is to be for `client` (N4). */
	bool by_subnet; /*!< Targets are chosen by `client`; else by where the query is from (P3). */
	uint8_t settled[ANAME_DECISIONS]; /*!< Of each decision: aname_settled_t. */
	/* What the reply says of the families, so that it says the same everywhere (D2). */
	uint8_t decided;      /*!< Families decided on; see query/bitmap.h. */
	uint8_t missing;      /*!< Those of them that are NODATA. */
	uint32_t missing_ttl; /*!< For so many seconds at most, once something is decided. */

	/* A negative answer that is pending. */
	uint32_t nodata_ttl;  /*!< Seconds. */
	uint8_t nodata_scope; /*!< Length of the client prefix it is for. */
	bool nodata_stale;    /*!< It is past its lifetime. */
	bool nodata_gone;     /*!< There were addresses before. */
	bool nodata_all_down; /*!< Health or an operator has left none (H4). */

	uint8_t client_max; /*!< The most that a resolver may know of a client's network, in bits. */
	aname_subnet_t client; /*!< The client's network, as far as that. */

	aname_sign_t sign;
	/* The node whose records count now, see query/node.h. */
	aname_node_t *node;          /*!< NULL: none. */
	const knot_dname_t *covered; /*!< If it is a wildcard: the name that it answers for. */
	uint16_t rrsets_count;
	bool several;                           /*!< It has several records. */
	bool apex;                              /*!< It is the apex. */
	knot_rrset_t rrsets[ANAME_RRTYPES_MAX]; /*!< Its ANAME records. */
	aname_denial_t denial;                  /*!< If it is pending (PUT_PROOF). */
} aname_query_t;

/*! Where a decision on a family stands. */
static inline unsigned aname_decision_place(uint16_t type, bool for_subnet)
{
	return 2 * (type == KNOT_RRTYPE_AAAA) + for_subnet;
}

static inline aname_decision_t *aname_decisions_of(const aname_query_t *query)
{
	return (aname_decision_t *)query->slot->decisions;
}

/*!
 * \brief The object of the worker that has a query.
 *
 * \return The object, perhaps another instance's, or at PREANSWER of the query before. NULL if
 *         there is no instance, or no slot for so many workers.
 */
aname_query_t *aname_query_of(const knotd_qdata_t *qdata, const aname_instance_t *instance);

/*!
 * \brief Begins a query: finds the ANAME records of the apex, if it is about that, and enters the
 *        epoch.
 *
 * From there until the epoch is left what is published may be read, and answers that point to it
 * are good. Who signs is to be found out anew after each time that it is entered.
 *
 * \param query  aname_query_of(), or an object of the caller's own.
 * \param at_apex  It is about the apex; else about no node yet (query/node.h).
 *
 * \return true inside the epoch: leave it when done. false outside, and the object free, if there
 *         is no ANAME at the apex.
 */
bool aname_query_begin(aname_query_t *query, aname_instance_t *instance, knot_pkt_t *pkt,
                       knotd_qdata_t *qdata, knotd_mod_t *mod, bool at_apex);

/*! May nodes besides the apex count? */
static inline bool aname_instance_any(const aname_instance_t *instance)
{
	return instance->options->any_owner;
}

/*! Finds the ANAME records of the apex; returns how many RRsets there are. */
unsigned aname_query_apex_records(knotd_qdata_t *qdata, const aname_options_t *options,
                                  knot_rrset_t *rrsets);

/*! A walk over the ANAME records of the node that a query is about. All zeros at first. */
typedef struct {
	unsigned rrset; /*!< Where the record stands. */
	unsigned next;  /*!< The next one of that RRset. */
	unsigned count; /*!< How many there were up to now. */
	knot_rdata_t *rdata;
} aname_query_walk_t;

/*! The next record, as far as they count (R4); NULL: that was all. */
const knot_rdata_t *aname_query_next_record(const aname_query_t *query, aname_query_walk_t *walk);

/*! The zone that is asked, as what is everybody's is shared out by it (aname_shared_zone()). Hashes its
 *  name: not with every query. */
static inline uint32_t aname_query_zone(const aname_query_t *query)
{
	return aname_shared_zone(query->instance->shared, knotd_qdata_zone_name(query->qdata));
}

/*! Does this query show the zone's numbers, and log what there is to log? One a second does. */
static inline bool aname_query_shows(const aname_query_t *query)
{
	return atomic_load_explicit(&query->node->shown_s, memory_order_relaxed) != query->now_s;
}

/*! Has one of the next queries show, however soon. */
static inline void aname_query_show_soon(const aname_query_t *query)
{
	atomic_store_explicit(&query->node->shown_s, query->now_s - 1, memory_order_relaxed);
}

/*! Is this the first time that this is to be logged of this content in this zone, and may the zone
 *  log it now? */
bool aname_query_log_once(const aname_query_t *query, const char *what, const void *content,
                          size_t len);

/*! Passes messages of the core on to knotd; the context is a knotd_mod_t. */
void aname_query_log(void *mod, int priority, const char *message);
