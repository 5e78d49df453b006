/*!
 * \brief What stands in the configuration of a running knotd, by its control interface.
 */

#pragma once

#include <stddef.h>

#include "control.h"

/*! Values of an item. */
#define KANAME_VALUES_MAX 64
#define KANAME_VALUE_MAX  300

typedef struct {
	size_t count;
	char at[KANAME_VALUES_MAX][KANAME_VALUE_MAX];
} kaname_values_t;

/*!
 * \brief Reads an item.
 *
 * \param id      Of the section's item; NULL if the section has none.
 * \param values  None if it is not set.
 *
 * \return KANAME_OK if it could be asked, be it set or not; KANAME_NO if there is no such
 *         identifier; KANAME_IO, reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_config_read(kaname_control_t *control,
                                                                     const char *section,
                                                                     const char *id,
                                                                     const char *item,
                                                                     kaname_values_t *values);

/*!
 * \brief Reads an item of a zone, or of the template that it goes by.
 *
 * \return As kaname_config_read(); KANAME_NO also for a zone that a catalog brought.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_config_zone(kaname_control_t *control,
                                                                     const char *zone,
                                                                     const char *item,
                                                                     kaname_values_t *values);
