/*!
 * \brief The part of the command check that judges targets as the module does (P1, H4).
 */

#pragma once

#include "check/check.h"
#include "live.h"

/*! What a target is worth, of one family. */
typedef struct {
	const char
	        *state; /*!< In a word, as `kaname status` has it; "down" if all addresses are. */
	bool usable;    /*!< Live addresses, or as good as that, of which one is not down. */
	bool live;      /*!< The same, be they down or not. */
	bool down;      /*!< There are addresses, all of them down. */
	bool last;      /*!< There are addresses, not all of them down. */
} kaname_worth_t;

/*! Judges a target; NULL: nothing is known of it. What `deny-address` takes away does not count. */
kaname_worth_t kaname_check_worth(const kaname_check_t *check, const kaname_line_t *target);

/*! Is no target of a family usable, and health or an operator took at least one away (H4)? */
bool kaname_check_all_down(const kaname_check_t *check, const kaname_live_t *live,
                           const char *family);

/*! Does `deny-address` take an address away? */
bool kaname_check_is_denied(const kaname_check_t *check, const char *address);

/*! The option `all-down`, as it counts. */
const char *kaname_check_all_down_option(const kaname_check_t *check);
