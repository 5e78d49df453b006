/*!
 * \brief When all fails that a resolver is asked, as far as can be seen from one side.  [P]
 *
 * While a resolver cannot be reached, or cannot reach anybody, all its targets fail. That is not
 * the fault of each, so they do not back off each for itself (F4); see outage.h for what is done
 * instead.
 *
 * Thread: service.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

/*! What fails for less than this is no outage. */
#define ANAME_OUTAGE_MS 500

/*! How often a resolver is tried that is out. */
#define ANAME_OUTAGE_TRY_MS 1000

/*! One that answers, but with nothing except failures, is tried less often the longer that lasts:
 *  after this part of the time. */
#define ANAME_OUTAGE_SLOWER 64

/*! Lookups of an upstream that have failed in a row. All zero: none has. */
typedef struct {
	int64_t since_ms; /*!< When the first one ended. */
	uint64_t name;    /*!< Hash of its target's name, */
	uint32_t zone;    /*!< and whom it is charged to. */
	bool again;       /*!< There are others, */
	bool several;     /*!< of other names, */
	bool zones;       /*!< and of other zones, or nobody knows of which. */
	bool witness;     /*!< One is among them of a target that had not failed before. */
} aname_streak_t;

/*!
 * \brief One more lookup has failed.
 *
 * \param name  Hash of its target's name.
 * \param zone  aname_entry_zone(); 0: not known.
 * \param was_good  The lookup before it had succeeded.
 */
static inline void aname_streak_add(aname_streak_t *streak, uint64_t name, uint32_t zone,
                                    bool was_good, int64_t now_ms)
{
	if (streak->since_ms == 0) {
		*streak = (aname_streak_t){
			.since_ms = now_ms, .name = name, .zone = zone, .witness = was_good
		};
		return;
	}
	streak->again = true;
	streak->several |= name != streak->name;
	streak->zones |= zone != streak->zone || zone == 0;
	streak->witness |= was_good;
}

/*! Do lookups fail for long enough to be an outage? */
static inline bool aname_streak_lasts(const aname_streak_t *streak, int64_t now_ms)
{
	return streak->again && now_ms - streak->since_ms >= ANAME_OUTAGE_MS;
}

/*!
 * \brief How long to wait before a resolver is tried again that is out.
 *
 * \param answers_ms    Since when it answers, but with failures; 0: it does not.
 * \param retry_max_ms  The longest pause between lookups of a target that fails.
 */
static inline int64_t aname_outage_pause(int64_t answers_ms, int64_t retry_max_ms, int64_t now_ms)
{
	int64_t pause_ms =
	        answers_ms != 0 ? (now_ms - answers_ms) / ANAME_OUTAGE_SLOWER : ANAME_OUTAGE_TRY_MS;
	pause_ms = pause_ms < retry_max_ms ? pause_ms : retry_max_ms;
	return pause_ms > ANAME_OUTAGE_TRY_MS ? pause_ms : ANAME_OUTAGE_TRY_MS;
}
