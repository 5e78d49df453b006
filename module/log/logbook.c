#include "log/logbook.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "table/clock.h"

#define PAGES      64
#define PER_SECOND 20
#define OLD_MS     2000  /* From when on a message shows its age. */
#define DROPPED_MS 60000 /* How often it is logged how many were left out. */

typedef struct {
	int priority;
	int64_t at_ms;
	bool about; /*!< It is about a target. */
	knot_dname_storage_t target;
	char message[ANAME_LOG_MAX];
} page_t;

struct aname_logbook {
	_Atomic bool written; /*!< A hint, so that reading nothing costs nothing. */
	pthread_mutex_t lock;
	unsigned count, dropped;
	bool dropped_logged; /*!< At `dropped_ms`, for the last time. */
	int64_t dropped_ms;
	int64_t second;
	unsigned this_second;
	uint8_t order
	        [PAGES]; /*!< The pages that are written, the oldest first, and then the rest. */
	page_t pages[PAGES];
};

aname_logbook_t *aname_logbook_new(void)
{
	aname_logbook_t *book = calloc(1, sizeof(*book));
	if (book != NULL) {
		pthread_mutex_init(&book->lock, NULL);
		for (unsigned i = 0; i < PAGES; i++) {
			book->order[i] = i;
		}
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

/*! Turns to an empty page, or counts a message as dropped. */
static page_t *new_page(aname_logbook_t *book, int64_t now_ms)
{
	if (book->second != now_ms / 1000) {
		book->second = now_ms / 1000;
		book->this_second = 0;
	}
	if (book->count == PAGES || book->this_second == PER_SECOND) {
		book->dropped++;
		return NULL;
	}
	book->this_second++;
	return &book->pages[book->order[book->count++]];
}

void aname_logbook_write_about(aname_logbook_t *book, const knot_dname_t *target, int priority,
                               const char *message, int64_t now_ms)
{
	pthread_mutex_lock(&book->lock);
	page_t *page = new_page(book, now_ms);
	if (page != NULL) {
		page->priority = priority;
		page->at_ms = now_ms;
		page->about = target != NULL;
		if (target != NULL) {
			memcpy(page->target, target, knot_dname_size(target));
		}
		(void)snprintf(page->message, sizeof(page->message), "%s", message);
	}
	atomic_store_explicit(&book->written, true, memory_order_relaxed);
	pthread_mutex_unlock(&book->lock);
}

void aname_logbook_write(aname_logbook_t *book, int priority, const char *message, int64_t now_ms)
{
	aname_logbook_write_about(book, NULL, priority, message, now_ms);
}

void aname_logbook_leave_out(aname_logbook_t *book)
{
	pthread_mutex_lock(&book->lock);
	book->dropped++;
	atomic_store_explicit(&book->written, true, memory_order_relaxed);
	pthread_mutex_unlock(&book->lock);
}

static void on_message(void *book, int priority, const char *message)
{
	aname_logbook_write(book, priority, message, aname_clock_ms());
}

aname_log_t aname_logbook_log(aname_logbook_t *book)
{
	return (aname_log_t){ on_message, book };
}

/*! Tears out the n-th page. */
static void tear_out(aname_logbook_t *book, unsigned n)
{
	uint8_t page = book->order[n];
	book->count--;
	memmove(book->order + n, book->order + n + 1, book->count - n);
	book->order[book->count] = page;
}

/*! Drops what nobody has read in time. */
static void drop_unwanted(aname_logbook_t *book, int64_t now_ms)
{
	unsigned n = 0;
	while (n < book->count) {
		const page_t *page = &book->pages[book->order[n]];
		if (page->about && now_ms - page->at_ms >= ANAME_LOGBOOK_WAIT_MS) {
			tear_out(book, n);
		} else {
			n++;
		}
	}
}

static bool is_for(const page_t *page, const aname_logbook_reader_t *reader)
{
	return !page->about || reader == NULL || reader->follows(reader->ctx, page->target);
}

/*! Makes a page about what was dropped, if it is time for that. */
static bool log_dropped(aname_logbook_t *book, page_t *page, int64_t now_ms)
{
	bool logged = book->dropped_logged && now_ms >= book->dropped_ms &&
	              now_ms - book->dropped_ms < DROPPED_MS;
	if (book->dropped == 0 || logged) {
		return false;
	}
	page->priority = LOG_NOTICE;
	page->at_ms = now_ms;
	(void)snprintf(page->message, sizeof(page->message), "%u more messages were left out",
	               book->dropped);
	book->dropped = 0;
	book->dropped_logged = true;
	book->dropped_ms = now_ms;
	return true;
}

/*! Takes the oldest page for a reader, or one about what was dropped. */
static bool next_page(aname_logbook_t *book, const aname_logbook_reader_t *reader, page_t *page,
                      int64_t now_ms)
{
	drop_unwanted(book, now_ms);
	for (unsigned n = 0; n < book->count; n++) {
		if (is_for(&book->pages[book->order[n]], reader)) {
			*page = book->pages[book->order[n]];
			tear_out(book, n);
			return true;
		}
	}
	bool have = log_dropped(book, page, now_ms);
	atomic_store_explicit(&book->written, book->count > 0 || book->dropped > 0,
	                      memory_order_relaxed);
	return have;
}

static void log_page(const page_t *page, const aname_log_t *log, int64_t now_ms)
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

void aname_logbook_read_for(aname_logbook_t *book, const aname_logbook_reader_t *reader,
                            const aname_log_t *log, int64_t now_ms)
{
	if (!aname_logbook_is_written(book)) {
		return;
	}

	page_t page;
	bool have = true;
	while (have && pthread_mutex_trylock(&book->lock) == 0) {
		have = next_page(book, reader, &page, now_ms);
		pthread_mutex_unlock(&book->lock);
		if (have) {
			log_page(&page, log, now_ms);
		}
	}
}

void aname_logbook_read(aname_logbook_t *book, const aname_log_t *log, int64_t now_ms)
{
	aname_logbook_read_for(book, NULL, log, now_ms);
}
