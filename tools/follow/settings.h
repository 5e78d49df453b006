/*!
 * \brief What the configuration of a running knotd sets for zones, as far as it says whether what is
 *        written into them stays: by zone, by template, or by the template of a catalog.  [P]
 *
 * One command for an option of all zones, and one for all of all templates, however many there are.
 *
 * Thread: any, one at a time.
 */

#pragma once

#include <stdbool.h>

#include "control.h"
#include "follow/zones.h"

/*! Values of the options. 0: nothing is set, and Knot's default counts. */
enum {
	KANAME_MODULE_WITHOUT = 1, /*!< A list of modules without this one. */
	KANAME_MODULE_WITH = 2,

	KANAME_MASTER_EMPTY = 1, /*!< `master: ""`: that of the template does not count. */
	KANAME_MASTER_SET = 2,

	KANAME_LOAD_NONE = 1,
	KANAME_LOAD_DIFFERENCE = 2,
	KANAME_LOAD_NO_SERIAL = 3,
	KANAME_LOAD_WHOLE = 4, /*!< The default. */

	KANAME_SYNC_NEVER = 1,
	KANAME_SYNC_AT_ONCE = 2, /*!< The default. */
	KANAME_SYNC_LATER = 3,

	KANAME_JOURNAL_NONE = 1,
	KANAME_JOURNAL_CHANGES = 2, /*!< The default. */
	KANAME_JOURNAL_ALL = 3,

	KANAME_SIGNING_OFF = 1, /*!< The default. */
	KANAME_SIGNING_ON = 2,

	KANAME_GENERATED = 1, /*!< `reverse-generate` or `include-from`. */

	KANAME_DATABASE_OFF = 1,
	KANAME_DATABASE_ON = 2, /*!< `zone-db-input` */
};

typedef struct {
	kaname_names_t sections; /*!< Of mod-aname. */
	unsigned *takes;         /*!< By section: bits of aname_rrtypes; 0: all. */
	kaname_names_t templates;
	kaname_settings_t *at; /*!< By template. */
	uint32_t room;
	uint32_t standard; /*!< The template "default"; KANAME_NAMES_NONE: nothing is set there. */
	bool has_any;      /*!< A section has `owners: any`. */
	bool failed;       /*!< Memory ran out. */
} kaname_layouts_t;

/*!
 * \brief Reads the sections of mod-aname.
 *
 * \param layouts  Zeroed; to be freed in any case.
 *
 * \return KANAME_OK; KANAME_IO, reported unless the control connection is quiet.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_layouts_sections(
        kaname_control_t *control, kaname_layouts_t *layouts);

/*!
 * \brief Reads what is set, by all templates and by the zones that there are.
 *
 * \param all  Else the lists of modules alone.
 *
 * \return As above.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_layouts_read(kaname_control_t *control,
                                                                      kaname_layouts_t *layouts,
                                                                      kaname_zones_t *zones,
                                                                      bool all);

/*! What counts for a zone. */
typedef struct {
	uint8_t value;    /*!< 0: Knot's default. */
	uint16_t section; /*!< Of a list of modules: that of mod-aname, from 1 on; 0: none. */
	const char
	        *template; /*!< Whose value it is, without a zero behind it; NULL: the zone's own,
	                           or Knot's default. */
	size_t template_len;
} kaname_effective_t;

void kaname_layouts_effective(const kaname_layouts_t *layouts, const kaname_zone_t *zone,
                              kaname_setting_t setting, kaname_effective_t *effective);

/*! Does a section, from 1 on, take records of a type, an index into aname_rrtypes? */
bool kaname_layouts_takes(const kaname_layouts_t *layouts, uint16_t section, unsigned type);

/*! The number of a template, from 1 on, which is added; 0 if out of memory, which is noted. */
uint16_t kaname_layouts_template(kaname_layouts_t *layouts, const char *id);

void kaname_layouts_deinit(kaname_layouts_t *layouts);
