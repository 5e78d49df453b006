/*!
 * \brief What is said of a journal that cannot be used: why, and what to do about it.  [P]
 *
 * Its files tell what is ours: where nothing is wrong with them nobody is told to move them away.
 *
 * Thread: any.
 */

#pragma once

#include <stdbool.h>

/*! Numbers beside those of the system and of LMDB. */
enum {
	KANAME_JOURNAL_DAMAGED = -31000, /*!< Its file ends too early, or is not what it was. */
	KANAME_JOURNAL_OTHER,            /*!< Another one was put in its file's place. */
	KANAME_JOURNAL_TAKEN,            /*!< Another process has it. */
};

/*! Why, as a phrase that stays. */
const char *kaname_journal_why(int error);

/*! What to do. */
const char *kaname_journal_next(int error);

/*! Does it stay so until somebody acts? */
bool kaname_journal_lasts(int error);
