/*!
 * \brief Who may still be reading what: memory is freed only when no worker can hold it.  [P]
 *
 * Every worker has a slot of its own (its knotd thread id), in cache lines that no one else
 * writes. Between enter and leave it may read whatever is published; what the service thread
 * takes out meanwhile is retired, and freed once every slot has been left or entered anew.
 * Readers never wait and never retry; the one writer never waits for a reader either, it frees
 * later.
 * There may be other writers, each with a bin of its own.
 *
 * Own code, and not liburcu, because the readers are knotd's threads (which may or may not be
 * registered with the flavour of RCU that this library would be built for) and because
 * ThreadSanitizer can follow C11 atomics but not liburcu's barriers.
 */

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*! Largest number of workers: knotd's limits of 256 UDP, TCP and XDP threads each. */
#define ANAME_WORKERS_MAX 768

typedef struct aname_epoch aname_epoch_t;

/*! New set of slots, all left. NULL if out of memory. */
aname_epoch_t *aname_epoch_new(void);

/*! Frees the set and all that is retired. No worker may be inside. */
void aname_epoch_free(aname_epoch_t *epoch);

/*! From now on what is published may be read. Returns which epoch that is. Thread: worker `worker`
 *  (below the maximum). */
uint64_t aname_epoch_enter(aname_epoch_t *epoch, unsigned worker);

/*!
 * \brief Enters, and finds out whether what was read in an earlier epoch may still be read.
 *
 * \param entered  Which one that was; becomes the one that is entered now.
 *
 * \return true if nothing was retired since, by any writer.
 *
 * Thread: worker `worker`.
 */
bool aname_epoch_enter_again(aname_epoch_t *epoch, unsigned worker, uint64_t *entered);

/*! Whatever was read since enter is off limits. Thread: worker `worker`. */
void aname_epoch_leave(aname_epoch_t *epoch, unsigned worker);

/*!
 * \brief What one writer has retired and not freed yet.
 *
 * The service thread's own bin is part of the epoch; whoever else takes out what workers may
 * read has a bin of its own, and sees to it that one thread at a time uses it.
 */
typedef struct aname_bin aname_bin_t;

/*! New empty bin. NULL if out of memory. */
aname_bin_t *aname_bin_new(aname_epoch_t *epoch);

/*! Frees the bin and all that is in it. No worker may be inside the epoch. */
void aname_bin_free(aname_bin_t *bin);

/*! As aname_epoch_retire(), but with `destroy` in the place of free(). Thread: the bin's writer. */
void aname_bin_retire(aname_bin_t *bin, void *memory, void (*destroy)(void *));

/*! As aname_epoch_reclaim(). Thread: the bin's writer. */
unsigned aname_bin_reclaim(aname_bin_t *bin);

/*!
 * \brief Frees `memory` with free() when no worker can hold it any more.
 *
 * It must have been made unreachable for workers that enter from now on. NULL is allowed.
 * If there is no memory to note it down, it is leaked rather than freed under a reader.
 *
 * Thread: the writer.
 */
void aname_epoch_retire(aname_epoch_t *epoch, void *memory);

/*! The same, with `destroy` in the place of free(). */
void aname_epoch_destroy(aname_epoch_t *epoch, void *memory, void (*destroy)(void *));

/*! Frees what can be freed by now; returns how many blocks still wait. Thread: the writer. */
unsigned aname_epoch_reclaim(aname_epoch_t *epoch);
