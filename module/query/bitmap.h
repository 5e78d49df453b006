/*!
 * \brief The list of types in an NSEC or NSEC3 record.  [P]
 *
 * Thread: any.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <libknot/descriptor.h>
#include <libknot/rdata.h>

/*! Does an NSEC or NSEC3 record list a type? Only that of an apex lists SOA. */
bool aname_bitmap_has(uint16_t nsec_type, const knot_rdata_t *rdata, uint16_t type);

/*! Most octets that a record grows by. */
#define ANAME_BITMAP_GROWTH 34

/*! Sets of families: A, AAAA, both or none. */
#define ANAME_FAMILY_A    0x1
#define ANAME_FAMILY_AAAA 0x2

/*! The set of one family; none for other types. */
static inline uint8_t aname_family_of(uint16_t type)
{
	switch (type) {
	case KNOT_RRTYPE_A: return ANAME_FAMILY_A;
	case KNOT_RRTYPE_AAAA: return ANAME_FAMILY_AAAA;
	default: return 0;
	}
}

/*! Beside a set of families that are not to be listed: HTTPS is (Q1). */
#define ANAME_LISTED_HTTPS 0x4

/*!
 * \brief Copies an NSEC or NSEC3 record so that it lists A and AAAA, but for some families, and
 *        HTTPS, if so.
 *
 * \param nsec_type  KNOT_RRTYPE_NSEC or KNOT_RRTYPE_NSEC3.
 * \param rdata      The record of an apex; one whose bitmap is malformed is refused.
 * \param changes    Families that it is not to list, and ANAME_LISTED_HTTPS; without that HTTPS
 *                   stays as it is.
 * \param copy       Room for the record and ANAME_BITMAP_GROWTH octets more.
 *
 * \return Octets of RDATA, or KNOT_EMALF.
 */
__attribute__((warn_unused_result)) int aname_bitmap_correct(uint16_t nsec_type,
                                                             const knot_rdata_t *rdata,
                                                             uint8_t changes, uint8_t *copy);
