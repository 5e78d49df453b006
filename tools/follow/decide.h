/*!
 * \brief What an owner is to have, by what the module tells and what is written (M3).  [P]
 *
 * A failure keeps what is there, for ever; but not what was written for other targets, none of which is
 * named any more, beside addresses that are known of those that are. That there are no addresses is
 * believed at once of one family while the other one has some, and else after ten minutes; after ten more
 * if both had none and the other one is back.
 *
 * Thread: any; time is passed in.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "follow/set.h"
#include "follow/told.h"

/*! How long nothing but NODATA is told before it is believed. */
#define KANAME_NODATA_BELIEVED_MS 600000

/*! What the module tells of a family. */
typedef struct {
	kaname_set_t *set;       /*!< SET: these. */
	uint32_t nodata_since_s; /*!< NODATA, and failures after it: since when; 0: it is not. */
	uint8_t worth;           /*!< kaname_told_worth_t */
	/*! NODATA: the other family had no addresses, either, when it began, or cannot have any. Both
	 *  are expected to go and be back together, so that the one that is looked up first does not
	 *  take the other one away. */
	bool with_other;
} kaname_known_t;

/*! Takes what was told of both families: KANAME_FAMILIES of each. Their sets are the caller's to exchange. */
void kaname_known_tell(kaname_known_t *known, const kaname_told_worth_t *worths, int64_t now_ms);

/*!
 * \brief Decides.
 *
 * \param known    Both families.
 * \param written  What stands there.
 * \param others   It was written for other targets, none of which is named any more.
 * \param to       Gets what is to stand there; none of them is held for that.
 *
 * \return When it has to be decided again though nothing new is told; 0: never.
 */
int64_t kaname_decide(const kaname_known_t known[KANAME_FAMILIES],
                      kaname_set_t *const written[KANAME_FAMILIES], bool others, int64_t now_ms,
                      kaname_set_t *to[KANAME_FAMILIES]);
