#include "follow/notes.h"

#include <stdlib.h>
#include <string.h>

#include "follow/noted.h"

static uint8_t *make_room(kaname_notes_t *notes, size_t len)
{
	if (notes->size - notes->len < len) {
		size_t size = 2 * notes->size + len;
		uint8_t *at = realloc(notes->at, size);
		if (at == NULL) {
			notes->failed = true;
			return NULL;
		}
		notes->at = at;
		notes->size = size;
	}
	uint8_t *at = notes->at + notes->len;
	notes->len += len;
	return at;
}

void kaname_notes_add(kaname_notes_t *notes, kaname_note_t note, const knot_dname_t *zone,
                      const knot_dname_t *owner, kaname_set_t *const sets[KANAME_FAMILIES],
                      uint32_t ttl, uint8_t writes)
{
	uint8_t key[1 + KNOT_DNAME_MAXLEN + 1];
	kaname_change_t change = { .note = note, .writes = writes, .ttl = ttl };
	size_t key_len = kaname_noted_key(key, zone, owner), len = 0;
	change.key_len = key_len - 1; /* At most 255. */
	size_t lens[KANAME_FAMILIES] = { 0 };
	for (unsigned i = 0; sets != NULL && i < KANAME_FAMILIES; i++) {
		change.count[i] = sets[i] != NULL ? sets[i]->count : 0;
		lens[i] = change.count[i] * kaname_family_len(i);
		len += lens[i];
	}
	uint8_t *at = make_room(notes, sizeof(change) + key_len + len);
	if (at == NULL) {
		return;
	}
	memcpy(at, &change, sizeof(change));
	memcpy(at + sizeof(change), key, key_len);
	at += sizeof(change) + key_len;
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		if (lens[i] > 0) {
			memcpy(at, sets[i]->at, lens[i]);
			at += lens[i];
		}
	}
}

void kaname_notes_append(kaname_notes_t *notes, const kaname_notes_t *others)
{
	notes->failed |= others->failed;
	uint8_t *at = others->len > 0 ? make_room(notes, others->len) : NULL;
	if (at != NULL) {
		memcpy(at, others->at, others->len);
	}
}

void kaname_notes_cut(kaname_notes_t *notes, size_t len)
{
	notes->len = len;
	notes->failed = false;
}

void kaname_notes_clear(kaname_notes_t *notes)
{
	free(notes->at);
	*notes = (kaname_notes_t){ 0 };
}

static bool is_same(const kaname_noted_set_t one[KANAME_FAMILIES],
                    const kaname_noted_set_t other[KANAME_FAMILIES])
{
	bool same = true;
	for (unsigned i = 0; i < KANAME_FAMILIES && same; i++) {
		same = one[i].count == other[i].count &&
		       (one[i].count == 0 ||
		        memcmp(one[i].at, other[i].at, one[i].count * kaname_family_len(i)) == 0);
	}
	return same;
}

/*! Takes a set out of those that are pending. */
static void take_out(kaname_noted_t *noted, unsigned number)
{
	noted->pending_count--;
	memmove(noted->pending[number], noted->pending[number + 1],
	        (noted->pending_count - number) * sizeof(noted->pending[0]));
}

/*! Takes these sets out of those that are pending, if they are there. */
static void withdraw(kaname_noted_t *noted, const kaname_noted_set_t sets[KANAME_FAMILIES])
{
	for (unsigned i = noted->pending_count; i > 0; i--) {
		if (is_same(noted->pending[i - 1], sets)) {
			take_out(noted, i - 1);
		}
	}
}

static void intend(kaname_noted_t *noted, const kaname_change_t *change,
                   const kaname_noted_set_t sets[KANAME_FAMILIES], int64_t now_s)
{
	withdraw(noted, sets);
	if (noted->pending_count == KANAME_PENDING_MOST) {
		take_out(noted, 0);
	}
	memcpy(noted->pending[noted->pending_count++], sets, sizeof(noted->pending[0]));
	noted->pending_ttl = change->ttl;
	noted->writes = change->writes;
	/* Where nothing but the TTL is another one it tells still when these addresses came. */
	noted->written_s = is_same(noted->written, sets) ? noted->written_s : now_s;
}

/*! What stood there before stays noted where nothing but the TTL is another one. */
static void done(kaname_noted_t *noted, const kaname_change_t *change,
                 const kaname_noted_set_t sets[KANAME_FAMILIES])
{
	uint32_t ttl = change->ttl != 0 ? change->ttl : noted->pending_ttl;
	if (!is_same(noted->written, sets)) {
		memcpy(noted->former, noted->written, sizeof(noted->former));
		noted->former_ttl = noted->ttl;
		noted->left_ttl = 0;
	} else if (noted->left_ttl == 0 && noted->ttl != ttl && noted->ttl != KANAME_TTL_NONE) {
		noted->left_ttl = noted->ttl;
	}
	memcpy(noted->written, sets, sizeof(noted->written));
	noted->ttl = ttl;
	noted->pending_count = 0;
}

static void note_nodata(kaname_noted_t *noted, unsigned families, const kaname_moment_t *now)
{
	bool same_boot = noted->nodata_boot != 0 && noted->nodata_boot == now->boot;
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		bool since = noted->nodata_s[i] != 0 && same_boot;
		bool is = (families >> i & 1) != 0;
		noted->nodata_s[i] = !is ? 0 : since ? noted->nodata_s[i] : now->boot_s;
	}
	noted->nodata_boot = now->boot;
}

/*! Whoever adds its zone anew may be somebody else: what was put aside is not for him. */
static void gone(kaname_noted_t *noted)
{
	noted->is_gone = true;
	noted->adopted_ttl = KANAME_TTL_NONE;
	memset(noted->former, 0, sizeof(noted->former));
}

bool kaname_change_apply(kaname_noted_t *noted, const kaname_change_t *change,
                         const kaname_noted_set_t sets[KANAME_FAMILIES], const kaname_moment_t *now)
{
	size_t size = sizeof(noted->written);
	switch ((kaname_note_t)change->note) {
	case KANAME_NOTE_INTEND: intend(noted, change, sets, now->wall_s); break;
	case KANAME_NOTE_UNDONE: withdraw(noted, sets); break;
	case KANAME_NOTE_NODATA: note_nodata(noted, change->writes, now); break;
	case KANAME_NOTE_DONE: done(noted, change, sets); break;
	case KANAME_NOTE_THERE:
		memcpy(noted->written, sets, size);
		if (change->ttl != 0) {
			noted->ttl = change->ttl;
			noted->left_ttl = 0;
		}
		break;
	case KANAME_NOTE_GONE:
		noted->is_gone = false;
		if (change->writes != 0) {
			gone(noted);
		}
		break;
	case KANAME_NOTE_SETTLED: noted->pending_count = 0; break;
	case KANAME_NOTE_RECORD: noted->record = change->ttl; break;
	case KANAME_NOTE_ADOPT:
		noted->is_adopted = true;
		noted->adopted_ttl = change->ttl;
		memcpy(noted->adopted, sets, size);
		memcpy(noted->written, sets, size);
		break;
	default: return false;
	}
	bool none = noted->written[KANAME_A].count == 0 && noted->written[KANAME_AAAA].count == 0;
	return !none || noted->is_adopted || noted->pending_count > 0;
}

/* Reading them. */

bool kaname_notes_next(const kaname_notes_t *notes, size_t *at, kaname_change_t *change,
                       const uint8_t **key, kaname_noted_set_t sets[KANAME_FAMILIES])
{
	if (*at >= notes->len) {
		return false;
	}
	memcpy(change, notes->at + *at, sizeof(*change));
	*at += sizeof(*change);
	*key = notes->at + *at;
	*at += change->key_len + 1;
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		sets[i] = (kaname_noted_set_t){ change->count[i], notes->at + *at };
		*at += change->count[i] * kaname_family_len(i);
	}
	return true;
}
