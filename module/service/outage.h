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
	uint64_t name;    /*!< Hash of its target's name. */
	unsigned failures;
	bool several; /*!< Other names have failed, too. */
} aname_outage_t;

/*! A lookup of a name with this hash has failed. */
static inline void aname_outage_failed(aname_outage_t *outage, uint64_t name, int64_t now_ms)
{
	if (outage->failures == 0) {
		outage->since_ms = now_ms;
		outage->name = name;
		outage->several = false;
	}
	outage->several |= name != outage->name;
	if (outage->failures < ANAME_OUTAGE_FAILURES) {
		outage->failures++;
	}
}

/*! Is the resolver silent as a whole, as far as can be seen? One name that fails may do so alone. */
static inline bool aname_outage_is_whole(const aname_outage_t *outage, int64_t now_ms)
{
	return outage->several && now_ms - outage->since_ms >= ANAME_OUTAGE_MS;
}

/*! A lookup has succeeded: is this the end of an outage, which began at `since_ms`? */
static inline bool aname_outage_succeeded(aname_outage_t *outage, int64_t now_ms)
{
	bool over = outage->failures == ANAME_OUTAGE_FAILURES &&
	            now_ms - outage->since_ms >= ANAME_OUTAGE_MS;
	outage->failures = 0;
	return over;
}
