/*!
 * Any octets as an entry of the journal of `kaname follow`, or as changes of what is noted of an owner.
 * What is read must be the same octets when it is written anew, and after each change what is noted has
 * to be what a plain list makes of it (M5).
 *
 * Files: tools/follow/noted.c tools/follow/notes.c tools/follow/set.c
 */

#include "fuzz.h"

#include "follow/noted.h"
#include "follow/notes.h"

/*! Sets to choose from are few, so that they meet. */
#define SETS      6
#define ADDRESSES 3

/* Entries. */

static void check_noted(const kaname_noted_t *noted)
{
	require(noted->pending_count <= KANAME_PENDING_MOST);
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		require(noted->written[i].count <= KANAME_SET_MAX);
		require(noted->adopted[i].count <= KANAME_SET_MAX);
		require(noted->former[i].count <= KANAME_SET_MAX);
	}
}

static bool is_same_set(const kaname_noted_set_t *one, const kaname_noted_set_t *other,
                        kaname_family_t family)
{
	return one->count == other->count &&
	       (one->count == 0 ||
	        memcmp(one->at, other->at, one->count * kaname_family_len(family)) == 0);
}

static bool is_same_sets(const kaname_noted_set_t one[KANAME_FAMILIES],
                         const kaname_noted_set_t other[KANAME_FAMILIES])
{
	return is_same_set(&one[KANAME_A], &other[KANAME_A], KANAME_A) &&
	       is_same_set(&one[KANAME_AAAA], &other[KANAME_AAAA], KANAME_AAAA);
}

/*! Writes what was read, and reads that: it is the same. */
static void check_round(const kaname_noted_t *noted)
{
	static uint8_t once[KANAME_NOTED_MAX], twice[KANAME_NOTED_MAX];
	size_t len = kaname_noted_write(noted, once);
	require(len <= sizeof(once));
	const MDB_val value = { len, once };
	kaname_noted_t again;
	require(kaname_noted_read(&value, &again));
	require(again.is_adopted == noted->is_adopted && again.writes == noted->writes &&
	        again.is_gone == noted->is_gone && again.former_ttl == noted->former_ttl &&
	        again.pending_ttl == noted->pending_ttl && again.left_ttl == noted->left_ttl &&
	        again.record == noted->record && again.ttl == noted->ttl &&
	        again.adopted_ttl == noted->adopted_ttl && again.written_s == noted->written_s &&
	        again.pending_count == noted->pending_count);
	require(again.nodata_s[0] == noted->nodata_s[0] &&
	        again.nodata_s[1] == noted->nodata_s[1] && again.nodata_boot == noted->nodata_boot);
	require(is_same_sets(again.written, noted->written) &&
	        is_same_sets(again.adopted, noted->adopted) &&
	        is_same_sets(again.former, noted->former));
	for (unsigned i = 0; i < noted->pending_count; i++) {
		require(is_same_sets(again.pending[i], noted->pending[i]));
	}
	require(kaname_noted_write(&again, twice) == len && memcmp(once, twice, len) == 0);
	/* Cut short it is none. */
	const MDB_val less = { len - 1, once };
	require(!kaname_noted_read(&less, &again));
}

static void check_entry(input_t *input)
{
	uint8_t octets[KANAME_NOTED_KEY_MAX + 2], written[KANAME_NOTED_KEY_MAX];
	size_t key_len = take_below(input, sizeof(octets)) % sizeof(octets);
	/* Blocks of exactly their size, so that reading past them is found out. */
	uint8_t *key_octets = malloc(key_len + 1);
	take_octets(input, octets, key_len);
	memcpy(key_octets + 1, octets, key_len);
	uint8_t *value_octets = malloc(input->left + 1);
	memcpy(value_octets + 1, input->at, input->left);
	const MDB_val key = { key_len, key_octets + 1 }, value = { input->left, value_octets + 1 };
	const knot_dname_t *zone, *owner;
	kaname_noted_t noted;
	if (kaname_noted_read(&value, &noted)) {
		check_noted(&noted);
		check_round(&noted);
	}
	if (kaname_noted_pair(&key, &value, &zone, &owner, &noted)) {
		require(zone >= owner && zone < owner + key_len - 1);
		require(knot_dname_size(owner) + 1 == key_len);
		/* The zone is the end of the name, from the beginning of a label on. */
		const knot_dname_t *label = owner;
		while (label < zone && label[0] != 0) {
			label += label[0] + 1;
		}
		require(label == zone);
		require(kaname_noted_key(written, zone, owner) == key_len);
		require(memcmp(written, key.mv_data, key_len) == 0);
	}
	free(key_octets);
	free(value_octets);
}

/* Changes. */

static const kaname_moment_t now = { .wall_s = 1800000000, .boot_s = 12345, .boot = 7 };

typedef struct {
	kaname_noted_set_t sets[KANAME_FAMILIES];
} both_t;

/*! What should be noted, as numbers of sets. */
typedef struct {
	unsigned written, former, adopted, pending[64], pending_count;
	bool is_adopted, is_gone;
	int64_t nodata_s[KANAME_FAMILIES];
} plain_t;

static kaname_set_t *sets_of[SETS][KANAME_FAMILIES];

/*! The first one is empty; of the others some have one family. */
static void make_sets(kaname_sets_t *sets)
{
	for (unsigned i = 1; i < SETS; i++) {
		uint8_t at[ADDRESSES * 16];
		for (unsigned k = 0; k < sizeof(at); k++) {
			at[k] = i * (k / 4 + 1);
		}
		require(kaname_set_take(sets, KANAME_A, at, i == 2 ? 0 : 1 + i % ADDRESSES,
		                        &sets_of[i][KANAME_A]));
		require(kaname_set_take(sets, KANAME_AAAA, at, i == 1 ? 0 : 1 + i % ADDRESSES,
		                        &sets_of[i][KANAME_AAAA]));
	}
}

static bool is_number(const kaname_noted_set_t sets[KANAME_FAMILIES], unsigned number)
{
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		const kaname_set_t *set = sets_of[number][i];
		const kaname_noted_set_t expected = { set != NULL ? set->count : 0,
			                              set != NULL ? set->at : NULL };
		if (!is_same_set(&sets[i], &expected, i)) {
			return false;
		}
	}
	return true;
}

static void withdraw(plain_t *plain, unsigned number)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < plain->pending_count; i++) {
		if (plain->pending[i] != number) {
			plain->pending[kept++] = plain->pending[i];
		}
	}
	plain->pending_count = kept;
}

static void change(plain_t *plain, kaname_note_t note, unsigned number, uint8_t families)
{
	switch (note) {
	case KANAME_NOTE_INTEND:
		withdraw(plain, number);
		plain->pending[plain->pending_count++] = number;
		if (plain->pending_count > KANAME_PENDING_MOST) {
			plain->pending_count--;
			memmove(plain->pending, plain->pending + 1,
			        plain->pending_count * sizeof(plain->pending[0]));
		}
		break;
	case KANAME_NOTE_UNDONE: withdraw(plain, number); break;
	case KANAME_NOTE_DONE:
		plain->former = number != plain->written ? plain->written : plain->former;
		plain->written = number;
		plain->pending_count = 0;
		break;
	case KANAME_NOTE_THERE: plain->written = number; break;
	case KANAME_NOTE_GONE:
		plain->is_gone = families != 0;
		plain->former = plain->is_gone ? 0 : plain->former;
		break;
	case KANAME_NOTE_SETTLED: plain->pending_count = 0; break;
	case KANAME_NOTE_ADOPT:
		plain->is_adopted = true;
		plain->written = plain->adopted = number;
		break;
	case KANAME_NOTE_NODATA:
		for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
			bool is = families >> i & 1;
			plain->nodata_s[i] = !is                       ? 0
			                     : plain->nodata_s[i] != 0 ? plain->nodata_s[i]
			                                               : now.boot_s;
		}
		break;
	default: break;
	}
}

static void compare(const kaname_noted_t *noted, const plain_t *plain)
{
	require(is_number(noted->written, plain->written));
	require(is_number(noted->former, plain->former));
	require(noted->is_adopted == plain->is_adopted);
	require(noted->is_gone == plain->is_gone);
	require(is_number(noted->adopted, plain->adopted));
	require(noted->pending_count == plain->pending_count);
	for (unsigned i = 0; i < plain->pending_count; i++) {
		require(is_number(noted->pending[i], plain->pending[i]));
	}
	require(memcmp(noted->nodata_s, plain->nodata_s, sizeof(noted->nodata_s)) == 0);
}

/*! Lists changes, part of them in a list of its own, and applies them. */
static void check_changes(input_t *input)
{
	static const uint8_t zone[] = "\7example", owner[] = "\3www\7example";
	kaname_sets_t sets = { 0 };
	kaname_notes_t notes = { 0 }, others = { 0 };
	kaname_noted_t noted = { 0 };
	plain_t plain = { 0 };
	uint8_t steps[200];
	size_t count = 0;
	make_sets(&sets);
	while (input->left > 0 && count < sizeof(steps)) {
		uint8_t step = take_octet(input);
		kaname_note_t note = step % (KANAME_NOTE_RECORD + 1);
		kaname_notes_t *list = step & 0x80 ? &others : &notes;
		if (list == &notes && others.len > 0) {
			kaname_notes_append(&notes, &others);
			kaname_notes_clear(&others);
		}
		kaname_notes_add(list, note, zone, owner,
		                 note != KANAME_NOTE_NODATA ? sets_of[step / 7 % SETS] : NULL,
		                 step * 3, step / 7 % 4);
		steps[count++] = step;
	}
	kaname_notes_append(&notes, &others);
	kaname_notes_clear(&others);
	size_t len = notes.len;
	kaname_notes_add(&notes, KANAME_NOTE_FORGET, zone, owner, NULL, 0, 0);
	kaname_notes_cut(&notes, len);

	kaname_change_t one;
	kaname_noted_set_t of[KANAME_FAMILIES];
	const uint8_t *key;
	size_t at = 0, i = 0;
	for (; kaname_notes_next(&notes, &at, &one, &key, of); i++) {
		kaname_note_t note = steps[i] % (KANAME_NOTE_RECORD + 1);
		require(one.note == note && one.key_len + 1U == 1 + sizeof(owner) && key[0] == 4 &&
		        memcmp(key + 1, owner, sizeof(owner)) == 0);
		require(note == KANAME_NOTE_NODATA || is_number(of, steps[i] / 7 % SETS));
		bool left = kaname_change_apply(&noted, &one, of, &now);
		if (note == KANAME_NOTE_FORGET) {
			require(!left);
			continue; /* Whoever calls it forgets all; here it goes on. */
		}
		change(&plain, note, steps[i] / 7 % SETS, steps[i] / 7 % 4);
		compare(&noted, &plain);
		require(left ==
		        (plain.written != 0 || plain.is_adopted || plain.pending_count > 0));
		check_round(&noted);
	}
	require(i == count);
	kaname_notes_clear(&notes);
	for (unsigned k = 0; k < SETS; k++) {
		kaname_set_release(&sets, sets_of[k][KANAME_A]);
		kaname_set_release(&sets, sets_of[k][KANAME_AAAA]);
		sets_of[k][KANAME_A] = sets_of[k][KANAME_AAAA] = NULL;
	}
	kaname_sets_deinit(&sets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input_t input = { data, size };
	if (take_octet(&input) & 1) {
		check_changes(&input);
	} else {
		check_entry(&input);
	}
	return 0;
}
