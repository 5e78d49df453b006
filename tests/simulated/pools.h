/*!
 * \brief Owners with several targets, by rank and by weight, of which all are probed (prober.h); and
 *        what has to hold of what their clients get (P, H3, H4).
 */

#pragma once

/*! Makes them, of targets that there are. Not before the clients. */
void pools_begin(void);

/*! Nobody asks any more. */
void pools_stop(void);

void pools_end(void);

void pools_print(void);
