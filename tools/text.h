/*!
 * \brief ANAME RDATA and its two texts: a domain name, and the generic form of RFC 3597.
 *
 * Names of the command line are read by libknot and are absolute, with a dot at the end or
 * without; those of master files are read by libzscanner, against the origin, so that exactly
 * what knotd takes for a name is taken for one here.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <libknot/dname.h>
#include <libzscanner/scanner.h>

/*! Longest generic text of a name: "\# 255 " and two digits for each octet. */
#define KANAME_GENERIC_MAX (7 + 2 * KNOT_DNAME_MAXLEN + 1)

/*! Reads a name of the command line; NULL if it is none. Letter case is kept. */
knot_dname_t *kaname_name_read(knot_dname_storage_t name, const char *text);

/*! Writes a name as RDATA in the form of RFC 3597. */
void kaname_generic_write(char text[KANAME_GENERIC_MAX], const knot_dname_t *name);

/*!
 * \brief Reads octets of an RDATA as a target's name, letter case kept.
 *
 * \return The name, which points into `rdata`; NULL unless it is one whole uncompressed name.
 */
const knot_dname_t *kaname_rdata_name(const uint8_t *rdata, uint32_t len);

/*! Reads RDATA of a master file. Large (200 kB): to be allocated. */
typedef struct {
	zs_scanner_t scanner;
	bool origin_known;
	knot_dname_storage_t origin;
	char line[1 << 18]; /*!< Holds the digits of the longest RDATA. */
} kaname_text_t;

/*! New reader, without an origin; NULL if out of memory. */
kaname_text_t *kaname_text_new(void);

void kaname_text_free(kaname_text_t *text);

/*!
 * \brief Sets the origin; a relative one is refused, as knotd does.
 *
 * \param name  As in a master file, `len` octets.
 *
 * \return NULL, or what was expected instead.
 */
const char *kaname_text_origin(kaname_text_t *text, const char *name, size_t len);

/*!
 * \brief Reads the name of a target.
 *
 * \param target  The name, good until the next call.
 *
 * \return NULL, or what was expected instead.
 */
const char *kaname_text_target(kaname_text_t *text, const char *name, size_t len,
                               const knot_dname_t **target);

/*!
 * \brief Reads RDATA in the form of RFC 3597, in as many pieces as it was written in.
 *
 * \param piece  Gives the pieces one after the other; NULL at the end.
 * \param name   The target's name, good until the next call.
 *
 * \return NULL, or what was expected instead.
 */
const char *kaname_text_generic(kaname_text_t *text, const char *(*piece)(void *ctx, size_t *len),
                                void *ctx, const knot_dname_t **target);
