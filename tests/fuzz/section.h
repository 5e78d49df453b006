/*!
 * \brief A section of the configuration, read from text by libknot as knotd reads it, and given to
 *        conf/ as knotd gives it: with the functions of knot/module.h that take values from there.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <knot/module.h>

/*! Most values of a section. */
#define SECTION_VALUES 256

typedef struct {
	const yp_item_t *item;
	size_t len;
	uint8_t *data;
} section_value_t;

typedef struct {
	yp_item_t *schema;
	size_t count;
	section_value_t at[SECTION_VALUES];
} section_t;

/*! Reads one; false if Knot refuses it before the module is asked. To be freed in any case. */
bool section_read(section_t *section, const yp_item_t *items, const char *text, size_t len);

void section_free(section_t *section);

/*! The section as conf/ refers to it. */
knotd_mod_t *section_mod(section_t *section);
knotd_conf_check_args_t section_args(section_t *section);

/*! The values of an option; to be freed with knotd_conf_free(). */
knotd_conf_t section_values(const section_t *section, const yp_name_t *name);
