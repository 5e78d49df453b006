/*!
 * \brief The owners that are followed, and the targets that they name.  [P]
 *
 * An owner is found by its zone and name, a target by its name; a target knows its owners, so that those
 * are asked again when it has changed. There may be 100,000 of them, so each is one piece of memory
 * that is no larger than it has to be.
 *
 * *Ownership:* an owner is freed by kaname_owners_drop(), and a target with the last owner that names
 * it.
 *
 * Thread: that of the loop.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libknot/dname.h>

#include "follow/chains.h"
#include "follow/decide.h"
#include "follow/pace.h"
#include "follow/scan.h"
#include "follow/set.h"
#include "table/hash.h"

typedef struct kaname_follow_owner kaname_follow_owner_t;

/*! A time in tenths of a second, of the clock that nobody sets: enough for 13 years. 0: none. */
typedef uint32_t kaname_tick_t;

/*! The tick that does not begin before a time. */
static inline kaname_tick_t kaname_tick_of(int64_t at_ms)
{
	return (kaname_tick_t)((at_ms + 99) / 100);
}

/*! When it begins; 0: none. */
static inline int64_t kaname_tick_ms(kaname_tick_t tick)
{
	return 100 * (int64_t)tick;
}

/*! A target. */
typedef struct kaname_follow_target {
	kaname_chained_t chained;
	kaname_follow_owner_t *first; /*!< Who names it. */
	knot_dname_t name[];          /*!< In lower case. */
} kaname_follow_target_t;

/*! An owner's word for a target. */
typedef struct {
	kaname_follow_target_t *target;
	/*! The next owner that names it. Of a target that an owner names twice the first link counts. */
	kaname_follow_owner_t *next;
} kaname_follow_link_t;

/*! What is done about an owner. */
typedef enum {
	/*! Its zone has not been found yet by this run, or is not there now: what is written stays. */
	KANAME_OWNER_ABSENT = 0,
	KANAME_OWNER_FOLLOWED,
	KANAME_OWNER_REFUSED, /*!< Its zone cannot be followed: what is written stays. */
	KANAME_OWNER_FOREIGN, /*!< It has addresses that somebody else wrote: it is left alone. */
	KANAME_OWNER_LEAVING, /*!< Its ANAME records are gone: what is written goes. */
} kaname_owner_state_t;

/*! The ANAME or ALIAS records of an owner, as an update expects them. */
typedef struct {
	uint16_t type;
	uint16_t count : 15;
	uint16_t good : 1; /*!< They are known to the octet. */
} kaname_follow_rrset_t;

struct kaname_follow_owner {
	kaname_chained_t chained;

	kaname_known_t known[KANAME_FAMILIES]; /*!< What the module tells. */
	/*! What stands in the zone as far as is known: of what is ours, or was adopted. */
	kaname_set_t *written[KANAME_FAMILIES];
	kaname_pace_t pace;

	kaname_tick_t ask_at;  /*!< When the module is to be asked; 0: not by the clock. */
	kaname_tick_t act_at;  /*!< When there is something to decide or to write; 0: nothing. */
	kaname_tick_t hold_at; /*!< After a failure: nothing is written before. */
	uint32_t timer;        /*!< Position in the timers, from 1 on; 0: it is not there. */

	uint32_t ttl; /*!< Of its records. */
	union {
		uint32_t told_ttl; /*!< As the module has it. */
		/*! ABSENT: of its zone, when it was last looked whether its records are there. */
		uint32_t absent_serial;
	};
	uint32_t written_ttl; /*!< Of what is written; 0: not known. */
	uint32_t pending_ttl; /*!< Of what was about to be written; 0: not known. */
	uint32_t record;      /*!< Mark of the records that it was written for; 0: not known. */
	/*! Mark of the TTL that was there before the same addresses were written with another one, since
	 *  there are primaries that leave it; 0: there was none. */
	uint16_t left_ttl;
	uint16_t undone; /*!< Mark of sets that were about to be written and are known not to be. */
	uint16_t said;   /*!< Hash of what was said about it last, so that it is said once. */

	uint8_t state;            /*!< kaname_owner_state_t */
	uint8_t failures;         /*!< In a row, of updates. */
	bool is_told : 1;         /*!< The module has told something of it. */
	bool is_pending : 1;      /*!< It is being looked up for the first time. */
	bool is_asked : 1;        /*!< A question is queued or on its way. */
	bool ask_again : 1;       /*!< When that is answered. */
	bool is_sending : 1;      /*!< An update is queued or on its way. */
	bool is_looking : 1;      /*!< What is there is going to be read, or is being read. */
	bool is_unsure : 1;       /*!< What was about to be written may be there, or still come. */
	bool must_look : 1;       /*!< What is there has to be read before anything else. */
	bool is_noted : 1;        /*!< It stands in the journal. */
	bool is_adopted : 1;      /*!< The journal has what is put back. */
	bool is_scanned : 1;      /*!< The scan that is being taken has it. */
	uint8_t nodata_noted : 2; /*!< Of which families the journal has that they have no address. */
	bool is_otherwise : 1;    /*!< What is there is read, and something else. */
	uint8_t families_there : 2; /*!< A bit for each that has been read. */
	bool is_absent : 1;         /*!< `absent_serial` is known. */
	bool is_seen : 1;           /*!< LEAVING: `known` has what of somebody else's stays. */
	bool puts_back : 1;         /*!< LEAVING: what was adopted comes back. */
	bool is_gone : 1;           /*!< As in kaname_noted_t. */
	bool is_dropped : 1;        /*!< To be freed when nothing is on its way any more. */
	bool said_wait : 1;         /*!< That it waits for its pause was said. */
	bool is_ttl_other : 1; /*!< Its TTL was changed by somebody, and has to be written again. */
	bool ttl_there : 1;    /*!< Another one than was written has been read. */
	bool is_refused : 1;   /*!< What may be there was refused, by nobody's word. */
	uint8_t returns : 2;   /*!< How often what was written before has come back. */
	uint8_t said_kept : 2; /*!< Of which families it was said that they are about to go. */

	uint8_t zone_at; /*!< Where its zone's name begins in its own. */
	uint8_t rrsets_count;
	uint16_t targets_count;
	kaname_follow_rrset_t rrsets[2];
	kaname_follow_link_t links[]; /*!< `targets_count` of them; behind them stands its name. */
};

typedef struct {
	aname_hash_key_t key;
	kaname_chains_t owners, targets;
	kaname_sets_t *sets; /*!< Where the sets of owners are from. */
} kaname_owners_t;

/*! Its name, in lower case. */
static inline const knot_dname_t *kaname_follow_name(const kaname_follow_owner_t *owner)
{
	return (const knot_dname_t *)&owner->links[owner->targets_count];
}

static inline const knot_dname_t *kaname_follow_zone(const kaname_follow_owner_t *owner)
{
	return kaname_follow_name(owner) + owner->zone_at;
}

/*! What tells a TTL from others, but for chance; never 0. */
static inline uint16_t kaname_follow_ttl_mark(uint32_t ttl)
{
	uint16_t mark = (uint16_t)(ttl ^ ttl >> 16);
	return mark != 0 ? mark : 1;
}

/*! What tells its records from others, but for chance; never 0. The upper half stands for their targets: some
 *  bits of it for each, so that it can be told whether one of them is named still. The lower one stands
 *  for their TTL. */
uint32_t kaname_follow_record(const kaname_follow_owner_t *owner);

/*! Was what is written, written for other targets, none of which is named any more? By chance it is not told
 *  that they were others, once in thousands where it was one, and more often of many. */
bool kaname_follow_has_others(const kaname_follow_owner_t *owner);

void kaname_owners_init(kaname_owners_t *owners, kaname_sets_t *sets);

/*! Frees all there is. */
void kaname_owners_deinit(kaname_owners_t *owners);

/*! What became of an owner that was found. */
typedef enum {
	KANAME_TAKEN_SAME = 0, /*!< It was there, with these records. */
	KANAME_TAKEN_NEW,
	KANAME_TAKEN_CHANGED, /*!< Its records are others, and it is no longer where it was. */
	KANAME_TAKEN_TTL,     /*!< They are the same, with another TTL. */
	KANAME_TAKEN_BUSY,    /*!< They are, but it is busy, and has the former ones still. */
} kaname_taken_t;

/*! Finds an owner; NULL if it is not there. */
kaname_follow_owner_t *kaname_owners_find(const kaname_owners_t *owners, const knot_dname_t *zone,
                                          const knot_dname_t *name);

/*!
 * \brief Adds an owner, or gives one that is there the records that were found.
 *
 * \param found  What was found; without targets: nothing but its name is known.
 *
 * \return The owner; `outcome` tells what it is. NULL if out of memory, and nothing has changed.
 */
kaname_follow_owner_t *kaname_owners_take(kaname_owners_t *owners, const kaname_scan_owner_t *found,
                                          kaname_taken_t *outcome);

/*! Is anything on its way for it, so that it must not move? */
static inline bool kaname_follow_is_busy(const kaname_follow_owner_t *owner)
{
	return owner->is_asked || owner->is_sending || owner->is_looking;
}

/*! Drops and frees an owner. */
void kaname_owners_drop(kaname_owners_t *owners, kaname_follow_owner_t *owner);

/*! Goes through all owners, as kaname_chains_step(). The one that was returned may be dropped; none may
 *  be added or move, and no other one go. */
static inline kaname_follow_owner_t *kaname_owners_step(const kaname_owners_t *owners,
                                                        kaname_chains_cursor_t *cursor)
{
	return (kaname_follow_owner_t *)kaname_chains_step(&owners->owners, cursor);
}

/*! Finds a target; NULL if nobody names it. */
kaname_follow_target_t *kaname_owners_target(const kaname_owners_t *owners,
                                             const knot_dname_t *name);

/*! The next owner that names a target, after this one. */
kaname_follow_owner_t *kaname_owners_next(const kaname_follow_owner_t *owner,
                                          const kaname_follow_target_t *target);
