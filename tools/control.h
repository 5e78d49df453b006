/*!
 * \brief A running knotd, through its control socket: what knotc does, by libknot.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <libknot/control/control.h>

#include "tool.h"

/*! Longest error kept, terminating zero included. */
#define KANAME_ERROR_MAX   200
/*! And longest text of a release. */
#define KANAME_VERSION_MAX 100

/*! Filters of zone-status, which are called otherwise in later releases. */
#define KANAME_CTL_IDX_FILTER (KNOT_CTL_IDX_DATA + 1)

typedef struct {
	knot_ctl_t *ctl;
	char error[KANAME_ERROR_MAX]; /*!< Why the server refused, as text. */
	bool quiet; /*!< A connection that is lost is not told; false when it is made. */
} kaname_control_t;

/*! Takes one unit of a reply; its texts are good during the call only. */
typedef void (*kaname_unit_f)(void *ctx, knot_ctl_data_t *data);

/*! Where the control socket is. */
const char *kaname_control_path(const kaname_args_t *args);

/*!
 * \brief Connects to the server; if that fails, prints why and what to do.
 *
 * \param args  The socket and the time-out.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_control_open(kaname_control_t *control,
                                                                      const kaname_args_t *args);

/*!
 * \brief The same without a word, for those who try again.
 *
 * \return KNOT_EOK, or a KNOT_E* and nothing to close.
 */
__attribute__((warn_unused_result)) int kaname_control_try(kaname_control_t *control,
                                                           const kaname_args_t *args);

/*! Prints why there is no connection and what to do; returns KANAME_IO. */
kaname_exit_t kaname_control_unreachable(const kaname_args_t *args, int reason);

/*! Ends the connection. */
void kaname_control_close(kaname_control_t *control);

/*!
 * \brief Has a command executed.
 *
 * \param ask   The command and its data.
 * \param unit  Takes what comes back; NULL: nothing is expected to.
 *
 * \return KANAME_OK; KANAME_NO with `error` set if the server refused, which is not printed yet; or
 *         KANAME_IO, which is.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_control_ask(kaname_control_t *control,
                                                                     knot_ctl_data_t *ask,
                                                                     kaname_unit_f unit, void *ctx);

/*! Asks which release the server is; "?" if it does not say. KANAME_OK; or KANAME_IO, reported. */
__attribute__((warn_unused_result)) kaname_exit_t kaname_control_version(
        kaname_control_t *control, char version[KANAME_VERSION_MAX]);

/*! Was the command refused for this reason, a KNOT_E*? */
bool kaname_control_refused(const kaname_control_t *control, int reason);

/*! Prints why the server refused, as knotc does, and what to do next. */
void kaname_control_error(const kaname_control_t *control, const char *zone);
