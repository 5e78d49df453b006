/*!
 * \brief Since when the targets of an owner have left an address, by the journal of `kaname follow`: for
 *        kaname check.
 *
 * Thread: one.
 */

#pragma once

#include <stdint.h>

#include <libknot/dname.h>

#include "tool.h"

typedef struct kaname_left kaname_left_t;

/*! Opens the journal that --journal names, or the usual one; NULL if there is none that can be read. */
kaname_left_t *kaname_left_open(const kaname_args_t *args, const knot_dname_t *zone);

/*! NULL is allowed. */
void kaname_left_close(kaname_left_t *left);

/*! For how many seconds an address of an owner is replaced; negative: not known. A
 *  kaname_secondary_left_f. */
int64_t kaname_left_since(void *ctx, const char *owner, const char *address);
