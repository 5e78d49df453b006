/*!
 * \brief Recursors that a fuzzer plays on simulated time: whom the service asks in the place of the
 *        network.
 *
 * What each lookup brings is as its target and its recursor stand when it is answered, or is said at
 * once by recursors_end().
 */

#pragma once

#include "service/work.h"
#include "support/loop.h"
#include "support/make.h"

/*! Two that are asked by DNS, and the system's resolver, of which no lookup can be stopped. */
#define RECURSORS 3
#define SYSTEM    2

/*! How much each does at once, and how long a lookup goes on at most. */
#define DNS_CAPACITY    1000
#define SYSTEM_CAPACITY 4
#define DNS_LASTS_MS    5000
#define SYSTEM_LASTS_MS 30000

/*! What a lookup may bring. */
typedef enum {
	ANSWERS = 0,
	HAS_NONE,   /*!< NODATA. */
	EXISTS_NOT, /*!< NXDOMAIN. */
	IS_BARE,    /*!< NODATA without SOA. */
	FAILS,      /*!< SERVFAIL. */
	IS_OUT_OF_REACH,
	IS_SILENT,
	BEHAVIOURS,
} behaviour_t;

struct lookup;

/*! A name of one type, by one recursor. */
typedef struct {
	uint8_t recursor;
	uint16_t type;
	name_t name;
	/* The truth. */
	behaviour_t behaviour;
	uint32_t ttl, latency_ms;
	uint32_t first, count; /*!< Its addresses, 1 to 4. */
	uint8_t scope;         /*!< Of answers for clients' subnets. */
	/* What the service was told last, and what it was asked for. */
	int64_t learned_ms; /*!< 0: nothing. */
	uint32_t told_ttl, told_count;
	uint8_t told; /*!< aname_known_t */
	uint8_t told_first[16];
	uint8_t bare;
	int64_t failed_ms; /*!< When the last lookup failed; 0: it did not. */
	int64_t until_s;   /*!< Somebody wants it until then. */
	bool unseen;       /*!< None of this can be said. */
} target_t;

/*! A lookup under way. */
typedef struct lookup {
	aname_lookup_t base;
	loop_event_t event;
	struct lookup *next;
	target_t *target;
	const aname_run_t *run;
	int64_t started_ms;
	bool ends; /*!< Its result waits to be delivered. */
	/* The fuzzer's own. */
	bool counts;
	int64_t failed_ms, out_ms;
	uint8_t addresses[4 * 16];
} lookup_t;

typedef struct {
	behaviour_t state; /*!< ANSWERS: what its targets do; else that is all that it does. */
	int refuse;        /*!< What starting a lookup says. */
} recursor_t;

typedef struct {
	target_t *targets;
	unsigned count;
	recursor_t at[RECURSORS];
	lookup_t *pending;
	unsigned made, freed; /*!< Resolvers. */
} recursors_t;

extern recursors_t recursors;

/*! All is well, and nothing under way. */
void recursors_begin(target_t *targets, unsigned count);

/*! The resolver; of the type aname_make_resolver_f. */
aname_resolver_t *recursors_make(uv_loop_t *loop, const aname_source_t *source,
                                 const aname_schedule_t *schedule, aname_resolved_f done,
                                 void *owner);

/*! Whom a recursor is, in options. */
void recursors_source(unsigned recursor, aname_source_t *source);

/*! Ends a lookup, which has not ended: the service is told when the loop goes on. */
void recursors_end(lookup_t *lookup, behaviour_t behaviour);

/*! Ends all. */
void recursors_hang_up(void);

/*! Lookups by the resolver of one of them. */
unsigned recursors_pending(const aname_resolver_t *resolver);

/* What the fuzzer has to say to that. */

/*! A lookup starts; it is not among those that are pending yet. */
void on_start(const lookup_t *lookup);

/*! Its result is delivered, or was. */
void before_end(lookup_t *lookup);
void after_end(const lookup_t *lookup);
