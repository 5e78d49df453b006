#include "follow/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "follow/noted.h"
#include "follow/notes.h"

/*! Of what is laid out below; another one is not read. */
#define FORMAT     1
/*! Most that it may take, in octets: address space, and no room on the disk. */
#define MAP_SIZE   ((size_t)4 << 30)
/*! Where the primary's name is kept: no owner has this key. */
#define KEY_OF_ALL "\xff"

struct kaname_journal {
	MDB_env *env;
	MDB_dbi dbi;
	char directory[PATH_MAX];
	bool is_read_only;
	int lock; /*!< Held while it may be changed; -1: it is read only. */
};

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
		if (kaname_noted_pair(&key, &value, &zone, &owner, &noted)) {
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
	uint8_t octets[KANAME_NOTED_KEY_MAX];
	MDB_val key = { kaname_noted_key(octets, zone, owner), octets }, value;
	MDB_txn *txn;
	kaname_noted_t noted;
	if (wake(journal) != 0 || mdb_txn_begin(journal->env, NULL, MDB_RDONLY, &txn) != 0) {
		return false;
	}
	int ret = mdb_get(txn, journal->dbi, &key, &value);
	if (ret == 0 && kaname_noted_read(&value, &noted)) {
		each(ctx, zone, owner, &noted);
	}
	mdb_txn_abort(txn);
	return ret == 0 || ret == MDB_NOTFOUND;
}

/*! Makes one change; a number of LMDB's. */
static int make_change(MDB_txn *txn, MDB_dbi dbi, const kaname_change_t *change,
                       const uint8_t *key_at, const kaname_noted_set_t sets[KANAME_FAMILIES],
                       int64_t now_s)
{
	static uint8_t octets[KANAME_NOTED_MAX];
	MDB_val key = { change->key_len + 1, (void *)key_at }, value;
	kaname_noted_t noted = { 0 };
	int ret = mdb_get(txn, dbi, &key, &value);
	if (ret != 0 && ret != MDB_NOTFOUND) {
		return ret;
	}
	if (ret == MDB_NOTFOUND || !kaname_noted_read(&value, &noted)) {
		noted = (kaname_noted_t){ 0 };
	}
	if (!kaname_change_apply(&noted, change, sets, now_s)) {
		return ret == MDB_NOTFOUND ? 0 : mdb_del(txn, dbi, &key, NULL);
	}
	value = (MDB_val){ kaname_noted_write(&noted, octets), octets };
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
	kaname_change_t change;
	kaname_noted_set_t sets[KANAME_FAMILIES];
	const uint8_t *key;
	for (size_t at = 0; ret == 0 && kaname_notes_next(notes, &at, &change, &key, sets);) {
		ret = make_change(txn, journal->dbi, &change, key, sets, now_s);
	}
	if (ret != 0) {
		mdb_txn_abort(txn);
		return mdb_strerror(ret);
	}
	ret = mdb_txn_commit(txn);
	return ret == 0 ? NULL : mdb_strerror(ret);
}
