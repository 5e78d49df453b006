/*!
 * \brief kaname without the command follow, and without its journal.
 */

#include <stdio.h>

#include "follow/left.h"

kaname_exit_t kaname_follow(const kaname_args_t *args)
{
	kaname_error("this kaname was built without 'follow'");
	(void)fprintf(stderr, "next: install LMDB's headers (liblmdb-dev), and build with "
	                      "-Dfollow=enabled\n");
	return KANAME_NO;
}

kaname_left_t *kaname_left_open(const kaname_args_t *args, const knot_dname_t *zone)
{
	return NULL;
}

void kaname_left_close(kaname_left_t *left)
{
}

int64_t kaname_left_since(void *ctx, const char *owner, const char *address)
{
	return -1;
}
