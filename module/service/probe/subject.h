/*!
 * \brief What an attempt is made at, and how it ends.  [P]
 */

#pragma once

#include <stdint.h>

#include <libknot/dname.h>

#include "conf/options.h"
#include "service/probe/verdict.h"

/*! What is probed. All of it has to stay until the attempt has ended. */
typedef struct {
	const aname_probe_t *probe;
	const uint8_t *address;   /*!< Network order. */
	uint8_t len;              /*!< 4 or 16. */
	const knot_dname_t *name; /*!< The target's name, for where the definition has no host. */
} aname_subject_t;

/*! How an attempt ended. */
typedef struct {
	aname_outcome_t outcome;
	const char *why; /*!< One phrase, which stays; NULL: it succeeded. */
} aname_end_t;

/*! Called once, by the loop: not from inside a function that starts or stops attempts. */
typedef void (*aname_ended_f)(void *ctx, aname_end_t end);

/*!
 * \brief What an error of a socket says of the peer (H5).
 *
 * Nothing, if this host could not even try: it has no socket, no address or no route. What tells
 * that the peer or the way to it is at fault is DOWN, and so is what nobody has thought of.
 *
 * \param error  As errno has it.
 *
 * Thread: any.
 */
aname_end_t aname_end_of_error(int error);

/*!
 * \brief What an error says that came after the connection had begun.
 *
 * That there is no way, or none that is allowed, is then what a router on the way says, and DOWN.
 *
 * \param error  As errno has it.
 *
 * Thread: any.
 */
aname_end_t aname_end_of_answer(int error);
