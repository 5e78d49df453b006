/*!
 * \brief The ANAME and ALIAS records of a zone, or of all zones, as knotd gives them.
 */

#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <libknot/dname.h>

#include "control.h"
#include "name.h"
#include "rrtype.h"

/*! One record. */
typedef struct {
	char *owner; /*!< As the server wrote it. */
	char *zone;  /*!< NULL where the owner is its apex. */
	uint32_t ttl;
	const char *type; /*!< Generic, of aname_rrtypes. */
	char *data;       /*!< As the server wrote it. */
	bool good;        /*!< It has a target. */
	/*! Where no client sees it: "at or below the delegation of NAME", or the like; else NULL.
	 *  Known of those that followed.h reads. */
	char *hidden;
	knot_dname_storage_t target;
	size_t place; /*!< In the order in which the server told. */
} kaname_record_t;

typedef struct {
	kaname_record_t *at;
	size_t count, size;
	bool failed; /*!< Memory ran out. */
} kaname_records_t;

/*! The owner that is the apex. */
#define KANAME_APEX "@"

/*!
 * \brief Reads all of them.
 *
 * \param command  "zone-read" for what is served, "zone-get" for what the open transaction has.
 * \param owner    Absolute, or KANAME_APEX; NULL: of all owners, for which knotd looks at each name
 *                 of the zone.
 * \param records  Zeroed; to be freed in any case. In the order of aname_rrtypes, and as the server
 *                 has them; of all owners in the canonical order of these first.
 *
 * \return KANAME_OK, with or without records; everything else is reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_records_read(kaname_control_t *control,
                                                                      const char *command,
                                                                      const char *zone,
                                                                      const char *owner,
                                                                      kaname_records_t *records);

/*!
 * \brief Reads those of all zones of the server that are loaded.
 *
 * It takes two commands, whatever the number of zones. The server's control thread has to wait for
 * who reads slowly, so that nothing else is done while the connection is open.
 *
 * \param control  Connected; closed in any case.
 * \param owner    KANAME_APEX; NULL: of all owners.
 * \param records  Zeroed; to be freed in any case. In the canonical order of the owners; of one
 *                 owner in that of aname_rrtypes, and as the server has them.
 *
 * \return KANAME_OK, with or without records; everything else is reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_records_all(kaname_control_t *control,
                                                                     const char *owner,
                                                                     kaname_records_t *records);

/*!
 * \brief Adds those of one zone, or of all, in parts: until kaname_records_finish() they have neither
 *        targets nor an order.
 *
 * \param zone   NULL: of all that are loaded.
 * \param owner  As for kaname_records_read().
 *
 * \return KANAME_OK, with or without records; everything else is reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_records_add(kaname_control_t *control,
                                                                     const char *zone,
                                                                     const char *owner,
                                                                     kaname_records_t *records);

/*! Ends that, as kaname_records_all(). Returns `ret`, or KANAME_IO, reported. */
__attribute__((warn_unused_result)) kaname_exit_t kaname_records_finish(kaname_records_t *records,
                                                                        kaname_exit_t ret);

/*! Sorts them by zone, in canonical order, and those of one as kaname_records_read(). */
void kaname_records_sort_by_zone(kaname_records_t *records);

/*! The zone of a record, as the server writes it. */
static inline const char *kaname_zone_of(const kaname_record_t *record)
{
	return record->zone != NULL ? record->zone : record->owner;
}

/*! Are two records of the same owner? A name may be the apex of one zone and a delegation of
 *  another. */
static inline bool kaname_same_owner(const kaname_record_t *one, const kaname_record_t *other)
{
	return strcmp(one->owner, other->owner) == 0 &&
	       strcmp(kaname_zone_of(one), kaname_zone_of(other)) == 0;
}

void kaname_records_free(kaname_records_t *records);

/*! Frees what they hold, and not the list itself. */
void kaname_records_clear(kaname_records_t *records);

/*! The word for its type. */
const char *kaname_record_word(const kaname_record_t *record);

/*! Prints one as a line of a master file: the words if it is good, the generic form if it is not.
 *  Behind them stands the zone, as a comment, if that is wanted and the owner is not its apex. */
void kaname_record_print(const kaname_record_t *record, bool with_zone);

/*!
 * \brief Reads a name of the command line (name.h).
 *
 * What was made of a name in UTF-8 is told.
 *
 * \return False, and reported, if it is none of that kind.
 */
bool kaname_name_take(knot_dname_storage_t name, const char *text, kaname_name_kind_t kind);

/*! Reads a zone's name and writes it as knotd does; false, and reported, if it is none. */
bool kaname_zone_name(knot_dname_txt_storage_t zone, const char *text);
