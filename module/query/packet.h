/*!
 * \brief Changing a reply that Knot has written.  [P]
 *
 * libknot writes replies front to back and has no way back; cut and paste go back in one place,
 * in the section that is being written. Thread: worker; memory comes from pkt->mm.
 *
 * Where an RRset does not fit, libknot may already have noted that its names can be pointed to,
 * though they are not in the reply. Who puts something else then writes pointers into nothing. So
 * all that this module puts goes through here, where that is forgotten, and after something of ours
 * has not fitted, nothing of ours follows.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <libknot/packet/pkt.h>

/*! An RRset cut off a reply. */
typedef struct {
	knot_rrset_t rr;
	uint16_t flags;
	uint16_t owner_at; /*!< Where its owner's name stands before the cut, or 0. */
} aname_cut_t;

/*! RRsets cut off a reply. */
typedef struct {
	uint16_t count;
	aname_cut_t *at;
} aname_rest_t;

/*!
 * \brief Cuts a reply before the RRset at `index`; that RRset is dropped, those behind it kept.
 *
 * \param pkt    The reply.
 * \param index  Index into pkt->rr, in the current section.
 * \param rest   What came after; for aname_packet_paste().
 *
 * \return KNOT_EOK, or KNOT_ENOMEM with the reply unchanged.
 */
__attribute__((warn_unused_result)) int aname_packet_cut(knot_pkt_t *pkt, uint16_t index,
                                                         aname_rest_t *rest);

/*!
 * \brief As knot_pkt_put_rotate(), before and after which nothing is noted that is not in the reply.
 */
__attribute__((warn_unused_result)) int aname_packet_append(knot_pkt_t *pkt, uint16_t compr_hint,
                                                            const knot_rrset_t *rrset,
                                                            uint16_t rotate, uint16_t flags);

/*!
 * \brief Puts back what was cut off. After an error nothing more is put.
 *
 * \return KNOT_EOK, KNOT_ESPACE if something does not fit (any more), or another error.
 */
__attribute__((warn_unused_result)) int aname_packet_paste(knot_pkt_t *pkt,
                                                           const aname_rest_t *rest);

/*! Frees what was cut off, when it is not to be put back: something before it has failed. */
void aname_packet_discard(knot_pkt_t *pkt, const aname_rest_t *rest);

/*! Drops the RRset that was put last. */
void aname_packet_drop_last(knot_pkt_t *pkt);

/*!
 * \brief Puts an RRset whose owner and RDATA are in the packet's memory; they are the packet's
 *        from then on, and freed on error.
 *
 * \param rrset  An owner of NULL means that there was no memory for it.
 * \param flags  KNOT_PF_*; KNOT_PF_FREE is added.
 *
 * \return KNOT_EOK, KNOT_ENOMEM, or an error of knot_pkt_put().
 */
__attribute__((warn_unused_result)) int aname_packet_put(knot_pkt_t *pkt, uint16_t compr_hint,
                                                         knot_rrset_t *rrset, uint16_t flags);

/*!
 * \brief Lowers the TTL of the RRset at `index` to at most `ttl`, where it stands.
 *
 * \param pkt    The reply.
 * \param index  Index into pkt->rr.
 */
void aname_packet_lower_ttl(knot_pkt_t *pkt, uint16_t index, uint32_t ttl);

/*! Have two RRsets the same owner? What is in one place in the wire is. */
bool aname_packet_same_owner(const knot_pkt_t *pkt, uint16_t one, uint16_t other);

/*!
 * \brief Can RDATA take the place of that of the RRset at `index` where it stands in the wire? So
 *        it is with as many records of the same lengths.
 */
bool aname_packet_fits(const knot_pkt_t *pkt, uint16_t index, const knot_rdataset_t *rrs);

/*!
 * \brief Writes RDATA that fits over that of the RRset at `index`, whose TTL becomes at most `ttl`.
 *
 * What was the packet's own memory stays so. Else it keeps a copy in its memory, which has to be a
 * pool, as knotd's is: nothing but its end frees it.
 *
 * \return KNOT_EOK, or KNOT_ENOMEM with the reply unchanged.
 */
__attribute__((warn_unused_result)) int aname_packet_overwrite(knot_pkt_t *pkt, uint16_t index,
                                                               const knot_rdataset_t *rrs,
                                                               uint32_t ttl);

/*! Memory of a packet, freed with it. NULL if there is none. */
void *aname_packet_alloc(knot_pkt_t *pkt, size_t size);

/*! Gives such memory back early, where the packet's memory knows how to. */
void aname_packet_release(knot_pkt_t *pkt, void *memory);

/*! Copies RDATA into a packet's memory; KNOT_EOK or KNOT_ENOMEM. */
__attribute__((warn_unused_result)) int aname_packet_copy(knot_pkt_t *pkt,
                                                          const knot_rdataset_t *from,
                                                          knot_rdataset_t *to);
