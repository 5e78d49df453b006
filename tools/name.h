/*!
 * \brief Names as people write them on the command line, and why one is not taken.
 *
 * They are absolute, with a dot at the end or without. What cannot be a name, or not one of the
 * kind that is wanted, is refused with its own reason and with what to do. A name with letters that
 * are not ASCII becomes its A-labels (IDNA2008, RFC 5891) by libidn2, if there is libidn2; all
 * others keep their letter case.
 *
 * *Thread:* one; the text of an answer is good until the next call.
 */

#pragma once

#include <stdbool.h>

#include <libknot/dname.h>

/*! What the name is to be. */
typedef enum {
	KANAME_NAME_ANY,    /*!< Any domain name, the root and wildcards as well. */
	KANAME_NAME_ZONE,   /*!< A zone; those of RFC 2317 may have a slash in them. */
	KANAME_NAME_TARGET, /*!< A host that has addresses in the DNS. */
} kaname_name_kind_t;

/*!
 * \brief Reads a name.
 *
 * \param name  The name, its letter case kept.
 * \param note  Set to what was made of the text if that is another name, else to NULL.
 *
 * \return NULL, or why it is none and what to do: a sentence after the text and a colon.
 */
const char *kaname_name_understand(knot_dname_storage_t name, const char *text,
                                   kaname_name_kind_t kind, const char **note);

/*!
 * \brief Reads the owner of a record in a zone, as zone files have it: relative to the zone, or
 *        absolute with a dot at its end; "@" is the apex. A wildcard is one.
 *
 * A relative name that ends with the zone's name is refused: most likely the dot was left out.
 *
 * \param name  The name, absolute and in lower case, as knotd has owners.
 * \param zone  In lower case.
 *
 * \return As kaname_name_understand().
 */
const char *kaname_name_owner(knot_dname_storage_t name, const char *text, const knot_dname_t *zone,
                              const char **note);
