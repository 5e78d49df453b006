/*!
 * \brief The other end of a Unix socket, that says what the input says.
 *
 * connect() of the whole process, libraries included, leads there: what is to be said is in the socket
 * already, and its end behind it. So nothing waits, no thread is needed, and what reads it is the code
 * that reads from a server, poll() and recv() included.
 */

#pragma once

#include <stddef.h>
#include <stdint.h>

/*! Most octets that are said to one who connects. */
#define SERVED_MAX 150000

/*! What whoever connects is told from now on: each the same. Good until the next call. */
void served_set(const uint8_t *octets, size_t len);

/*! How many have connected since. */
unsigned served_count(void);

/*! Nothing that is reported is shown between these. */
void served_quiet(void);
void served_loud(void);
