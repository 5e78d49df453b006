/*!
 * \brief A resolver that does what the test says, and a refresh that asks it, with the shared state
 *        and the loop that it needs. All of it runs on the thread of the test, by a clock that the
 *        test sets.
 */

#pragma once

#include <uv.h>

#include "service/refresh.h"
#include "support/make.h"

/*! A lookup that the resolver was asked for and has not answered yet. */
typedef struct script_lookup {
	aname_lookup_t base;
	struct script_lookup *next;
	name_t name;
	uint16_t type;
	bool for_subnet;       /*!< For `client`. */
	aname_subnet_t client; /*!< Whom the answer is asked for. */
	int64_t started_ms;
	bool cancelled;
} script_lookup_t;

typedef struct {
	aname_resolved_f done; /*!< The owner's; the script looks at what is delivered first. */
	void *owner;
	unsigned inside; /*!< Calls into a resolver that have not returned. */
	unsigned ended, delivered;
	bool at_once; /*!< Whatever is pending fails within the next call into it. */
	script_lookup_t *pending;
	unsigned pending_count;
	unsigned capacity;
	unsigned started, cancelled; /*!< In all. */
	int refuse;                  /*!< If set, start() fails with this. */
	aname_schedule_t schedule;   /*!< The last one given to it. */
	unsigned made, freed;        /*!< Resolvers. */
} script_t;

typedef struct {
	aname_shared_t *shared;
	uv_loop_t loop;
	aname_refresh_t *refresh;
	script_t script;
	const aname_upstream_t *upstream;
	const aname_options_t *options;
	aname_limits_t limits;
	aname_schedule_t schedule;
	uint16_t server; /*!< The next schedule is for this one; 0: for the system's resolver. */
	uint32_t zone;   /*!< Whose queries follow; 0: nobody's. */
} scripted_t;

/*! Defaults: the schedule of make.h, 10000 targets, 1000 lookups, a million a second,
 *  1000 subnets, 100 of a target. */
void scripted_init(scripted_t *scripted, const aname_schedule_t *schedule,
                   const aname_limits_t *limits);

/*! Without asserting: false if out of memory, with everything freed. */
bool scripted_try_init(scripted_t *scripted, const aname_schedule_t *schedule,
                       const aname_limits_t *limits);

/*! Ends all lookups and frees all. */
void scripted_deinit(scripted_t *scripted);

/*! Changes the schedule, as a reload does. */
void scripted_change(scripted_t *scripted, const aname_schedule_t *schedule);

/*! What a worker and then the service do for a query: asks, through a record with this TTL. */
void scripted_ask(scripted_t *scripted, const name_t *name, uint16_t type, uint32_t record_ttl);

/*! The same for a client in a subnet: asks for everybody's answer first if need be,
 *  as workers do. */
void scripted_ask_client(scripted_t *scripted, const name_t *name, uint16_t type,
                         uint32_t record_ttl, const aname_subnet_t *client);

/*! What a worker notes for a query through a record with this TTL. */
void scripted_touch(scripted_t *scripted, aname_entry_t *entry, uint32_t record_ttl);

/*! The target's entry, or NULL. */
aname_entry_t *scripted_find(scripted_t *scripted, const name_t *name, uint16_t type);

/*! Sets the clock forward and lets the service do what is due. */
void scripted_skip(scripted_t *scripted, int64_t by_ms);

/*! The lookup of a target, or NULL. */
script_lookup_t *scripted_pending(scripted_t *scripted, const name_t *name, uint16_t type);

/*! The lookup of a target for a client, or NULL. */
script_lookup_t *scripted_pending_client(scripted_t *scripted, const name_t *name, uint16_t type,
                                         const aname_subnet_t *client);

/*! Ends a lookup and has the loop deliver it: with addresses `first` to `first + count - 1` (none:
 *  negative) ... */
void scripted_resolve(scripted_t *scripted, script_lookup_t *lookup, uint32_t first, uint32_t count,
                      uint32_t ttl);

/*! ... or with one address, for the clients within a scope ... */
void scripted_resolve_scope(scripted_t *scripted, script_lookup_t *lookup, uint32_t address,
                            uint32_t ttl, uint8_t scope);

/*! ... or, for records that are no addresses, with names, of which the reply says that they stand at
 *  `last` (NULL: at the name that was asked for) ... */
void scripted_resolve_names(scripted_t *scripted, script_lookup_t *lookup, const name_t *last,
                            const name_t *names, uint32_t count);

/*! ... or with any result ... */
void scripted_end(scripted_t *scripted, script_lookup_t *lookup, const aname_result_t *result);

/*! ... or with a failure. */
void scripted_fail(scripted_t *scripted, script_lookup_t *lookup, aname_failure_t failure);

/*! Has the loop deliver what has ended by itself, again and again until nothing more ends. */
void scripted_settle(scripted_t *scripted);

/*! Messages of the service since the last call that have `text` in them. */
unsigned scripted_heard(scripted_t *scripted, const char *text);
