#include "chance.h"

#include <sys/types.h>

#include "support/random.h"

ssize_t __wrap_getrandom(void *to, size_t size, unsigned flags);

static random_t numbers;

void chance_begin(uint64_t seed)
{
	numbers.state = seed;
}

ssize_t __wrap_getrandom(void *to, size_t size, unsigned flags)
{
	random_fill(&numbers, to, size);
	return (ssize_t)size;
}
