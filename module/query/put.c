#include "query/put.h"

#include <string.h>

#include <libknot/errcode.h>

#include "path.h"
#include "query/packet.h"

static ANAME_ASIDE int copy_some(const aname_answer_t *answer, const aname_options_t *options,
                                 knot_pkt_t *pkt, knot_rdataset_t *set)
{
	unsigned most = 0;
	for (unsigned i = 0; i < answer->used; i++) {
		most += answer->use[i].set.count;
	}
	most = most < options->max_addresses ? most : options->max_addresses;
	aname_taken_t *room = aname_packet_alloc(pkt, 2 * (size_t)most * sizeof(*room));
	if (room == NULL) {
		return KNOT_ENOMEM;
	}
	const aname_subset_t subset = aname_subset_take(answer->use, answer->used, most, room);
	size_t size = subset.count > 0 ? knot_rdata_size(subset.at[0].rdata->len) : 0;
	set->count = subset.count;
	set->size = subset.count * size;
	set->rdata = aname_packet_alloc(pkt, set->size);
	uint8_t *at = (uint8_t *)set->rdata;
	for (unsigned i = 0, k = subset.first; i < subset.count && at != NULL; i++) {
		memcpy(at, subset.at[k].rdata, size);
		at += size;
		k = k + 1 < subset.count ? k + 1 : 0;
	}
	aname_packet_release(pkt, room);
	return set->rdata != NULL ? KNOT_EOK : KNOT_ENOMEM;
}

ANAME_WARM int aname_answer_put(const aname_answer_t *answer, const aname_options_t *options,
                                knot_pkt_t *pkt, const aname_form_t *form)
{
	knot_rrset_t rrset = {
		.owner = (knot_dname_t *)form->owner, /* Nobody writes there. */
		.ttl = answer->ttl,
		.type = form->type,
		.rclass = KNOT_CLASS_IN,
	};
	bool whole = answer->used == 1 && answer->use[0].set.count <= options->max_addresses;
	int ret;
	if (whole) {
		ret = aname_packet_copy(pkt, &answer->use[0].set, &rrset.rrs);
	} else {
		ret = copy_some(answer, options, pkt, &rrset.rrs);
	}
	return ret != KNOT_EOK ? ret
	                       : aname_packet_append(pkt, form->compr_hint, &rrset, form->rotate,
	                                             form->flags);
}
