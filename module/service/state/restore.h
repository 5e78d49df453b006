/*!
 * \brief What was known before: from the state file into the table (BEHAVIOUR S1, S2).  [U]
 *
 * Targets of an upstream that no section names yet are awaited: workers would see them at once, but
 * nothing is looked up until a section comes. So it is with definitions, too. Whatever is known
 * already counts before what the file says.
 *
 * Thread: service.
 */

#pragma once

#include "service/state/reader.h"
#include "service/work.h"

/*! What became of a file. */
typedef struct {
	uint32_t targets; /*!< Restored. */
	uint32_t no_room; /*!< Left out: out of memory. */
	uint32_t forces;
	int64_t elapsed_ms; /*!< Since it was saved. */
	bool set_back;      /*!< That is not known: the clock was set back. */
} aname_restored_t;

/*!
 * \brief Puts what a file holds into the table.
 *
 * \param in      A file that was opened, and found good.
 * \param moment  Now.
 */
aname_restored_t aname_restore(aname_refresh_t *refresh, aname_state_in_t *in,
                               const aname_state_moment_t *moment, int64_t now_ms);
