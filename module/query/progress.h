/*!
 * \brief How far the query in hand of each worker is, from one hook to the next.  [K]
 *
 * PREANSWER, where each query comes by first, begins it. Thread: worker, what is its own.
 */

#pragma once

#include "query/query.h"

typedef struct {
	_Alignas(64) const knotd_mod_t *complete; /*!< Whose later hooks have nothing to do. */
	const knotd_mod_t *begun; /*!< Whose hooks have let the query before go from the object. */
	const knotd_mod_t *aside; /*!< To whose ANSWER hook what is asked for is nothing. */
	const knotd_mod_t *added; /*!< Whose ADDITIONAL hook was called. */
	/* Of whose instance it is, if it is about addresses of a name that may be in the memo. */
	const knotd_mod_t *plain;
	const aname_instance_t *instance;
	uint16_t type;
} aname_progress_t;

extern aname_progress_t aname_progress[ANAME_WORKERS_MAX];

/*! Has no later hook anything to do? */
static inline bool aname_progress_is_complete(const knotd_qdata_t *qdata, const knotd_mod_t *mod)
{
	unsigned worker = qdata->params->thread_id;
	return worker < ANAME_WORKERS_MAX && aname_progress[worker].complete == mod;
}

/*! Notes that none has. Of a worker that has a slot. */
static inline void aname_progress_complete(const knotd_qdata_t *qdata, const knotd_mod_t *mod)
{
	aname_progress[qdata->params->thread_id].complete = mod;
}

/*! Is the type that is asked for nothing to the ANSWER hook? */
static inline bool aname_progress_is_aside(const knotd_qdata_t *qdata, const knotd_mod_t *mod)
{
	unsigned worker = qdata->params->thread_id;
	return worker < ANAME_WORKERS_MAX && aname_progress[worker].aside == mod;
}

/*! Notes that its ADDITIONAL hook was called. */
static inline void aname_progress_add(const knotd_qdata_t *qdata, const knotd_mod_t *mod)
{
	unsigned worker = qdata->params->thread_id;
	if (worker < ANAME_WORKERS_MAX) {
		aname_progress[worker].added = mod;
	}
}

/*! Was it called, or had it nothing to do? */
static inline bool aname_progress_is_added(const knotd_qdata_t *qdata, const knotd_mod_t *mod)
{
	unsigned worker = qdata->params->thread_id;
	return worker >= ANAME_WORKERS_MAX || aname_progress[worker].complete == mod ||
	       aname_progress[worker].added == mod;
}

/*! Is this the object of an earlier hook of this query, in this very instance? */
static inline bool aname_progress_is_mine(const aname_query_t *query,
                                          const aname_instance_t *instance)
{
	return query->instance == instance;
}

/*! The worker's object, for a later hook; NULL if that has nothing to do. The instance may be there
 *  since PREANSWER only: then what the object holds is not of this query. */
static inline aname_query_t *aname_progress_object(const knotd_qdata_t *qdata,
                                                   const knotd_mod_t *mod,
                                                   const aname_instance_t *instance)
{
	aname_query_t *query = aname_query_of(qdata, instance);
	unsigned worker = qdata->params->thread_id;
	if (query != NULL && aname_progress[worker].begun != mod) {
		query->instance = NULL;
		aname_progress[worker].begun = mod;
	}
	bool complete = query != NULL && aname_progress_is_mine(query, instance) &&
	                query->pending == ANAME_PENDING_NOTHING;
	return complete ? NULL : query;
}
