/*!
 * \brief A zone as it stands, as a number.  [K]
 *
 * Thread: worker.
 */

#pragma once

#include <stdint.h>
#include <string.h>

#include <knot/module.h>

#include "table/clock.h"

/* Numbers are spread by multiplying them by large odd ones. */
#define ANAME_SPREAD_1 UINT64_C(0x9e3779b97f4a7c15)
#define ANAME_SPREAD_2 UINT64_C(0xc2b2ae3d27d4eb4f)

/*!
 * \brief The version of the query's zone: the zone has not changed while it is the same.
 *
 * It is a number of where the SOA record stands, and of the serial; and is another one every few
 * seconds, since a zone that is loaded twice with the same serial may come to stand where it stood
 * before. What points into the zone must not be kept with it.
 *
 * \param begin  Tells zones apart, if what is known of several is kept in one place.
 *
 * \return An even number; 0: there is no zone.
 */
static inline uint64_t aname_version(knotd_qdata_t *qdata, uint64_t begin)
{
	knot_rrset_t soa = knotd_qdata_zone_apex_rrset(qdata, KNOT_RRTYPE_SOA);
	/* It ends with five numbers, the first of which is the serial (RFC 1035, 3.3.13). */
	const size_t numbers = 5 * sizeof(uint32_t);
	if (soa.rrs.count == 0 || soa.rrs.rdata->len < numbers) {
		return 0;
	}
	uint32_t serial;
	memcpy(&serial, soa.rrs.rdata->data + soa.rrs.rdata->len - numbers, sizeof(serial));
	uint64_t when = (uint64_t)serial << 32 | aname_clock_step();
	uint64_t version = (begin + (uintptr_t)soa.rrs.rdata) * ANAME_SPREAD_1;
	version ^= (version >> 32) ^ when * ANAME_SPREAD_2;
	return (version | 2) & ~UINT64_C(1);
}
