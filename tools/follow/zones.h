/*!
 * \brief The zones that a scan finds, and their ANAME and ALIAS records, as small as they can be: some
 *        80 octets for a zone with one record.
 *
 * The records are kept until all that a scan asks is answered: knotd's control thread waits for who
 * reads slowly, and nothing is told of a scan that was cut short.
 *
 * Thread: any, one at a time.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libknot/dname.h>

#include "control.h"
#include "follow/names.h"
#include "rrtype.h"

/*! Of so many zones what is below their apex is read one by one; of more that of all zones at once, and
 *  what does not count is left out. */
#define KANAME_SCAN_EACH 16

/*! Options of zones and templates that are read; what they may be is in settings.h. */
typedef enum {
	KANAME_SETTING_MODULE = 0,
	KANAME_SETTING_MASTER,
	KANAME_SETTING_LOAD,
	KANAME_SETTING_SYNC,
	KANAME_SETTING_JOURNAL,
	KANAME_SETTING_SIGNING,
	KANAME_SETTING_GENERATED,
	KANAME_SETTING_DATABASE,
	KANAME_SETTINGS,
} kaname_setting_t;

/*! What a zone or a template sets itself. All zeros: nothing. */
typedef struct {
	uint16_t
	        section; /*!< Of mod-aname in the list of modules: its number, from 1 on; 0: none. */
	uint8_t at[KANAME_SETTINGS]; /*!< 0: it does not. */
} kaname_settings_t;

typedef struct {
	/*! Where its first record of each type is, plus 1, in the order of aname_rrtypes; 0: none. */
	uint32_t first[ANAME_RRTYPES];
	uint16_t template; /*!< Its number, from 1 on; 0: it has none of its own. */
	kaname_settings_t own;
	bool is_named : 1;  /*!< The caller named it. */
	bool is_member : 1; /*!< It is a member of a catalog that the caller named. */
	bool is_any : 1;    /*!< `owners: any` is in effect. */
	bool is_cut : 1;    /*!< A record could not be read, nor those behind it. */
	bool is_signed : 1; /*!< It has a DNSKEY record. */
	bool is_loaded : 1;
	bool is_configured : 1;
	bool is_told : 1; /*!< An owner of it, or that it is refused. */
} kaname_zone_t;

/*! All zeros at first. */
typedef struct {
	kaname_names_t names; /*!< Of zones, in lower case. */
	kaname_zone_t *at;    /*!< By number. */
	uint32_t room;
	uint8_t *records;
	size_t used, size;
	bool below;  /*!< There are records below an apex. */
	bool failed; /*!< Memory ran out. */
} kaname_zones_t;

/*!
 * \brief A zone by its name as knotd writes it; KANAME_NAMES_NONE if it is not there.
 *
 * \param add  Then it is added; KANAME_NAMES_NONE only for want of memory, which is noted.
 */
uint32_t kaname_zones_find(kaname_zones_t *zones, const char *text, bool add);

/*! The same of a name in lower case, which is added. */
uint32_t kaname_zones_add(kaname_zones_t *zones, const knot_dname_t *name);

static inline const knot_dname_t *kaname_zones_name(const kaname_zones_t *zones, uint32_t zone)
{
	return kaname_names_at(&zones->names, zone, NULL);
}

/*!
 * \brief Adds a record as knotd tells it. Those of one zone and type come one after the other.
 *
 * \param type  Index into aname_rrtypes.
 */
void kaname_zones_record(kaname_zones_t *zones, uint32_t zone, unsigned type,
                         knot_ctl_data_t *data);

/*! How much there is. */
typedef struct {
	size_t used;
	bool below;
} kaname_zones_mark_t;

static inline kaname_zones_mark_t kaname_zones_mark(const kaname_zones_t *zones)
{
	return (kaname_zones_mark_t){ zones->used, zones->below };
}

/*! Takes the records of a type away that were added since; zones stay. */
void kaname_zones_reset(kaname_zones_t *zones, unsigned type, kaname_zones_mark_t mark);

/*! A record of a zone. */
typedef struct {
	unsigned type; /*!< Index into aname_rrtypes. */
	uint32_t ttl;
	size_t prefix_len;     /*!< Octets of the owner's labels before the zone; 0: the apex. */
	const uint8_t *prefix; /*!< These labels, in lower case. */
	const knot_dname_t *target; /*!< In lower case; NULL: the RDATA is none. */
	bool is_exact;              /*!< It stands in lower case. */
	const uint8_t *next;
} kaname_zone_record_t;

/*! Reads the first record of a zone of a type; false if there is none. */
bool kaname_zones_first(const kaname_zones_t *zones, uint32_t zone, unsigned type,
                        kaname_zone_record_t *record);

/*! The one behind it; false if there is none. */
bool kaname_zones_next(const kaname_zones_t *zones, uint32_t zone, kaname_zone_record_t *record);

/*! Writes the owner of a record. */
void kaname_zones_owner(const kaname_zones_t *zones, uint32_t zone,
                        const kaname_zone_record_t *record, knot_dname_storage_t owner);

void kaname_zones_deinit(kaname_zones_t *zones);
