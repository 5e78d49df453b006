/*!
 * \brief The targets: found by (upstream, name, family), read without waiting.  [P]
 *
 * Beside what is known of a target for everybody stands what is known for the clients of a subnet
 * (BEHAVIOUR N4): entries of their own, which belong to the target's entry, do not outlive it, and
 * are found through it.
 *
 * One writer, the service thread, adds, publishes and removes. Workers find and read, between
 * aname_epoch_enter() and aname_epoch_leave(), and note on a target what
 * their query needs of it. The pointers they get are good until they leave the epoch.
 */

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libknot/dname.h>

#include "conf/options.h"
#include "table/charges.h"
#include "table/epoch.h"
#include "table/snapshot.h"
#include "table/subnet.h"
#include "table/upstream.h"

typedef struct {
	const aname_upstream_t *upstream;
	const knot_dname_t *name; /*!< Lower case. */
	uint16_t type;            /*!< KNOT_RRTYPE_A or KNOT_RRTYPE_AAAA. */
	uint8_t name_len;         /*!< Octets of the name. */
} aname_key_t;

/*!
 * What the service has planned for a target.
 *
 * DORMANT is the service's word, and workers do not see it. They see `cold`: it is set when a
 * target is added and when it becomes dormant, and cleared when a lookup has ended. A cold target
 * may have a snapshot, but nothing keeps that fresh, and a query has to ask for a lookup.
 */
typedef enum {
	ANAME_PLAN_NONE = 0, /*!< Just added. */
	ANAME_PLAN_WAITING,  /*!< In the heap, by the time of its next lookup. */
	ANAME_PLAN_READY,    /*!< It is due, and not started yet. */
	ANAME_PLAN_RUNNING,  /*!< Being looked up; in the heap, by its deadline. */
	ANAME_PLAN_DORMANT,  /*!< Not asked for; in the heap of those that may go. */
} aname_plan_state_t;

/*! What is looked up first when lookups are scarce. */
typedef enum {
	ANAME_PRIORITY_COLD = 0, /*!< Somebody waits for it. */
	ANAME_PRIORITY_TRY,      /*!< Tells whether an upstream that is out is back. */
	ANAME_PRIORITY_RETURN,   /*!< Failed while its upstream was out, which is back. */
	ANAME_PRIORITY_REFRESH,  /*!< Keeps a good target good. */
	ANAME_PRIORITY_SUBNET,   /*!< Not known for this client's subnet, but for everybody. */
	ANAME_PRIORITY_RETRY,    /*!< Failed last time. */
	ANAME_PRIORITIES,
} aname_priority_t;

/*! A lookup under way; the service's own. */
struct aname_run;

/*! The service's own notes on a target. Nobody else looks at them. */
typedef struct {
	uint32_t heap_index;   /*!< Where it is in its heap. */
	uint32_t min_ttl_prev; /*!< `min_ttl` of the window before. */
	uint32_t window_s;     /*!< When `min_ttl` was last emptied. */
	uint16_t changed;      /*!< When a change was last logged, see log/events.c; 0: never. */
	uint8_t failures;      /*!< In a row, or the most that fits. */
	uint8_t state : 4;     /*!< aname_plan_state_t */
	uint8_t gone : 1;      /*!< Those who watch were told, if any did; see log/events.c. */
	uint8_t overdue : 1;   /*!< Its time came in an outage, and it was not looked up. */
	uint8_t followed : 1; /*!< Whoever follows owners asks for it, be it asked for over DNS or not. */
} aname_plan_t;

typedef struct aname_entry aname_entry_t;

/*! What makes an entry that of a subnet. Workers read for whom it is, which never changes. */
typedef struct {
	aname_entry_t *target;
	aname_entry_t *prev, *next; /*!< In the target's list; the service's own. */
	aname_subnet_t network;     /*!< For whom the answer is. */
	aname_subnet_t asked_for;   /*!< For whom it is asked: a network in that one, or, where
	                                 so much is no longer sent, one around it. */
	_Atomic bool returned;      /*!< Clients came back for it; written by workers. */
} aname_subnet_entry_t;

/*! Whoever asks so long after an answer has come is not the one who was waiting for it. */
#define ANAME_RETURN_MS 100

/*! While lookups for subnets fail, so many are tried, each in its own time; and if so many have
 *  failed in a row, they count as failing. */
#define ANAME_SUBNETS_TRIES 8

/*! What is known of the answers for subnets of one family of clients. */
typedef enum {
	ANAME_SUBNETS_UNKNOWN = 0, /*!< No lookup has ended yet. */
	ANAME_SUBNETS_FAILING,     /*!< The last ones failed, or the only one. */
	ANAME_SUBNETS_LEARNED,     /*!< They succeed. */
} aname_subnets_state_t;

/*! The subnets of a target. */
typedef struct aname_subnets {
	_Atomic uint64_t lengths[2][2]; /*!< By family: a bit for each prefix length in use. */
	_Atomic uint8_t state[2];       /*!< By family; written by the service. */
	_Atomic uint32_t count;         /*!< Entries. */
	/* The service's own. */
	uint32_t held[2][ANAME_SUBNET_MAX + 1]; /*!< Entries of each family and length. */
	uint32_t failures[2];                   /*!< Lookups failed in a row, by family. */
	aname_entry_t *first;                   /*!< The one added last. */
	aname_entry_t *target;
	struct aname_subnets *prev, *next; /*!< Others that have as many; see admission.h. */
	int64_t logged_ms;                 /*!< When a failure was last logged. */
} aname_subnets_t;

/*!
 * \brief One target of one family, for everybody or for the clients of a subnet.
 *
 * There may be very many: what the service alone needs stands before what a query reads, the
 * name is the end of it, and what only a lookup under way or a failing target has to note is noted
 * there.
 */
struct aname_entry {
	union {
		struct aname_run *run;          /*!< Not READY: the lookup under way, or NULL. */
		struct aname_entry *ready_next; /*!< READY: next in line. The service's own. */
	};
	aname_plan_t plan;
	_Atomic uint32_t started, succeeded, failed; /*!< Lookups; written by the service. */
	_Atomic uint32_t lag_ms; /*!< Lag of the last refresh; written by the service. */
	/* Written by workers, at most once a second each. */
	aname_charged_t charged;  /*!< The zone that it is charged to, see charges.h; unused for a
	                               subnet. */
	_Atomic uint32_t asked_s; /*!< When it was asked for last. */
	_Atomic uint32_t until_s; /*!< It is to be kept fresh until then. */
	/* Written by workers, when it changes. */
	_Atomic uint32_t min_ttl; /*!< The shortest lifetime that queries asked for. */
	const aname_upstream_t *upstream;
	union {
		_Atomic(aname_subnets_t *) subnets; /*!< For everybody: its subnets, or NULL. */
		aname_subnet_entry_t *subnet_entry; /*!< For a subnet. */
	};
	_Atomic(aname_snapshot_t *) snapshot; /*!< Written by the service. NULL: none yet. */
	_Atomic uint64_t end;    /*!< Written by the service: hash of the name at which the aliases
	                              ended last, see table/owners.h; 0: of the target's own, or
	                              not known. */
	_Atomic int64_t next_ms; /*!< Written by the service: when it will look it up again; in the
	                              past when it is due. */
	uint32_t hash;           /*!< As much of it as the table itself needs. */
	/* In one word, which a search may read as such: nothing in it changes. */
	uint16_t type;
	uint8_t name_len;
	bool for_subnet; /*!< For a subnet. */

	/* Written by workers, at most once a second each. */
	_Atomic uint16_t demand; /*!< How much it was asked for, see aname_entry_demand(). */
	_Atomic bool cold;       /*!< Not kept fresh, see above; written by the service. */
	knot_dname_t name[];     /*!< Empty in that of a subnet. */
};

typedef struct aname_table aname_table_t;

/*! New empty table that retires into `epoch`. NULL if out of memory. */
aname_table_t *aname_table_new(aname_epoch_t *epoch);

/*! Frees the table and all it holds. No worker may be inside the epoch. */
void aname_table_free(aname_table_t *table);

/*! Whom its targets are charged to. Thread: any. */
aname_charges_t *aname_table_charges(const aname_table_t *table);

/*! Hash of a key under this table's secret. Thread: any. */
uint64_t aname_table_hash(const aname_table_t *table, const aname_key_t *key);

/*!
 * \brief Finds a target.
 *
 * \return The entry, good until the epoch is left, or NULL.
 *
 * Thread: workers inside the epoch; the service thread.
 */
aname_entry_t *aname_table_find(const aname_table_t *table, const aname_key_t *key, uint64_t hash);

/*! The other family of an entry's target, for everybody; NULL if it is not there. Thread: as
 *  aname_table_find(). */
aname_entry_t *aname_table_find_other(const aname_table_t *table, const aname_entry_t *entry);

/*!
 * \brief Looks for a target where it was found before, which costs less than to search for it.
 *
 * \param slot  From aname_table_slot(), or any other number.
 *
 * \return The entry, good as from aname_table_find(), or NULL if it is not there: perhaps
 *         elsewhere.
 *
 * Thread: as aname_table_find().
 */
aname_entry_t *aname_table_look(const aname_table_t *table, const aname_key_t *key, uint32_t slot);

/*! Where an entry is now. Thread: as aname_table_find(). */
uint32_t aname_table_slot(const aname_table_t *table, const aname_entry_t *entry);

/*! Makes room for so many targets at once, instead of again and again while they are added; false if
 *  out of memory. Thread: service. */
bool aname_table_reserve(aname_table_t *table, size_t more);

/*!
 * \brief Adds a target that is not there yet; cold, without a snapshot.
 *
 * \return The entry, NULL if out of memory.
 *
 * Thread: service.
 */
aname_entry_t *aname_table_add(aname_table_t *table, const aname_key_t *key, uint64_t hash);

/*!
 * \brief Finds the entry whose network holds a client: that with the longest prefix (RFC 7871,
 *        7.3.1).
 *
 * \param target  The target's entry for everybody.
 * \param client  The client's network; at most ANAME_SUBNET_MAX bits.
 *
 * \return The entry, good as from aname_table_find(), or NULL.
 *
 * Thread: as aname_table_find().
 */
aname_entry_t *aname_table_find_client(const aname_table_t *table, aname_entry_t *target,
                                       const aname_subnet_t *client);

/*! The entry for exactly this network, or NULL. Thread: as aname_table_find(). */
aname_entry_t *aname_table_find_subnet(const aname_table_t *table, const aname_entry_t *target,
                                       const aname_subnet_t *network);

/*! Hash of a subnet's request for a target with this hash. Thread: any. */
uint64_t aname_table_subnet_hash(const aname_table_t *table, uint64_t target_hash,
                                 const aname_subnet_t *subnet);

/*!
 * \brief Adds an entry for a subnet that is not there yet; cold, without a snapshot.
 *
 * \param target   The target's entry for everybody.
 * \param network  For whom the answer is, at most ANAME_SUBNET_MAX bits.
 * \param asked    For whom it is to be asked.
 *
 * \return The entry, NULL if out of memory.
 *
 * Thread: service.
 */
aname_entry_t *aname_table_add_subnet(aname_table_t *table, aname_entry_t *target,
                                      const aname_subnet_t *network, const aname_subnet_t *asked);

/*!
 * \brief Removes an entry; it and its snapshot are freed when no worker can see them.
 *
 * A target must have no subnets left. Thread: service.
 */
void aname_table_remove(aname_table_t *table, aname_entry_t *entry);

/*!
 * \brief Publishes what is known of a target.
 *
 * Takes over `snapshot`; the one before is retired.
 *
 * Thread: service.
 */
void aname_table_publish(aname_table_t *table, aname_entry_t *entry, aname_snapshot_t *snapshot);

/*! Targets held, entries for subnets beside them, and addresses in all. Thread: any. */
size_t aname_table_targets(const aname_table_t *table);
size_t aname_table_subnets(const aname_table_t *table);
size_t aname_table_addresses(const aname_table_t *table);

/*! How often something was published or removed: other than before if what is known may be.
 *  Thread: service. */
uint64_t aname_table_changes(const aname_table_t *table);

/*! A cursor over the table, for walking it a few steps at a time. */
typedef struct {
	size_t slot;
	unsigned builds; /*!< Of the table when the walk began. */
	bool end;        /*!< Every entry that was there all the time has been visited once. */
	bool rebuilt;    /*!< The table was laid out anew; the walk cannot go on. */
} aname_cursor_t;

/*! Where a walk begins. Thread: service. */
aname_cursor_t aname_table_begin(const aname_table_t *table);

/*! Takes one step; returns the entry in that slot, or NULL. Thread: service. */
aname_entry_t *aname_table_step(const aname_table_t *table, aname_cursor_t *cursor);

/*! Visits every entry, those of subnets too. Thread: service. */
void aname_table_foreach(aname_table_t *table, void (*visit)(aname_entry_t *entry, void *ctx),
                         void *ctx);

/*! What a query needs of a target. */
typedef struct {
	uint32_t ttl;        /*!< Lifetime in seconds: no longer than this. */
	uint32_t until_s;    /*!< It is to be kept fresh until then. */
	uint32_t definition; /*!< Its addresses are to be probed by this; 0: by none. */
	uint32_t zone;       /*!< Whose query it is, see aname_shared_zone(); 0: not known. */
} aname_interest_t;

/*! What a query needs through an ANAME record of this TTL, with these options. Thread: any. */
static inline aname_interest_t aname_interest(const aname_schedule_t *schedule, uint32_t record_ttl,
                                              uint32_t now_s)
{
	return (aname_interest_t){
		.ttl = record_ttl < schedule->ttl_max ? record_ttl : schedule->ttl_max,
		.until_s = now_s + schedule->idle,
	};
}

/*! What a second in which a target is asked for adds to its demand, and over how many seconds that
 *  is averaged: so the demand is at most the product of both. */
#define ANAME_DEMAND_STEP    256
#define ANAME_DEMAND_SECONDS 128

/*!
 * \brief How much a target was asked for lately: in how many seconds of the last few minutes, not
 *        how often in each of them. Only good to compare.
 *
 * Thread: any that may read the entry.
 */
static inline uint16_t aname_entry_demand(const aname_entry_t *entry, uint32_t now_s)
{
	uint32_t demand = atomic_load_explicit(&entry->demand, memory_order_relaxed);
	int32_t since_s = now_s - atomic_load_explicit(&entry->asked_s, memory_order_relaxed);
	if (since_s <= 0) {
		return demand;
	}
	return since_s < ANAME_DEMAND_SECONDS ? demand - demand * since_s / ANAME_DEMAND_SECONDS
	                                      : 0;
}

/*! Was it not asked for yet in this second? Thread: workers inside the epoch. */
static inline bool aname_entry_is_first(const aname_entry_t *entry, uint32_t now_s)
{
	return atomic_load_explicit(&entry->asked_s, memory_order_relaxed) != now_s;
}

/*! Whom it is charged to: that of a subnet is a part of what its target costs. */
static inline aname_charged_t *aname_entry_charged(aname_entry_t *entry)
{
	return entry->for_subnet ? &entry->subnet_entry->target->charged : &entry->charged;
}

/*! The zone that it is charged to; 0: not known yet. Thread: any that may read the entry. */
static inline uint32_t aname_entry_zone(const aname_entry_t *entry)
{
	return atomic_load_explicit(aname_entry_charged((aname_entry_t *)entry),
	                            memory_order_relaxed);
}

/*!
 * \brief Notes that a target was asked for, the first time in a second.
 *
 * \param charges  Of the table.
 * \param zone     aname_shared_zone(), or 0.
 *
 * Thread: workers inside the epoch; the service thread.
 */
static inline void aname_entry_note_asked(aname_charges_t *charges, aname_entry_t *entry,
                                          uint32_t zone, uint32_t now_s)
{
	/* Of two workers at once one may get lost: it is an estimate. */
	uint32_t demand = aname_entry_demand(entry, now_s);
	uint32_t most = UINT16_MAX - ANAME_DEMAND_STEP;
	atomic_store_explicit(&entry->demand, (demand < most ? demand : most) + ANAME_DEMAND_STEP,
	                      memory_order_relaxed);
	atomic_store_explicit(&entry->asked_s, now_s, memory_order_relaxed);
	aname_charges_ask(charges, aname_entry_charged(entry), zone);
}

/*! Notes what a query needs of a target; writes only what changes. Thread: likewise. */
static inline void aname_entry_note_interest(aname_entry_t *entry, aname_interest_t interest)
{
	if (atomic_load_explicit(&entry->until_s, memory_order_relaxed) < interest.until_s) {
		atomic_store_explicit(&entry->until_s, interest.until_s, memory_order_relaxed);
	}
	uint32_t ttl = atomic_load_explicit(&entry->min_ttl, memory_order_relaxed);
	while (interest.ttl < ttl &&
	       !atomic_compare_exchange_weak_explicit(&entry->min_ttl, &ttl, interest.ttl,
	                                              memory_order_relaxed, memory_order_relaxed)) {
	}
}

/*!
 * \brief Notes that a target was asked for, and what the query needs of it.
 *
 * Writes only what changes, so a warm target costs a few writes a second.
 *
 * Thread: workers inside the epoch; the service thread.
 */
static inline void aname_entry_touch(aname_charges_t *charges, aname_entry_t *entry,
                                     aname_interest_t interest, uint32_t now_s)
{
	if (aname_entry_is_first(entry, now_s)) {
		aname_entry_note_asked(charges, entry, interest.zone, now_s);
	}
	aname_entry_note_interest(entry, interest);
}

/*! Notes that a client came back for the answer of a subnet. Writes once. Thread: workers. */
static inline void aname_entry_note_return(aname_entry_t *entry, const aname_snapshot_t *known,
                                           int64_t now_ms)
{
	_Atomic bool *returned = &entry->subnet_entry->returned;
	if (!atomic_load_explicit(returned, memory_order_relaxed) && known != NULL &&
	    known->known != ANAME_KNOWN_NOTHING && now_ms - known->learned_ms >= ANAME_RETURN_MS) {
		atomic_store_explicit(returned, true, memory_order_relaxed);
	}
}

/*! The target's name; also of an entry for a subnet. Thread: any that may read the entry. */
static inline const knot_dname_t *aname_entry_name(const aname_entry_t *entry)
{
	return entry->for_subnet ? entry->subnet_entry->target->name : entry->name;
}

/*! What is published of a target; NULL if nothing yet. Thread: as aname_table_find(). */
static inline const aname_snapshot_t *aname_entry_snapshot(aname_entry_t *entry)
{
	return atomic_load(&entry->snapshot);
}
