/*!
 * \brief Targets whose addresses are probed (addresses.h), what operators force, and what has to hold
 *        of both (H).
 */

#pragma once

#include "server.h"
#include "world.h"

/*! What the sections have probed whose targets are. */
extern const aname_probe_t prober_probe;

/*! Is a target probed for a section? */
bool prober_has(const target_t *target, section_t section);

/*! The number of the n-th target that is probed of an upstream, in IPv4; the next one is of the same
 *  name. It may be one more than there are. */
unsigned prober_nth(upstream_t upstream, unsigned n);

/*! Has that to be known by now of a target's addresses, that some are up, or that all are down? */
typedef enum {
	PROBER_UNSURE = 0,
	PROBER_UP,
	PROBER_DOWN,
} prober_truth_t;
prober_truth_t prober_truth(const target_t *target);

/*! An operator forces a target, or takes that back. */
void prober_force(void);

/*! What is known is being saved. */
void prober_saved(void);

/*! It is restored: no verdict and nothing forced is lost. */
void prober_restored(void);

/*! Nothing was probed for some time, and is from now on. */
void prober_resumed(void);

/*! What a section sees of a target. */
void prober_check(target_t *target, section_t section, const aname_snapshot_t *snapshot);

/*! Nothing is probed any more. */
void prober_check_empty(void);

void prober_print(void);
