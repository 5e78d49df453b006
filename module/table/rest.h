/*!
 * \brief What networks of `deny-address` leave of a snapshot (BEHAVIOUR L2), worked out once.  [P]
 *
 * The first worker that meets a snapshot through a list of networks goes through its addresses, and
 * what is left is kept with the snapshot, for all sections that have the same list. So it costs a warm
 * query next to nothing, however many networks and addresses there are (L4).
 *
 * What was published with rests is freed by aname_rest_destroy(), when no worker can hold it.
 */

#pragma once

#include <stdint.h>

#include "conf/options.h"
#include "table/epoch.h"
#include "table/snapshot.h"

/*! Lists of networks that a snapshot remembers; with one more it begins anew. */
#define ANAME_RESTS_MAX 16

/*! What one list leaves. Never changed. */
typedef struct aname_rest {
	uint64_t deny;              /*!< The list's identity. */
	aname_snapshot_t *snapshot; /*!< What is left, see aname_snapshot_without(); NULL: all. */
	struct aname_rest *next;    /*!< What others leave. */
	unsigned before;            /*!< How many they are. */
} aname_rest_t;

/*! What networks leave, good for as long as the snapshot; NULL if that is not worked out yet.
 *  Thread: worker, inside the epoch. */
const aname_rest_t *aname_rest_of(const aname_snapshot_t *snapshot, const aname_nets_t *deny);

/*!
 * \brief The same; works it out if that is not done yet.
 *
 * \param deny  Networks, settled.
 * \param bin   For what the snapshot is not to remember any more.
 *
 * \return What is left, good until the epoch is left; NULL if out of memory.
 *
 * Thread: worker, inside the epoch, under the lock of the bin: one at a time.
 */
const aname_rest_t *aname_rest_work_out(const aname_snapshot_t *snapshot, const aname_nets_t *deny,
                                        aname_bin_t *bin);

/*! Frees a snapshot, with what was left of it; NULL is allowed. Nobody may read it any more.
 *  Thread: any. */
void aname_rest_destroy(void *snapshot);
