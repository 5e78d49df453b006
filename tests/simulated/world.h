/*!
 * \brief The world outside: targets and recursors that change, fail and recover, and a resolver that
 *        asks them.
 *
 * What it is like at some time is the truth; what a lookup brought is noted with the target, for
 * check.c to compare with.
 */

#pragma once

#include "support/loop.h"
#include "service/refresh.h"
#include "support/make.h"
#include "support/random.h"

/*! The recursors: one that always works, and asks at once what it is asked; one that caches, and is
 *  out now and then; and the system's. */
typedef enum {
	UPSTREAM_STEADY = 0,
	UPSTREAM_CACHE,
	UPSTREAM_SYSTEM,
	UPSTREAMS,
} upstream_t;

/*! Limits grow with the number of targets, from this one on: with fewer of them two or three that hang
 *  would be all that goes on, and what works would be late. */
#define FEW_TARGETS             240
#define OF_TARGETS(count, part) (((count) > FEW_TARGETS ? (count) : FEW_TARGETS) / (part))
_Static_assert(FEW_TARGETS / 60 / 4 > 0, "a quarter of the lookups is for what fails");

/*! How much of the system's resolver goes on at once. */
#define SYSTEM_CAPACITY OF_TARGETS(world.count, 60)
#define DNS_CAPACITY    1000

/*! How long the system's resolver goes on without an answer. */
#define SYSTEM_GIVES_UP_MS 10000

typedef enum {
	TARGET_CLEAN = 0, /*!< Never fails, keeps its TTL, and is asked for all the time. */
	TARGET_USUAL,     /*!< Works for days, and then has some trouble. */
	TARGET_DEAD,      /*!< Fails most of the time. */
	TARGET_NEGATIVE,  /*!< Has no address of its family. */
	TARGET_ROTATING,  /*!< Changes its addresses all the time. */
} kind_t;

/*! What an authority does when it is asked. */
typedef enum {
	ANSWERS = 0,
	HAS_NONE,    /*!< NODATA. */
	EXISTS_NOT,  /*!< NXDOMAIN. */
	IS_BARE,     /*!< NODATA without SOA. */
	FAILS,       /*!< SERVFAIL. */
	IS_SILENT,   /*!< No answer at all. */
	IS_SLOW,     /*!< Answers, after a second or more. */
	IS_TOO_SLOW, /*!< Answers when the time is up. */
	BEHAVIOURS,
} behaviour_t;

/*! What the service has been told of a target, and that its last lookup failed. */
typedef struct {
	int64_t learned_ms; /*!< When it was told last; 0: never. */
	int64_t failed_ms;  /*!< When a lookup failed since; 0: none did. */
	int64_t failing_ms; /*!< When the first of those did. */
	uint32_t ttl, first;
	uint16_t failures; /*!< In a row. */
	uint8_t known, count, bare;
	bool slow; /*!< The lookup took long. */
} record_t;

typedef struct target target_t;

/*! A lookup under way. */
typedef struct {
	aname_lookup_t base;
	loop_event_t event;
	target_t *target;
	int64_t started_ms;
	bool ends; /*!< Its result waits to be delivered. */
	bool hit;  /*!< Out of the recursor's cache. */
} lookup_t;

struct client;

struct target {
	uint32_t number; /*!< Of the name, twice, and one more for AAAA. */
	uint16_t type;
	uint8_t upstream, kind;
	name_t name;
	/* The truth. */
	uint8_t behaviour;
	int64_t until_ms; /*!< When it changes. */
	uint32_t ttl, version;
	int64_t good_ms;       /*!< Since when it answers. */
	int64_t cached_ms;     /*!< Until when the recursor's cache holds what it last said: */
	uint8_t cached;        /*!< an answer of this kind, */
	uint32_t cached_first; /*!< and these addresses. */
	/* What the service knows, and does. */
	record_t record, saved;
	lookup_t *lookup;
	bool retried;                     /*!< It had failed before that. */
	unsigned started;                 /*!< Lookups. */
	int64_t started_ms;               /*!< The last one. */
	int64_t asked_ms, saved_asked_ms; /*!< When somebody asked last. */
	unsigned refreshes;               /*!< In their time, of one that never fails, */
	double refreshed;                 /*!< and the sum of what of their lifetime had passed. */
	int64_t seen_ms; /*!< Since when these addresses are probed; 0: they are not. */
	uint32_t seen_first;
	struct client *clients; /*!< Who asks. */
};

typedef struct {
	bool out, silent, was_silent;
	int64_t out_ms;     /*!< When it went out last. */
	int64_t changed_ms; /*!< When it went out, or came back. */
	int64_t excused_ms; /*!< Until then targets may still be late because of that. */
	unsigned pending;   /*!< Lookups. */
	bool awaited;       /*!< It is back, and no lookup has succeeded yet. */
	loop_event_t event;
	loop_event_t recovered; /*!< When all has to be as before. */
} recursor_t;

typedef struct {
	random_t random;
	target_t *targets;
	unsigned count;
	recursor_t recursors[UPSTREAMS];
	unsigned pending, most_pending; /*!< Lookups, and the most at once. */
	uint64_t started, succeeded, failed;
	unsigned outages;
} world_t;

extern world_t world;

/*! Makes so many targets. */
void world_begin(unsigned count);

void world_end(void);

/*! The resolver; of the type aname_make_resolver_f. */
aname_resolver_t *world_make(uv_loop_t *loop, const aname_source_t *source,
                             const aname_schedule_t *schedule, aname_resolved_f done, void *owner);

/*! Ends all lookups, as far as the world goes: the service stops. */
void world_hang_up(void);

/*! The source of an upstream. */
void world_source(upstream_t upstream, aname_source_t *source);

/*! A number between the two. */
int64_t world_between(int64_t least, int64_t most);

/*! How many addresses a target has, and the first one's number, of this version. */
uint8_t world_addresses(const target_t *target, uint32_t version, uint32_t *first);
