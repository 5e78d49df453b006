/*!
 * \brief The union of sets, in the plainest way: all that is let through, sorted, each once.
 */

#pragma once

#include <stdlib.h>
#include <string.h>

#include "table/subset.h"

static inline int union_compare(const void *one, const void *other)
{
	return memcmp(one, other, 16);
}

/*!
 * \brief Works it out.
 *
 * \param at  Room for all addresses of all sets; IPv4 has zeroes behind it.
 *
 * \return How many there are.
 */
static inline unsigned union_of(const aname_use_t *use, unsigned used, const aname_nets_t *deny,
                                uint8_t (*at)[16])
{
	unsigned count = 0;
	for (unsigned i = 0; i < used; i++) {
		knot_rdata_t *rdata = use[i].set.rdata;
		for (unsigned k = 0; k < use[i].set.count; k++) {
			if (!aname_nets_match(deny, rdata->data, rdata->len)) {
				memset(at[count], 0, 16);
				memcpy(at[count++], rdata->data, rdata->len);
			}
			rdata = knot_rdataset_next(rdata);
		}
	}
	qsort(at, count, sizeof(at[0]), union_compare);
	unsigned kept = 0;
	for (unsigned i = 0; i < count; i++) {
		if (kept == 0 || union_compare(at[kept - 1], at[i]) != 0) {
			memmove(at[kept++], at[i], sizeof(at[0]));
		}
	}
	return kept;
}
