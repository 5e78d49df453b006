/*!
 * \brief What is made of verdicts that change: they are published, logged and counted.  [U]
 *
 * Many may change at once, and a target may have a thousand addresses, so changes are published in
 * rounds: in each a target once, and with pauses that leave the loop to others.
 *
 * Thread: service, all of it.
 */

#pragma once

#include "service/work.h"

/*! Sets it up; its timer is to be closed by whoever frees `refresh`. */
void aname_verdicts_init(aname_refresh_t *refresh);

/*! Publishes nothing more until it goes on. */
void aname_verdicts_pause(aname_refresh_t *refresh);
void aname_verdicts_resume(aname_refresh_t *refresh);

/*! An address went down, came back, or is known for the first time; an aname_probes_changed_f, with
 *  an aname_refresh_t as context. */
void aname_verdicts_changed(void *ctx, aname_probed_t *probed, int64_t now_ms);

/*! Counts, and logs what its time has come for; returns when to come back, or INT64_MAX. */
int64_t aname_verdicts_advance(aname_refresh_t *refresh, int64_t now_ms);
