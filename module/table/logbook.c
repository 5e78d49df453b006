#include "table/logbook.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define PAGES      64
#define PER_SECOND 20
#define OLD_MS     2000 /* From when on a message tells its age. */

typedef struct {
	int priority;
	int64_t at_ms;
	char message[ANAME_LOG_MAX];
} page_t;

struct aname_logbook {
	_Atomic bool written; /*!< A hint, so that reading nothing costs nothing. */
	pthread_mutex_t lock;
	unsigned first, count, dropped;
	int64_t second;
	unsigned this_second;
	page_t pages[PAGES];
};

aname_logbook_t *aname_logbook_new(void)
{
	aname_logbook_t *book = calloc(1, sizeof(*book));
	if (book != NULL) {
		pthread_mutex_init(&book->lock, NULL);
	}
	return book;
}

void aname_logbook_free(aname_logbook_t *book)
{
	if (book != NULL) {
		pthread_mutex_destroy(&book->lock);
		free(book);
	}
}

void aname_logbook_write(aname_logbook_t *book, int priority, const char *message, int64_t now_ms)
{
	pthread_mutex_lock(&book->lock);
	if (book->second != now_ms / 1000) {
		book->second = now_ms / 1000;
		book->this_second = 0;
	}
	if (book->count == PAGES || book->this_second == PER_SECOND) {
		book->dropped++;
	} else {
		page_t *page = &book->pages[(book->first + book->count) % PAGES];
		page->priority = priority;
		page->at_ms = now_ms;
		(void)snprintf(page->message, sizeof(page->message), "%s", message);
		book->count++;
		book->this_second++;
	}
	atomic_store_explicit(&book->written, true, memory_order_relaxed);
	pthread_mutex_unlock(&book->lock);
}

/*! Tears out the oldest page, or makes one that tells what was dropped. */
static bool next_page(aname_logbook_t *book, page_t *page, int64_t now_ms)
{
	bool have = true;
	if (book->count > 0) {
		*page = book->pages[book->first];
		book->first = (book->first + 1) % PAGES;
		book->count--;
	} else if (book->dropped > 0) {
		page->priority = LOG_NOTICE;
		page->at_ms = now_ms;
		(void)snprintf(page->message, sizeof(page->message),
		               "%u more messages were left out", book->dropped);
		book->dropped = 0;
	} else {
		atomic_store_explicit(&book->written, false, memory_order_relaxed);
		have = false;
	}
	return have;
}

static void say(const page_t *page, const aname_log_t *log, int64_t now_ms)
{
	int64_t age_ms = now_ms - page->at_ms;
	if (age_ms < OLD_MS) {
		log->fn(log->ctx, page->priority, page->message);
	} else {
		aname_log(log, page->priority, "%s, %lld s ago", page->message,
		          (long long)(age_ms / 1000));
	}
}

bool aname_logbook_is_written(const aname_logbook_t *book)
{
	return atomic_load_explicit(&book->written, memory_order_relaxed);
}

void aname_logbook_read(aname_logbook_t *book, const aname_log_t *log, int64_t now_ms)
{
	if (!aname_logbook_is_written(book)) {
		return;
	}

	page_t page;
	bool have = true;
	while (have && pthread_mutex_trylock(&book->lock) == 0) {
		have = next_page(book, &page, now_ms);
		pthread_mutex_unlock(&book->lock);
		if (have) {
			say(&page, log, now_ms);
		}
	}
}
