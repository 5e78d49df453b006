#include "follow/setup.h"
kaname_exit_t kaname_follow_setup(const kaname_args_t *args)
{
	return KANAME_NO;
}
