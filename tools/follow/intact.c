#include "follow/intact.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "follow/cures.h"

_Static_assert(KANAME_JOURNAL_MOST >= (size_t)1 << 30, "there is room, whatever a size is");

/* In the child. */

/*! Reads each octet of a table. */
static int read_table(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_cursor *cursor;
	MDB_stat stat;
	MDB_val key, value;
	size_t count = 0;
	int ret = mdb_stat(txn, dbi, &stat);
	if (ret == 0) {
		ret = mdb_cursor_open(txn, dbi, &cursor);
	}
	/* What leads back to itself has no end. */
	while (ret == 0 && count <= stat.ms_entries) {
		ret = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
		const volatile uint8_t *octets = value.mv_data;
		for (size_t i = 0; ret == 0 && i < value.mv_size; i++) {
			(void)octets[i];
		}
		count += ret == 0;
	}
	if (ret == 0 || ret == MDB_NOTFOUND) {
		ret = count == stat.ms_entries ? 0 : KANAME_JOURNAL_DAMAGED;
	}
	return ret;
}

/*! Reads what is noted, and which pages are free. */
static int read_all(const char *directory)
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	int ret = mdb_env_create(&env);
	ret = ret == 0 ? mdb_env_set_mapsize(env, KANAME_JOURNAL_MOST) : ret;
	ret = ret == 0 ? mdb_env_open(env, directory, MDB_NOTLS | MDB_RDONLY, 0600) : ret;
	ret = ret == 0 ? mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) : ret;
	ret = ret == 0 ? mdb_dbi_open(txn, NULL, 0, &dbi) : ret;
	ret = ret == 0 ? read_table(txn, dbi) : ret;
	return ret == 0 ? read_table(txn, 0) : ret;
}

/*! Dies without a word if it has to. */
static _Noreturn void be_child(const char *directory, int to)
{
	static const int deadly[] = { SIGBUS, SIGSEGV, SIGABRT, SIGFPE, SIGILL };
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		(void)signal(deadly[i], SIG_DFL);
	}
	(void)prctl(PR_SET_DUMPABLE, 0);
	int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (quiet >= 0) {
		(void)dup2(quiet, STDERR_FILENO);
	}
	int ret = read_all(directory);
	_exit(write(to, &ret, sizeof(ret)) == (ssize_t)sizeof(ret) ? 0 : 1);
}

/* And here. */

/*! What the child has found, by what it wrote or died of. */
static int take_end(pid_t child, int from)
{
	int ret = 0, status = 0;
	ssize_t got;
	do {
		got = read(from, &ret, sizeof(ret));
	} while (got < 0 && errno == EINTR);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
	}
	if (got == (ssize_t)sizeof(ret)) {
		return ret;
	}
	/* Somebody else has killed it: nothing is known. */
	bool own = WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL &&
	           WTERMSIG(status) != SIGTERM && WTERMSIG(status) != SIGINT &&
	           WTERMSIG(status) != SIGHUP;
	return own ? KANAME_JOURNAL_DAMAGED : EINTR;
}

int kaname_journal_intact(const char *directory)
{
	char path[PATH_MAX];
	struct stat file;
	int ends[2];
	if (snprintf(path, sizeof(path), "%s/data.mdb", directory) >= (int)sizeof(path)) {
		return ENAMETOOLONG;
	}
	if (stat(path, &file) != 0) {
		return errno;
	}
	/* One that was only just made has nothing in it. */
	if (file.st_size == 0) {
		return 0;
	}
	if (pipe2(ends, O_CLOEXEC) != 0) {
		return errno;
	}
	pid_t child = fork();
	if (child == 0) {
		be_child(directory, ends[1]);
	}
	(void)close(ends[1]);
	/* Where there may be no child it is not known, and used as it is. */
	int ret = child > 0 ? take_end(child, ends[0]) : 0;
	(void)close(ends[0]);
	return ret;
}
