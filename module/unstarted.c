#include "unstarted.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/*! After so long it is tried again. */
#define AGAIN_MS 1000
/*! Instances that there is room for at first. */
#define SIZE_MIN 64

static struct {
	pthread_mutex_t lock; /*!< Guards what follows. */
	const void **at;
	size_t count, size;
	_Atomic int64_t next_ms; /*!< When one is tried again; INT64_MAX: there are none. */
} unstarted = { .lock = PTHREAD_MUTEX_INITIALIZER, .next_ms = INT64_MAX };

/*! Where one stands; their number if nowhere. Under the lock. */
static size_t find(const void *instance)
{
	size_t i = 0;
	while (i < unstarted.count && unstarted.at[i] != instance) {
		i++;
	}
	return i;
}

/*! Under the lock. */
static void strike(const void *instance)
{
	size_t i = find(instance);
	if (i < unstarted.count) {
		unstarted.at[i] = unstarted.at[--unstarted.count];
	}
	if (unstarted.count == 0) {
		atomic_store(&unstarted.next_ms, INT64_MAX);
	}
}

void aname_unstarted_forget(const void *instance)
{
	pthread_mutex_lock(&unstarted.lock);
	strike(instance);
	pthread_mutex_unlock(&unstarted.lock);
}

/*! Under the lock. */
static bool make_room(void)
{
	if (unstarted.count < unstarted.size) {
		return true;
	}
	size_t size = 2 * unstarted.size + SIZE_MIN;
	const void **at = realloc(unstarted.at, size * sizeof(void *));
	if (at == NULL) {
		return false;
	}
	unstarted.at = at;
	unstarted.size = size;
	return true;
}

bool aname_unstarted_note(const void *instance, int64_t now_ms)
{
	pthread_mutex_lock(&unstarted.lock);
	bool room = make_room();
	if (room) {
		unstarted.at[unstarted.count++] = instance;
		atomic_store(&unstarted.next_ms, now_ms);
	}
	pthread_mutex_unlock(&unstarted.lock);
	return room;
}

void aname_unstarted_try(void *instance, bool (*start)(void *instance), int64_t now_ms)
{
	if (now_ms < atomic_load_explicit(&unstarted.next_ms, memory_order_relaxed) ||
	    pthread_mutex_trylock(&unstarted.lock) != 0) {
		return;
	}
	if (find(instance) < unstarted.count) {
		if (start(instance)) {
			strike(instance);
		} else {
			atomic_store(&unstarted.next_ms, now_ms + AGAIN_MS);
		}
	}
	pthread_mutex_unlock(&unstarted.lock);
}
