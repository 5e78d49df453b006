/*!
 * \brief What has to hold of the service's lookups, whatever happens: when one may start, and what has to
 *        fit together between any two steps.
 */

#pragma once

#include "scene.h"

/*! How many lookups may start in a second, at most. */
#define RATE_MOST 200

/*! What makes it impossible to say how long things take: since then it does not. */
typedef struct {
	int64_t any_ms;           /*!< A pause, a suspension, a limit that was reached. */
	int64_t at_ms[RECURSORS]; /*!< A lookup that took long, or an outage. */
	int64_t reloaded_ms[RECURSORS];
} excuses_t;

typedef struct {
	excuses_t excuses;
	bool paused, urging;
	int64_t starts[RATE_MOST + RATE_MOST / 10 + 1]; /*!< The last ones. */
	uint64_t starts_count;
	int64_t silent_ms[RECURSORS], heard_ms[RECURSORS]; /*!< Lookups while one is silent. */
	unsigned silent_count[RECURSORS];
	uint64_t gave_way;
} books_t;

/*! All zero at first. */
extern books_t books;

/*! Notes what excuses that something takes long. */
void books_excuse(void);

/*! Looks whether all holds; ends the process where it does not. */
void books_check(void);
