/*!
 * \brief Entries for clients' subnets (N4).  [U]
 *
 * Thread: service.
 */

#pragma once

#include "service/work.h"

#include "table/queue.h"

/*! Takes a request for a client's subnet of a target that is in the table. */
void aname_subnets_request(aname_refresh_t *refresh, aname_entry_t *target,
                           const aname_request_t *request, int64_t now_ms);

/*! Cuts what is sent of a client to what options allow by now; false if that is nothing. */
bool aname_subnets_may_ask(aname_entry_t *entry);

/*! Notes how the lookup for a subnet has ended. */
void aname_subnets_note(const aname_entry_t *entry, bool good);

/*!
 * \brief Finds where the answer for a subnet belongs: the network of its scope around the one it
 *        was asked for, but no smaller than that (RFC 7871, 7.3.1).
 *
 * \return The entry for it. If that is another one, `entry` is gone. NULL if out of memory.
 */
aname_entry_t *aname_subnets_settle(aname_refresh_t *refresh, aname_entry_t *entry, uint8_t scope,
                                    int64_t now_ms);

/*! Removes a subnet's entry that is in no heap and no line. */
void aname_subnets_remove(aname_refresh_t *refresh, aname_entry_t *entry);

/*! Removes all subnets of a target; false if some are being looked up, and stay. */
bool aname_subnets_remove_all(aname_refresh_t *refresh, aname_entry_t *target);
