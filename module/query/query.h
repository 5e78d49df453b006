/*!
 * \brief The instance and the query in hand, as data.  [K]
 *
 * What begins, enters and leaves is in query.c.
 *
 * Thread: worker.
 */

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <knot/module.h>

#include "options.h"
#include "table/shared.h"
#include "table/store.h"

struct aname_signer;

/*! What an instance has for signing its zone. */
typedef struct {
	_Atomic(const char *) directories; /*!< Where private keys are; NULL if not known yet. */
	bool off;                          /*!< Option `dnssec: off`. */
	_Atomic(struct aname_signer *) signer;
	_Atomic(struct aname_signer *) before; /*!< Good until `signer` is; NULL if not needed. */
	_Atomic(aname_store_t *) store;
	_Atomic uint64_t told; /*!< The signer that was told to be unable; 1: that there is none. */
} aname_signing_t;

/*! One instance: the module loaded for one zone, or globally. Never changed after load, but for
 *  what is atomic. */
typedef struct {
	const aname_options_t *options;
	const aname_profile_t *profile;
	aname_shared_t *shared;
	aname_signing_t signing;
	const knot_dname_t *zone;   /*!< Name of the zone; NULL if loaded as global module. Gone in
	                                 unload. */
	uint16_t waiters_max;       /*!< TCP workers that may wait at once (C2). */
	uint8_t onlinesign;         /*!< aname_onlinesign_t */
	uint8_t zone_len;           /*!< Octets of its name. */
	_Atomic uint32_t shown_s;   /*!< When the numbers were last brought up to date. */
	_Atomic bool failing;       /*!< Some target was failing then. */
	_Atomic uint32_t places[2]; /*!< Where the target was last found, of each family. */
} aname_instance_t;

typedef enum {
	ANAME_SIGN_NEEDLESS = 0, /*!< The zone is not signed, or mod-onlinesign does it. */
	ANAME_SIGN_READY,
	ANAME_SIGN_PENDING, /*!< The keys are being read. */
	ANAME_SIGN_UNABLE,  /*!< What this module makes would be bogus (D4). */
} aname_sign_state_t;

/*! How a query in hand is signed. Nothing but the state is set if that is NEEDLESS. */
typedef struct {
	aname_sign_state_t state;
	bool wanted; /*!< The client asks for DNSSEC records (D5). */
	const struct aname_signer *signer;
	uint32_t inception, expiration; /*!< Of the signature over the SOA. */
	int64_t now_s;                  /*!< Wall clock. */
} aname_sign_t;

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

/*! What a hook leaves for a later hook of the same query. */
enum {
	MEMO_NONE = 0,
	MEMO_ANSWERED,  /*!< The answer was put before Knot looked. */
	MEMO_PUT_SOA,   /*!< NODATA was found before Knot looked: there is no SOA yet. */
	MEMO_LOWER_SOA, /*!< NODATA was found after Knot looked. */
	MEMO_PROVE,     /*!< Knot is to prove what an answer has not (A4). */
};

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
 * \brief Takes a query up that was met. Who signs is still to be found out.
 *
 * \return true inside the epoch: leave it when done. false outside, if there is no ANAME at the
 *         apex.
 */
bool aname_query_begin(aname_query_t *query);

/*!
 * \brief Takes a query up that was met, to look at the targets and not to answer: nobody asks for
 *        keys.
 *
 * \return As aname_query_begin().
 */
bool aname_query_begin_aside(aname_query_t *query);

/*! From enter to leave what is published may be read, and answers that point to it are good. Who
 *  signs is to be found out anew after each enter. */
void aname_query_enter(aname_query_t *query);
void aname_query_leave(const aname_query_t *query);

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

/*! Notes what time it is. */
void aname_query_set_time(aname_query_t *query, int64_t now_ms);

/*! Leaves something for a later hook. */
static inline void aname_query_leave_memo(const aname_query_t *query, uint32_t memo)
{
	aname_query_slot(query)->memo = memo;
}

/*! Is this the first time that this is to be said of this content in this zone? */
bool aname_query_first_time(const aname_query_t *query, const char *what, const void *content,
                            size_t len);

/*! Passes messages of the core on to knotd; the context is a knotd_mod_t. */
void aname_query_log(void *mod, int priority, const char *message);
