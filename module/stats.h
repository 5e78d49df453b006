/*!
 * \brief The counters: registration, increments.  [K]
 *
 * Every instance of a zone counts its answers; the numbers of its targets are stored from time to
 * time by the worker that answers for it. An instance loaded as global module shows the same
 * numbers for the whole process.
 */

#pragma once

#include <knot/module.h>

#include "table/kinds.h"

/*! What else is shown. */
typedef struct {
	uint64_t started, succeeded, failed; /*!< Lookups. */
	uint64_t targets;                    /*!< Held, one per name and family. */
	uint64_t subnets;                    /*!< Answers held for clients' subnets beside. */
	uint64_t addresses;                  /*!< Held. */
	uint64_t lag_ms;                     /*!< Largest refresh lag. */
	uint64_t up, down, unknown;          /*!< Addresses probed. */
} aname_numbers_t;

/*! Registers the counters; `total`: those of the whole process; `any_owner`: those of a zone with
 *  `owners: any`. Thread: load. */
int aname_stats_register(knotd_mod_t *mod, bool total, bool any_owner);

/*! Counts an answer, for its zone and in total. Thread: worker `worker`, whose slot it is. */
void aname_stats_answer(knotd_mod_t *mod, aname_worker_t *slot, unsigned worker, aname_kind_t kind);

/*! Counts malformed records that a query came upon. Thread: worker `worker`. */
void aname_stats_malformed(knotd_mod_t *mod, unsigned worker, unsigned count);

/*! Shows these numbers from now on. Thread: worker. */
void aname_stats_show(knotd_mod_t *mod, const aname_numbers_t *numbers);

/*! Shows how many owners these are of. Of a zone with `owners: any`. Thread: worker. */
void aname_stats_show_owners(knotd_mod_t *mod, uint64_t owners);

/*! Shows the answers of all zones in this instance. Thread: worker. */
void aname_stats_show_totals(knotd_mod_t *mod, aname_shared_t *shared);
