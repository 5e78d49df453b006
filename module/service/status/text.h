/*!
 * \brief The lines that the status socket shows (see protocol.h); addresses.h has those of addresses.  [U]
 *
 * Each function takes room for ANAME_LINE_MAX octets, and returns how many it has written.
 *
 * Thread: service. The table may be walked without a lock there.
 */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "service/status/backend.h"
#include "table/shared.h"

/*! Writes the line of the format, that of the server, and that of its state file. */
size_t aname_status_write_server(char *at, const aname_shared_t *shared,
                                 const aname_status_backend_t *backend);

/*! Writes the line of an owner, if it leads back to itself. */
size_t aname_status_write_owner(char *at, aname_owners_t *owners, const knot_dname_t *name);

/*! Writes the line of a zone. */
size_t aname_status_write_zone(char *at, const knot_dname_t *name, const aname_zone_view_t *view);

/*! Writes the line of something that is forced. */
size_t aname_status_write_forced(char *at, const aname_force_t *force, int64_t now_ms);

/*!
 * \brief Writes the line of an entry.
 *
 * \param shared  Where it stands; the other family of its target is looked at there, and who names
 *                it.
 * \param forces  What is forced.
 */
size_t aname_status_write(char *at, const aname_shared_t *shared, aname_entry_t *entry,
                          const aname_forces_t *forces, int64_t now_ms);

/*!
 * \brief Writes a whole answer that has one line beside the format's and the end.
 *
 * \param word  Its first word.
 * \param why   One phrase; NULL: none.
 */
size_t aname_status_write_reply(char *at, const char *word, const char *why);

/*! Adds the fields of an operator's word to a line that has `len` octets already. */
void aname_status_add_force(char *at, size_t *len, const aname_force_t *force, int64_t now_ms);
