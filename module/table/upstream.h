/*!
 * \brief Upstreams: a resolver as configured, and who uses it.  [P]
 *
 * What is known of a target is known from an upstream, so an upstream is part of its key: a pointer
 * to it is its identity. Sections that ask the same servers, from the same address, with the same
 * demand for validation share it, whatever else they say.
 *
 * An upstream is held by the options in use that name it. What was learnt from it stays for a while
 * when nobody holds it any more, since options come back: an instance is unloaded and loaded anew,
 * or a change is undone. Then the service releases it, with all that is known from it.
 *
 * One that was read from the state file is awaited: it stays as long, until a section names it.
 *
 * Functions here are for whoever owns the list, and under its lock (shared.h).
 */

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf/options.h"

/*! How long what was learnt from an upstream is kept that nobody holds. */
#define ANAME_UPSTREAM_KEEP_MS 600000

/*! How many upstreams are kept that nobody holds: the latest ones. Those that are awaited do not
 *  count. */
#define ANAME_UPSTREAMS_KEPT 4

/*! An upstream's lookups, the service's own; see service/work.h. */
struct aname_upstream_work;

/*!
 * \brief What counts for the lookups of an upstream, of all options that name it.
 *
 * The larger `timeout`, `retries` and `max-aliases`, the smaller `retry-min` and `retry-max`.
 * Targets are looked at as often as the smallest `ttl-min` allows, and what is known of them is
 * kept for the largest `ttl-max` and `stale-max`. For how long each is to be kept fresh is noted on
 * the target itself; `idle` is the largest. Of a client no more is sent than some section allows.
 */
typedef struct {
	aname_schedule_t schedule;
	uint32_t ttl_min; /*!< The largest `ttl-min`. */
	bool no_grace;    /*!< Some use nothing that is past its lifetime (`stale-max: 0`). */
	bool differ;      /*!< Sections differ in those first five. */
} aname_upstream_terms_t;

typedef struct aname_upstream {
	aname_source_t source; /*!< Whom it asks. Never changes. */
	/* Guarded by the owner's lock. */
	struct aname_upstream *next;
	unsigned holders; /*!< Sets of options. */
	unsigned counted; /*!< Of them, while they are added up. */
	uint64_t left;    /*!< Without a holder: how often options had been held before. */
	/* Written by the service. */
	_Atomic bool silent;      /*!< Nothing is heard from it any more, whatever it is asked. */
	_Atomic int64_t heard_ms; /*!< When it was heard last. */
	/* The service thread's own. */
	aname_upstream_terms_t terms;
	aname_schedule_t logged; /*!< What was logged last. */
	bool held;               /*!< Somebody holds it. */
	int64_t unheld_ms; /*!< Since when it is settled that nobody does: nothing is looked up; 0: it
	                        is not. */
	bool awaited;      /*!< It is from the state file, and nobody has held it yet. */
	uint32_t saved;    /*!< The last save that it went into, */
	uint16_t position;                /*!< and where it stands there. */
	struct aname_upstream_work *work; /*!< NULL: it was never asked. */
} aname_upstream_t;

/*!
 * \brief Finds an upstream in a list, or makes it, without a holder.
 *
 * \param list    First of the list; a new one is put before it.
 * \param source  Whom it asks.
 *
 * \return The upstream; NULL if out of memory. Ownership: the list's.
 */
aname_upstream_t *aname_upstream_find(aname_upstream_t **list, const aname_source_t *source);

/*!
 * \brief Takes an upstream out of a list that nobody has held for too long: for
 *        ANAME_UPSTREAM_KEEP_MS, or while ANAME_UPSTREAMS_KEPT others were let go.
 *
 * \return The upstream, freed with free(); NULL if there is none. Ownership: the caller's.
 */
aname_upstream_t *aname_upstream_take_out(aname_upstream_t **list, int64_t now_ms);

/*! Has it been given up: nobody holds it, and nobody is about to? */
static inline bool aname_upstream_is_given_up(const aname_upstream_t *upstream)
{
	return upstream->unheld_ms != 0 && !upstream->awaited;
}

/*! Adds one more set of options; `first`: the terms of before do not count. */
void aname_upstream_add_terms(aname_upstream_terms_t *terms, const aname_schedule_t *schedule,
                              bool first);
