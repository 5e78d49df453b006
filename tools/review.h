/*!
 * \brief What in a master file is most likely a mistake, or makes knotd refuse it.
 *
 * It is found out entry by entry, on the way from words to generic records. The apex is the owner
 * of the SOA record; what stands before that is kept until it comes, and without one nothing is said
 * of owners.
 *
 * *Ownership:* the reader of names and the receiver of remarks stay the caller's.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <libknot/dname.h>

#include "entry.h"
#include "text.h"

/*! Says something about a line: `what` is a sentence without its end. */
typedef void (*kaname_remark_f)(void *ctx, const char *file, unsigned line, const char *what);

/*! Longest text of an owner: each octet as an escape. */
#define KANAME_OWNER_MAX ((size_t)4 * KNOT_DNAME_MAXLEN)

/*! A record whose owner may be the apex or not. */
typedef struct {
	unsigned line;
	knot_dname_storage_t owner;
} kaname_held_t;

typedef struct {
	kaname_text_t *text; /*!< Reads names, with the origin as it is at the entry. */
	kaname_remark_f remark;
	void *ctx;
	const char *file;

	/* The owner of the last entry that names one: as it is written, until it is read. */
	char written[KANAME_OWNER_MAX];
	size_t written_len;
	bool is_read, is_known;
	knot_dname_storage_t owner;

	bool has_apex;
	knot_dname_storage_t apex;
	unsigned below; /*!< Records below the apex that were told, or counted. */
	/* Before there is an apex. */
	kaname_held_t *held;
	size_t held_count, held_size;
	bool out_of_memory; /*!< One could not be kept. */
} kaname_review_t;

/*! Takes the owner of an entry that is a record, or that it has none of its own. */
void kaname_review_owner(kaname_review_t *review, const kaname_entry_t *entry);

/*! To be called before the origin changes: an owner that was written before has the old one. */
void kaname_review_origin(kaname_review_t *review);

/*!
 * \brief Looks at a record.
 *
 * \param type        Token of its type, which may be none.
 * \param translated  It is an ANAME or ALIAS record, in words.
 *
 * \return What was expected in its place if knotd would refuse it; else NULL.
 */
const char *kaname_review_record(kaname_review_t *review, const kaname_entry_t *entry, size_t type,
                                 bool translated);

/*!
 * \brief Looks at the target of an ANAME or ALIAS record as it is written, before it is read.
 *
 * \return What was expected in its place, if it is an address or not in ASCII; else NULL.
 */
const char *kaname_review_written(const char *target, size_t len);

/*! Warns of a relative target of several labels, once it is read. */
void kaname_review_target(kaname_review_t *review, unsigned line, const char *written, size_t len,
                          const knot_dname_t *target);

/*! To be called at the end of the file: tells how many were only counted. */
void kaname_review_end(kaname_review_t *review, unsigned line);

/*! Frees what is kept. */
void kaname_review_deinit(kaname_review_t *review);
