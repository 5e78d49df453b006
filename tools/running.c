#include "running.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "print.h"

/*! Longest version, terminating zero included. */
#define VERSION_MAX 64

/*! Finds the version that octets of a module have behind the mark; empty if there is none. */
static void find_version(const char *octets, size_t len, char version[VERSION_MAX])
{
	size_t mark = strlen(ANAME_VERSION_MARK);
	const char *at = memmem(octets, len, ANAME_VERSION_MARK, mark);
	version[0] = '\0';
	if (at != NULL) {
		at += mark;
		size_t left = len - (at - octets);
		(void)snprintf(version, VERSION_MAX, "%.*s",
		               (int)(left < VERSION_MAX ? left : VERSION_MAX), at);
	}
}

static void read_version(const char *path, char version[VERSION_MAX])
{
	struct stat file;
	version[0] = '\0';
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &file) == 0 && file.st_size > 0) {
		void *octets = mmap(NULL, file.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (octets != MAP_FAILED) {
			find_version(octets, file.st_size, version);
			(void)munmap(octets, file.st_size);
		}
	}
	if (fd >= 0) {
		(void)close(fd);
	}
}

/*! Is the server a process that is seen from here? If not, neither is its file, perhaps. */
static bool is_here(const kaname_live_t *live)
{
	char path[64], name[16] = "";
	(void)snprintf(path, sizeof(path), "/proc/%.20s/comm",
	               kaname_field_or(&live->server, ANAME_KEY_PID, "0"));
	FILE *file = fopen(path, "re");
	if (file != NULL) {
		if (fscanf(file, "%15s", name) != 1) {
			name[0] = '\0';
		}
		(void)fclose(file);
	}
	return strcmp(name, "knotd") == 0;
}

kaname_running_t kaname_running_compare(const kaname_live_t *live, char *text, size_t size,
                                        const char **next)
{
	const char *path = kaname_live_field(&live->server, ANAME_KEY_MODULE);
	const char *running = kaname_field_or(&live->server, ANAME_KEY_VERSION, "?");
	struct stat file;
	char id[ANAME_FILE_ID_SIZE], version[VERSION_MAX];
	*next = "restart knotd, and the new one runs";
	if (path == NULL || !is_here(live)) {
		return KANAME_RUNNING_SAME;
	}
	if (stat(path, &file) != 0) {
		(void)snprintf(text, size,
		               "mod-aname %s is running, and its file %s is not there any more: "
		               "knotd will not start again",
		               running, path);
		*next = "install the module again, or take it out of knot.conf";
		return errno == ENOENT ? KANAME_RUNNING_GONE : KANAME_RUNNING_SAME;
	}
	aname_file_id(id, &file);
	if (strcmp(id, kaname_field_or(&live->server, ANAME_KEY_FILE_ID, "")) == 0) {
		return KANAME_RUNNING_SAME;
	}
	read_version(path, version);
	if (version[0] != '\0' && strcmp(version, running) != 0) {
		(void)snprintf(text, size,
		               "mod-aname %s is running, and its file %s is of %s by now", running,
		               path, version);
	} else {
		(void)snprintf(text, size,
		               "mod-aname %s is running, and its file %s was replaced since, by "
		               "another build of the same version",
		               running, path);
	}
	return KANAME_RUNNING_OLD;
}
