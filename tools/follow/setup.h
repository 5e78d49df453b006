#pragma once
#include "tool.h"
kaname_exit_t kaname_follow_setup(const kaname_args_t *args);
