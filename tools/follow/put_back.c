#include "follow/put_back.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "follow/cures.h"

/*! Copies all of it. */
static int copy(int from, int to, int64_t least)
{
	struct stat file;
	off_t at = 0;
	int ret = fstat(from, &file) == 0 ? 0 : errno;
	while (ret == 0 && at < file.st_size) {
		ssize_t copied = sendfile(to, from, &at, file.st_size - at);
		ret = copied < 0 ? errno : copied == 0 ? KANAME_JOURNAL_DAMAGED : 0;
	}
	return ret == 0 && at < least ? KANAME_JOURNAL_DAMAGED : ret;
}

int kaname_journal_put_back(const char *directory, int kept, int64_t least, struct stat *file)
{
	char path[PATH_MAX + 16], aside[PATH_MAX + 16];
	(void)snprintf(path, sizeof(path), "%s/data.mdb", directory);
	(void)snprintf(aside, sizeof(aside), "%s/data.new", directory);
	/* Whatever is there is nothing to wait for, nor to follow. */
	(void)unlink(aside);
	int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		return errno;
	}
	int ret = copy(kept, fd, least);
	if (ret == 0 && (fsync(fd) != 0 || rename(aside, path) != 0 || fstat(fd, file) != 0)) {
		ret = errno;
	}
	if (ret != 0) {
		(void)unlink(aside);
	}
	(void)close(fd);
	return ret;
}
