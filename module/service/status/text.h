/*!
 * \brief The lines that the status socket shows (see protocol.h).  [P]
 *
 * Thread: service. The table may be walked without a lock there.
 */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "table/shared.h"

/*! Longest line of one entry, its end included. */
#define ANAME_STATUS_ENTRY_MAX 65536

/*!
 * \brief Writes the line of the format and that of the server.
 *
 * \param at  Room for ANAME_STATUS_ENTRY_MAX octets.
 *
 * \return Their length.
 */
size_t aname_status_write_server(char *at, const aname_shared_t *shared);

/*!
 * \brief Writes the line of an entry.
 *
 * \param at     Room for ANAME_STATUS_ENTRY_MAX octets.
 * \param table  Where it stands; the other family of its target is looked at there.
 *
 * \return Its length.
 */
size_t aname_status_write(char *at, const aname_table_t *table, aname_entry_t *entry,
                          int64_t now_ms);
