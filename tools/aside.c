#include "aside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*! Writes all of it, and lets all read it; 0, or an error of errno. */
static int fill(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t written = write(fd, text, len);
		if (written < 0 && errno != EINTR) {
			return errno;
		}
		if (written > 0) {
			text += written;
			len -= written;
		}
	}
	return fchmod(fd, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH) == 0 ? 0 : errno;
}

/*! Writes it to a new file, the name of which this is the pattern, and gives it its name. */
static int replace(const char *path, char *pattern, const char *text, size_t len)
{
	int fd = mkstemp(pattern);
	if (fd < 0) {
		return errno;
	}
	int error = fill(fd, text, len);
	if (close(fd) != 0 && error == 0) {
		error = errno;
	}
	if (error == 0 && rename(pattern, path) != 0) {
		error = errno;
	}
	if (error != 0) {
		(void)unlink(pattern);
	}
	return error;
}

kaname_exit_t kaname_aside_write(const char *path, const char *text, size_t len)
{
	struct stat there;
	if (path[0] == '\0' || (lstat(path, &there) == 0 && !S_ISREG(there.st_mode))) {
		kaname_error("'%s' is no file that could be replaced", path);
		(void)fputs("next: name a file; without --output it is printed\n", stderr);
		return KANAME_NO;
	}
	size_t size = strlen(path) + sizeof(".XXXXXX");
	char *pattern = malloc(size);
	int error = ENOMEM;
	if (pattern != NULL) {
		(void)snprintf(pattern, size, "%s.XXXXXX", path);
		error = replace(path, pattern, text, len);
		free(pattern);
	}
	if (error != 0) {
		(void)unlink(path);
		kaname_error("cannot write '%s': %s", path, strerror(error));
		(void)fputs("next: is its directory there, has it room, and may you write in it?\n",
		            stderr);
		return KANAME_IO;
	}
	return KANAME_OK;
}
