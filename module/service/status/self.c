#include "service/status/self.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*! Found in the file by whoever wants to know. */
static const char mark[] __attribute__((used)) = ANAME_VERSION_MARK ANAME_VERSION;

const char *aname_self_version(void)
{
	return mark + strlen(ANAME_VERSION_MARK);
}

void aname_self_find(aname_self_t *self)
{
	Dl_info info;
	struct stat file;
	*self = (aname_self_t){ .path = "" };
	if (dladdr(mark, &info) == 0 || info.dli_fname == NULL ||
	    realpath(info.dli_fname, self->path) == NULL || stat(self->path, &file) != 0) {
		self->path[0] = '\0';
		return;
	}
	aname_file_id(self->file_id, &file);
}
