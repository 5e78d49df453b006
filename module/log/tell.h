/*!
 * \brief What those who watch are told of targets, addresses and resolvers; see watch.h.  [P]
 *
 * Each function does nothing if nobody watches. protocol.h has the words and fields.
 *
 * Thread: service.
 */

#pragma once

#include "log/watch.h"
#include "table/definition.h"
#include "table/secrets.h"
#include "table/table.h"

/*! The addresses of a target are others, or it has some, or none. */
void aname_tell_changed(aname_watch_t *watch, const aname_entry_t *entry,
                        const aname_snapshot_t *before, const aname_snapshot_t *after);

/*! Lookups of a family begin to fail, or succeed again. */
void aname_tell_failure(aname_watch_t *watch, const aname_entry_t *entry,
                        const aname_snapshot_t *before, const aname_snapshot_t *after,
                        int64_t now_ms);

/*! A lookup for a client's subnet fails. */
void aname_tell_subnet(aname_watch_t *watch, const aname_entry_t *entry, const char *why);

/*! A target that had addresses has none of either family any more, or some again. */
void aname_tell_gone(aname_watch_t *watch, const aname_entry_t *entry, bool gone, bool nxdomain);

/*!
 * \brief An address went down, or came back.
 *
 * \param target  One that has it.
 * \param others  How many more there are.
 * \param whom    NAMED for those others.
 * \param why     It is down; NULL: it is up.
 */
void aname_tell_health(aname_watch_t *watch, const knot_dname_t *target, size_t others,
                       aname_watch_whom_t whom, const aname_probe_t *probe, const uint8_t *address,
                       uint8_t len, const char *why);

/*! Nothing succeeds any more that a resolver is asked; `answers`: it answers, but with failures. */
void aname_tell_out(aname_watch_t *watch, const aname_upstream_t *upstream, bool answers);

/*! Lookups succeed again, after so many seconds. */
void aname_tell_back(aname_watch_t *watch, const aname_upstream_t *upstream, int64_t seconds);

/*! A limit was reached so many times since this was told last. */
void aname_tell_limit(aname_watch_t *watch, const char *limit, uint64_t count);

/*! No probe succeeds any more, or some do again. */
void aname_tell_doubt(aname_watch_t *watch, bool in_doubt);

/*! A private key was read, or could not be, `failures` times before: tells the first time, and when it
 *  is over. */
void aname_tell_key(aname_watch_t *watch, const aname_secret_found_t *found, uint32_t failures);

/*! A directory of private keys, `len` octets, does not answer, or does again. */
void aname_tell_directory(aname_watch_t *watch, const char *directory, int len, bool back);
