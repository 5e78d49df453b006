#include <stdbool.h>

#include "support/memory.h"
#include "support/test.h"

static unsigned countdown;
static bool failed;
static long live;

static bool is_time_to_fail(void)
{
	bool now = countdown > 0 && --countdown == 0;
	failed = failed || now;
	return now;
}

static void *counted_alloc(void *ctx, size_t size)
{
	if (is_time_to_fail()) {
		return NULL;
	}
	void *block = malloc(size);
	live += block != NULL;
	return block;
}

static void counted_free(void *block)
{
	live -= block != NULL;
	free(block);
}

knot_mm_t memory_counted(void)
{
	memory_fail_at(0);
	return (knot_mm_t){ .alloc = counted_alloc, .free = counted_free };
}

void memory_fail_at(unsigned n)
{
	countdown = n;
	failed = false;
}

bool memory_failed(void)
{
	countdown = 0;
	return failed;
}

long memory_live(void)
{
	return live;
}

/*! A block of the pool. */
typedef struct piece {
	struct piece *next;
	uint8_t at[] __attribute__((aligned(16)));
} piece_t;

static piece_t *pieces;

static void *pool_alloc(void *ctx, size_t size)
{
	if (is_time_to_fail()) {
		return NULL;
	}
	piece_t *piece = malloc(sizeof(*piece) + size);
	assert_non_null(piece);
	piece->next = pieces;
	pieces = piece;
	return piece->at;
}

static void pool_free(void *block)
{
}

knot_mm_t memory_pool(void)
{
	memory_fail_at(0);
	return (knot_mm_t){ .alloc = pool_alloc, .free = pool_free };
}

void memory_pool_empty(void)
{
	while (pieces != NULL) {
		piece_t *next = pieces->next;
		free(pieces);
		pieces = next;
	}
}
