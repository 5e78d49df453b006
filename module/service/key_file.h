/*!
 * \brief Reads one private key from Knot's key store.  [P]
 *
 * What is no regular file, or too large, is not opened. A directory that does not answer holds up
 * who reads from it; what is to be read is therefore described apart from the key, which may be gone
 * by the time that it answers.
 *
 * Thread: any that may open files.
 */

#pragma once

#include "table/secrets.h"

/*! How far the reading has come. */
typedef struct {
	_Atomic(const char *) directory; /*!< Where it is being looked for, up to the line's end. */
	_Atomic bool given_up;           /*!< Nobody waits for it: set by another thread. */
} aname_key_progress_t;

/*! What is to be read. */
typedef struct {
	const char *directories; /*!< One a line; from aname_secrets_directories(). */
	const uint8_t *rdata;    /*!< Of the DNSKEY record. */
	uint16_t rdata_len;
	aname_key_progress_t *progress; /*!< May be NULL. */
} aname_key_source_t;

/*!
 * \brief Reads one private key: computes its id and looks for its file in each directory.
 *
 * \param found  What came of it.
 */
void aname_key_read_from(const aname_key_source_t *source, aname_secret_found_t *found);

/*! The same of a key that is held meanwhile. */
void aname_key_read(const aname_secret_t *secret, aname_secret_found_t *found);

/*! Finds that the key cannot be read, without touching any file; its id is found out. */
void aname_key_fail(const aname_secret_t *secret, int error, aname_secret_found_t *found);
