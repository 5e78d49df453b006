/*!
 * \brief The state file as the service keeps it: loaded once, saved now and then (BEHAVIOUR S1 to
 *        S3).  [U]
 *
 * | part    | what it does                                                       |
 * |---------|--------------------------------------------------------------------|
 * | state   | when it is loaded and saved                                        |
 * | load    | what comes of a file that is found                                 |
 * | collect | from the table into a file's octets                                |
 * | restore | and back                                                           |
 * | moment  | the clocks that go on while nothing runs                           |
 * | format  | what a file looks like; record: what a record does                 |
 * | writer  | makes a file in memory                                             |
 * | reader  | checks one and reads it                                            |
 * | file    | the file: one process holds it, and it is replaced as a whole      |
 *
 * What is known is collected on the service thread in small steps, and written by libuv's pool. It
 * is saved at most once an interval, and only if something has changed; at once if somebody waits
 * for it (aname_state_sync()), and when the service stops.
 *
 * Thread: service, all of it, but for the write itself.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "service/state/load.h"
#include "service/work.h"

typedef struct aname_state aname_state_t;

/*! Makes it, without a file; NULL if out of memory. Ownership: the caller's. */
aname_state_t *aname_state_new(aname_refresh_t *refresh, uv_loop_t *loop);

/*! Frees it. It must have let its file go, and the loop must run once after;
 *  NULL is none. */
void aname_state_free(aname_state_t *state);

/*!
 * \brief Keeps what is known in a file from now on; what the file holds is loaded, beside what is
 *        known already.
 *
 * \param path        Absolute, or "" for none.
 * \param interval_s  Between two saves, at least 1.
 * \param replaces    The file before is removed when this one is written: a section that came wants
 *                    this one. Else it is saved once more: one that went had wanted it.
 * \param report      What came of it, if the file is another one than before.
 */
void aname_state_keep(aname_state_t *state, const char *path, uint32_t interval_s, bool replaces,
                      aname_state_report_t *report);

/*! Saves, waiting for the disk, and lets the file go: the service stops. */
void aname_state_let_go(aname_state_t *state);

/*! Is it being written? */
bool aname_state_is_busy(const aname_state_t *state);

/* Waiting for the disk. */

/*! Called from the loop: what was known when it was asked for is on disk; `why` tells why not. */
typedef void (*aname_state_synced_f)(void *ctx, const char *why);

/*! One that waits; whoever has it zeroes it at first. */
typedef struct aname_state_sync {
	struct aname_state_sync *next;
	uint32_t number; /*!< Of the save that it waits for; 0: it does not wait. */
	aname_state_synced_f done;
	void *ctx;
} aname_state_sync_t;

/*! Saves at once, and calls `done` then, but not from within this call. */
void aname_state_sync(aname_state_t *state, aname_state_sync_t *sync, aname_state_synced_f done,
                      void *ctx);

/*! Waits no longer, if it does. */
void aname_state_unsync(aname_state_t *state, aname_state_sync_t *sync);

/* Watching. */

typedef struct {
	const char *path;    /*!< NULL: there is no file. */
	const char *why_not; /*!< It cannot be read or written; NULL: it can. */
	int64_t saved_ms;    /*!< When it was saved last; INT64_MIN: it was not. */
	uint32_t took_ms;    /*!< The last save, of a thread of the pool. */
	uint32_t held_us;    /*!< The longest step, of the service thread, of the last save. */
	uint32_t loaded_ms;  /*!< How long it took to load. */
	uint64_t octets;     /*!< In the file. */
	uint32_t targets;    /*!< In it. */
} aname_state_numbers_t;

aname_state_numbers_t aname_state_numbers(const aname_state_t *state);
