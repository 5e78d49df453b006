/*!
 * \brief The series of targets and addresses: which lines there are series of, and their labels.
 */

#pragma once

#include <stdbool.h>

#include "live.h"

/*! A line, and the labels that tell its series from all others. */
typedef struct {
	char *labels;
	const kaname_line_t *line;
} kaname_series_t;

typedef struct {
	kaname_series_t *targets, *addresses;
	size_t targets_count, addresses_count;
	/* What there are no series of. */
	unsigned unused;                   /*!< Targets that no zone names any more. */
	unsigned subnets, subnets_failing; /*!< Answers for client subnets. */
} kaname_all_series_t;

/*! Finds them; false if out of memory. To be freed either way. */
__attribute__((warn_unused_result)) bool kaname_series_make(const kaname_live_t *live,
                                                            kaname_all_series_t *all);

void kaname_series_free(kaname_all_series_t *all);
