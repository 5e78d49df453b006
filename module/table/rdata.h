/*!
 * \brief ANAME RDATA: exactly one uncompressed domain name (draft-ietf-dnsop-aname-04, 2.1).  [P]
 */

#pragma once

#include <stdint.h>

#include <libknot/dname.h>

/*!
 * \brief Validates ANAME RDATA and reads the target.
 *
 * \param rdata   The RDATA octets.
 * \param len     Their number.
 * \param target  The target in lower case; undefined on error.
 *
 * \return Length of the name in octets (1 to 255), KNOT_EMALF if the RDATA is anything but one
 *         whole uncompressed name.
 *
 * Thread: any.
 */
__attribute__((warn_unused_result)) int aname_rdata_read(const uint8_t *rdata, uint16_t len,
                                                         knot_dname_storage_t target);
