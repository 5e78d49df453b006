/*!
 * \brief What was written, and what is about to be: so that no later run takes what somebody else wrote
 *        for its own, nor leaves behind what this one did (M5).  [P]
 *
 * What is about to be written is noted, and on disk, before it is sent; that it is done is noted some
 * time later. If the process ends in between, the zone has either what was there or what was about to
 * be, and whoever comes next looks which.
 *
 * It is an LMDB, whose transactions are whole or not there whenever the process ends, in a directory
 * that one process at a time has for itself. It belongs to one primary: what was written there is not
 * elsewhere.
 *
 * Thread: any, one call at a time, but that it may be read while something is committed if it is awake;
 * kaname_journal_commit() may wait for the disk, and is for a thread of the pool.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libknot/dname.h>

#include "follow/moment.h"
#include "follow/set.h"
#include "follow/whose.h"

/*! Where it is if nothing else is said. */
#define KANAME_JOURNAL_DEFAULT "/var/lib/kaname-follow"

/*! Sets that may be pending for an owner; of more the first one is forgotten. */
#define KANAME_PENDING_MOST 8

/*! No TTL: what stands there with it is not what was written. */
#define KANAME_TTL_NONE UINT32_MAX

typedef struct kaname_journal kaname_journal_t;

/*! Addresses of a family as they are in the journal. */
typedef struct {
	uint16_t count;
	const uint8_t *at;
} kaname_noted_set_t;

/*! All that is noted of an owner. What it points to is good until the next change. */
typedef struct {
	bool is_adopted; /*!< There was something that somebody else wrote. */
	/*! Its zone was taken from the configuration, and nothing was written since: what is there may be
	 *  somebody else's. */
	bool is_gone;
	uint8_t writes; /*!< As in kaname_pace_t. */
	/*! Of what was written; KANAME_TTL_NONE: somebody else wrote it. */
	uint32_t ttl;
	/*! KANAME_TTL_NONE: what was adopted is not put back any more, since its zone was away. */
	uint32_t adopted_ttl;
	uint32_t former_ttl;
	uint32_t pending_ttl; /*!< Of the last one that is pending. */
	uint32_t
	        left_ttl; /*!< That of before a change of it, which Knot 3.5 leaves where the addresses
	                           are the same; 0: there was none. */
	uint32_t record; /*!< Mark of the records that it was written for; 0: not known. */
	/*! When these addresses were, by the clock on the wall, in seconds since the epoch. */
	int64_t written_s;
	/*! Since when the module has told that a family has no address, by the clock since boot, which
	 *  nobody sets; 0: it has not. It counts within that boot only. */
	int64_t nodata_s[KANAME_FAMILIES];
	uint32_t nodata_boot; /*!< As in kaname_moment_t; 0: it does not count. */
	kaname_noted_set_t written[KANAME_FAMILIES];
	kaname_noted_set_t adopted[KANAME_FAMILIES];
	kaname_noted_set_t former[KANAME_FAMILIES]; /*!< What stood there before the last write. */
	/*! What was about to be written and may be there by now, or still come to be: a server may have
	 *  an update in its queue when whoever sent it is gone. The last one behind the others. */
	uint8_t pending_count;
	kaname_noted_set_t pending[KANAME_PENDING_MOST][KANAME_FAMILIES];
} kaname_noted_t;

/*! A change of the journal. */
typedef enum {
	KANAME_NOTE_INTEND, /*!< `sets` are about to be written. */
	KANAME_NOTE_DONE, /*!< They are there, and what was about to be written besides cannot come
	                         any more: it was to take the place of something else. */
	KANAME_NOTE_UNDONE, /*!< `sets` were about to be written, and are not. */
	KANAME_NOTE_THERE,  /*!< `sets` are there, of what was written; or KANAME_TTL_NONE. */
	KANAME_NOTE_ADOPT,  /*!< `sets` are there, and somebody else wrote them. */
	KANAME_NOTE_NODATA, /*!< Of these families, a bit for each in `writes`, no address is told. */
	KANAME_NOTE_FORGET, /*!< Nothing of the owner is ours. */
	KANAME_NOTE_GONE,   /*!< Its zone is not in the configuration; `writes` 0: or is, and what
	                          is there is known again. */
	KANAME_NOTE_SETTLED, /*!< Nothing that was about to be written is there, or comes any more. */
	KANAME_NOTE_RECORD, /*!< What is there was written for the records whose mark is `ttl`. */
} kaname_note_t;

/*! Changes that go to disk together. All zeros at first. */
typedef struct {
	uint8_t *at;
	size_t len, size;
	bool failed; /*!< Memory ran out. */
} kaname_notes_t;

/*! Why a journal cannot be used. */
typedef struct {
	bool is_none;     /*!< There is none, for who only reads it. */
	bool is_lasting;  /*!< It stays so until somebody acts. */
	char why[700];    /*!< A phrase. */
	const char *next; /*!< What to do about it. */
} kaname_trouble_t;

/*!
 * \brief Opens it, and makes it if it is not there.
 *
 * \param directory  Of its own.
 * \param whose      Whose it has to be, or is made if it is nobody's; NULL: whoever's.
 * \param read_only  It has to be there; neither is it locked nor may anything be changed.
 * \param trouble    Gets why it cannot be opened.
 *
 * \return NULL if it cannot.
 */
kaname_journal_t *kaname_journal_open(const char *directory, const kaname_whose_t *whose,
                                      bool read_only, kaname_trouble_t *trouble);

/*! NULL is allowed. */
void kaname_journal_close(kaname_journal_t *journal);

/*! Lets go of the file, which takes memory while it is open; it is opened again when it is needed, and
 *  stays locked. */
void kaname_journal_rest(kaname_journal_t *journal);

/*! If its data was removed while it was awake: puts it to rest, so that it is put back when it is woken. While
 *  nobody uses it. */
void kaname_journal_keep(kaname_journal_t *journal);

/*! Was its data put back since this was asked last? */
bool kaname_journal_was_put_back(kaname_journal_t *journal);

/*!
 * \brief Opens it again, before it is used on two threads.
 *
 * Where its data was removed meanwhile it is put back as it was; where its directory was made anew that
 * is locked, too.
 *
 * \return 0; else an error (follow/cures.h): its file was cut short meanwhile, or exchanged, say.
 */
__attribute__((warn_unused_result)) int kaname_journal_wake(kaname_journal_t *journal);

/*! Why it could not be read last (follow/cures.h). */
int kaname_journal_error(const kaname_journal_t *journal);

/*! Takes one owner. */
typedef void (*kaname_journal_each_f)(void *ctx, const knot_dname_t *zone,
                                      const knot_dname_t *owner, const kaname_noted_t *noted);

/*! Calls it for all owners that are noted; false if it cannot be read. */
__attribute__((warn_unused_result)) bool kaname_journal_each(kaname_journal_t *journal,
                                                             kaname_journal_each_f each, void *ctx);

/*! Calls it for one owner, if it is noted; false if it cannot be read. */
__attribute__((warn_unused_result)) bool kaname_journal_get(kaname_journal_t *journal,
                                                            const knot_dname_t *zone,
                                                            const knot_dname_t *owner,
                                                            kaname_journal_each_f each, void *ctx);

/*!
 * \brief Adds a change; nothing happens before it is committed.
 *
 * \param zone    Ends the owner's name.
 * \param sets    As the note says; NULL where none are.
 * \param ttl     INTEND, ADOPT: of the sets; DONE, THERE: likewise, 0: as it is noted.
 * \param writes  INTEND: as in kaname_pace_t, this one among them.
 */
void kaname_notes_add(kaname_notes_t *notes, kaname_note_t note, const knot_dname_t *zone,
                      const knot_dname_t *owner, kaname_set_t *const sets[KANAME_FAMILIES],
                      uint32_t ttl, uint8_t writes);

/*! Adds all of another list. */
void kaname_notes_append(kaname_notes_t *notes, const kaname_notes_t *others);

/*! Leaves the first octets, up to what was once the end. */
void kaname_notes_cut(kaname_notes_t *notes, size_t len);

void kaname_notes_clear(kaname_notes_t *notes);

/*!
 * \brief Makes all of these changes, in order, or none; on disk when it returns.
 *
 * \return 0; else an error (follow/cures.h).
 */
__attribute__((warn_unused_result)) int kaname_journal_commit(kaname_journal_t *journal,
                                                              const kaname_notes_t *notes,
                                                              const kaname_moment_t *now);
