#include "service/state/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/state/reader.h"

/*! Nobody but its owner may read what is known, and what is forced. */
#define MODE (S_IRUSR | S_IWUSR)

/*! How often a file is taken that is replaced just then. */
#define TRIES 5

/*! Closes a file; errno stays. */
static void drop(int fd)
{
	int error = errno;
	(void)close(fd);
	errno = error;
}

/*! Removes a file; errno stays. */
static void clear(const char *path)
{
	int error = errno;
	(void)unlink(path);
	errno = error;
}

/*! A path with something behind it; NULL with errno. Ownership: the caller's. */
static char *join(const char *path, const char *suffix)
{
	size_t size = strlen(path) + strlen(suffix) + 1;
	char *joined = malloc(size);
	if (joined == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	(void)snprintf(joined, size, "%s%s", path, suffix);
	return joined;
}

static int open_retrying(const char *path, int flags)
{
	int fd;
	do {
		fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, MODE);
	} while (fd < 0 && errno == EINTR);
	return fd;
}

/*! Opens what is at the path, or makes it. For writing where that may be, since some file systems of
 *  other hosts lock nothing else. */
static int open_path(const char *path)
{
	int fd = open_retrying(path, O_RDWR | O_CREAT);
	if (fd < 0 && (errno == EACCES || errno == EPERM || errno == EROFS)) {
		int error = errno;
		fd = open_retrying(path, O_RDONLY);
		errno = error;
	}
	return fd;
}

/*! Does the path name this file? */
static bool is_named(const char *path, int fd)
{
	struct stat ours, there;
	return fstat(fd, &ours) == 0 && lstat(path, &there) == 0 && ours.st_dev == there.st_dev &&
	       ours.st_ino == there.st_ino;
}

static aname_state_file_error_t lock(int fd)
{
	int ret;
	do {
		ret = flock(fd, LOCK_EX | LOCK_NB);
	} while (ret != 0 && errno == EINTR);
	if (ret == 0) {
		return ANAME_STATE_FILE_OK;
	}
	return errno == EWOULDBLOCK ? ANAME_STATE_FILE_HELD : ANAME_STATE_FILE_ERROR;
}

/*! Opens and locks what is at the path now; `fd` is -1 on error. */
static aname_state_file_error_t take(const char *path, int *fd)
{
	*fd = open_path(path);
	if (*fd < 0) {
		/* A link, a directory, or a socket. */
		return errno == ELOOP || errno == EISDIR || errno == ENXIO ? ANAME_STATE_FILE_ODD
		                                                           : ANAME_STATE_FILE_ERROR;
	}
	struct stat st;
	aname_state_file_error_t error = ANAME_STATE_FILE_ERROR;
	if (fstat(*fd, &st) == 0) {
		error = S_ISREG(st.st_mode) ? lock(*fd) : ANAME_STATE_FILE_ODD;
	}
	if (error != ANAME_STATE_FILE_OK) {
		drop(*fd);
		*fd = -1;
	}
	return error;
}

/*! Takes what is at the path until that is what the path still names once it is locked. */
static aname_state_file_error_t take_named(const char *path, int *fd)
{
	for (unsigned i = 0; i < TRIES; i++) {
		aname_state_file_error_t error = take(path, fd);
		if (error != ANAME_STATE_FILE_OK || is_named(path, *fd)) {
			return error;
		}
		drop(*fd);
	}
	*fd = -1;
	return ANAME_STATE_FILE_HELD; /* By whoever replaces it all the time. */
}

aname_state_file_error_t aname_state_file_hold(aname_state_file_t *file, const char *path)
{
	*file = (aname_state_file_t){ .fd = -1, .path = join(path, "") };
	if (file->path == NULL) {
		return ANAME_STATE_FILE_ERROR;
	}
	aname_state_file_error_t error = take_named(path, &file->fd);
	if (error != ANAME_STATE_FILE_OK) {
		aname_state_file_release(file);
	}
	return error;
}

void aname_state_file_release(aname_state_file_t *file)
{
	int error = errno;
	if (file->fd >= 0) {
		(void)close(file->fd);
	}
	free(file->path);
	*file = (aname_state_file_t){ .fd = -1 };
	errno = error;
}

void aname_state_file_remove(const char *path)
{
	aname_state_file_t file;
	if (aname_state_file_hold(&file, path) == ANAME_STATE_FILE_OK) {
		(void)unlink(path);
		aname_state_file_release(&file);
	}
}

/* Reading. */

/*! Looks at the head of a file, of so many octets: is it ours, and how much of it is to be read?
 *  What is something else may be very large. */
static aname_state_file_error_t look(int fd, size_t *size)
{
	uint8_t head[ANAME_STATE_HEAD];
	ssize_t got;
	do {
		got = pread(fd, head, sizeof(head), 0);
	} while (got < 0 && errno == EINTR);
	if (got < 0) {
		return ANAME_STATE_FILE_ERROR;
	}
	if (aname_state_is_foreign(head, got)) {
		return ANAME_STATE_FILE_FOREIGN;
	}
	if (*size > sizeof(head) && aname_state_length(head, got) != *size) {
		*size = sizeof(head);
	}
	return ANAME_STATE_FILE_OK;
}

/*! Reads so many octets from the beginning. */
static aname_state_file_error_t read_octets(int fd, size_t size, uint8_t **data, size_t *len)
{
	uint8_t *octets = malloc(size > 0 ? size : 1);
	if (octets == NULL) {
		errno = ENOMEM;
		return ANAME_STATE_FILE_ERROR;
	}
	/* It may have become shorter: somebody else's hand. */
	for (ssize_t got = 1; *len < size && got != 0;) {
		got = pread(fd, octets + *len, size - *len, *len);
		if (got < 0 && errno != EINTR) {
			free(octets);
			*len = 0;
			return ANAME_STATE_FILE_ERROR;
		}
		*len += got > 0 ? got : 0;
	}
	*data = octets;
	return ANAME_STATE_FILE_OK;
}

aname_state_file_error_t aname_state_file_look(const aname_state_file_t *file, size_t *size)
{
	struct stat st;
	if (fstat(file->fd, &st) != 0) {
		return ANAME_STATE_FILE_ERROR;
	}
	if ((uint64_t)st.st_size > ANAME_STATE_SIZE_MAX) {
		return ANAME_STATE_FILE_LARGE;
	}
	*size = st.st_size;
	return look(file->fd, size);
}

aname_state_file_error_t aname_state_file_read(const aname_state_file_t *file, size_t most,
                                               uint8_t **data, size_t *len)
{
	*data = NULL;
	*len = 0;
	struct stat st;
	if (fstat(file->fd, &st) != 0) {
		return ANAME_STATE_FILE_ERROR;
	}
	if ((uint64_t)st.st_size > ANAME_STATE_SIZE_MAX) {
		return ANAME_STATE_FILE_LARGE;
	}
	size_t size = st.st_size;
	return read_octets(file->fd, size < most ? size : most, data, len);
}

/* Writing. */

/*! Writes all of it; what is larger than the process may write is not begun, as that ends it. */
static bool write_all(int fd, const uint8_t *data, size_t len)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
	    len > limit.rlim_cur) {
		errno = EFBIG;
		return false;
	}
	while (len > 0) {
		ssize_t put = write(fd, data, len);
		if (put < 0 && errno != EINTR) {
			return false;
		}
		if (put == 0) {
			errno = ENOSPC;
			return false;
		}
		data += put > 0 ? put : 0;
		len -= put > 0 ? put : 0;
	}
	return true;
}

static bool sync_file(int fd)
{
	int ret;
	do {
		ret = fsync(fd);
	} while (ret != 0 && errno == EINTR);
	return ret == 0;
}

/*! Has the names in the directory of this path reach its disk, where that can be asked for. */
static bool sync_directory(const char *path)
{
	char *directory = join(path, "");
	char *slash = directory != NULL ? strrchr(directory, '/') : NULL;
	if (slash == NULL) {
		free(directory);
		return false;
	}
	slash[slash == directory ? 1 : 0] = '\0';
	int fd;
	do {
		fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	free(directory);
	if (fd < 0) {
		return errno == EACCES; /* It may be written and not read. */
	}
	bool good = sync_file(fd) || errno == EINVAL || errno == EROFS;
	drop(fd);
	return good;
}

/*! Makes a file that is locked and on disk under the one name, and then gives it the other. */
static int write_aside(const char *aside, const char *path, const uint8_t *data, size_t len)
{
	if (unlink(aside) != 0 && errno != ENOENT) {
		return -1;
	}
	int fd = open_retrying(aside, O_RDWR | O_CREAT | O_EXCL);
	if (fd < 0) {
		return -1;
	}
	/* Whatever the umask is. */
	bool good = fchmod(fd, MODE) == 0 && lock(fd) == ANAME_STATE_FILE_OK &&
	            write_all(fd, data, len) && sync_file(fd) && rename(aside, path) == 0;
	if (!good) {
		clear(aside);
		drop(fd);
		return -1;
	}
	return fd;
}

/*! Holds what the path names now, in the place of what it no longer names. */
static aname_state_file_error_t hold_anew(aname_state_file_t *file)
{
	int fd;
	size_t size = 0;
	aname_state_file_error_t error = take_named(file->path, &fd);
	if (error != ANAME_STATE_FILE_OK) {
		return error;
	}
	error = look(fd, &size);
	if (error != ANAME_STATE_FILE_OK) {
		drop(fd); /* Somebody has put it there, and it stays. */
		return error;
	}
	(void)close(file->fd);
	file->fd = fd;
	return ANAME_STATE_FILE_OK;
}

aname_state_file_error_t aname_state_file_write(aname_state_file_t *file, const uint8_t *data,
                                                size_t len)
{
	if (!is_named(file->path, file->fd)) {
		aname_state_file_error_t error = hold_anew(file);
		if (error != ANAME_STATE_FILE_OK) {
			return error;
		}
	}
	char *aside = join(file->path, ANAME_STATE_FILE_NEW);
	int fd = aside != NULL ? write_aside(aside, file->path, data, len) : -1;
	free(aside);
	if (fd < 0) {
		return ANAME_STATE_FILE_ERROR;
	}
	(void)close(file->fd);
	file->fd = fd;
	return sync_directory(file->path) ? ANAME_STATE_FILE_OK : ANAME_STATE_FILE_ERROR;
}

/*! Copies a file that is held. */
static aname_state_file_error_t copy_to(const aname_state_file_t *file, const char *path)
{
	uint8_t *data;
	size_t len;
	aname_state_file_error_t error = aname_state_file_read(file, SIZE_MAX, &data, &len);
	if (error != ANAME_STATE_FILE_OK) {
		return error;
	}
	char *aside = join(file->path, ANAME_STATE_FILE_NEW);
	int fd = aside != NULL ? write_aside(aside, path, data, len) : -1;
	free(aside);
	free(data);
	if (fd < 0) {
		return ANAME_STATE_FILE_ERROR;
	}
	(void)close(fd);
	return ANAME_STATE_FILE_OK;
}

aname_state_file_error_t aname_state_file_put_aside(const aname_state_file_t *file)
{
	aname_state_file_error_t error = ANAME_STATE_FILE_ERROR;
	char *path = join(file->path, ANAME_STATE_FILE_UNREAD);
	if (path != NULL && (unlink(path) == 0 || errno == ENOENT)) {
		error = link(file->path, path) == 0 ? ANAME_STATE_FILE_OK : copy_to(file, path);
	}
	free(path);
	return error;
}
