/*!
 * \brief What is known of names besides the apex, until their zone changes.  [K]
 *
 * With `owners: any` each query for an address asks whether its name has ANAME records, and each of
 * Knot's look-ups that tells costs as much as a sixth of an answer. So it is kept for a moment what
 * came of them: which names have none, and which nodes of query/nodes.h are to be answered for
 * before Knot looks. Nothing of the zone's memory is kept, only numbers made of where it stands:
 * what is known of a zone counts for as long as its version is the same. A version is made anew
 * with every change, and in any case within seconds, since a zone that is loaded twice with the
 * same serial may come to stand where it stood before.
 *
 * The tables are the process's and of a fixed size. What finds no place there is looked up.
 *
 * Thread: worker; what is kept is kept for all of them.
 */

#pragma once

#include "query/query.h"

/*! Makes a beginning for the versions of the zone of one more instance. Thread: load. */
uint64_t aname_memo_begin(void);

/*! A zone as it stands: it has not changed while the number is the same, which is even. 0: there is
 *  none. */
uint64_t aname_memo_version(knotd_qdata_t *qdata, const aname_instance_t *instance);

/*! May the name that is asked for be one of aname_memo_note_early()? For most others false. */
bool aname_memo_may_be_early(knotd_qdata_t *qdata, const aname_instance_t *instance);

/*! The name is that of a node that is to be answered for before Knot looks. */
void aname_memo_note_early(const aname_instance_t *instance, const knot_dname_t *lower);

/*!
 * \brief For a query for addresses: is Knot's answer nothing but the set of the very name that is
 *        asked for, which is known to have no ANAME records? Then no later hook has anything to do.
 */
bool aname_memo_is_complete(knotd_in_state_t state, uint16_t type, const knot_pkt_t *pkt,
                            knotd_qdata_t *qdata, const aname_instance_t *instance);

/*! The same: is it known that no ANAME records answer for the name that Knot has come to? */
bool aname_memo_is_plain(knotd_in_state_t state, knotd_qdata_t *qdata,
                         const aname_instance_t *instance);

/*! Notes, where Knot has answered a query for addresses, that none do. */
void aname_memo_note_plain(knotd_in_state_t state, const knot_pkt_t *pkt, knotd_qdata_t *qdata,
                           const aname_instance_t *instance);

/*! Is it known that the name that Knot has come to is answered by the wildcard beside it? */
bool aname_memo_is_covered(uint64_t version, knotd_qdata_t *qdata,
                           const aname_instance_t *instance);

/*! Notes that it is: the name above it is its closest encloser. */
void aname_memo_note_covered(uint64_t version, knotd_qdata_t *qdata,
                             const aname_instance_t *instance);

/*! Is it known that the name that is asked for is an alias of the zone that leads to the apex right
 *  away? */
bool aname_memo_is_alias(uint64_t version, const knotd_qdata_t *qdata,
                         const aname_instance_t *instance);

/*! Notes that it is, and is to be answered for before Knot looks. */
void aname_memo_note_alias(uint64_t version, const knotd_qdata_t *qdata,
                           const aname_instance_t *instance);
