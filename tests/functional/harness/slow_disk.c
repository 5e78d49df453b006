/*
 * Preloaded into a program, so that its disk is slow: what is to be on disk waits for that as long as a
 * file exists; another one beside it tells that somebody waits.
 *
 *     ANAME_SLOW_WHILE
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int fdatasync(int fd)
{
	const char *flag = getenv("ANAME_SLOW_WHILE");
	char waits[4096];
	while (flag != NULL && access(flag, F_OK) == 0) {
		(void)snprintf(waits, sizeof(waits), "%s.waits", flag);
		(void)close(open(waits, O_CREAT | O_WRONLY, 0600));
		usleep(10000);
	}
	return fsync(fd);
}
