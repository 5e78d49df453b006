/*!
 * \brief The one service thread of the process, and the shared state it keeps up to date.  [U]
 *
 * Counted by those who hold it: the first starts the thread, the last stops it. The shared
 * state and the loop stay for the next, because lookups that cannot be stopped may still end, and
 * what is known must survive a change of the configuration (BEHAVIOUR T4).
 */

#pragma once

#include "conf/options.h"
#include "service/refresh.h"
#include "service/state/state.h"
#include "service/threadpool.h"
#include "table/shared.h"

/*! What acquiring found out, for the log. */
typedef struct {
	aname_limits_differ_t differ; /*!< Limits that disagree with those in force. */
	bool threads_differ;          /*!< The thread pool has another size already. */
	bool threads_late;            /*!< Too late to set its size: takes effect at a restart. */
	bool threads_short;           /*!< Fewer than wanted can be had. */
	aname_threadpool_t pool;
} aname_service_report_t;

/*!
 * \brief Holds the service, starting it if need be.
 *
 * \param limits   Process-wide limits; the largest of all holders count.
 * \param workers  Threads that knotd has or will have, which the thread pool leaves to it.
 * \param shared   The shared state, valid until released.
 * \param report   What the caller may want to say about it.
 *
 * \return KNOT_EOK, KNOT_ENOMEM, or the system's error (KNOT_EAGAIN for one) if no thread or
 *         loop could be had. The next call tries again.
 *
 * Thread: any that knotd loads modules on.
 */
__attribute__((warn_unused_result)) int aname_service_acquire(const aname_limits_t *limits,
                                                              unsigned workers,
                                                              aname_shared_t **shared,
                                                              aname_service_report_t *report);

/*! Lets go; the last one stops the thread, within a bounded time. Thread: as acquire. */
void aname_service_release(void);

/*! The shared state, which stays once it was made; NULL before. Thread: load. */
aname_shared_t *aname_service_shared(void);

/*!
 * \brief Wants the status socket (see protocol.h) at a path from now on.
 *
 * There is one for the process: of the paths that are wanted, one that somebody chose goes before
 * a default, and the one wanted last before the others.
 *
 * \param path    Absolute, or "" for no socket.
 * \param chosen  It was set by option.
 *
 * \return KNOT_EOK; KNOT_EEXIST if another path counts; KNOT_ENOMEM.
 *
 * Thread: as acquire; the service must be held.
 */
__attribute__((warn_unused_result)) int aname_service_show(const char *path, bool chosen);

/*! No longer wants it there. Thread: as acquire. */
void aname_service_hide(const char *path, bool chosen);

/*!
 * \brief Wants what is known kept in this file from now on (service/state/state.h).
 *
 * There is one for the process. One that somebody chose goes before a default; otherwise it stays the
 * one that it is, as long as anybody wants that. If it is another one than before, what it holds is
 * loaded when this returns, but if the disk takes very long.
 *
 * \param path        Absolute, or "" for none.
 * \param chosen      It was set by option.
 * \param interval_s  Between two saves.
 * \param report      What came of it, for the log. NULL: nothing is waited for, what the file holds
 *                    comes a little later.
 *
 * \return As aname_service_show().
 *
 * Thread: as acquire; the service must be held.
 */
__attribute__((warn_unused_result)) int aname_service_keep(const char *path, bool chosen,
                                                           uint32_t interval_s,
                                                           aname_state_report_t *report);

/*! No longer wants it there. Thread: as acquire; after the service was released, since the last
 *  release saves to it. */
void aname_service_unkeep(const char *path, bool chosen, uint32_t interval_s);
