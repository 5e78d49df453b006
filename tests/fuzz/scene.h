/*!
 * \brief The service on simulated time, with sections that come and go and recursors that a fuzzer
 *        plays: all that stands behind the workers, but for the network.
 */

#pragma once

#include "fuzz.h"

#include "recursors.h"
#include "service/refresh.h"

/*! One more than there are recursors: the first and the last one share theirs. */
#define SECTIONS (RECURSORS + 1)

typedef struct {
	const aname_options_t *options; /*!< NULL: there is none at present. */
	const aname_upstream_t *named;
	/* What it says. */
	aname_schedule_t schedule;
	aname_probe_t probe;
} section_t;

typedef struct {
	aname_shared_t *shared;
	aname_refresh_t *refresh;
	uv_loop_t loop;
	section_t sections[SECTIONS];
	aname_limits_t limits;
} scene_t;

extern scene_t scene;

/*! Where the clock stands at first. */
#define BEGIN_MS INT64_C(1000000000)

/*! Begins, at rest and without sections; random numbers are by the seed. */
void scene_begin(const aname_limits_t *limits, uint64_t seed, target_t *targets, unsigned count);

/*! Ends all, and looks whether all is freed. It is paused. */
void scene_end(void);

static inline unsigned scene_recursor(unsigned section)
{
	return section % RECURSORS;
}

/*! The upstream of a recursor; NULL: no section names it. */
const aname_upstream_t *scene_upstream(unsigned recursor);

/*! The target's entry, or NULL. */
aname_entry_t *scene_find(const target_t *target);

/*! A section comes, or changes to what it says now; or goes. */
void scene_hold(unsigned section);
void scene_leave(unsigned section);

/*! What a query needs of a target, through a record of this TTL. */
aname_interest_t scene_interest(unsigned section, uint32_t ttl, uint32_t zone);

/*! Asks the service for a target, for everybody or a client's subnet. */
void scene_push(unsigned section, const target_t *target, const aname_subnet_t *client,
                aname_interest_t interest);
