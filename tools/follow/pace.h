/*!
 * \brief How soon the addresses of an owner may be written again (M2).  [P]
 *
 * The first three changes are written at once, then pauses follow that double up to an hour, so that a
 * set that rotates is not chased. An hour in which what the owner is to have stays the same resets
 * them. What shares no address with what is there never waits for more than a minute. Where one family
 * is written and some seconds later the other one, it is one change: a target has moved, and its
 * families are looked up one after the other.
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
/*! So much later the other family is part of the same change. */
#define KANAME_PACE_PAIR_MS      5000

typedef struct {
	/* In seconds, since there are many of these; before the clock began, too. */
	int32_t written_s; /*!< When it was written last. */
	int32_t changed_s; /*!< When what it is to have changed last. */
	uint8_t writes;    /*!< Since the last quiet, as far as they count. */
	uint8_t families;  /*!< Which were written last: a bit for each. */
} kaname_pace_t;

/*! Notes that what the owner is to have is another set than before. */
void kaname_pace_changed(kaname_pace_t *pace, int64_t now_ms);

/*!
 * \brief Notes that it is written.
 *
 * \param families  Which have changed: a bit for each.
 * \param counts    It is a change, and not what an owner is given first.
 */
void kaname_pace_written(kaname_pace_t *pace, unsigned families, bool counts, int64_t now_ms);

/*!
 * \brief From when on it may be written again; 0: at any time.
 *
 * \param families  Which are to change: a bit for each.
 * \param gone      No address stays.
 */
int64_t kaname_pace_next(const kaname_pace_t *pace, unsigned families, bool gone, int64_t now_ms);
