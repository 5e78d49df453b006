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

#include "ask.h"
#include "follow/cures.h"
#include "follow/intact.h"
#include "follow/noted.h"
#include "follow/notes.h"
#include "follow/put_back.h"

/*! Of what is laid out below; another one is not read. */
#define FORMAT      2
/*! Where the primary's name is kept: no owner has this key. */
#define KEY_OF_ALL  "\xff"
/*! What could not be put back is tried again so much later. */
#define PUT_BACK_MS 1000

#define NEXT_FORMAT                                                                          \
	"install the version that wrote it; or move data.mdb away: what was written so far " \
	"is then taken for somebody else's, and --adopt goes on with it"
#define NEXT_WHOSE                                                                          \
	"if that is the same primary, and has moved: --primary-moved, once, keeps what is " \
	"known of it; another one needs a journal of its own: --journal"

struct kaname_journal {
	MDB_env *env;
	MDB_dbi dbi;
	char directory[PATH_MAX];
	bool is_read_only;
	int lock;  /*!< Held while it may be changed; -1: it is read only. */
	int error; /*!< Why it could not be read. */
	bool rests;
	struct stat file; /*!< Of its data, when it was put to rest; */
	int kept;         /*!< and that, so that it can be put back; -1: it is awake. */
	int not_put_back; /*!< Why it could not be last, at this time; 0: it could. */
	int64_t tried_ms;
	bool was_put_back; /*!< Since somebody asked. */
	int64_t size;      /*!< Of its data, which only grows. Both by atomic operations. */
};

/* Opening. */

static int open_lock(const char *directory)
{
	char path[PATH_MAX + 16];
	(void)snprintf(path, sizeof(path), "%s/lock", directory);
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

/*! Locks the directory; `lock` gets what holds it. 0, or an error. */
static int lock(const char *directory, int *lock)
{
	int fd = open_lock(directory);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
		*lock = fd;
		return 0;
	}
	int error = errno == EWOULDBLOCK ? KANAME_JOURNAL_TAKEN : errno;
	if (fd >= 0) {
		(void)close(fd);
	}
	return error;
}

/*! Finds out whether the file was cut short since it was looked at last: whoever reads it then is killed. */
static int check_size(kaname_journal_t *journal)
{
	struct stat file;
	mdb_filehandle_t fd;
	int ret = mdb_env_get_fd(journal->env, &fd);
	if (ret != 0 || fstat(fd, &file) != 0) {
		return ret != 0 ? ret : errno;
	}
	if (file.st_size < __atomic_load_n(&journal->size, __ATOMIC_RELAXED)) {
		return KANAME_JOURNAL_DAMAGED;
	}
	__atomic_store_n(&journal->size, file.st_size, __ATOMIC_RELAXED);
	return 0;
}

/*! Opens the files; an error, and then they are closed. */
static int open_env(kaname_journal_t *journal)
{
	bool read_only = journal->is_read_only;
	int ret = mdb_env_create(&journal->env);
	if (ret == 0) {
		ret = mdb_env_set_mapsize(journal->env, KANAME_JOURNAL_MOST);
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
	ret = ret == 0 ? check_size(journal) : ret;
	if (ret != 0 && journal->env != NULL) {
		mdb_env_close(journal->env);
		journal->env = NULL;
	}
	return ret;
}

/*! Opens the files for the first time. */
static int open_first(kaname_journal_t *journal)
{
	int ret = journal->is_read_only ? 0 : lock(journal->directory, &journal->lock);
	if (ret == 0) {
		ret = kaname_journal_intact(journal->directory);
		ret = ret == ENOENT && !journal->is_read_only ? 0 : ret;
	}
	return ret == 0 ? open_env(journal) : ret;
}

/*! Looks whose it is by what is noted; `why` is set if it cannot be used. */
static void look_whose(const kaname_whose_t *whose, const MDB_val *found, kaname_trouble_t *trouble)
{
	char value[8 + KANAME_WHOSE_MAX], its[KANAME_WHOSE_MAX];
	(void)snprintf(value, sizeof(value), "%.*s", (int)found->mv_size,
	               (const char *)found->mv_data);
	char *noted;
	long format = strtol(value, &noted, 10);
	noted += noted[0] == ' ' ? 1 : 0;
	if (format != FORMAT) {
		(void)snprintf(trouble->why, sizeof(trouble->why),
		               "it is of another version of kaname, and of %s",
		               kaname_whose_tell(noted, its));
		trouble->next = NEXT_FORMAT;
	} else if (!whose->has_moved && !kaname_whose_is(whose, noted)) {
		(void)snprintf(trouble->why, sizeof(trouble->why), "it is of %s",
		               kaname_whose_tell(noted, its));
		trouble->next = NEXT_WHOSE;
	}
}

/*! Looks whose it is, and makes it this primary's if it is nobody's, or has it by another name. KNOT_EOK,
 *  or a number of LMDB's; `why` is set if it cannot be used. */
static int settle_whose(kaname_journal_t *journal, const kaname_whose_t *whose,
                        kaname_trouble_t *trouble)
{
	char text[KANAME_WHOSE_MAX], value[8 + KANAME_WHOSE_MAX];
	kaname_whose_write(whose, text);
	(void)snprintf(value, sizeof(value), "%d %s", FORMAT, text);
	MDB_val key = { 1, (void *)KEY_OF_ALL }, found, own = { strlen(value), value };
	MDB_txn *txn;
	bool read_only = journal->is_read_only;
	int ret = mdb_txn_begin(journal->env, NULL, read_only ? MDB_RDONLY : 0, &txn);
	if (ret != 0) {
		return ret;
	}
	ret = mdb_get(txn, journal->dbi, &key, &found);
	bool same = ret == 0 && found.mv_size == own.mv_size &&
	            memcmp(found.mv_data, own.mv_data, own.mv_size) == 0;
	if (ret == 0 && !same) {
		look_whose(whose, &found, trouble);
	}
	ret = ret == MDB_NOTFOUND ? 0 : ret;
	bool write = ret == 0 && !same && !read_only && trouble->why[0] == '\0';
	if (write) {
		ret = mdb_put(txn, journal->dbi, &key, &own, 0);
	}
	if (!write || ret != 0) {
		mdb_txn_abort(txn);
		return ret;
	}
	return mdb_txn_commit(txn);
}

kaname_journal_t *kaname_journal_open(const char *directory, const kaname_whose_t *whose,
                                      bool read_only, kaname_trouble_t *trouble)
{
	kaname_journal_t *journal = calloc(1, sizeof(*journal));
	*trouble = (kaname_trouble_t){ .next = "" };
	int ret = ENOMEM;
	if (journal != NULL) {
		journal->is_read_only = read_only;
		journal->lock = journal->kept = -1;
		(void)snprintf(journal->directory, sizeof(journal->directory), "%s", directory);
		ret = open_first(journal);
	}
	if (ret == 0 && whose != NULL) {
		ret = settle_whose(journal, whose, trouble);
	}
	if (ret == 0 && trouble->why[0] == '\0') {
		return journal;
	}
	if (ret != 0) {
		trouble->is_none = read_only && ret == ENOENT;
		trouble->is_lasting = kaname_journal_lasts(ret);
		(void)snprintf(trouble->why, sizeof(trouble->why), "%s", kaname_journal_why(ret));
		trouble->next = kaname_journal_next(ret);
	} else {
		trouble->is_lasting = true;
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
		if (journal->kept >= 0) {
			(void)close(journal->kept);
		}
		free(journal);
	}
}

static int stat_file(const kaname_journal_t *journal, const char *name, struct stat *file)
{
	char path[PATH_MAX + 16];
	(void)snprintf(path, sizeof(path), "%s/%s", journal->directory, name);
	return stat(path, file) == 0 ? 0 : errno;
}

static bool is_same_file(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

void kaname_journal_rest(kaname_journal_t *journal)
{
	mdb_filehandle_t fd;
	if (journal->env == NULL || mdb_env_get_fd(journal->env, &fd) != 0 ||
	    fstat(fd, &journal->file) != 0) {
		return;
	}
	journal->kept = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (journal->kept < 0) {
		return; /* There are too many files: it stays awake. */
	}
	if (journal->file.st_size > journal->size) {
		journal->size = journal->file.st_size;
	}
	journal->rests = true;
	mdb_env_close(journal->env);
	journal->env = NULL;
}

/*! Holds the lock that is there now: the directory may be another one. */
static int lock_again(kaname_journal_t *journal)
{
	struct stat held, there;
	int fd = -1;
	if (fstat(journal->lock, &held) == 0 && stat_file(journal, "lock", &there) == 0 &&
	    is_same_file(&held, &there)) {
		return 0;
	}
	int ret = lock(journal->directory, &fd);
	if (ret == 0) {
		(void)close(journal->lock);
		journal->lock = fd;
	}
	return ret;
}

/*! Its data was removed. It is still there for who has it open: what it tells is not lost. */
static int put_back(kaname_journal_t *journal)
{
	int64_t now_ms = kaname_now_ms();
	if (journal->not_put_back != 0 && now_ms < journal->tried_ms + PUT_BACK_MS) {
		return journal->not_put_back;
	}
	int ret = kaname_journal_put_back(journal->directory, journal->kept, journal->size,
	                                  &journal->file);
	journal->not_put_back = ret;
	journal->tried_ms = now_ms;
	if (ret == 0) {
		__atomic_store_n(&journal->was_put_back, true, __ATOMIC_RELAXED);
	}
	return ret;
}

bool kaname_journal_was_put_back(kaname_journal_t *journal)
{
	return __atomic_exchange_n(&journal->was_put_back, false, __ATOMIC_RELAXED);
}

/*! Is there still what was put to rest? */
static int look_again(kaname_journal_t *journal)
{
	struct stat file;
	int ret = journal->is_read_only ? 0 : lock_again(journal);
	if (ret != 0 || !journal->rests) {
		return ret;
	}
	ret = stat_file(journal, "data.mdb", &file);
	if (ret == ENOENT && journal->kept >= 0 && !journal->is_read_only) {
		return put_back(journal);
	}
	if (ret != 0) {
		return ret;
	}
	if (!is_same_file(&file, &journal->file)) {
		return KANAME_JOURNAL_OTHER;
	}
	return file.st_size < journal->size ? KANAME_JOURNAL_DAMAGED : 0;
}

/*! Opens it again if it rests, and sees whether it can be used. */
static int wake(kaname_journal_t *journal)
{
	if (journal->env != NULL) {
		return check_size(journal);
	}
	int ret = look_again(journal);
	ret = ret == 0 ? open_env(journal) : ret;
	if (ret == 0 && journal->kept >= 0) {
		(void)close(journal->kept);
		journal->kept = -1;
	}
	return ret;
}

void kaname_journal_keep(kaname_journal_t *journal)
{
	struct stat file;
	if (stat_file(journal, "data.mdb", &file) == ENOENT) {
		kaname_journal_rest(journal);
	}
}

int kaname_journal_wake(kaname_journal_t *journal)
{
	return wake(journal);
}

/* Reading. */

int kaname_journal_error(const kaname_journal_t *journal)
{
	return journal->error;
}

/*! Begins to read; false if that fails. */
static bool begin_reading(kaname_journal_t *journal, MDB_txn **txn)
{
	journal->error = wake(journal);
	if (journal->error == 0) {
		journal->error = mdb_txn_begin(journal->env, NULL, MDB_RDONLY, txn);
	}
	return journal->error == 0;
}

bool kaname_journal_each(kaname_journal_t *journal, kaname_journal_each_f each, void *ctx)
{
	MDB_txn *txn;
	MDB_cursor *cursor;
	if (!begin_reading(journal, &txn)) {
		return false;
	}
	int ret = mdb_cursor_open(txn, journal->dbi, &cursor);
	MDB_val key, value;
	bool opened = ret == 0;
	while (ret == 0 && (ret = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		const knot_dname_t *zone, *owner;
		kaname_noted_t noted;
		if (kaname_noted_pair(&key, &value, &zone, &owner, &noted)) {
			each(ctx, zone, owner, &noted);
		}
	}
	if (opened) {
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);
	journal->error = ret == MDB_NOTFOUND ? 0 : ret;
	return journal->error == 0;
}

bool kaname_journal_get(kaname_journal_t *journal, const knot_dname_t *zone,
                        const knot_dname_t *owner, kaname_journal_each_f each, void *ctx)
{
	uint8_t octets[KANAME_NOTED_KEY_MAX];
	MDB_val key = { kaname_noted_key(octets, zone, owner), octets }, value;
	MDB_txn *txn;
	kaname_noted_t noted;
	if (!begin_reading(journal, &txn)) {
		return false;
	}
	int ret = mdb_get(txn, journal->dbi, &key, &value);
	if (ret == 0 && kaname_noted_read(&value, &noted)) {
		each(ctx, zone, owner, &noted);
	}
	mdb_txn_abort(txn);
	journal->error = ret == MDB_NOTFOUND ? 0 : ret;
	return journal->error == 0;
}

/*! Makes one change; a number of LMDB's. */
static int make_change(MDB_txn *txn, MDB_dbi dbi, const kaname_change_t *change,
                       const uint8_t *key_at, const kaname_noted_set_t sets[KANAME_FAMILIES],
                       const kaname_moment_t *now)
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
	if (!kaname_change_apply(&noted, change, sets, now)) {
		return ret == MDB_NOTFOUND ? 0 : mdb_del(txn, dbi, &key, NULL);
	}
	value = (MDB_val){ kaname_noted_write(&noted, octets), octets };
	return mdb_put(txn, dbi, &key, &value, 0);
}

int kaname_journal_commit(kaname_journal_t *journal, const kaname_notes_t *notes,
                          const kaname_moment_t *now)
{
	MDB_txn *txn;
	if (notes->failed) {
		return ENOMEM;
	}
	int ret = wake(journal);
	if (ret == 0) {
		ret = mdb_txn_begin(journal->env, NULL, 0, &txn);
	}
	if (ret != 0) {
		return ret;
	}
	kaname_change_t change;
	kaname_noted_set_t sets[KANAME_FAMILIES];
	const uint8_t *key;
	for (size_t at = 0; ret == 0 && kaname_notes_next(notes, &at, &change, &key, sets);) {
		ret = make_change(txn, journal->dbi, &change, key, sets, now);
	}
	if (ret != 0) {
		mdb_txn_abort(txn);
		return ret;
	}
	ret = mdb_txn_commit(txn);
	return ret == 0 ? check_size(journal) : ret; /* It may have grown. */
}
