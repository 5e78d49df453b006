/*!
 * \brief `kaname follow`: what its files share.
 *
 *     reading    reads the server, every minute                            (a thread of the pool)
 *     scanning   takes the owners that were found
 *     verifying  compares what stands there with what was written
 *     asking     asks the module what each of them has
 *     considering  decides whether something is to be written, and when
 *     looking    reads what stands there where that is not known           (a thread of the pool)
 *     leaving    finds out what goes where the ANAME records are gone
 *     probing    tries the key where there is nothing to write
 *     writing    notes it in the journal, and then sends it                (a thread of the pool)
 *     ended      takes what came of that
 *
 * One loop owns all of it, but for what a thread of the pool is given: that reads the server or writes
 * the journal, and touches no owner.
 *
 * Thread: that of the loop, unless it says otherwise.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>
#include <uv.h>

#include <libknot/tsig.h>

#include "follow/journal.h"
#include "follow/owners.h"
#include "follow/primary.h"
#include "follow/ring.h"
#include "follow/scan.h"
#include "follow/steady.h"
#include "follow/timers.h"
#include "follow/told.h"
#include "tool.h"

/*! How often owners are looked for. */
#define KANAME_FOLLOW_SCAN_MS   60000
/*! And sooner if there is a reason: the next time after this pause. */
#define KANAME_FOLLOW_RESCAN_MS 2000

/*! How long nothing is tried after an update that the server refused. */
#define KANAME_FOLLOW_REFUSED_MS 60000
/*! The same, at first, after one that it could not make. */
#define KANAME_FOLLOW_FAILED_MS  1000

/*! An update that is about to be sent, or on its way. */
typedef struct kaname_follow_job {
	struct kaname_follow_job *next;
	kaname_follow_owner_t *owner;
	kaname_set_t *from[KANAME_FAMILIES], *to[KANAME_FAMILIES]; /*!< Held. */
	uint32_t ttl;
	uint32_t record; /*!< Mark of the records that it is for. */
	uint8_t writes;  /*!< As in kaname_pace_t, this one among them. */
	bool is_leaving;
	bool is_probe;       /*!< It changes nothing. */
	const char *held_up; /*!< Why it is not sent now; NULL: it is. */
} kaname_follow_job_t;

typedef struct kaname_follow_scanning kaname_follow_scanning_t;

typedef struct {
	const kaname_args_t *args;
	kaname_args_t read_args; /*!< The same for what is read again and again: without a word. */
	kaname_scan_choice_t choice;
	uv_loop_t loop;

	/* Where it goes. */
	struct sockaddr_storage server;
	char server_text[300];
	kaname_whose_t whose; /*!< The same for the journal. */
	knot_tsig_key_t key;
	kaname_primary_t *primary;
	kaname_journal_t *journal; /*!< NULL with --dry-run, if there is none yet. */

	/* What is known. */
	kaname_sets_t sets;
	kaname_owners_t owners;
	kaname_timers_t timers;
	uv_timer_t timer; /*!< For the first of them, and for scans. */

	/* Asking. */
	kaname_told_t *told;
	size_t asked; /*!< Questions on their way. */
	kaname_ring_t to_ask;
	int64_t lost_ms; /*!< If the module has lost what changed: all are asked for not before. */

	/* Scanning and looking: one at a time on the pool. */
	kaname_follow_scanning_t *scanning; /*!< What is being read; NULL: nothing. */
	kaname_ring_t to_look;
	uv_work_t read_work;
	int64_t scan_ms;      /*!< When owners are looked for next. */
	int64_t scan_took_ms; /*!< How long that took last. */
	int64_t loading_ms; /*!< The next pause while zones may still be loaded, doubled each time. */
	int64_t verify_ms;      /*!< When what stands there is read next. */
	int64_t read_ms;        /*!< When what is being read was begun. */
	int64_t reads_hold_ms;  /*!< After a failure: nothing is read before. */
	unsigned read_failures; /*!< In a row. */
	uint32_t boot;          /*!< As in kaname_moment_t. */
	size_t missing;         /*!< Zones and catalogs that were named, and are not there; */
	uint64_t said_missing;  /*!< which of them were told. */
	size_t left_out;        /*!< Zones that cannot be at the primary. */
	size_t absent;          /*!< Owners that the journal has, and the last scan did not find. */
	size_t below;           /*!< Owners below apexes, as they are counted, */
	size_t below_last;      /*!< and were; */
	size_t turn;            /*!< whose turn it is of them. */

	/* Writing. */
	kaname_ring_t to_write;
	kaname_follow_job_t *batch; /*!< Whose intents are being noted. */
	kaname_follow_job_t *ready; /*!< What is noted, and waits to be sent; */
	unsigned ready_count;       /*!< how many. */
	kaname_follow_job_t *sent;  /*!< On their way. */
	kaname_notes_t done;        /*!< To be noted some time. */
	kaname_notes_t committing;  /*!< What is being noted: of them these many octets, and then
	                                   what is about to be written. */
	size_t committing_done;
	int commit_failure; /*!< Of the journal; set on the pool. */
	uv_work_t commit_work;
	int64_t done_ms; /*!< When what is done is noted at the latest; 0: there is nothing. */
	int64_t journal_hold_ms; /*!< After a failure: it is not tried before. */
	int64_t probe_ms;        /*!< Likewise, whether the key is taken. */
	int64_t probe_pause_ms;  /*!< And the next pause then. */

	/* How it went. */
	kaname_steady_t module, reads, commits; /*!< Whether they are, as was said. */
	int64_t say_ms;                         /*!< Since when lines are counted, */
	unsigned says;                          /*!< how many, */
	unsigned unsaid;                        /*!< and how many were left out. */
	/*! Marks of what to do about updates that fail, as it was said in full last of an owner below
	 *  the apex, and of one at it; and when. */
	uint64_t said_next[2];
	int64_t said_next_ms;
	int64_t end_ms;      /*!< When it has ended at the latest, once it is ending. */
	int64_t once_end_ms; /*!< When --once ends, likewise. */
	uv_signal_t signals[3];

	/* How far it is. */
	bool is_dry, is_once;
	bool is_up;         /*!< The module answers. */
	bool is_lost;       /*!< It has lost what changed: all are to be asked for. */
	bool has_scanned;   /*!< At least once. */
	bool has_verified;  /*!< Likewise. */
	bool wants_probe;   /*!< It is to be found out whether the key is taken. */
	bool journal_fails; /*!< The last time it was written it did. */
	bool is_committing;
	bool is_asking;  /*!< For that, which zones are occupied: nothing is noted yet. */
	bool has_failed; /*!< It cannot go on. */
	bool is_ending;  /*!< Nothing is begun any more; */
	bool is_ended;   /*!< nor waited for. */
} kaname_follow_t;

/* considering.c */

/*! Decides what is to be done about an owner now, and has it done. */
void kaname_follow_consider(kaname_follow_t *follow, kaname_follow_owner_t *owner);

/*! Sets its timer by what it waits for. */
void kaname_follow_plan(kaname_follow_t *follow, kaname_follow_owner_t *owner);

/*!
 * \brief What stands there and what is to.
 *
 * \param to  Not held.
 *
 * \return Is it anything else?
 */
bool kaname_follow_differs(const kaname_follow_owner_t *owner, int64_t now_ms,
                           kaname_set_t *to[KANAME_FAMILIES], int64_t *again_ms);

/*! From when on this may be written (M2); 0: at any time. */
int64_t kaname_follow_next(const kaname_follow_owner_t *owner,
                           kaname_set_t *const to[KANAME_FAMILIES], int64_t now_ms);

/*! The TTL that what is written is to have: that of the records, or the source's, if that is less. */
uint32_t kaname_follow_ttl(const kaname_follow_owner_t *owner);

/*! Which families change: a bit for each. */
unsigned kaname_follow_families(kaname_set_t *const from[KANAME_FAMILIES],
                                kaname_set_t *const to[KANAME_FAMILIES]);

/*! For which records is what stands there when this is written? Not for those of now as long as
 *  something is kept that is not known of them. */
uint32_t kaname_follow_record_of(const kaname_follow_owner_t *owner,
                                 kaname_set_t *const to[KANAME_FAMILIES]);

/*! Exchanges a set that an owner has for another one, which is held for it. */
void kaname_follow_set(kaname_follow_t *follow, kaname_set_t **at, kaname_set_t *set);

/*! An update has failed, or nothing can be known: sets until when nothing is tried. */
void kaname_follow_hold(kaname_follow_owner_t *owner, int64_t least_ms);

/*! Drops an owner, now or when nothing is on its way for it. */
void kaname_follow_drop(kaname_follow_t *follow, kaname_follow_owner_t *owner);

/* asking.c */

/*! Begins to listen to the module; false if out of memory. */
__attribute__((warn_unused_result)) bool kaname_follow_listen(kaname_follow_t *follow);

/*! Asks the module what an owner has, as soon as there is room. */
void kaname_follow_ask(kaname_follow_t *follow, kaname_follow_owner_t *owner);

/*! Has all asked for if the module has lost what changed, unless that was a moment ago. */
void kaname_follow_ask_lost(kaname_follow_t *follow);

/*! Asks for those that wait for it, as many as there is room for. */
void kaname_follow_ask_more(kaname_follow_t *follow);

/* preparing.c */

/*! Reads what is asked for, where it goes, and the key, and opens the journal. Everything but KANAME_OK is
 *  reported. */
__attribute__((warn_unused_result)) kaname_exit_t kaname_follow_prepare(kaname_follow_t *follow);

/*! Frees all there is, prepared or not. */
void kaname_follow_release(kaname_follow_t *follow);

/*! Takes what is noted of an owner, if that is not known yet: a kaname_journal_each_f. */
void kaname_follow_take_noted(void *ctx, const knot_dname_t *zone, const knot_dname_t *name,
                              const kaname_noted_t *noted);

/* reading.c */

/*! Begins what is to be read, if it is time and nothing is being read. */
void kaname_follow_read(kaname_follow_t *follow);

/*! Has owners looked for soon. */
void kaname_follow_rescan(kaname_follow_t *follow);

/* looking.c */

/*! Has what stands there read for an owner. */
void kaname_follow_look(kaname_follow_t *follow, kaname_follow_owner_t *owner);

/*! What was read of an owner. */
typedef struct {
	kaname_scan_state_t state;
	uint32_t ttl; /*!< Of the addresses; 0: they differ, or there are none. */
	uint32_t ttls[KANAME_FAMILIES];
	kaname_set_t *there[KANAME_FAMILIES]; /*!< Held by the caller. */
} kaname_follow_seen_t;

/*! Takes what was read. The owner may be gone after it. */
void kaname_follow_seen(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                        const kaname_follow_seen_t *seen);

/*! What is there, against what is noted. */
typedef struct {
	bool is_pending;    /*!< It was about to be written. */
	bool is_former;     /*!< It was written before what was written last. */
	bool is_adopted;    /*!< It is what was adopted. */
	bool has_other_ttl; /*!< It is what was written, and somebody has changed its TTL. */
	bool puts_back;     /*!< There is what was adopted, and may be put back. */
	/*! A family is just what was written, or was about to be, to the TTL; or there is none, as there
	 *  was to be. */
	bool is_exact[KANAME_FAMILIES];
	bool is_own[KANAME_FAMILIES]; /*!< Or that of before what was written last. */
} kaname_follow_compared_t;

kaname_follow_compared_t kaname_follow_compare(kaname_follow_t *follow,
                                               const kaname_follow_owner_t *owner,
                                               const kaname_follow_seen_t *seen);

/* leaving.c */

/*! The records of an owner are gone: what was done about them, and has failed, does not matter any more. */
void kaname_follow_leave(kaname_follow_owner_t *owner);

/*! The same of an owner whose records are gone: true if it is, too. */
bool kaname_follow_seen_leaving(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                                const kaname_follow_seen_t *seen);

/* jobs.c */

/*! An update that an owner needs now, to be freed; NULL if there is nothing to write, or no memory: then it
 *  is tried again. */
kaname_follow_job_t *kaname_follow_job_new(kaname_follow_t *follow, kaname_follow_owner_t *owner);

/*! The pace of an owner when that is written. */
kaname_pace_t kaname_follow_paced(const kaname_follow_owner_t *owner,
                                  const kaname_follow_job_t *job);

void kaname_follow_job_free(kaname_follow_t *follow, kaname_follow_job_t *job);

/* probing.c */

/*! An update that changes nothing, if one is wanted now, to be freed; else NULL. Its owner is being sent. */
kaname_follow_job_t *kaname_follow_probe_new(kaname_follow_t *follow);

/*! It was not sent. */
void kaname_follow_probe_later(kaname_follow_t *follow);

/*! An update has ended, one that changes nothing or another one: is it to be said why it failed, if it is
 *  one that changes nothing? */
bool kaname_follow_probed(kaname_follow_t *follow, const kaname_updated_t *updated);

/* noting.c */

/*! Notes something about an owner, some time; `sets` as the note has them. */
void kaname_follow_note_sets(kaname_follow_t *follow, kaname_note_t what,
                             const kaname_follow_owner_t *owner,
                             kaname_set_t *const sets[KANAME_FAMILIES], uint32_t ttl,
                             uint8_t writes);

/*! Notes something about an owner, in its `written` sets, some time. */
void kaname_follow_note(kaname_follow_t *follow, kaname_note_t what, kaname_follow_owner_t *owner,
                        uint32_t ttl);

/*! Notes of which families an owner has no address, a bit for each. */
void kaname_follow_note_nodata(kaname_follow_t *follow, const kaname_follow_owner_t *owner,
                               unsigned families);

/*! Notes which records what is there was written for. */
void kaname_follow_note_record(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                               uint32_t record);

/*! Notes that an owner's zone is not in the configuration, or that it is again and what is there is known. */
void kaname_follow_note_gone(kaname_follow_t *follow, kaname_follow_owner_t *owner, bool is_gone);

/* ended.c */

/*! Takes the end of an update. */
void kaname_follow_updated(void *ctx, void *token, const kaname_updated_t *updated);

/*! Ends a job, which is freed, and goes on with its owner. */
void kaname_follow_end_job(kaname_follow_t *follow, kaname_follow_job_t *job,
                           const kaname_updated_t *updated);

/*! What tells sets from others, but for chance; never 0. */
uint16_t kaname_follow_mark(kaname_set_t *const sets[KANAME_FAMILIES]);

/* writing.c */

/*! Has an owner written as soon as there is room. */
void kaname_follow_write(kaname_follow_t *follow, kaname_follow_owner_t *owner);

/*! Goes on with those that wait for it. */
void kaname_follow_write_more(kaname_follow_t *follow);

/*! The journal cannot be used: says why, and holds what needs it. */
void kaname_follow_journal_failed(kaname_follow_t *follow, int error);

/*! Says that the journal was removed and is put back, if it is. */
void kaname_follow_say_put_back(kaname_follow_t *follow);

/*! At the end: notes in the journal what is not noted yet, and waits for that; and puts back what was
 *  removed. */
void kaname_follow_note_all(kaname_follow_t *follow);

/*! At the end: forgets updates that are on their way; the journal knows of them. */
void kaname_follow_end_jobs(kaname_follow_t *follow);

/* say.c */

/*! Says something about an owner, once until it is something else; and what to do, if not NULL. False: it
 *  was said, or there was no room. */
__attribute__((format(printf, 4, 5))) bool kaname_follow_trouble(kaname_follow_t *follow,
                                                                 kaname_follow_owner_t *owner,
                                                                 const char *next,
                                                                 const char *format, ...);

/*! Says something about an owner, as often as it comes. */
void kaname_follow_say_owner(kaname_follow_t *follow, const kaname_follow_owner_t *owner,
                             const char *what);

/*! Says what was written, or would be. Of lines about owners a bounded number is printed in a span of
 *  time. */
void kaname_follow_tell(kaname_follow_t *follow, const kaname_follow_owner_t *owner,
                        kaname_set_t *const from[KANAME_FAMILIES],
                        kaname_set_t *const to[KANAME_FAMILIES]);

/*! Says how many lines were left out, now or when it is time. */
void kaname_follow_tell_rest(kaname_follow_t *follow, bool now);

/*! Says something about all; what to do begins with "\nnext: ". Thread: any. */
__attribute__((format(printf, 1, 2))) void kaname_follow_say(const char *format, ...);
