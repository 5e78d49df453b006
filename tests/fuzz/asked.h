/*!
 * \brief What the code of hooks asks of knotd, answered by a fuzzer.
 *
 * Releases of Knot differ in whether its functions may change what they are given, so that whoever
 * includes knot/module.h cannot define them.
 */

#pragma once

#include <libknot/rrset.h>

/*! The zone's name, and its SOA record. */
extern const knot_dname_t *asked_zone;
extern knot_rrset_t asked_soa;
