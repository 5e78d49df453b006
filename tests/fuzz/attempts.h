/*!
 * \brief Attempts to reach addresses that a fuzzer plays, on simulated time, and a plain model of what they
 *        say: the linker sends aname_attempt_start() and aname_attempt_cancel() here (--wrap).
 */

#pragma once

#include "fuzz.h"

#include "service/probe/probed.h"

#define ADDRESSES   8
#define DEFINITIONS 3
#define KEEP_MS     600000

/*! What an attempt finds. */
typedef enum {
	LIVES = 0,
	REFUSES,
	IS_A_BLACK_HOLE, /*!< Until the time is up. */
	CANNOT_BE_TRIED, /*!< It is this host that cannot (H5). */
} found_t;

/*! An address by a definition. */
typedef struct {
	found_t found;
	uint32_t latency_ms;
	bool runs; /*!< There is an attempt. */
	/* What has to be known of it. */
	aname_health_t health;
	unsigned against;   /*!< Outcomes in a row that speak against it. */
	int64_t started_ms; /*!< The last attempt; 0: there was none, or it was cut off. */
	int64_t ready_ms;   /*!< Since when nothing is in the way of the next one. */
	int64_t held_ms;    /*!< When it was last seen to be held, */
	int64_t let_go_ms;  /*!< and since when it was seen not to be; 0: it is. */
	unsigned holders;   /*!< Targets, counted anew each time. */
} place_t;

extern const aname_probe_t definitions[DEFINITIONS];

typedef struct {
	place_t at[DEFINITIONS * ADDRESSES]; /*!< By definition. */
	bool paused;
	int64_t changed_ms; /*!< When some verdict changed last. */
} places_t;

/*! All zero at first. */
extern places_t places;

const aname_probe_t *probe_of(const place_t *place);

/*! Since when an address is kept that nobody holds. */
int64_t kept_since(const aname_probed_t *probed);

/*! It is as if nothing had ever been known. */
void forget(place_t *place);
