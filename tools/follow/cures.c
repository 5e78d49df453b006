#include "follow/cures.h"

#include <errno.h>
#include <string.h>

#include <lmdb.h>

static const char next_damaged[] =
        "put data.mdb back from a backup; without one move it away: what was written so "
        "far is then taken for somebody else's, and --adopt goes on with it";

#define NEXT_DISK                                                                   \
	"what does the system say of that disk (dmesg)? Keep the files: they tell " \
	"what was written"

const char *kaname_journal_why(int error)
{
	switch (error) {
	case KANAME_JOURNAL_DAMAGED: return "its file data.mdb is damaged, or was cut short";
	case KANAME_JOURNAL_OTHER: return "another file was put in the place of its data.mdb";
	case KANAME_JOURNAL_TAKEN: return "another 'kaname follow' has it";
	default: return mdb_strerror(error);
	}
}

/*! Of errors of LMDB. */
static const char *next_of_lmdb(int error)
{
	switch (error) {
	case MDB_MAP_FULL:
		return "it is as large as it can be: follow some of the zones with a process and "
		       "a journal of their own";
	case MDB_READERS_FULL:
	case MDB_BAD_RSLOT: return "too many processes read it: end some of them";
	case MDB_VERSION_MISMATCH:
		return "another version of LMDB wrote it: install that again, or read it with its "
		       "mdb_dump, and load it with the mdb_load of this one";
	case MDB_INVALID:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_CURSOR_FULL:
	case MDB_BAD_TXN:
	case MDB_INCOMPATIBLE:
	case KANAME_JOURNAL_DAMAGED: return next_damaged;
	default: return NEXT_DISK;
	}
}

bool kaname_journal_lasts(int error)
{
	return next_of_lmdb(error) == next_damaged || error == MDB_VERSION_MISMATCH;
}

const char *kaname_journal_next(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return "the user that this runs as has to be able to read and write its files: run "
		       "it as root, or as the user of the service";
	case ENOENT:
		return "make the directory, for the user that this runs as; or name another "
		       "one with --journal";
	case ENOTDIR:
	case ELOOP:
	case ENAMETOOLONG: return "--journal names a directory: is the path right?";
	case EROFS:
		return "mount that file system for writing; or name another directory with "
		       "--journal, and put its files there first";
	case ENOSPC:
	case EDQUOT: return "free some space on that disk";
	case ENOMEM:
		return "it takes some GiB of addresses, hardly any of it memory: allow that "
		       "(ulimit -v; LimitAS= of systemd)";
	case EMFILE:
	case ENFILE:
		return "allow more open files, 100 at least (ulimit -n; LimitNOFILE= of systemd)";
	case EAGAIN: return "the system has no more locks or processes to give: try again";
	case KANAME_JOURNAL_TAKEN:
		return "one is enough; another primary needs a journal of its own: --journal";
	case KANAME_JOURNAL_OTHER: return "start it anew: it reads what is there now";
	default: return next_of_lmdb(error);
	}
}
