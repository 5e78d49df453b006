/*!
 * \brief What is looked up when: keeps the table true.  [U]
 *
 * Takes the workers' requests, asks policy for times, starts lookups as the limits allow, and
 * publishes what comes of them. Everything runs on the service thread, but for
 * aname_refresh_limit().
 */

#pragma once

#include <uv.h>

#include "conf/options.h"
#include "service/followers.h"
#include "service/forced.h"
#include "service/probe/probes.h"
#include "service/resolver.h"
#include "table/shared.h"

typedef struct aname_refresh aname_refresh_t;
typedef struct aname_urgent aname_urgent_t;

/*!
 * \brief Makes the part that refreshes, for one shared state and loop.
 *
 * \param shared  The shared state; outlives it.
 * \param loop    The loop; outlives it.
 * \param make    Makes a resolver when an upstream is first asked.
 *
 * \return It, at rest until aname_refresh_resume(); NULL if out of memory.
 */
aname_refresh_t *aname_refresh_new(aname_shared_t *shared, uv_loop_t *loop,
                                   aname_make_resolver_f make);

/*! Frees it. It must be paused, with nothing running, and the loop must run once after. */
void aname_refresh_free(aname_refresh_t *refresh);

/*! Raises the limits to at least these; returns which differ from those in force.
 *  Thread: any, one at a time. */
typedef struct {
	bool max_targets, max_lookups, lookup_rate, max_subnets, max_target_subnets;
	bool max_probes;
} aname_limits_differ_t;
aname_limits_differ_t aname_refresh_limit(aname_refresh_t *refresh, const aname_limits_t *limits);

/*! Takes what is in the queue; called when the queue wakes the service. */
void aname_refresh_wake(aname_refresh_t *refresh);

/*!
 * \brief Asks for a target as a query does: it is added, kept fresh, looked up and probed as that
 *        calls for.
 *
 * Nothing is started before aname_refresh_wake(), which is to follow once all is asked for.
 *
 * \param key  Its upstream is held by options.
 */
void aname_refresh_ask(aname_refresh_t *refresh, const aname_key_t *key, aname_interest_t interest,
                       int64_t now_ms);

/*! Starts, or goes on after a pause. */
void aname_refresh_resume(aname_refresh_t *refresh);

/*! The machine was suspended for so long, which the clock shows already. Timers stood still, and go
 *  on from here. */
void aname_refresh_slept(aname_refresh_t *refresh, int64_t slept_ms);

/*! Starts nothing more and asks the running lookups to end. What is known stays. */
void aname_refresh_pause(aname_refresh_t *refresh);

/*!
 * \brief Forces a target or an address, or no longer does (H8); the log says so.
 *
 * \return As aname_forces_set().
 */
__attribute__((warn_unused_result)) int aname_refresh_force(aname_refresh_t *refresh,
                                                            const aname_subject_t *subject,
                                                            aname_forced_t state, int64_t until_ms);

/*! Has targets looked up that an operator asks for, or goes on with that, as aname_urgent_look(). */
size_t aname_refresh_urge(aname_refresh_t *refresh, aname_urgent_t *urgent);

/*! What is forced. Good for as long as `refresh` is. */
const aname_forces_t *aname_refresh_forces(const aname_refresh_t *refresh);

/*! Who follows what is published. Good likewise. */
aname_followers_t *aname_refresh_followers(aname_refresh_t *refresh);

/*! What is known of an address of a target by the definition of this identity; NULL if nothing. */
const aname_probed_t *aname_refresh_probed(aname_refresh_t *refresh, uint32_t definition,
                                           const knot_dname_t *name, const uint8_t *address,
                                           uint8_t len);

/*! What is known of all addresses that are probed. */
aname_probes_numbers_t aname_refresh_probes(const aname_refresh_t *refresh);

/*! Lookups under way. */
unsigned aname_refresh_running(const aname_refresh_t *refresh);
