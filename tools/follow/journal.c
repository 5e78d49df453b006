#include "follow/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/*! Of what is laid out below; another one is not read. */
#define FORMAT     1
/*! Most that it may take, in octets: address space, and no room on the disk. */
#define MAP_SIZE   ((size_t)4 << 30)
/*! Where the primary's name is kept: no owner has this key. */
#define KEY_OF_ALL "\xff"
/*! Longest value: the sets, and what stands before them. */
#define VALUE_MAX  (64 + 4 * KANAME_FAMILIES * (2 + KANAME_SET_MAX * 16))

struct kaname_journal {
	MDB_env *env;
	MDB_dbi dbi;
	char directory[PATH_MAX];
	bool is_read_only;
	int lock; /*!< Held while it may be changed; -1: it is read only. */
};

/* How an owner's value is laid out: in the host's order, since it stays on this machine. */

typedef struct {
	uint8_t pending_count, is_adopted, writes, unused;
	uint32_t ttl, adopted_ttl;
	int64_t written_s, nodata_s[KANAME_FAMILIES];
} head_t;

/*! The sets of a value, in order. */
enum { WRITTEN, ADOPTED, FORMER, KINDS }; /* And behind them those that are pending. */

static kaname_noted_set_t *sets_of(kaname_noted_t *noted, unsigned number)
{
	kaname_noted_set_t *const sets[KINDS] = { noted->written, noted->adopted, noted->former };
	return number < KINDS ? sets[number] : noted->pending[number - KINDS];
}

static bool read_set(const MDB_val *value, size_t *at, kaname_family_t family,
                     kaname_noted_set_t *set)
{
	uint16_t count;
	if (value->mv_size - *at < sizeof(count)) {
		return false;
	}
	memcpy(&count, (const uint8_t *)value->mv_data + *at, sizeof(count));
	*at += sizeof(count);
	size_t len = count * kaname_family_len(family);
	if (count > KANAME_SET_MAX || value->mv_size - *at < len) {
		return false;
	}
	*set = (kaname_noted_set_t){ count, (const uint8_t *)value->mv_data + *at };
	*at += len;
	return true;
}

static bool read_value(const MDB_val *value, kaname_noted_t *noted)
{
	head_t head;
	if (value->mv_size < sizeof(head)) {
		return false;
	}
	memcpy(&head, value->mv_data, sizeof(head));
	*noted = (kaname_noted_t){
		.pending_count = head.pending_count,
		.is_adopted = head.is_adopted != 0,
		.writes = head.writes,
		.ttl = head.ttl,
		.adopted_ttl = head.adopted_ttl,
		.written_s = head.written_s,
	};
	memcpy(noted->nodata_s, head.nodata_s, sizeof(head.nodata_s));
	size_t at = sizeof(head);
	if (noted->pending_count > KANAME_PENDING_MOST) {
		return false;
	}
	for (int i = 0; i < (KINDS + noted->pending_count) * KANAME_FAMILIES; i++) {
		kaname_family_t family = i % KANAME_FAMILIES;
		kaname_noted_set_t *sets = sets_of(noted, i / KANAME_FAMILIES);
		if (!read_set(value, &at, family, &sets[family])) {
			return false;
		}
	}
	return at == value->mv_size;
}

/*! Returns its octets. */
static size_t write_value(const kaname_noted_t *noted, uint8_t to[VALUE_MAX])
{
	kaname_noted_t copy = *noted;
	head_t head = {
		.pending_count = noted->pending_count,
		.is_adopted = noted->is_adopted,
		.writes = noted->writes,
		.ttl = noted->ttl,
		.adopted_ttl = noted->adopted_ttl,
		.written_s = noted->written_s,
	};
	memcpy(head.nodata_s, noted->nodata_s, sizeof(head.nodata_s));
	memcpy(to, &head, sizeof(head));
	size_t len = sizeof(head);
	for (int i = 0; i < (KINDS + noted->pending_count) * KANAME_FAMILIES; i++) {
		kaname_family_t family = i % KANAME_FAMILIES;
		const kaname_noted_set_t *set = &sets_of(&copy, i / KANAME_FAMILIES)[family];
		size_t set_len = set->count * kaname_family_len(family);
		memcpy(to + len, &set->count, sizeof(set->count));
		len += sizeof(set->count);
		if (set_len > 0) {
			memcpy(to + len, set->at, set_len);
			len += set_len;
		}
	}
	return len;
}

/* Keys: where the zone begins in the owner's name, and that name. */

static size_t write_key(uint8_t key[1 + KNOT_DNAME_MAXLEN], const knot_dname_t *zone,
                        const knot_dname_t *owner)
{
	size_t owner_len = knot_dname_size(owner), zone_len = knot_dname_size(zone);
	key[0] = zone_len <= owner_len ? owner_len - zone_len : 0;
	memcpy(key + 1, owner, owner_len);
	return 1 + owner_len;
}

/*! Reads a key and its value; false if they are none of an owner. */
static bool read_pair(const MDB_val *key, const MDB_val *value, const knot_dname_t **zone,
                      const knot_dname_t **owner, kaname_noted_t *noted)
{
	const uint8_t *at = key->mv_data;
	size_t len = key->mv_size;
	if (len < 2 || len > 1 + KNOT_DNAME_MAXLEN || at[0] >= len - 1 ||
	    knot_dname_wire_check(at + 1, at + len, NULL) != (int)len - 1) {
		return false;
	}
	*owner = at + 1;
	*zone = at + 1 + at[0];
	return read_value(value, noted);
}

/* Opening. */

/*! What to do about an error. */
static const char *next_of(int error)
{
	switch (error) {
	case EACCES: return "the user that this runs as has to be able to write there";
	case ENOENT:
		return "make the directory, for the user that this runs as; or name another "
		       "one with --journal";
	case ENOSPC: return "free some space on that disk";
	default:
		return "move its files away if they are damaged: what was written so far is then "
		       "taken for somebody else's, and --adopt goes on with it";
	}
}

/*! Locks the directory; -1, and why, if that fails. */
static int lock(const char *directory, char *why, size_t why_size, const char **next)
{
	char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/lock", directory);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
		return fd;
	}
	int error = errno;
	if (fd >= 0) {
		(void)close(fd);
	}
	if (error == EWOULDBLOCK) {
		(void)snprintf(why, why_size, "another 'kaname follow' has it");
		*next = "one is enough; another primary needs a journal of its own: --journal";
	} else {
		(void)snprintf(why, why_size, "%s", strerror(error));
		*next = next_of(error);
	}
	return -1;
}

/*! Opens the files; a number of LMDB's, and then they are closed. */
static int open_env(kaname_journal_t *journal)
{
	bool read_only = journal->is_read_only;
	int ret = mdb_env_create(&journal->env);
	if (ret == 0) {
		ret = mdb_env_set_mapsize(journal->env, MAP_SIZE);
	}
	if (ret == 0) {
		unsigned flags = MDB_NOTLS | (read_only ? MDB_RDONLY : 0);
		ret = mdb_env_open(journal->env, journal->directory, flags, 0600);
	}
	MDB_txn *txn;
	if (ret == 0) {
		ret = mdb_txn_begin(journal->env, NULL, read_only ? MDB_RDONLY : 0, &txn);
	}
	if (ret == 0) {
		ret = mdb_dbi_open(txn, NULL, 0, &journal->dbi);
		if (ret == 0) {
			ret = mdb_txn_commit(txn);
		} else {
			mdb_txn_abort(txn);
		}
	}
	if (ret != 0 && journal->env != NULL) {
		mdb_env_close(journal->env);
		journal->env = NULL;
	}
	return ret;
}

/*! Looks whose it is, and makes it this primary's if it is nobody's. KNOT_EOK, or a number of LMDB's;
 *  `why` is set if it is somebody else's. */
static int settle_primary(kaname_journal_t *journal, const char *primary, char *why,
                          size_t why_size)
{
	char value[300];
	(void)snprintf(value, sizeof(value), "%d %s", FORMAT, primary);
	MDB_val key = { 1, (void *)KEY_OF_ALL }, found, own = { strlen(value), value };
	MDB_txn *txn;
	int ret = mdb_txn_begin(journal->env, NULL, 0, &txn);
	if (ret != 0) {
		return ret;
	}
	ret = mdb_get(txn, journal->dbi, &key, &found);
	if (ret == 0 && (found.mv_size != own.mv_size ||
	                 memcmp(found.mv_data, own.mv_data, own.mv_size) != 0)) {
		const char *its = found.mv_data, *space = memchr(its, ' ', found.mv_size);
		size_t head = space != NULL ? space - its + 1 : 0;
		bool is_other = head > 0 && strtol(its, NULL, 10) != FORMAT;
		(void)snprintf(why, why_size, "it is of %s%.*s",
		               is_other ? "another version of kaname, and of the primary "
		                        : "the primary ",
		               (int)(found.mv_size - head), its + head);
	} else if (ret == MDB_NOTFOUND) {
		ret = mdb_put(txn, journal->dbi, &key, &own, 0);
	}
	if (ret != 0) {
		mdb_txn_abort(txn);
		return ret;
	}
	return mdb_txn_commit(txn);
}

kaname_journal_t *kaname_journal_open(const char *directory, const char *primary, bool read_only,
                                      char *why, size_t why_size, const char **next)
{
	kaname_journal_t *journal = calloc(1, sizeof(*journal));
	why[0] = '\0';
	*next = "";
	if (journal == NULL) {
		(void)snprintf(why, why_size, "%s", strerror(ENOMEM));
		return NULL;
	}
	journal->is_read_only = read_only;
	(void)snprintf(journal->directory, sizeof(journal->directory), "%s", directory);
	journal->lock = read_only ? -1 : lock(directory, why, why_size, next);
	if (!read_only && journal->lock < 0) {
		free(journal);
		return NULL;
	}
	int ret = open_env(journal);
	if (ret == 0 && !read_only) {
		ret = settle_primary(journal, primary, why, why_size);
	}
	if (ret == 0 && why[0] == '\0') {
		return journal;
	}
	if (ret != 0) {
		(void)snprintf(why, why_size, "%s", mdb_strerror(ret));
		*next = next_of(ret);
	} else {
		*next = "each primary needs a journal of its own: --journal";
	}
	kaname_journal_close(journal);
	return NULL;
}

void kaname_journal_close(kaname_journal_t *journal)
{
	if (journal != NULL) {
		if (journal->env != NULL) {
			mdb_env_close(journal->env);
		}
		if (journal->lock >= 0) {
			(void)close(journal->lock);
		}
		free(journal);
	}
}

void kaname_journal_rest(kaname_journal_t *journal)
{
	if (journal->env != NULL) {
		mdb_env_close(journal->env);
		journal->env = NULL;
	}
}

/*! Opens it again if it rests; a number of LMDB's. */
static int wake(kaname_journal_t *journal)
{
	return journal->env != NULL ? 0 : open_env(journal);
}

const char *kaname_journal_wake(kaname_journal_t *journal)
{
	int ret = wake(journal);
	return ret == 0 ? NULL : mdb_strerror(ret);
}

/* Reading. */

bool kaname_journal_each(kaname_journal_t *journal, kaname_journal_each_f each, void *ctx)
{
	MDB_txn *txn;
	MDB_cursor *cursor;
	if (wake(journal) != 0 || mdb_txn_begin(journal->env, NULL, MDB_RDONLY, &txn) != 0) {
		return false;
	}
	int ret = mdb_cursor_open(txn, journal->dbi, &cursor);
	if (ret != 0) {
		mdb_txn_abort(txn);
		return false;
	}
	MDB_val key, value;
	while ((ret = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		const knot_dname_t *zone, *owner;
		kaname_noted_t noted;
		if (read_pair(&key, &value, &zone, &owner, &noted)) {
			each(ctx, zone, owner, &noted);
		}
	}
	mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	return ret == MDB_NOTFOUND;
}

bool kaname_journal_get(kaname_journal_t *journal, const knot_dname_t *zone,
                        const knot_dname_t *owner, kaname_journal_each_f each, void *ctx)
{
	uint8_t octets[1 + KNOT_DNAME_MAXLEN];
	MDB_val key = { write_key(octets, zone, owner), octets }, value;
	MDB_txn *txn;
	kaname_noted_t noted;
	if (wake(journal) != 0 || mdb_txn_begin(journal->env, NULL, MDB_RDONLY, &txn) != 0) {
		return false;
	}
	int ret = mdb_get(txn, journal->dbi, &key, &value);
	if (ret == 0 && read_value(&value, &noted)) {
		each(ctx, zone, owner, &noted);
	}
	mdb_txn_abort(txn);
	return ret == 0 || ret == MDB_NOTFOUND;
}

/* Writing. */

/*! A change in `notes`: this, the key, and the addresses of both families. */
typedef struct {
	uint8_t note, writes, key_len, unused;
	uint32_t ttl;
	uint16_t count[KANAME_FAMILIES];
} change_t;

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
	change_t change = { .note = note, .writes = writes, .ttl = ttl };
	size_t key_len = write_key(key, zone, owner), len = 0;
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

static void intend(kaname_noted_t *noted, const change_t *change,
                   const kaname_noted_set_t sets[KANAME_FAMILIES], int64_t now_s)
{
	withdraw(noted, sets);
	if (noted->pending_count == KANAME_PENDING_MOST) {
		take_out(noted, 0);
	}
	memcpy(noted->pending[noted->pending_count++], sets, sizeof(noted->pending[0]));
	noted->ttl = change->ttl;
	noted->writes = change->writes;
	noted->written_s = now_s;
}

static void note_nodata(kaname_noted_t *noted, unsigned families, int64_t now_s)
{
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		bool since = noted->nodata_s[i] != 0;
		bool is = (families >> i & 1) != 0;
		noted->nodata_s[i] = !is ? 0 : since ? noted->nodata_s[i] : now_s;
	}
}

/*! What becomes of what is noted; false: nothing is left to note. */
static bool apply(kaname_noted_t *noted, const change_t *change,
                  const kaname_noted_set_t sets[KANAME_FAMILIES], int64_t now_s)
{
	size_t size = sizeof(noted->written);
	switch ((kaname_note_t)change->note) {
	case KANAME_NOTE_INTEND: intend(noted, change, sets, now_s); break;
	case KANAME_NOTE_UNDONE: withdraw(noted, sets); break;
	case KANAME_NOTE_NODATA: note_nodata(noted, change->writes, now_s); break;
	case KANAME_NOTE_DONE:
		memcpy(noted->former, noted->written, size);
		memcpy(noted->written, sets, size);
		noted->pending_count = 0;
		break;
	case KANAME_NOTE_THERE: memcpy(noted->written, sets, size); break;
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

/*! Makes one change; a number of LMDB's. */
static int make_change(MDB_txn *txn, MDB_dbi dbi, const change_t *change, const uint8_t *at,
                       int64_t now_s)
{
	static uint8_t octets[VALUE_MAX];
	MDB_val key = { change->key_len + 1, (void *)at }, value;
	kaname_noted_t noted = { 0 };
	kaname_noted_set_t sets[KANAME_FAMILIES];
	at += change->key_len + 1;
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		sets[i] = (kaname_noted_set_t){ change->count[i], at };
		at += change->count[i] * kaname_family_len(i);
	}
	int ret = mdb_get(txn, dbi, &key, &value);
	if (ret != 0 && ret != MDB_NOTFOUND) {
		return ret;
	}
	if (ret == MDB_NOTFOUND || !read_value(&value, &noted)) {
		noted = (kaname_noted_t){ 0 };
	}
	if (!apply(&noted, change, sets, now_s)) {
		return ret == MDB_NOTFOUND ? 0 : mdb_del(txn, dbi, &key, NULL);
	}
	value = (MDB_val){ write_value(&noted, octets), octets };
	return mdb_put(txn, dbi, &key, &value, 0);
}

const char *kaname_journal_commit(kaname_journal_t *journal, const kaname_notes_t *notes,
                                  int64_t now_s)
{
	MDB_txn *txn;
	if (notes->failed) {
		return strerror(ENOMEM);
	}
	int ret = wake(journal);
	if (ret == 0) {
		ret = mdb_txn_begin(journal->env, NULL, 0, &txn);
	}
	if (ret != 0) {
		return mdb_strerror(ret);
	}
	for (size_t at = 0; at < notes->len && ret == 0;) {
		change_t change;
		memcpy(&change, notes->at + at, sizeof(change));
		at += sizeof(change);
		ret = make_change(txn, journal->dbi, &change, notes->at + at, now_s);
		at += change.key_len + 1;
		for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
			at += change.count[i] * kaname_family_len(i);
		}
	}
	if (ret != 0) {
		mdb_txn_abort(txn);
		return mdb_strerror(ret);
	}
	ret = mdb_txn_commit(txn);
	return ret == 0 ? NULL : mdb_strerror(ret);
}
