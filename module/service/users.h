/*!
 * \brief Who is to be told of a probed address: what hangs on aname_probed_t.users.  [U]
 *
 * Thread: service.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/probe/probes.h"
#include "table/table.h"

/*! Made with the first one, freed with the last. */
typedef struct {
	int64_t changed_ms; /*!< When it went down, or came back, last; INT64_MIN: never. */
	bool was_down;
	bool logged_down;  /*!< What was logged last. */
	bool unlogged;     /*!< Something may have to be logged. */
	bool changed;      /*!< Its health has, since its targets were published. */
	int64_t logged_ms; /*!< When; INT64_MIN: never. */
	size_t count, room;
	aname_entry_t *entries[];
} aname_users_t;

/*! NULL if there are none. */
static inline aname_users_t *aname_users_of(const aname_probed_t *probed)
{
	return probed->users;
}

/*! Adds a target; false if out of memory. */
bool aname_users_add(aname_probed_t *probed, aname_entry_t *entry);

/*! Takes one out; false if it is not there. */
bool aname_users_remove(aname_probed_t *probed, const aname_entry_t *entry);

/*! Is it one of them? */
bool aname_users_have(const aname_probed_t *probed, const aname_entry_t *entry);
