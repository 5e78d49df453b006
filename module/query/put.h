/*!
 * \brief The addresses of an answer as an RRset of the reply.  [P]
 *
 * Thread: worker inside the epoch.
 */

#pragma once

#include <libknot/packet/pkt.h>

#include "conf/options.h"
#include "table/answer.h"

/*! How an RRset goes into the reply. */
typedef struct {
	const knot_dname_t *owner; /*!< Kept in the reply: has to stay as long. */
	uint16_t type;             /*!< KNOT_RRTYPE_A or KNOT_RRTYPE_AAAA. */
	uint16_t compr_hint;       /*!< As knot_pkt_put() takes it. */
	uint16_t rotate;           /*!< As knot_pkt_put_rotate() takes it. */
	uint16_t flags;            /*!< KNOT_PF_*, not KNOT_PF_FREE. */
} aname_form_t;

/*!
 * \brief Puts the addresses of an answer into the reply: sorted, each once, at most
 *        `max-addresses`, none that policy denies (A1, A8, L2).
 *
 * The reply keeps the owner, and a copy of the addresses in memory of its own, which has to be a
 * pool, as knotd's is: nothing but its end frees them.
 *
 * \return KNOT_EOK; KNOT_ESPACE if they do not fit (TC is set then, unless KNOT_PF_NOTRUNC);
 *         KNOT_ENOMEM. Nothing is put on error.
 */
__attribute__((warn_unused_result)) int aname_answer_put(const aname_answer_t *answer,
                                                         const aname_options_t *options,
                                                         knot_pkt_t *pkt, const aname_form_t *form);
