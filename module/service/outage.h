/*!
 * \brief When nothing succeeds that a resolver is asked, and when that is over.  [P]
 *
 * While a resolver cannot be reached, or cannot reach anybody, all its targets fail, and back off
 * further and further (F4). When the first one succeeds again it is no use that the others wait
 * for as long as if each had failed by itself.
 *
 * Thread: service.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

/*! Failures that are an outage: so many at least, for so long, and no success between. */
#define ANAME_OUTAGE_FAILURES 2
#define ANAME_OUTAGE_MS       500

/*! What has failed since a lookup succeeded last. */
typedef struct {
	int64_t since_ms; /*!< When the first one failed. */
	unsigned failures;
} aname_outage_t;

static inline void aname_outage_failed(aname_outage_t *outage, int64_t now_ms)
{
	if (outage->failures == 0) {
		outage->since_ms = now_ms;
	}
	if (outage->failures < ANAME_OUTAGE_FAILURES) {
		outage->failures++;
	}
}

/*! A lookup has succeeded: is this the end of an outage, which began at `since_ms`? */
static inline bool aname_outage_succeeded(aname_outage_t *outage, int64_t now_ms)
{
	bool over = outage->failures == ANAME_OUTAGE_FAILURES &&
	            now_ms - outage->since_ms >= ANAME_OUTAGE_MS;
	outage->failures = 0;
	return over;
}

/*! Lookups that brought no answer at all, not even that something fails, since there was one. */
typedef struct {
	int64_t since_ms; /*!< When the first one ended; 0: there is none. */
	uint64_t name;    /*!< Hash of its target's name. */
	bool several;     /*!< There are others, of other names. */
} aname_silence_t;

/*! There was an answer, be it a failure. */
static inline void aname_silence_broken(aname_silence_t *silence)
{
	silence->since_ms = 0;
}

/*! There was none to a lookup of a name with this hash. */
static inline void aname_silence_lasts(aname_silence_t *silence, uint64_t name, int64_t now_ms)
{
	if (silence->since_ms == 0) {
		*silence = (aname_silence_t){ .since_ms = now_ms, .name = name };
	}
	silence->several |= name != silence->name;
}

/*! Is the resolver silent as a whole, as far as can be seen? To one name it may be so alone. */
static inline bool aname_silence_is_whole(const aname_silence_t *silence, int64_t now_ms)
{
	return silence->since_ms != 0 && silence->several &&
	       now_ms - silence->since_ms >= ANAME_OUTAGE_MS;
}
