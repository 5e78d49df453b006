#include "support/alloc.h"

#include <stdatomic.h>

#include "support/test.h"

static _Atomic unsigned countdown;
static _Atomic bool failed;
static _Atomic long live;
static _Atomic(const void *) watched;
static _Atomic unsigned watched_freed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *block);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *block);

static bool fails_now(void)
{
	unsigned left = atomic_load(&countdown);
	while (left > 0 && !atomic_compare_exchange_weak(&countdown, &left, left - 1)) {
	}
	if (left == 1) {
		atomic_store(&failed, true);
	}
	return left == 1;
}

static void *note(void *block)
{
	if (block != NULL) {
		atomic_fetch_add(&live, 1);
	}
	return block;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : note(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : note(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
	if (fails_now()) {
		return NULL;
	}
	void *moved = __real_realloc(block, size);
	return block == NULL ? note(moved) : moved;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return fails_now() ? NULL : note(__real_aligned_alloc(alignment, size));
}

void __wrap_free(void *block)
{
	if (block != NULL) {
		atomic_fetch_sub(&live, 1);
		if (block == atomic_load(&watched)) {
			atomic_fetch_add(&watched_freed, 1);
		}
	}
	__real_free(block);
}

void alloc_fail_at(unsigned n)
{
	atomic_store(&failed, false);
	atomic_store(&countdown, n);
}

bool alloc_failed(void)
{
	atomic_store(&countdown, 0);
	return atomic_load(&failed);
}

long alloc_live(void)
{
	return atomic_load(&live);
}

void alloc_watch(const void *block)
{
	atomic_store(&watched, block);
	atomic_store(&watched_freed, 0);
}

unsigned alloc_watched(void)
{
	return atomic_load(&watched_freed);
}

unsigned alloc_fail_each(bool (*attempt)(void *ctx), void *ctx)
{
	for (unsigned n = 1;; n++) {
		long before = alloc_live();
		alloc_fail_at(n);
		bool succeeded = attempt(ctx);
		bool hit = alloc_failed();
		assert_int_equal(alloc_live(), before);
		assert_int_not_equal(succeeded, hit);
		if (!hit) {
			return n - 1;
		}
	}
}
