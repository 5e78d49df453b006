#include "query/packet.h"

#include <stdlib.h>
#include <string.h>

#include <libknot/errcode.h>

#include "path.h"

void *aname_packet_alloc(knot_pkt_t *pkt, size_t size)
{
	return pkt->mm.alloc != NULL ? pkt->mm.alloc(pkt->mm.ctx, size) : malloc(size);
}

void aname_packet_release(knot_pkt_t *pkt, void *memory)
{
	if (pkt->mm.free != NULL) {
		pkt->mm.free(memory);
	}
}

ANAME_WARM int aname_packet_copy(knot_pkt_t *pkt, const knot_rdataset_t *from, knot_rdataset_t *to)
{
	knot_rdata_t *rdata =
	        pkt->mm.alloc != NULL ? pkt->mm.alloc(pkt->mm.ctx, from->size) : malloc(from->size);
	if (rdata == NULL) {
		return KNOT_ENOMEM;
	}
	memcpy(rdata, from->rdata, from->size);
	*to = *from;
	to->rdata = rdata;
	return KNOT_EOK;
}

static void count_down(knot_pkt_t *pkt, uint16_t records)
{
	switch (pkt->current) {
	case KNOT_ANSWER:
		knot_wire_set_ancount(pkt->wire, knot_wire_get_ancount(pkt->wire) - records);
		break;
	case KNOT_AUTHORITY:
		knot_wire_set_nscount(pkt->wire, knot_wire_get_nscount(pkt->wire) - records);
		break;
	default:
		knot_wire_set_arcount(pkt->wire, knot_wire_get_arcount(pkt->wire) - records);
		break;
	}
}

/*! Makes the reply end before the RRset at `index`. */
static void rewind_to(knot_pkt_t *pkt, uint16_t index)
{
	uint16_t records = 0;
	for (uint16_t i = index; i < pkt->rrset_count; i++) {
		records += pkt->rr[i].rrs.count;
	}
	count_down(pkt, records);

	uint16_t removed = pkt->rrset_count - index;
	pkt->size = pkt->rr_info[index].pos;
	pkt->rrset_count = index;
	pkt->sections[pkt->current].count -= removed;

	/* Compression must not point at what is gone: neither the last suffix nor the hints. */
	pkt->compr.suffix.pos = 0;
	pkt->compr.suffix.labels = 0;
	memset(&pkt->rr_info[index], 0, removed * sizeof(*pkt->rr_info));
	for (uint16_t i = 0; i < index; i++) {
		for (int k = 0; k < KNOT_COMPR_HINT_COUNT; k++) {
			if (pkt->rr_info[i].compress_ptr[k] >= pkt->size) {
				pkt->rr_info[i].compress_ptr[k] = 0;
			}
		}
	}
}

/*! Drops an RRset with all behind it, of which somebody else takes care. */
static void drop(knot_pkt_t *pkt, uint16_t index)
{
	knot_rrset_t dropped = pkt->rr[index];
	bool owned = pkt->rr_info[index].flags & KNOT_PF_FREE;
	rewind_to(pkt, index);
	if (owned) {
		knot_rrset_clear(&dropped, &pkt->mm);
	}
}

int aname_packet_cut(knot_pkt_t *pkt, uint16_t index, aname_rest_t *rest)
{
	*rest = (aname_rest_t){ .count = pkt->rrset_count - index - 1 };
	if (rest->count > 0) {
		rest->at = aname_packet_alloc(pkt, rest->count * sizeof(*rest->at));
		if (rest->at == NULL) {
			return KNOT_ENOMEM;
		}
		uint16_t end = pkt->rr_info[index].pos;
		for (uint16_t i = 0; i < rest->count; i++) {
			const knot_rrinfo_t *info = &pkt->rr_info[index + 1 + i];
			/* What a wildcard stands for is named by a pointer alone, not by its
			 * owner. */
			uint16_t owner_at = info->compress_ptr[KNOT_COMPR_HINT_OWNER];
			rest->at[i] = (aname_cut_t){
				.rr = pkt->rr[index + 1 + i],
				.flags = info->flags,
				.owner_at = owner_at < end ? owner_at : KNOT_COMPR_HINT_NONE,
			};
		}
	}

	drop(pkt, index);
	return KNOT_EOK;
}

void aname_packet_drop_last(knot_pkt_t *pkt)
{
	drop(pkt, pkt->rrset_count - 1);
}

/*! Forgets a name that is not in the reply, because what it stood in did not fit. */
static inline void forget_unwritten(knot_pkt_t *pkt)
{
	if (pkt->compr.suffix.pos >= pkt->size) {
		pkt->compr.suffix.pos = 0;
		pkt->compr.suffix.labels = 0;
	}
}

ANAME_WARM int aname_packet_append(knot_pkt_t *pkt, uint16_t compr_hint, const knot_rrset_t *rrset,
                                   uint16_t rotate, uint16_t flags)
{
	forget_unwritten(pkt); /* What Knot or another module has put may not have fitted. */
	int ret = knot_pkt_put_rotate(pkt, compr_hint, rrset, rotate, flags);
	if (ret != KNOT_EOK) {
		forget_unwritten(pkt);
	}
	return ret;
}

/*! Frees what was cut off from `from` on. */
static void discard_from(knot_pkt_t *pkt, const aname_rest_t *rest, uint16_t from)
{
	for (uint16_t i = from; i < rest->count; i++) {
		if (rest->at[i].flags & KNOT_PF_FREE) {
			knot_rrset_clear(&rest->at[i].rr, &pkt->mm);
		}
	}
	if (rest->count > 0) {
		aname_packet_release(pkt, rest->at);
	}
}

void aname_packet_discard(knot_pkt_t *pkt, const aname_rest_t *rest)
{
	discard_from(pkt, rest, 0);
}

int aname_packet_paste(knot_pkt_t *pkt, const aname_rest_t *rest)
{
	int ret = KNOT_EOK;
	uint16_t pasted = 0;
	while (pasted < rest->count && ret == KNOT_EOK) {
		const aname_cut_t *cut = &rest->at[pasted];
		ret = aname_packet_append(pkt, cut->owner_at, &cut->rr, 0,
		                          cut->flags & ~KNOT_PF_CHECKDUP);
		pasted += ret == KNOT_EOK;
	}
	discard_from(pkt, rest, pasted);
	return ret;
}

int aname_packet_put(knot_pkt_t *pkt, uint16_t compr_hint, knot_rrset_t *rrset, uint16_t flags)
{
	int ret = rrset->owner == NULL
	                  ? KNOT_ENOMEM
	                  : aname_packet_append(pkt, compr_hint, rrset, 0, flags | KNOT_PF_FREE);
	if (ret != KNOT_EOK) {
		knot_rrset_clear(rrset, &pkt->mm);
	}
	return ret;
}

/*! Skips a name, compressed or not. */
static uint8_t *skip_name(uint8_t *at)
{
	while (*at != 0 && !knot_wire_is_pointer(at)) {
		at += *at + 1;
	}
	return at + (*at == 0 ? 1 : sizeof(uint16_t));
}

bool aname_packet_same_owner(const knot_pkt_t *pkt, uint16_t one, uint16_t other)
{
	uint16_t at = pkt->rr_info[one].compress_ptr[KNOT_COMPR_HINT_OWNER];
	return (at != 0 && at == pkt->rr_info[other].compress_ptr[KNOT_COMPR_HINT_OWNER]) ||
	       knot_dname_is_case_equal(pkt->rr[one].owner, pkt->rr[other].owner);
}

bool aname_packet_fits(const knot_pkt_t *pkt, uint16_t index, const knot_rdataset_t *rrs)
{
	if (rrs->count != pkt->rr[index].rrs.count || rrs->size != pkt->rr[index].rrs.size) {
		return false;
	}
	uint8_t *at = pkt->wire + pkt->rr_info[index].pos;
	const knot_rdata_t *rdata = rrs->rdata;
	for (uint16_t i = 0; i < rrs->count; i++) {
		at = skip_name(at) + 2 * sizeof(uint16_t) + sizeof(uint32_t);
		if (knot_wire_read_u16(at) != rdata->len) {
			return false;
		}
		at += sizeof(uint16_t) + rdata->len;
		rdata = knot_rdataset_next((knot_rdata_t *)rdata);
	}
	return true;
}

/*! Lowers the TTL of the RRset at `index` where it stands, and writes its RDATA there if it is
 *  other than before. */
static ANAME_WARM void rewrite(knot_pkt_t *pkt, uint16_t index, uint32_t ttl, bool other)
{
	knot_rrset_t *rrset = &pkt->rr[index];
	uint8_t *at = pkt->wire + pkt->rr_info[index].pos;
	knot_rdata_t *rdata = rrset->rrs.rdata;
	for (uint16_t i = 0; i < rrset->rrs.count; i++, rdata = knot_rdataset_next(rdata)) {
		at = skip_name(at) + 2 * sizeof(uint16_t); /* Type and class. */
		if (knot_wire_read_u32(at) > ttl) {
			knot_wire_write_u32(at, ttl);
		}
		at += sizeof(uint32_t);
		if (other) {
			memcpy(at + sizeof(uint16_t), rdata->data, rdata->len);
		}
		at += sizeof(uint16_t) + knot_wire_read_u16(at);
	}
	if (rrset->ttl > ttl) {
		rrset->ttl = ttl;
	}
	/* Should it be pasted, it keeps the lower one. */
	pkt->rr_info[index].flags &= ~KNOT_PF_ORIGTTL;
}

int aname_packet_overwrite(knot_pkt_t *pkt, uint16_t index, const knot_rdataset_t *rrs,
                           uint32_t ttl)
{
	if (pkt->rr_info[index].flags & KNOT_PF_FREE) {
		memcpy(pkt->rr[index].rrs.rdata, rrs->rdata, rrs->size);
	} else if (aname_packet_copy(pkt, rrs, &pkt->rr[index].rrs) != KNOT_EOK) {
		return KNOT_ENOMEM;
	}
	rewrite(pkt, index, ttl, true);
	return KNOT_EOK;
}

void aname_packet_lower_ttl(knot_pkt_t *pkt, uint16_t index, uint32_t ttl)
{
	rewrite(pkt, index, ttl, false);
}
