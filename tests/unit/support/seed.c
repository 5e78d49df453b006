/*!
 * \brief The module's random numbers, repeatable: the linker sends getrandom() here (--wrap).
 *        Each run has a seed of its own, printed on stderr; ANAME_SEED=n in the environment gives one.
 */

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "support/random.h"

ssize_t __real_getrandom(void *to, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *to, size_t size, unsigned flags);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static random_t numbers;

/* Before main(), so that what a program forks has the same seed. */
__attribute__((constructor)) static void choose_seed(void)
{
	const char *given = getenv("ANAME_SEED");
	if (given != NULL) {
		numbers.state = strtoull(given, NULL, 10);
	} else {
		uint32_t drawn = 0;
		(void)__real_getrandom(&drawn, sizeof(drawn), 0);
		numbers.state = drawn;
	}
	(void)fprintf(stderr, "ANAME_SEED=%" PRIu64 "\n", numbers.state);
}

ssize_t __wrap_getrandom(void *to, size_t size, unsigned flags)
{
	pthread_mutex_lock(&mutex);
	random_fill(&numbers, to, size);
	pthread_mutex_unlock(&mutex);
	return size;
}
