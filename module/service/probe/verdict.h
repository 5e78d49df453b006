/*!
 * \brief From the outcomes of probes to whether an address is up.  [P]
 *
 * Pure functions: time is passed in. Thread: any.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conf/options.h"

/*! What is known of an address. UNKNOWN counts as up. */
typedef enum {
	ANAME_HEALTH_UNKNOWN = 0, /*!< Not probed often enough yet. */
	ANAME_HEALTH_UP,
	ANAME_HEALTH_DOWN,
} aname_health_t;

/*! How a probe ended. */
typedef enum {
	ANAME_OUTCOME_UP = 0,
	ANAME_OUTCOME_DOWN, /*!< It failed, or there was no answer in time. */
	ANAME_OUTCOME_NONE, /*!< This host could not probe at all: says nothing. */
} aname_outcome_t;

typedef struct {
	uint8_t health;   /*!< aname_health_t */
	uint8_t run;      /*!< Outcomes in a row that speak against `health`, at most 255. */
	int64_t since_ms; /*!< When `health` became what it is; 0: it has always been UNKNOWN. */
} aname_verdict_t;

/*!
 * \brief Takes an outcome.
 *
 * UNKNOWN becomes UP by the first success, and DOWN by `fall` failures in a row. UP becomes DOWN by
 * `fall` failures in a row, DOWN becomes UP by `rise` successes in a row.
 *
 * \return true if `health` has changed.
 */
bool aname_verdict_take(aname_verdict_t *verdict, const aname_probe_t *probe,
                        aname_outcome_t outcome, int64_t now_ms);

/*!
 * \brief When to probe next.
 *
 * After an interval, spread by chance over a tenth of it either way. What is UNKNOWN and has failed
 * is tried again after `timeout_ms`, if that is less.
 *
 * \param started_ms  When the last probe began.
 * \param chance      A random number.
 *
 * \return Time in milliseconds, not before now.
 */
int64_t aname_verdict_next(const aname_verdict_t *verdict, const aname_probe_t *probe,
                           int64_t started_ms, uint32_t chance, int64_t now_ms);
