/*!
 * \brief A query in hand, the ANAME records it meets, and what is known of their targets.  [K]
 *
 * Thread: worker.
 */

#pragma once

#include <knot/module.h>

#include "query/answer.h"
#include "query/bitmap.h"
#include "query/hook.h"

/*! A query in hand. */
typedef struct aname_query {
	knot_pkt_t *pkt;
	knotd_qdata_t *qdata;
	knotd_mod_t *mod;
	aname_instance_t *instance;
	unsigned worker;
	aname_worker_t *own; /*!< What belongs to this worker. */
	int64_t now_ms;
	uint32_t now_s;        /*!< The same in whole seconds. */
	bool news;             /*!< A lookup ended while it waited: the numbers have changed. */
	bool tailored;         /*!< The answer is to be for `client` (N4). */
	aname_subnet_t client; /*!< The client's network, as far as a resolver may know it. */
	uint8_t client_max;    /*!< The most that it may know, in bits. */
	aname_sign_t sign;
	unsigned rrsets_count;
	knot_rrset_t rrsets[ANAME_RRTYPES_MAX]; /*!< The ANAME records of the apex. */
} aname_query_t;

/*! What belongs to the worker that has a query; NULL if there is no instance, or no place for so
 *  many workers. */
static inline aname_worker_t *aname_query_own(const knotd_qdata_t *qdata,
                                              const aname_instance_t *instance)
{
	unsigned number = qdata->params->thread_id;
	return instance != NULL && number < ANAME_WORKERS_MAX ? &instance->shared->workers[number]
	                                                      : NULL;
}

/*! Notes whose query it is; false if that is nobody's, as with aname_query_own(). */
static inline bool aname_query_meet(aname_query_t *query, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                    knotd_mod_t *mod)
{
	query->pkt = pkt;
	query->qdata = qdata;
	query->mod = mod;
	query->instance = knotd_mod_ctx(mod);
	query->worker = qdata->params->thread_id;
	query->own = aname_query_own(qdata, query->instance);
	return query->own != NULL;
}

/*!
 * \brief Takes a query up that was met.
 *
 * \return true inside the epoch: leave it when done. false outside, if there is nothing to do for
 *         it: no ANAME at the apex, or a zone in which what this module makes would be bogus (D4).
 */
bool aname_query_begin(aname_query_t *query);

/*!
 * \brief Takes a query up that was met, to look at the targets and not to answer: nobody asks for
 *        keys.
 *
 * \return As aname_query_begin().
 */
bool aname_query_begin_aside(aname_query_t *query);

/*! Meets a query and takes it up. */
static inline bool aname_query_take_up(aname_query_t *query, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                       knotd_mod_t *mod)
{
	return aname_query_meet(query, pkt, qdata, mod) && aname_query_begin(query);
}

/*! From enter to leave what is published may be read, and answers that point to it are good. Who
 *  signs is found out anew at each enter. */
void aname_query_enter(aname_query_t *query);
void aname_query_leave(const aname_query_t *query);

/*!
 * \brief Decides what to say of one family; has looked up what is due. Inside the epoch.
 *
 * \param type    KNOT_RRTYPE_A or KNOT_RRTYPE_AAAA.
 * \param hurry   As for aname_answer_decide().
 */
void aname_query_decide(const aname_query_t *query, uint16_t type, bool hurry,
                        aname_answer_t *answer);

/*! Makes the worker's slot that of the query in hand, if it is still that of another one. */
static inline aname_worker_t *aname_query_slot(const aname_query_t *query)
{
	aname_worker_t *own = query->own;
	if (own->memo_owner != query->instance) {
		own->memo_owner = query->instance;
		own->memo = 0;
		own->decided = 0;
	}
	return own;
}

/*! Notes what is said of a family, for whatever denial goes with the reply. */
void aname_query_note(const aname_query_t *query, uint16_t type, const aname_answer_t *answer);

/*! What the apex has not. */
typedef struct {
	uint8_t families; /*!< ANAME_FAMILY_A, ANAME_FAMILY_AAAA. */
	uint32_t ttl;     /*!< Seconds that this is known for; UINT32_MAX if nothing is missing. */
} aname_missing_t;

/*!
 * \brief The families that the server answers with NODATA at this moment (D2). Inside the epoch.
 *
 * What this reply has said of a family already holds for the rest of it. For the others that counts
 * which everybody gets, clients' subnets or not.
 */
aname_missing_t aname_query_missing(aname_query_t *query);

/*! Tells the client for how large a network of clients an answer is (RFC 7871, 7.2.1). */
void aname_query_tell_scope(const aname_query_t *query, const aname_answer_t *answer);

/*!
 * \brief Finds the target of a record, of the family that the key names. Inside the epoch.
 *
 * \param key    With upstream and type; gets the target's name, which points into the record or
 *               into `lower`.
 * \param entry  The target, or NULL if it is not in the table.
 *
 * \return false if the record is malformed or denied, and not looked up for this zone.
 */
bool aname_query_find(const aname_query_t *query, const knot_rdata_t *rdata, aname_key_t *key,
                      knot_dname_storage_t lower, aname_entry_t **entry);

/*! Notes what time it is. */
void aname_query_set_time(aname_query_t *query, int64_t now_ms);

/*! Is this the first time that this is to be said of this content in this zone? */
bool aname_query_first_time(const aname_query_t *query, const char *what, const void *content,
                            size_t len);

/*!
 * \brief The highest TTL that signed addresses may have: that of the ANAME records, or what
 *        `ttl-max` makes of it.
 *
 * Unlike the TTL that is left, refreshes do not change it. And it is a TTL of the zone's own,
 * whatever `ttl-min` says: Knot keeps a retired key published for as long as the greatest of them.
 */
uint32_t aname_query_full_ttl(const aname_query_t *query);

/*! Passes messages of the core on to knotd; the context is a knotd_mod_t. */
void aname_query_log(void *mod, int priority, const char *message);
