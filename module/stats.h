/*!
 * \brief The counters: one list of kinds and names, registration, increments.  [K]
 *
 * Every instance of a zone counts its answers; the numbers of its targets are stored from time to
 * time by the worker that answers for it. An instance loaded as global module shows the same
 * numbers for the whole process.
 */

#pragma once

#include <knot/module.h>

#include "table/shared.h"

/*! What an answer was made of; name in `knotc stats`. */
#define ANAME_ANSWER_KINDS(X)                                                              \
	X(FRESH, "fresh")         /* Addresses within their lifetime. */                   \
	X(LATE, "late")           /* Past it, a lookup under way has not failed (T2). */   \
	X(STALE, "stale")         /* Past it, and the target fails or is too late (F1). */ \
	X(SIBLING, "sibling")     /* The zone's own A or AAAA (F2). */                     \
	X(NODATA, "nodata")       /* The target has none (A7). */                          \
	X(GONE, "gone")           /* The same, where there were addresses before (W1). */  \
	X(TRUNCATED, "truncated") /* TC over UDP: not looked up yet (C1). */               \
	X(COLD, "cold")           /* SERVFAIL: not looked up yet (C2, C3). */              \
	X(FAILED, "failed")       /* SERVFAIL (F3). */                                     \
	X(DENIED, "denied")       /* SERVFAIL: policy (L2). */                             \
	X(ALL_DOWN, "all-down")   /* Health has left none: as `all-down` says (H4). */

typedef enum {
#define X(kind, name) ANAME_KIND_##kind,
	ANAME_ANSWER_KINDS(X)
#undef X
	        ANAME_KINDS,
} aname_kind_t;

/*! What else is shown. */
typedef struct {
	uint64_t started, succeeded, failed; /*!< Lookups. */
	uint64_t targets;                    /*!< Held, one per name and family. */
	uint64_t subnets;                    /*!< Answers held for clients' subnets beside. */
	uint64_t addresses;                  /*!< Held. */
	uint64_t lag_ms;                     /*!< Largest refresh lag. */
	uint64_t up, down, unknown;          /*!< Addresses probed. */
} aname_numbers_t;

/*! Registers the counters; `total`: those of the whole process. Thread: load. */
int aname_stats_register(knotd_mod_t *mod, bool total);

/*! Counts an answer, for its zone and in total. Thread: worker `worker`, whose slot it is. */
void aname_stats_answer(knotd_mod_t *mod, aname_worker_t *slot, unsigned worker, aname_kind_t kind);

/*! Counts malformed records that a query came upon. Thread: worker `worker`. */
void aname_stats_malformed(knotd_mod_t *mod, unsigned worker, unsigned count);

/*! Shows these numbers from now on. Thread: worker. */
void aname_stats_show(knotd_mod_t *mod, const aname_numbers_t *numbers);

/*! Shows the answers of all zones in this instance. Thread: worker. */
void aname_stats_show_totals(knotd_mod_t *mod, aname_shared_t *shared);
