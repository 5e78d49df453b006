/*!
 * \brief The shared state as a whole: what workers and the service share.  [P]
 *
 * One per process (tests make their own). It belongs to no instance and survives reload, zone
 * reload and changes of the configuration (BEHAVIOUR T4).
 */

#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf/options.h"
#include "log/logbook.h"
#include "log/reported.h"
#include "log/watch.h"
#include "table/allowance.h"
#include "table/definition.h"
#include "table/hash.h"
#include "table/owners.h"
#include "table/queue.h"
#include "table/secrets.h"
#include "table/table.h"
#include "table/upstream.h"
#include "table/waiters.h"
#include "table/zones.h"

/*! How often limits were reached; logged by the service. */
typedef struct {
	_Atomic uint64_t queue_full; /*!< Requests refused: the queue was full. */
	_Atomic uint64_t table_full; /*!< Targets refused: max-targets. */
	_Atomic uint64_t gave_way;   /*!< Targets that gave way to new ones: max-targets. */
	_Atomic uint64_t heaviest; /*!< The zone that held the most then, and below it how many. */
	_Atomic bool no_room;      /*!< No target can be added now; written by the service. */
	_Atomic uint64_t waiters_full; /*!< TCP queries not let wait (C2). */
	_Atomic uint64_t probes_full;  /*!< Addresses not probed: max-probes. */
	_Atomic uint64_t probes_late;  /*!< Probes later than by an interval. */
	_Atomic uint64_t views_full;   /*!< Targets not probed in one more way. */
	_Atomic uint64_t far_full;     /*!< Owners of other servers not noted, or no longer. */
} aname_limits_reached_t;

/*! Sums over all targets, for the statistics. Written by the service. */
typedef struct {
	_Atomic uint64_t started, succeeded, failed;
	_Atomic uint32_t lag_ms;            /*!< Largest refresh lag of this and the last minute. */
	_Atomic uint64_t up, down, unknown; /*!< Addresses probed, once per definition. */
	_Atomic uint64_t probes_started, probes_failed;
	_Atomic bool in_doubt; /*!< No probe succeeds any more: it may be this server's fault. */
} aname_totals_t;

#define ANAME_ANSWER_KINDS_MAX 16

/*! Room for the query that a worker has in hand, which is the business of query/query.h. */
#define ANAME_WORKER_QUERY_SIZE  448
#define ANAME_WORKER_QUERY_ALIGN 16

/*! Room for what is decided for that query, which is the business of query/records.h. */
#define ANAME_WORKER_DECISIONS_SIZE 4096

/*! What belongs to one worker: nobody else writes these cache lines. */
typedef struct {
	_Atomic uint64_t answers[ANAME_ANSWER_KINDS_MAX]; /*!< Of all instances; see kinds.h. */
	uint8_t *decisions;         /*!< ANAME_WORKER_DECISIONS_SIZE octets. */
	aname_allowance_t *signing; /*!< How much of its time that takes. */
	uint32_t keep; /*!< All bits, or none while a target is judged that is not kept fresh. */
	uint8_t way;   /*!< aname_way_t of the target that is judged now; else OUT. */
	uint8_t query[ANAME_WORKER_QUERY_SIZE]
	        __attribute__((aligned(ANAME_WORKER_QUERY_ALIGN))); /*!< All zero at first. */
} __attribute__((aligned(128))) aname_worker_t;

/*! Slots that remember what was logged once. */
#define ANAME_LOGGED_SIZE 1024

/*! Options in use, each held by all instances whose sections are equal. */
typedef struct aname_held_options {
	aname_options_t *options;
	aname_upstream_t *upstream;
	aname_definition_t *definition; /*!< What they have probed, or NULL. */
	aname_origin_t origin;          /*!< Where they were read last. */
	unsigned holders;
	struct aname_held_options *next;
} aname_held_options_t;

/*! What every query reads never changes and stands first, away from what is written. */
typedef struct {
	aname_worker_t *workers;    /*!< ANAME_WORKERS_MAX of them. */
	uint8_t *decisions;         /*!< ANAME_WORKER_DECISIONS_SIZE octets for each of them. */
	aname_allowance_t *signing; /*!< One for each of them. */
	aname_epoch_t *epoch;
	aname_table_t *table;
	aname_queue_t *queue;
	aname_waiters_t *waiters;
	aname_logbook_t *logbook;
	aname_owners_t *owners;
	aname_zones_t *zones;
	aname_secrets_t *secrets;
	pthread_mutex_t sign_lock; /*!< Guards who writes into a signing, and the bin. */
	aname_bin_t *sign_bin;     /*!< What workers have retired. */
	uint64_t signers;          /*!< Identity of the last signer; guarded by the lock above. */
	aname_hash_key_t hash_key; /*!< For where signatures are stored, and what was logged. */
	uint64_t seed;             /*!< For hashes of what is logged for zones. */
	aname_limits_reached_t reached;
	aname_totals_t totals;
	_Atomic uint64_t logged[ANAME_LOGGED_SIZE]; /*!< Upper bits of hashes, and seconds. */
	aname_reported_t reported;
	aname_watch_t watch;     /*!< Who watches what happens; the service thread's own. */
	aname_budget_t budget;   /*!< For what is logged of targets and contents. */
	aname_queue_wake_f wake; /*!< Wakes the service; may be NULL. */
	void *wake_ctx;
	_Atomic bool options_changed; /*!< Options came or went: for the service. */
	_Atomic int64_t moved_ms;     /*!< When an instance held options, or let them go, last. */
	pthread_mutex_t lock;         /*!< Guards what follows. */
	uint64_t holds;               /*!< How often options were held. */
	uint32_t options_id;          /*!< Identity of those that came last. */
	aname_held_options_t *options;
	aname_upstream_t *upstreams;
	aname_definitions_t definitions;
} aname_shared_t;

/*!
 * \brief Makes an empty one.
 *
 * \param wake      Wakes the service after a request; may be NULL.
 * \param wake_ctx  Its context.
 *
 * \return It, NULL if out of memory.
 */
aname_shared_t *aname_shared_new(aname_queue_wake_f wake, void *wake_ctx);

/*! Frees it all. No worker may be inside the epoch, no service may run. */
void aname_shared_free(aname_shared_t *shared);

/*!
 * \brief Holds options, together with the instances that have equal ones.
 *
 * \param options   Taken over: kept, or freed if there are equal ones already.
 * \param upstream  Whom they ask. Good as long as the options are held.
 *
 * \return The options to use, NULL if out of memory (`options` is freed then, too).
 *
 * Thread: any that knotd loads modules on.
 */
const aname_options_t *aname_shared_hold(aname_shared_t *shared, aname_options_t *options,
                                         const aname_upstream_t **upstream);

/*!
 * \brief Holds the options that another instance has read at the same origin, as
 *        aname_shared_hold().
 *
 * \return NULL if there are none: they have to be read.
 */
const aname_options_t *aname_shared_recall(aname_shared_t *shared, const aname_origin_t *origin,
                                           const aname_upstream_t **upstream);

/*! Lets options go. Thread: as aname_shared_hold(). */
void aname_shared_unhold(aname_shared_t *shared, const aname_options_t *options);

/*!
 * \brief Holds the options of this identity for a moment, so that they stay while their section is
 *        looked at, whatever is unloaded meanwhile. Does not count as an instance that comes.
 *
 * \return The options, until aname_shared_give_back(); NULL if nobody has them any more.
 *
 * Thread: service.
 */
const aname_options_t *aname_shared_borrow(aname_shared_t *shared, uint32_t id,
                                           const aname_upstream_t **upstream);

/*! Lets go what was borrowed. Thread: service. */
void aname_shared_give_back(aname_shared_t *shared, const aname_options_t *options);

/*!
 * While instances go, and none comes, nothing is given up for so long: a server that stops unloads one
 * after the other, and what is known from the first one's upstream is to be saved with the last.
 */
#define ANAME_SETTLED_MS 1000

/*! Have no instances come or gone for a while? Thread: service. */
static inline bool aname_shared_is_settled(const aname_shared_t *shared, int64_t now_ms)
{
	return now_ms - atomic_load(&shared->moved_ms) >= ANAME_SETTLED_MS;
}

/*!
 * \brief Takes note of the options in use, when they have changed: sets what counts for the lookups
 *        of each upstream, and whether anybody holds it.
 *
 * \param settled  Those that nobody holds are given up.
 * \param changed  Called for each upstream, under the lock.
 * \param ctx      For it.
 *
 * \return When an upstream that nobody holds is to be released, or INT64_MAX.
 *
 * Thread: service.
 */
int64_t aname_shared_note_upstreams(aname_shared_t *shared, bool settled, int64_t now_ms,
                                    void (*changed)(void *ctx, aname_upstream_t *upstream),
                                    void *ctx);

/*!
 * \brief Finds an upstream that the state file names; one that nobody holds is awaited from now on.
 *
 * \return The upstream, good until aname_shared_release_upstream() gives it out; NULL if out of
 *         memory.
 *
 * Thread: service.
 */
aname_upstream_t *aname_shared_await_upstream(aname_shared_t *shared, const aname_source_t *source,
                                              int64_t now_ms);

/*!
 * \brief The upstream after another one in the list of all; the first one after NULL.
 *
 * \return The upstream, good likewise; NULL at the end.
 *
 * Thread: service.
 */
aname_upstream_t *aname_shared_upstream_after(aname_shared_t *shared,
                                              const aname_upstream_t *upstream);

/*!
 * \brief Takes an upstream out that nobody has held for too long.
 *
 * \return The upstream, which is the caller's from now on; NULL if there is none. Requests for it
 *         may still be in the queue, but none comes.
 *
 * Thread: service.
 */
aname_upstream_t *aname_shared_release_upstream(aname_shared_t *shared, int64_t now_ms);

/*!
 * \brief Takes note of whether anybody holds each definition, when options have changed.
 *
 * \param settled   Those that nobody holds are given up.
 * \param given_up  Nobody holds some of them since now.
 *
 * \return When a definition that nobody holds is to be released, or INT64_MAX.
 *
 * Thread: service.
 */
int64_t aname_shared_note_definitions(aname_shared_t *shared, bool settled, int64_t now_ms,
                                      bool *given_up);

/*!
 * \brief Finds a definition that the state file names; one that nobody holds is awaited from now on.
 *
 * \return The definition, good until aname_shared_release_definition() gives it out; NULL if out of
 *         memory.
 *
 * Thread: service.
 */
const aname_definition_t *aname_shared_await_definition(aname_shared_t *shared,
                                                        const aname_probe_t *probe, int64_t now_ms);

/*!
 * \brief The definition of this identity.
 *
 * \return The definition, good until aname_shared_release_definition() gives it out; NULL if there
 *         is none.
 *
 * Thread: service.
 */
const aname_definition_t *aname_shared_definition(aname_shared_t *shared, uint32_t id);

/*!
 * \brief The definition after another one in the list of all; the first one after NULL.
 *
 * \return The definition, good as from aname_shared_definition(); NULL at the end.
 *
 * Thread: service.
 */
aname_definition_t *aname_shared_definition_after(aname_shared_t *shared,
                                                  const aname_definition_t *definition);

/*!
 * \brief Does any section that has this probed let the address into its answers (`deny-address`)?
 *
 * \param upstream  Whom the section asks.
 * \param id        Its definition.
 * \param address   Network order.
 * \param len       4 or 16.
 *
 * Thread: service.
 */
bool aname_shared_may_probe(aname_shared_t *shared, const aname_upstream_t *upstream, uint32_t id,
                            const uint8_t *address, uint8_t len);

/*!
 * \brief Takes a definition out that nobody has held for too long.
 *
 * \return The definition, which is the caller's from now on, freed with free(); NULL if there is
 *         none.
 *
 * Thread: service.
 */
aname_definition_t *aname_shared_release_definition(aname_shared_t *shared, int64_t now_ms);

/*!
 * \brief A zone's identity, as far as what is everybody's is shared out by it (BEHAVIOUR L4).
 *
 * Two zones that happen to have the same one count as one, and nobody can choose that.
 *
 * \param zone  Its name, lower case.
 *
 * \return Never 0.
 *
 * Thread: any.
 */
uint32_t aname_shared_zone(const aname_shared_t *shared, const knot_dname_t *zone);

/*! Hash of a content, for table/logged.h; chain calls through `before`, 0 at first. Others in
 *  other processes, so that nobody can choose contents that push out a certain one. Thread: any. */
uint64_t aname_shared_content(const aname_shared_t *shared, uint64_t before, const void *data,
                              size_t len);

/*! Hash of something short, on which nothing hangs; chain calls through `seed`. Thread: any. */
uint64_t aname_shared_hash(uint64_t seed, const void *data, size_t len);
