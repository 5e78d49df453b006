/*!
 * \brief What the status socket asks of the service beside the table, and has it change.  [U]
 *
 * Thread: service, all of it.
 */

#pragma once

#include <stdint.h>

#include "service/followers.h"
#include "service/forced.h"
#include "service/owner_set.h"
#include "service/probe/probes.h"
#include "service/refresh.h"
#include "service/state/state.h"
#include "service/status/self.h"
#include "service/urgent.h"

typedef struct {
	void *ctx; /*!< For the functions. */

	/*! What is forced; outlives the socket. */
	const aname_forces_t *forces;

	/*! Forces a subject, or no longer does, as aname_forces_set(). */
	int (*force)(void *ctx, const aname_subject_t *subject, aname_forced_t state,
	             int64_t until_ms);

	/*! Targets that are to be looked up now, as the functions of urgent.h. */
	void (*find_urgent)(void *ctx, aname_urgent_t *urgent);
	size_t (*urge)(void *ctx, aname_urgent_t *urgent);
	aname_entry_t *(*urgent_entry)(void *ctx, const aname_urgent_t *urgent, size_t number);

	/*! What is known of an address of a target by the definition with this identity; NULL if
	 *  nothing. The function is NULL where nothing is probed. */
	const aname_probed_t *(*probed)(void *ctx, uint32_t definition, const knot_dname_t *name,
	                                const uint8_t *address, uint8_t len);

	/*! What is known of all; NULL where nothing is probed. */
	aname_probes_numbers_t (*numbers)(void *ctx);

	/*! Says what an owner has, as aname_owner_set(). */
	void (*owner_set)(void *ctx, const aname_owner_question_t *question, int64_t now_ms,
	                  aname_owner_set_t *set);
	/*! Begins what that calls for. */
	void (*go_on)(void *ctx);
	/*! Who follows; outlives the socket. */
	aname_followers_t *followers;

	/*! Where what is changed is saved; NULL where it is not. */
	aname_state_t *state;

	/*! Which module this is; set by the status socket itself. */
	const aname_self_t *self;
} aname_status_backend_t;

/*! What the service offers; both outlive the socket. `self` is not set. */
aname_status_backend_t aname_status_backend_of(aname_refresh_t *refresh, aname_state_t *state);
