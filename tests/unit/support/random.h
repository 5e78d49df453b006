/*!
 * \brief Numbers that look random and are the same in every run (splitmix64).
 */

#pragma once

#include <stdint.h>

typedef struct {
	uint64_t state;
} random_t;

static inline uint64_t random_next(random_t *random)
{
	uint64_t z = (random->state += 0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/*! A number below `limit`, which is not zero. */
static inline uint32_t random_below(random_t *random, uint32_t limit)
{
	return (random_next(random) >> 32) % limit;
}

static inline void random_fill(random_t *random, uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		at[i] = random_next(random) >> 56;
	}
}
