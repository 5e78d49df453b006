/*!
 * \brief The beginning of the hash by which a name is found in NSEC3 records (RFC 5155).  [P]
 *
 * It tells the names of a zone apart: of two, chance gives them the same one in 2^60 times.
 *
 * Thread: any.
 */

#pragma once

#include <stdint.h>

#include <libknot/dname.h>
#include <libknot/rdata.h>

/*!
 * \brief What the hash of a name begins with.
 *
 * \param param  RDATA of the zone's NSEC3PARAM record.
 * \param name   In lower case, `len` octets long.
 *
 * \return 60 bits; 0: it cannot be worked out.
 */
uint64_t aname_nsec3_begin_of(const knot_rdata_t *param, const knot_dname_t *name, uint8_t len);

/*! What the hash in the owner of an NSEC3 record begins with (RFC 5155, 3; RFC 4648, 7); 0: there is
 *  none. */
uint64_t aname_nsec3_begin_at(const knot_dname_t *owner);
