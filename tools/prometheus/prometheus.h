/*!
 * \brief The command status as metrics for Prometheus: what its options --prometheus, --output and
 *        --summary say.
 *
 * Of the server there are some forty samples. For each target, family and resolver that zones name
 * there are up to thirteen, and for each address that is probed two; with --summary there are none
 * of these. Answers for client subnets are only counted.
 */

#pragma once

#include "live.h"

/*!
 * \brief Prints what is known, or puts it into the file of --output.
 *
 * \param asked  What came of asking; if it is not KANAME_OK only that is told, as `aname_up 0`.
 * \param live   What is known then.
 *
 * \return `asked`, or why it could not be written, reported.
 */
kaname_exit_t kaname_prometheus(const kaname_args_t *args, kaname_exit_t asked,
                                const kaname_live_t *live);
