/*!
 * \brief How soon the addresses of an owner may be written again (M2).  [P]
 *
 * The first three changes are written at once, then pauses follow that double up to an hour, so that a
 * set that rotates is not chased. An hour in which what the owner is to have stays the same resets
 * them. What shares no address with what is there never waits for more than a minute.
 *
 * Thread: any; time is passed in.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

/*! Changes that do not wait. */
#define KANAME_PACE_AT_ONCE      3
/*! The pause after them, which doubles with each change. */
#define KANAME_PACE_FIRST_MS     10000
/*! The longest pause, and the quiet that resets them. */
#define KANAME_PACE_MOST_MS      3600000
/*! And the longest one if no address stays. */
#define KANAME_PACE_MOST_GONE_MS 60000

typedef struct {
	/* In seconds, since there are many of these. */
	uint32_t written_s; /*!< When it was written last. */
	uint32_t changed_s; /*!< When what it is to have changed last. */
	uint8_t writes;     /*!< Since the last quiet, as far as they count. */
} kaname_pace_t;

/*! Notes that what the owner is to have is another set than before. */
void kaname_pace_changed(kaname_pace_t *pace, int64_t now_ms);

/*! Notes that it is written. */
void kaname_pace_written(kaname_pace_t *pace, int64_t now_ms);

/*! From when on it may be written again; 0: at any time. `gone`: no address stays. */
int64_t kaname_pace_next(const kaname_pace_t *pace, bool gone);
