/*!
 * \brief What the files of the checks share: what was seen so far, and what the world excuses.
 */

#pragma once

#include "check.h"

/*! Late by more than this is what is not late by the rules: a second (T2), and a lookup. */
#define GRACE_MS   1000
/*! A recursor that is not silent is not called so for longer: names that it has answered are tried,
 *  at once and then one a second, and the first may fail by themselves. */
#define WRONGLY_MS (4 * SECOND_MS)

/*! Lookups while a recursor is called silent. */
typedef struct {
	int64_t since_ms, heard_ms;
	unsigned count;
} silence_t;

/*! Places of lookups. */
typedef struct {
	unsigned taken;
	int64_t left_ms; /*!< When one was left last, of all that were taken. */
	int64_t full_ms; /*!< Since when all are taken, but for moments between one and the next. */
} places_t;

typedef struct {
	int64_t *starts;                   /*!< The last ones, */
	uint64_t starts_max, starts_count; /*!< as many as may be within a second. */
	int64_t wrongly_ms[UPSTREAMS];     /*!< When it was first called silent, and is not. */
	silence_t silences[UPSTREAMS];
	places_t places[UPSTREAMS];     /*!< Of all lookups, */
	places_t retries_of[UPSTREAMS]; /*!< and of those of what has failed. */
	bool off;                       /*!< The service is being stopped. */
	long memory, most_memory;
	uint64_t told, retries, returned, refreshes, early;
	int64_t oldest_ms; /*!< Past its lifetime, of what did not fail. */
} checks_t;

extern checks_t checks;

/*! Is a recursor out, or was it so lately that targets may still be late because of that? */
bool check_is_excused(upstream_t upstream);

/*! Excuses for so long what targets of a recursor do. */
void check_excuse(upstream_t upstream, int64_t for_ms);

/*! How long it may take until all is as if nothing had happened: all are looked up once, and those
 *  that are due for the second time meanwhile. */
int64_t check_catch_up_ms(void);

/*! How long what failed, and is due, may wait for its turn. */
int64_t check_retry_wait_ms(upstream_t upstream);

/*! How many lookups may be under way, and how many of them of what has failed: a quarter (F4). */
unsigned check_most(upstream_t upstream);
unsigned check_most_retries(upstream_t upstream);

/*! A lookup is about to start, or has ended. */
void check_place_taken(target_t *target);
void check_place_left(const target_t *target);

/*! Was there no place for any lookup since then? */
bool check_is_full(upstream_t upstream, int64_t since_ms);

/*! May what has failed, and was due then, still wait for its turn? */
bool check_waits_its_turn(const target_t *target, int64_t since_ms);

/*! A lookup has succeeded. */
void check_first(recursor_t *recursor);

/*! Does somebody ask for it all the time, since then at least? */
bool check_is_warm_since(const target_t *target, int64_t since_ms);

/*! Is it not by itself that it fails? */
bool check_is_good(const target_t *target);

/*! The lifetime of what was told, as rule T1 has it. */
int64_t check_life_of(const client_t *client);
