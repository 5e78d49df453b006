/*
 * Preloaded into a server, so that a directory hangs as on a file server that does not answer: who
 * looks at a file in it waits as long as another file exists.
 *
 *     ANAME_HANG_IN, ANAME_HANG_WHILE
 */

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int stat64(const char *restrict path, struct stat64 *restrict st)
{
	int (*real)(const char *, struct stat64 *);
	*(void **)&real = dlsym(RTLD_NEXT, "stat64");
	const char *in = getenv("ANAME_HANG_IN"), *flag = getenv("ANAME_HANG_WHILE");
	if (in != NULL && flag != NULL && strncmp(path, in, strlen(in)) == 0) {
		while (access(flag, F_OK) == 0) {
			usleep(10000);
		}
	}
	return real(path, st);
}
