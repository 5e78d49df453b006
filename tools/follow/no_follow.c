/*!
 * \brief kaname without the command follow.
 */

#include <stdio.h>

#include "tool.h"

kaname_exit_t kaname_follow(const kaname_args_t *args)
{
	kaname_error("this kaname was built without 'follow'");
	(void)fprintf(stderr, "next: install LMDB's headers (liblmdb-dev), and build with "
	                      "-Dfollow=enabled\n");
	return KANAME_NO;
}
