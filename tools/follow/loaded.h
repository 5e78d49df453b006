/*!
 * \brief Which zones the server has, and at which serial: as small as it can be, since there may be very
 *        many, of which few are asked for.  [P]
 *
 * Names are kept as hashes. Where two are the same a zone is taken for one that is there, and whoever
 * looks closer finds out.
 *
 * Thread: any, one at a time.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libknot/dname.h>

typedef struct {
	uint64_t zone;
	uint32_t serial;
	bool is_loaded; /*!< Else it is in the configuration, and has no serial. */
} kaname_loaded_zone_t;

/*! All zeros at first. */
typedef struct {
	kaname_loaded_zone_t *at;
	size_t count, size;
	bool failed;   /*!< Memory ran out. */
	bool is_known; /*!< All are there, and in order. */
} kaname_loaded_t;

/*! Adds a zone, in lower case. */
void kaname_loaded_add(kaname_loaded_t *loaded, const knot_dname_t *zone, bool is_loaded,
                       uint32_t serial);

/*! All are there; they are put in order. */
void kaname_loaded_end(kaname_loaded_t *loaded);

/*! Finds a zone; NULL: the server has it not. */
const kaname_loaded_zone_t *kaname_loaded_find(const kaname_loaded_t *loaded,
                                               const knot_dname_t *zone);

void kaname_loaded_deinit(kaname_loaded_t *loaded);
