/*!
 * \brief What is logged of targets and limits (BEHAVIOUR W2), and told to those who watch (W3).  [P]
 *
 * That a target fails, or is gone, can be seen in what is published: whoever answers for a zone
 * that follows it logs that (query/show.c). Who watches is told when it is published.
 *
 * The log has some of what happens, now and then; who watches is told all.
 *
 * Thread: service.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conf/options.h"
#include "table/shared.h"

/*! A limit that workers or the service reach, and when that was last logged. */
typedef struct {
	uint64_t logged;
	int64_t logged_ms;
	uint64_t told; /*!< To those who watch. */
	int64_t told_ms;
} aname_events_limit_t;

typedef struct {
	aname_logbook_t *logbook;
	aname_budget_t *budget; /*!< For what is about targets. */
	aname_watch_t *watch;   /*!< Who is told as well, of each event as it happens. */
	aname_events_limit_t queue, table, gave_way, waiters, probes, late, views, far;
} aname_events_t;

/*! A target's answer for a subnet has begun to fail. Many subnets fail at once: that is logged now
 *  and then, if the target itself does not fail. */
void aname_events_subnet(aname_events_t *events, const aname_entry_t *entry, const char *why,
                         int64_t now_ms);

/*! A lookup has succeeded: logs now and then that the addresses are others. */
void aname_events_change(aname_events_t *events, aname_entry_t *entry,
                         const aname_snapshot_t *before, const aname_snapshot_t *after,
                         int64_t now_ms);

/*! A server gets clients' subnets, and does not say for whom its answers are. */
void aname_events_unscoped(aname_events_t *events, const aname_server_t *server, int64_t now_ms);

/*! Sections that share an upstream differ in how it is asked: logs what counts. */
void aname_events_terms(aname_events_t *events, const aname_upstream_t *upstream, int64_t now_ms);

/*!
 * \brief Nothing succeeds any more that an upstream is asked; logged now and then.
 *
 * \param answers    It answers, but with failures.
 * \param logged_ms  When that was last logged of this upstream; 0: never.
 *
 * \return It was logged, and so is to be that it is back.
 */
bool aname_events_out(aname_events_t *events, const aname_upstream_t *upstream, bool answers,
                      int64_t *logged_ms, int64_t now_ms);

/*! Lookups succeed again, after so many seconds; `logged`: the log has that they did not. */
void aname_events_back(aname_events_t *events, const aname_upstream_t *upstream, int64_t seconds,
                       bool logged, int64_t now_ms);

/*!
 * \brief An address is down, or up again.
 *
 * \param entry    A target that has it.
 * \param others   How many more there are.
 * \param probe    How it is probed.
 * \param why      It is down; NULL: it is up.
 */
void aname_events_health(aname_events_t *events, const aname_entry_t *entry, size_t others,
                         const aname_probe_t *probe, const uint8_t *address, uint8_t len,
                         const char *why, int64_t now_ms);

/*!
 * \brief What is known of a target is about to be published: tells those who watch whether it fails or
 *        is gone now, or no longer.
 *
 * \param other  The other family of the target, or NULL.
 * \param after  What is published then.
 */
void aname_events_published(aname_events_t *events, aname_entry_t *entry, aname_entry_t *other,
                            const aname_snapshot_t *after, int64_t now_ms);

/*! No probe succeeds any more, or some do again. */
void aname_events_doubt(aname_events_t *events, bool in_doubt, int64_t now_ms);

/*! That an operator's word has begun to count for something, or ended. */
typedef struct {
	const char *subject;        /*!< A target's name, or an address. */
	const knot_dname_t *target; /*!< That name; NULL: it is an address. */
	bool up;                    /*!< It is, or was, forced up; else down. */
	bool ended;                 /*!< It is no longer forced. */
	int64_t seconds;            /*!< To its end; negative: it has none. */
} aname_events_force_t;
void aname_events_force(aname_events_t *events, const aname_events_force_t *event, int64_t now_ms);

/*! Logs now and then which limits were reached since. */
void aname_events_limits(aname_events_t *events, aname_limits_reached_t *reached, int64_t now_ms);
