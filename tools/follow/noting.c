#include "follow/follow.h"

#include "ask.h"

/*! How long what is done may wait to be noted. */
#define DONE_MS 1000

void kaname_follow_note_sets(kaname_follow_t *follow, kaname_note_t what,
                             const kaname_follow_owner_t *owner,
                             kaname_set_t *const sets[KANAME_FAMILIES], uint32_t ttl,
                             uint8_t writes)
{
	if (follow->is_dry) {
		return;
	}
	kaname_notes_add(&follow->done, what, kaname_follow_zone(owner), kaname_follow_name(owner),
	                 sets, ttl, writes);
	if (follow->done_ms == 0) {
		follow->done_ms = kaname_now_ms() + DONE_MS;
	}
}

void kaname_follow_note(kaname_follow_t *follow, kaname_note_t what, kaname_follow_owner_t *owner,
                        uint32_t ttl)
{
	kaname_follow_note_sets(follow, what, owner, owner->written, ttl, owner->pace.writes);
	owner->is_noted = what != KANAME_NOTE_FORGET;
	owner->nodata_noted = owner->is_noted ? owner->nodata_noted : 0;
	owner->is_adopted = owner->is_noted && (owner->is_adopted || what == KANAME_NOTE_ADOPT);
}

void kaname_follow_note_nodata(kaname_follow_t *follow, const kaname_follow_owner_t *owner,
                               unsigned families)
{
	kaname_follow_note_sets(follow, KANAME_NOTE_NODATA, owner, NULL, 0, families);
}

void kaname_follow_note_record(kaname_follow_t *follow, kaname_follow_owner_t *owner,
                               uint32_t record)
{
	kaname_follow_note_sets(follow, KANAME_NOTE_RECORD, owner, NULL, record, 0);
	owner->record = record;
}

void kaname_follow_note_gone(kaname_follow_t *follow, kaname_follow_owner_t *owner, bool is_gone)
{
	kaname_follow_note_sets(follow, KANAME_NOTE_GONE, owner, NULL, 0, is_gone);
	owner->is_gone = is_gone;
}
