/*!
 * \brief Messages of the service: written down here, logged by a worker that may log.  [P]
 *
 * The service thread must not touch a knotd_mod_t, and knotd offers no other way to its log. So
 * the service writes messages down and the next query that meets the module reads them out. Few
 * a second are kept; what is dropped is counted and logged, at most once a minute.
 *
 * A message about a target is read out only for a zone that follows it.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <libknot/dname.h>

#include "log/log.h"

typedef struct aname_logbook aname_logbook_t;

/*! New empty book. NULL if out of memory. */
aname_logbook_t *aname_logbook_new(void);

void aname_logbook_free(aname_logbook_t *book);

/*! Writes a message down, or counts it as dropped. Thread: any that is not a worker. */
void aname_logbook_write(aname_logbook_t *book, int priority, const char *message, int64_t now_ms);

/*! Writes a message down that is about a target; it is dropped if nobody who follows that reads it
 *  for ANAME_LOGBOOK_WAIT_MS. Thread: likewise. */
void aname_logbook_write_about(aname_logbook_t *book, const knot_dname_t *target, int priority,
                               const char *message, int64_t now_ms);

/*! Counts a message as dropped that is not to be written. Thread: likewise. */
void aname_logbook_leave_out(aname_logbook_t *book);

/*! A log that writes its messages down in the book. Thread: likewise. */
aname_log_t aname_logbook_log(aname_logbook_t *book);

/*! How long a message about a target waits. */
#define ANAME_LOGBOOK_WAIT_MS 60000

/*! Is there anything to read out? Costs one load. Thread: any. */
bool aname_logbook_is_written(const aname_logbook_t *book);

/*!
 * \brief Reads out what is written, if anything. Never waits: if another one reads, it leaves.
 *
 * A message that was written some time ago shows its age.
 *
 * Thread: any.
 */
void aname_logbook_read(aname_logbook_t *book, const aname_log_t *log, int64_t now_ms);

/*! Whose log it is: does it follow a target? */
typedef struct {
	bool (*follows)(const void *ctx, const knot_dname_t *target);
	const void *ctx;
} aname_logbook_reader_t;

/*! The same, but for what is about targets that the reader does not follow. */
void aname_logbook_read_for(aname_logbook_t *book, const aname_logbook_reader_t *reader,
                            const aname_log_t *log, int64_t now_ms);
