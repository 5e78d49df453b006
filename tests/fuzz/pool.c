#include "pool.h"

#include "fuzz.h"

typedef struct block {
	struct block *next;
	uint8_t at[] __attribute__((aligned(16)));
} block_t;

static block_t *blocks;

static void *allocate(void *ctx, size_t size)
{
	block_t *block = malloc(sizeof(*block) + size);
	require(block != NULL);
	block->next = blocks;
	blocks = block;
	return block->at;
}

static void keep(void *block)
{
}

knot_mm_t pool_mm = { .alloc = allocate, .free = keep };

void pool_free(void)
{
	while (blocks != NULL) {
		block_t *next = blocks->next;
		free(blocks);
		blocks = next;
	}
}
